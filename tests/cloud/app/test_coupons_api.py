"""Coupons over HTTP: issued once per key, listed without codes, withdrawn; and the tester that shows their price."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cloud.app.test_promotions_api import HAPPY, PROMOTIONS, activate, create, slots
from tests.cloud.shop_stage import Shop, open_shop
from vendomat.cloud.promotions import Coupons, Limits, NewCoupons, Promotions
from vendomat.pricing import Kind, Promotion

pytestmark = pytest.mark.slow

ALWAYS = {"windows": [], "needs_coupon": True}


async def issue(browser: httpx.AsyncClient, promotion: str, key: str, **body: Any) -> httpx.Response:
    return await browser.post(f"{PROMOTIONS}/{promotion}/coupons", json=body, headers={"Idempotency-Key": key})


async def test_codes_are_told_once_and_the_list_counts_them(browser: httpx.AsyncClient, shop: Shop) -> None:
    promotion = await activate(browser, await create(browser, **ALWAYS))
    assert promotion["needs_coupon"] is True
    answer = await issue(browser, promotion["id"], "k1", count=3)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    issued = answer.json()
    assert len(set(issued["codes"])) == 3 and issued["batch"]["used"] == 0
    assert (await issue(browser, promotion["id"], "k1", count=3)).json() == issued
    word = (await issue(browser, promotion["id"], "k2", word="SUMMER10", uses_each=500)).json()
    assert word["codes"] == ["SUMMER10"]
    listed = await browser.get(f"{PROMOTIONS}/{promotion['id']}/coupons")
    assert sorted(listed.json(), key=lambda one: one["count"]) == [word["batch"], issued["batch"]]
    assert not any(code in listed.text for code in issued["codes"])
    address = f"{PROMOTIONS}/{promotion['id']}/coupons/{word['batch']['id']}/withdraw"
    withdrawn = await browser.post(address, headers={"Idempotency-Key": "k3"})
    assert (withdrawn.status_code, withdrawn.json()["withdrawn_at"] is None) == (200, False)


async def test_a_promotion_keeps_its_coupons_while_it_is_active(browser: httpx.AsyncClient, shop: Shop) -> None:
    draft = await create(browser, **ALWAYS)
    body = HAPPY | {"version": 1}
    without = (await browser.put(f"{PROMOTIONS}/{draft['id']}", json=body)).json()
    assert without["needs_coupon"] is False
    active = await activate(browser, without)
    wanting = body | {"needs_coupon": True, "version": active["version"]}
    refused = await browser.put(f"{PROMOTIONS}/{draft['id']}", json=wanting)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (await issue(browser, draft["id"], "k1")).status_code == 409


async def test_the_tester_shows_the_price_with_the_coupon_of_a_trial_only(
    browser: httpx.AsyncClient, shop: Shop
) -> None:
    promotion = await activate(browser, await create(browser, **ALWAYS))
    ((slot, price_minor),) = await slots(shop, 1)

    async def total(trial: dict[str, Any] | None) -> int:
        body = {"machine_id": shop.machine_id, "lines": [{"slot": slot, "quantity": 1}], "trial": trial}
        minor: int = (await browser.post(f"{PROMOTIONS}/try", json=body)).json()["total_minor"]
        return minor

    off = (price_minor * 2_000 + 5_000) // 10_000
    assert await total(None) == price_minor
    assert await total(HAPPY | ALWAYS | {"id": promotion["id"]}) == price_minor - off
    assert await total(HAPPY | ALWAYS) == price_minor - off  # before it has an id


@pytest.mark.parametrize(
    "wrong",
    [
        {"word": "summer"},
        {"word": "ABC"},
        {"word": "A B C D"},
        {"word": "SUMMER", "count": 2},
        {"count": 0},
        {"count": 1_001},
        {"uses_each": 0},
        {"ends_at": "2026-01-01T00:00:00"},
        {"starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"},
        {"more": 1},
    ],
)
async def test_what_makes_no_coupon_is_refused(browser: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    promotion = await create(browser, **ALWAYS)
    assert (await issue(browser, promotion["id"], "k1", **wrong)).status_code in (400, 422)
    assert (await browser.get(f"{PROMOTIONS}/{promotion['id']}/coupons")).json() == []


async def test_another_merchants_coupons_are_out_of_reach(
    browser: httpx.AsyncClient, database_url: str, shop: Shop
) -> None:
    async with open_shop(database_url) as other:
        promotions = Promotions(other.database, other.ids, other.clock)
        coupons = Coupons(other.database, other.master_key, ids=other.ids, clock=other.clock)
        rule = Promotion(promotion_id="", name="theirs", kind=Kind.PERCENT, basis_points=1, coupon="wanted")
        theirs = (await promotions.create(other.merchant_id, rule, Limits(), by="opr_1")).rule.promotion_id
        batch, _ = await coupons.issue(other.merchant_id, NewCoupons(theirs), by="opr_1")
        mine = (await create(browser, **ALWAYS))["id"]
        assert (await browser.get(f"{PROMOTIONS}/{theirs}/coupons")).status_code == 404
        assert (await issue(browser, theirs, "k1")).status_code == 404
        for promotion in (theirs, mine):
            address = f"{PROMOTIONS}/{promotion}/coupons/{batch.batch_id}/withdraw"
            answer = await browser.post(address, headers={"Idempotency-Key": "k" + promotion})
            assert answer.status_code == 404
