"""What the machine's screen says goods cost: by the promotions it was told and its own clock, where both are sure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import structlog

from tests.terminal.fake_cloud import PRICE, catalogue_of
from vendomat.kernel import ErrorCode, ManualClock, VendomatError
from vendomat.pricing import Kind, Promotion, Window
from vendomat.protocol import CouponReply, PromotionOffer
from vendomat.terminal.loop import Machine, Ports
from vendomat.terminal.loop.prices import Prices

MONDAY_NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # in Shanghai
HALF = Promotion(
    promotion_id="prm_1",
    name="Lunch",
    kind=Kind.PERCENT,
    basis_points=5_000,
    windows=(Window(days=(0,), start=12 * 60, end=13 * 60),),
)
TWO = Promotion(promotion_id="prm_2", name="Two for one", kind=Kind.N_FOR_M, take=2, pay=1)


def told(*rules: object, **left: Any) -> list[PromotionOffer]:
    return [PromotionOffer(rule=msgspec.Raw(msgspec.json.encode(rule)), **left) for rule in rules]


class Stage:
    def __init__(self) -> None:
        self.clock = ManualClock(MONDAY_NOON)
        unused: Any = None
        ports = Ports(
            clock=self.clock,
            ids=unused,
            journal=unused,
            dispenser=unused,
            wire=unused,
            new_nonce=lambda: "",
            chance=lambda: 0.5,
            log=structlog.get_logger(),
        )
        self.machine = Machine(ports, "mch_1", "boot")
        self.prices = Prices(self.machine)

    def hear(self, offers: list[PromotionOffer], zone: str = "Asia/Shanghai") -> None:
        """The catalogue with these promotions, and the cloud's time."""
        self.machine.catalogue = msgspec.structs.replace(catalogue_of(), promotions=offers, time_zone=zone)
        self.machine.note_cloud_time(self.clock.now().isoformat(), 0.0)

    def cost(self, *lines: tuple[str, int]) -> int:
        return self.prices.fares(lines)[0][0].quote.total_minor


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_the_screen_follows_the_hours_of_the_machines_zone(stage: Stage) -> None:
    stage.hear(told(HALF))
    tag = stage.prices.tags()["A1"]
    assert (tag.price_minor, tag.until) == (PRICE // 2, MONDAY_NOON + timedelta(hours=1))
    assert stage.cost(("A1", 1), ("A2", 1)) == PRICE
    assert stage.prices.is_due() and not stage.prices.is_due()
    await stage.clock.advance(3_599)
    assert not stage.prices.is_due()
    await stage.clock.advance(1)
    assert stage.prices.tags()["A1"].price_minor == PRICE  # somebody looked before the screen was told
    assert stage.prices.is_due() and not stage.prices.is_due()
    assert stage.cost(("A1", 1)) == PRICE


async def test_what_may_be_had_together_is_named_and_priced(stage: Stage) -> None:
    stage.hear(told(TWO))
    assert [one.name for one in stage.prices.tags()["A1"].groups] == ["Two for one"]
    (fare,), names = stage.prices.fares([("A1", 1), ("A2", 1)])
    assert (fare.quote.total_minor, fare.quote.gifts(), names) == (PRICE, {"prm_2": PRICE}, {"prm_2": "Two for one"})


@pytest.mark.parametrize(
    ("offers", "zone"),
    [
        (told(HALF, money_left_minor=10), "Asia/Shanghai"),
        (told({"promotion_id": "prm_9", "name": "of a newer program", "kind": "auction"}), "Asia/Shanghai"),
        (told(msgspec.structs.replace(HALF, basis_points=0)), "Asia/Shanghai"),
        (told(HALF), "Mars/Olympus"),
        (told(HALF), ""),
    ],
)
async def test_what_is_not_sure_costs_its_list_price(stage: Stage, offers: list[PromotionOffer], zone: str) -> None:
    stage.hear(offers, zone)
    assert stage.cost(("A1", 1)) == PRICE
    assert all(tag.price_minor == PRICE for tag in stage.prices.tags().values())


async def test_a_clock_that_is_not_trusted_promises_nothing(stage: Stage) -> None:
    stage.hear(told(HALF))
    assert stage.cost(("A1", 1)) == PRICE // 2
    stage.machine.clocks_apart_s = None
    assert stage.cost(("A1", 1)) == PRICE
    assert stage.prices.tags() == {}


async def test_a_new_catalogue_is_read_anew_and_an_unknown_slot_has_no_price(stage: Stage) -> None:
    stage.hear(told(HALF))
    assert stage.cost(("A1", 1)) == PRICE // 2
    stage.hear([])
    assert stage.cost(("A1", 1)) == PRICE
    with pytest.raises(VendomatError) as refused:
        stage.cost(("Z9", 1))
    assert refused.value.code is ErrorCode.UNKNOWN_SLOT


def coupon(rule: Promotion, zone: str = "Asia/Shanghai") -> CouponReply:
    return CouponReply(coupon_id="cpn_" + "1" * 26, offer=told(rule)[0], time_zone=zone)


FIRST = Promotion(promotion_id="prm_3", name="Friends", kind=Kind.PERCENT, basis_points=1_000, coupon="prm_3")


async def test_a_coupon_counts_while_it_is_with_the_cart(stage: Stage) -> None:
    stage.hear([])
    assert stage.cost(("A1", 1)) == PRICE
    stage.prices.hear_coupon(coupon(FIRST))
    (fare,), names = stage.prices.fares([("A1", 1)])
    assert (fare.quote.total_minor, names["prm_3"]) == (PRICE * 9 // 10, "Friends")
    assert stage.prices.coupon_promotion == "prm_3"
    assert stage.prices.tags()["A1"].price_minor == PRICE * 9 // 10
    assert stage.prices.is_due()
    stage.hear(told(HALF))  # a newer catalogue takes nothing away
    assert stage.cost(("A1", 1)) == PRICE // 2
    stage.prices.hear_coupon(None)
    assert (stage.prices.coupon_promotion, stage.cost(("A1", 1))) == ("", PRICE // 2)


async def test_a_coupon_of_another_does_not_count_by_itself(stage: Stage) -> None:
    stage.hear(told(FIRST))
    assert stage.cost(("A1", 1)) == PRICE


async def test_a_coupon_that_this_program_cannot_read_leaves_the_list_price(stage: Stage) -> None:
    stage.hear(told(TWO))
    unread = msgspec.structs.replace(coupon(FIRST), offer=told({"kind": "of the future"})[0])
    stage.prices.hear_coupon(unread)
    assert (stage.cost(("A1", 1)), stage.cost(("A1", 2)), stage.prices.coupon_promotion) == (PRICE, PRICE, "")


async def test_the_screen_knows_what_each_way_to_pay_comes_to(stage: Stage) -> None:
    by_alipay = Promotion(
        promotion_id="prm_4", name="Alipay", kind=Kind.PERCENT, basis_points=2_000, channels=("alipay",)
    )
    staff = Promotion(promotion_id="prm_5", name="Staff", kind=Kind.PERCENT, basis_points=9_000, tiers=("staff",))
    stage.hear(told(by_alipay, staff))
    fares, _ = stage.prices.fares([("A1", 1)])
    assert [(one.channel, one.tier, one.quote.total_minor) for one in fares] == [
        ("", "", PRICE),
        ("alipay", "", PRICE * 8 // 10),
    ]
    assert stage.prices.tags()["A1"].price_minor == PRICE


async def test_a_promotion_for_a_group_counts_where_the_machine_has_its_tag(stage: Stage) -> None:
    stage.hear(told(msgspec.structs.replace(TWO, groups=("metro",))))
    assert stage.cost(("A1", 2)) == 2 * PRICE
    known = stage.machine.catalogue
    assert known is not None
    before = stage.prices.round()
    stage.machine.catalogue = msgspec.structs.replace(known, groups=["north", "metro"])
    assert stage.prices.round() > before  # the page asks again
    assert stage.cost(("A1", 2)) == PRICE
