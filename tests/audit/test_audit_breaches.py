"""One planted breach per check: the check finds it, and no check cries that has no reason to.

Where a plant is rightly an offence against several rules at once, all of them are named.
"""

from __future__ import annotations

import pytest

from tests.audit.conftest import Estate
from tests.audit.plants_changes import PLANTS as CHANGE_PLANTS
from tests.audit.plants_claims import PLANTS as CLAIM_PLANTS
from tests.audit.plants_coolers import GOOD
from tests.audit.plants_coolers import PLANTS as COOLER_PLANTS
from tests.audit.plants_coolers import SPOILS as COOLER_SPOILS
from tests.audit.plants_database import PLANTS as DATABASE_PLANTS
from tests.audit.plants_files import SPOILS as FILE_SPOILS
from tests.audit.plants_promotions import COUPON
from tests.audit.plants_promotions import GOOD as GOOD_DISCOUNT
from tests.audit.plants_promotions import PLANTS as PROMOTION_PLANTS
from tests.audit.plants_shares import PLANTS as SHARE_PLANTS
from tests.audit.plants_statements import PLANTS as STATEMENT_PLANTS
from tests.audit.plants_statistics import PLANTS as STATISTICS_PLANTS
from vendomat.audit.checks import CHECKS

pytestmark = pytest.mark.slow
on_the_shared_estate = pytest.mark.asyncio(loop_scope="module")
PLANTS = DATABASE_PLANTS | STATEMENT_PLANTS | STATISTICS_PLANTS | CLAIM_PLANTS | COOLER_PLANTS | PROMOTION_PLANTS
PLANTS |= SHARE_PLANTS | CHANGE_PLANTS
SPOILS = FILE_SPOILS | COOLER_SPOILS


def _names(text: str, *, is_notice: bool = False) -> set[str]:
    return {name.removesuffix("?") for name in text.split() if name.endswith("?") is is_notice}


async def _expect(spoilt: Estate, found: str) -> None:
    report = await spoilt.audit()
    assert {f.name for f in report.breaches} == _names(found)
    assert {f.name for f in report.notices} - {"I11.counted"} == _names(found, is_notice=True)
    assert all(f.rows and f.count >= len(f.rows) for f in report.breaches)


@on_the_shared_estate
@pytest.mark.parametrize("name", PLANTS)
async def test_a_planted_breach_of_the_database_is_found(spoilt: Estate, name: str) -> None:
    await spoilt.plant(PLANTS[name].sql)
    await _expect(spoilt, PLANTS[name].found)


@on_the_shared_estate
@pytest.mark.parametrize("name", SPOILS)
async def test_a_planted_breach_of_machine_or_platform_is_found(spoilt: Estate, name: str) -> None:
    found, spoil = SPOILS[name]
    spoil(spoilt.folder)
    await _expect(spoilt, found)


@on_the_shared_estate
@pytest.mark.parametrize("name", GOOD)
async def test_a_coolers_visit_as_it_should_be_is_clean(spoilt: Estate, name: str) -> None:
    sql, spoil = GOOD[name]
    await spoilt.plant(sql)
    spoil(spoilt.folder)
    await _expect(spoilt, "")


@on_the_shared_estate
async def test_a_discount_as_it_should_be_is_clean(spoilt: Estate) -> None:
    await spoilt.plant(GOOD_DISCOUNT)
    await _expect(spoilt, "")


@on_the_shared_estate
async def test_a_discount_by_a_coupon_is_clean(spoilt: Estate) -> None:
    await spoilt.plant(COUPON)
    await _expect(spoilt, "")


def test_every_check_has_a_planted_breach() -> None:
    found = " ".join([*(plant.found for plant in PLANTS.values()), *(found for found, _ in SPOILS.values())])
    planted = _names(found) | _names(found, is_notice=True)
    assert {check.name for check in CHECKS} - planted == {"I11.counted"}  # in every estate with an unknown unit
    assert len({check.name for check in CHECKS}) == len(CHECKS)
