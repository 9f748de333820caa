"""Promotions over HTTP: made, changed, seen where they meet others, tried on a cart, told to machines."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from tests.cloud.shop_stage import Shop, open_shop
from vendomat.cloud.promotions import Limits, Promotions, told_promotions
from vendomat.pricing import Kind, Promotion

pytestmark = pytest.mark.slow

PROMOTIONS = "/api/v1/promotions"
HAPPY: dict[str, Any] = {
    "name": "Happy hour",
    "kind": "percent",
    "basis_points": 2_000,
    "windows": [{"days": [0, 1, 2, 3, 4], "start": 840, "end": 960}],
}
MONDAY = "2026-11-23T15:00:00"


async def create(browser: httpx.AsyncClient, **other: Any) -> dict[str, Any]:
    answer = await browser.post(PROMOTIONS, json=HAPPY | other)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def activate(browser: httpx.AsyncClient, promotion: dict[str, Any]) -> dict[str, Any]:
    answer = await browser.post(f"{PROMOTIONS}/{promotion['id']}/activate", json={"version": promotion["version"]})
    assert answer.status_code == 200, answer.text
    moved: dict[str, Any] = answer.json()
    return moved


async def tag(browser: httpx.AsyncClient, machine_id: str) -> None:
    answer = await browser.post("/api/v1/machines/tags", json={"machine_ids": [machine_id], "add": ["metro"]})
    assert answer.status_code == 204, answer.text


async def slots(shop: Shop, count: int) -> list[tuple[str, int]]:
    rows = await shop.database.hot.fetch(
        "SELECT slot, price_minor FROM planogram_slot WHERE machine_id = $1 ORDER BY slot LIMIT $2",
        shop.machine_id,
        count,
    )
    return [tuple(row) for row in rows]


async def version_of(shop: Shop) -> int:
    version: int = await shop.database.hot.fetchval(
        "SELECT catalogue_version FROM machine WHERE machine_id = $1", shop.machine_id
    )
    return version


async def test_a_promotion_lives_from_a_draft_to_its_end(browser: httpx.AsyncClient, shop: Shop) -> None:
    draft = await create(browser, money_max=5_000)
    assert (draft["state"], draft["version"], draft["windows"]) == ("draft", 1, HAPPY["windows"])
    body = HAPPY | {"name": "Late hour", "money_max": 6_000, "version": 1}
    changed = (await browser.put(f"{PROMOTIONS}/{draft['id']}", json=body)).json()
    assert (changed["name"], changed["money_max"], changed["version"]) == ("Late hour", 6_000, 2)
    stale = await browser.put(f"{PROMOTIONS}/{draft['id']}", json=body)
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    was = await version_of(shop)
    active = await activate(browser, changed)
    assert (active["state"], active["version"]) == ("active", 3)
    assert await version_of(shop) > was
    again = await browser.post(f"{PROMOTIONS}/{draft['id']}/activate", json={"version": 3})
    assert again.status_code == 409
    without = HAPPY | {"version": 3}
    assert (await browser.put(f"{PROMOTIONS}/{draft['id']}", json=without)).status_code == 409  # its budget stays
    ended = await browser.post(f"{PROMOTIONS}/{draft['id']}/end", json={"version": 3})
    assert (ended.status_code, ended.json()["state"]) == (200, "ended")
    assert (await browser.put(f"{PROMOTIONS}/{draft['id']}", json=body | {"version": 4})).status_code == 409
    listed = (await browser.get(PROMOTIONS)).json()
    assert [(one["id"], one["state"], one["given_minor"]) for one in listed] == [(draft["id"], "ended", 0)]


async def test_a_machine_is_told_what_is_meant_for_it(browser: httpx.AsyncClient, shop: Shop) -> None:
    other = shop.seeded.machines[1].machine_id
    here = await activate(browser, await create(browser, machines=[shop.machine_id], uses_max=7))
    await activate(browser, await create(browser, machines=[other]))
    await create(browser)
    async with shop.database.hot.acquire() as connection:
        told = await told_promotions(connection, shop.merchant_id, shop.machine_id)
    assert (told.time_zone, told.takes_coupons) == ("Asia/Shanghai", False)
    (offer,) = told.offers
    rule = msgspec.json.decode(offer.rule, type=Promotion)
    assert (rule.promotion_id, rule.basis_points, offer.uses_left) == (here["id"], 2_000, 7)


async def test_a_cart_is_tried_at_a_moment_of_the_machines_clock(browser: httpx.AsyncClient, shop: Shop) -> None:
    promotion = await activate(browser, await create(browser))
    ((slot, price_minor),) = await slots(shop, 1)

    async def tried(at: str, trial: dict[str, Any] | None = None) -> dict[str, Any]:
        body = {"machine_id": shop.machine_id, "lines": [{"slot": slot, "quantity": 2}], "at": at, "trial": trial}
        answer = await browser.post(f"{PROMOTIONS}/try", json=body)
        assert answer.status_code == 200, answer.text
        cart: dict[str, Any] = answer.json()
        return cart

    happy = await tried(MONDAY)
    off = (price_minor * 2_000 + 5_000) // 10_000
    assert (happy["list_minor"], happy["total_minor"]) == (2 * price_minor, 2 * (price_minor - off))
    assert [unit["applied"] for unit in happy["units"]] == [
        [{"promotion": promotion["id"], "name": "Happy hour", "off_minor": off}]
    ] * 2
    assert (await tried("2026-11-23T07:00:00Z"))["total_minor"] == happy["total_minor"]  # 15:00 in Shanghai
    assert (await tried("2026-11-23T16:00:00"))["total_minor"] == 2 * price_minor
    free = {"name": "Two for one", "kind": "n_for_m", "take": 2, "pay": 1}
    assert (await tried(MONDAY, free))["total_minor"] == price_minor
    assert (await tried(MONDAY, HAPPY | {"id": promotion["id"], "basis_points": 1}))["total_minor"] > happy[
        "total_minor"
    ]
    wrong = {"machine_id": shop.machine_id, "lines": [{"slot": "ZZ9", "quantity": 1}]}
    assert (await browser.post(f"{PROMOTIONS}/try", json=wrong)).status_code == 404


async def test_a_cart_is_tried_as_it_is_paid_and_by_whom(browser: httpx.AsyncClient, shop: Shop) -> None:
    was = await version_of(shop)
    await tag(browser, shop.machine_id)
    assert await version_of(shop) > was
    await browser.put("/api/v1/member-tiers", json={"tiers": [{"name": "gold"}]})
    goods = (await browser.get(f"{PROMOTIONS}/goods")).json()
    assert ("metro" in goods["groups"], goods["tiers"], "wallet" in goods["channels"]) == (True, ["gold"], True)
    always = {"windows": [], "groups": ["metro", "school"]}
    await activate(browser, await create(browser, **always, channels=["alipay"]))
    await activate(browser, await create(browser, **always, tiers=["gold"], basis_points=5_000))
    await activate(browser, await create(browser, windows=[], groups=["school"], basis_points=9_000))
    ((slot, price_minor),) = await slots(shop, 1)

    async def total(**paid: str) -> int:
        body = {"machine_id": shop.machine_id, "lines": [{"slot": slot, "quantity": 1}], **paid}
        answer = await browser.post(f"{PROMOTIONS}/try", json=body)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["total_minor"])

    ways: list[dict[str, str]] = [{}, {"channel": "alipay"}, {"channel": "wallet", "tier": "gold"}]
    offs = [0, (price_minor * 2_000 + 5_000) // 10_000, (price_minor * 5_000 + 5_000) // 10_000]
    assert [price_minor - await total(**way) for way in ways] == offs
    async with shop.database.hot.acquire() as connection:
        told = await told_promotions(connection, shop.merchant_id, shop.machine_id)
    assert ("metro" in told.groups, len(told.offers)) == (True, 2)


async def test_rules_of_a_machine_and_of_its_group_meet(browser: httpx.AsyncClient, shop: Shop) -> None:
    await tag(browser, shop.machine_id)
    await activate(browser, await create(browser, groups=["metro"]))
    here = HAPPY | {"machines": [shop.machine_id]}
    there = HAPPY | {"machines": [shop.seeded.machines[1].machine_id]}
    met = [(await browser.post(f"{PROMOTIONS}/preview", json=one)).json()["meetings"] for one in (here, there)]
    assert [bool(found) for found in met] == [True, False]


async def test_a_preview_says_where_a_rule_meets_others_and_who_wins(browser: httpx.AsyncClient, shop: Shop) -> None:
    known = await activate(browser, await create(browser))
    goods = (await browser.get(f"{PROMOTIONS}/goods")).json()
    assert (goods["currency"], goods["time_zone"]) == ("CNY", "Asia/Shanghai")
    product = goods["products"][0]
    mine = {"name": "Half", "kind": "percent", "basis_points": 5_000, "products": [product["id"]]}
    seen = (await browser.post(f"{PROMOTIONS}/preview", json=mine)).json()
    (met,) = seen["meetings"]
    assert (met["product_id"], sorted(met["promotions"]), met["winners"]) == (product["id"], ["", known["id"]], [""])
    assert seen["names"] == {"": "Half", known["id"]: "Happy hour"}
    apart = mine | {"windows": [{"days": [5, 6], "start": 0, "end": 1440}]}
    assert (await browser.post(f"{PROMOTIONS}/preview", json=apart)).json()["meetings"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "percent", "basis_points": 0},
        {"basis_points": 10_001},
        {"kind": "n_for_m", "take": 2, "pay": 2},
        {"kind": "bundle", "value_minor": 5, "parts": []},
        {"starts_at": "2026-01-01T00:00:00"},
        {"windows": [{"days": [7], "start": 0, "end": 5}]},
        {"tiers": [""]},
        {"channels": ["Way To Pay"]},
        {"name": " "},
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(browser: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    assert (await browser.post(PROMOTIONS, json=HAPPY | wrong)).status_code in (400, 422)
    assert (await browser.get(PROMOTIONS)).json() == []


async def test_another_merchants_promotions_are_out_of_reach(
    browser: httpx.AsyncClient, database_url: str, shop: Shop
) -> None:
    async with open_shop(database_url) as other:
        promotions = Promotions(other.database, other.ids, other.clock)
        rule = Promotion(promotion_id="", name="theirs", kind=Kind.PERCENT, basis_points=1)
        theirs = await promotions.create(other.merchant_id, rule, Limits(), by="opr_1")
        address = f"{PROMOTIONS}/{theirs.rule.promotion_id}/activate"
        assert (await browser.post(address, json={"version": 1})).status_code == 404
        foreign = {"machine_id": other.machine_id, "lines": [{"slot": "A1", "quantity": 1}]}
        assert (await browser.post(f"{PROMOTIONS}/try", json=foreign)).status_code == 404
    assert (await browser.get(PROMOTIONS)).json() == []
