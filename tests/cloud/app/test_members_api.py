"""Members over HTTP, as the merchant's people see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.cloud.shop_stage import Shop
from vendomat.cloud.members import Members

pytestmark = pytest.mark.slow

NEW = {"request_id": "request-1", "name": "Ann", "phone": "+86 138 0013 8000", "external_id": "K-1"}


async def create(browser: httpx.AsyncClient, **changes: str) -> dict[str, Any]:
    answer = await browser.post("/api/v1/members", json=NEW | changes)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return dict(answer.json())


async def found(browser: httpx.AsyncClient, text: str, **more: str) -> list[str]:
    answer = await browser.get("/api/v1/members", params={"text": text} | more)
    assert answer.status_code == 200, answer.text
    return [member["id"] for member in answer.json()["data"]]


async def test_a_member_is_made_found_and_has_an_empty_wallet(browser: httpx.AsyncClient, shop: Shop) -> None:
    made = await create(browser)
    member = made["member"]
    assert (member["phone_tail"], member["state"], member["balance_minor"]) == ("8000", "active", 0)
    assert await found(browser, "+8613800138000") == [member["id"]]
    assert await found(browser, "13900139000") == []
    assert member["used_at"] is None
    assert (await browser.get(f"/api/v1/members/{member['id']}/statement")).json() == {"data": [], "next_before": None}
    kept = await shop.database.hot.fetchval("SELECT member::text FROM member WHERE member_id = $1", member["id"])
    assert "13800138000" not in kept and made["link"].partition("#")[2] not in kept


async def test_a_member_is_found_by_any_number_they_may_have(browser: httpx.AsyncClient, shop: Shop) -> None:
    ann = (await create(browser))["member"]["id"]
    bob = (await create(browser, request_id="request-2", name="Bob 100%", phone="", external_id="K-2"))["member"]["id"]
    order_id, at = "ord_" + "0" * 18 + "ab12cd34", shop.clock.now()
    await shop.as_hot_owner(
        "INSERT INTO wallet VALUES ($1, $2, 'CNY', 500, 1)",
        shop.merchant_id,
        bob,
    )
    await shop.as_hot_owner(
        "INSERT INTO wallet_entry VALUES ($1, $2, 1, 'k', 'top_up', $3, 500, 500, $4)",
        shop.merchant_id,
        bob,
        order_id,
        at,
    )
    for text in ("an", "k-1", "8000", ann):
        assert await found(browser, text) == [ann], text
    for text in ("b 100%", "K-2", bob, order_id, order_id.upper(), "AB12-CD34", "ab12cd34"):
        assert await found(browser, text) == [bob], text
    for text in ("%", "_", "AB12-CD35", "ord_" + "1" * 18 + "ab12cd34", "ab12"):
        assert await found(browser, text) == ([bob] if text == "%" else []), text
    member = await Members(shop.database, shop.master_key, ids=shop.ids, clock=shop.clock).find(shop.merchant_id, ann)
    members = Members(shop.database, shop.master_key, ids=shop.ids, clock=shop.clock)
    shown = (await members.show_code(member)).digits
    assert await found(browser, f"{shown[:4]} {shown[4:]}") == [ann]
    await browser.post(f"/api/v1/members/{ann}/block")
    assert (await found(browser, "", state="blocked"), await found(browser, "", state="active")) == ([ann], [bob])
    view = (await browser.get(f"/api/v1/members/{bob}")).json()
    assert (view["balance_minor"], view["used_at"]) == (500, at.isoformat().replace("+00:00", "Z"))


async def test_the_same_request_again_is_the_same_member_with_a_new_link(
    browser: httpx.AsyncClient, shop: Shop
) -> None:
    first, second = await create(browser), await create(browser)
    assert first["member"]["id"] == second["member"]["id"]
    members = Members(shop.database, shop.master_key, ids=shop.ids, clock=shop.clock)
    assert (await members.member_of(second["link"].partition("#")[2])).member_id == first["member"]["id"]
    with pytest.raises(Exception, match="not good any more"):
        await members.member_of(first["link"].partition("#")[2])


async def test_a_phone_and_a_number_are_one_persons(browser: httpx.AsyncClient) -> None:
    await create(browser)
    for other in ({"external_id": ""}, {"phone": ""}):
        answer = await browser.post("/api/v1/members", json=NEW | {"request_id": "request-2"} | other)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_blocked_and_let_go_twice_each(browser: httpx.AsyncClient) -> None:
    member_id = (await create(browser))["member"]["id"]
    for move, state in (("block", "blocked"), ("block", "blocked"), ("unblock", "active"), ("unblock", "active")):
        answer = await browser.post(f"/api/v1/members/{member_id}/{move}")
        assert answer.json()["state"] == state


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (NEW | {"name": " "}, 422),
        (NEW | {"phone": "call me"}, 422),
        ({"name": "Ann"}, 422),
        (NEW | {"balance": 9}, 422),
    ],
)
async def test_what_makes_no_member(browser: httpx.AsyncClient, body: dict[str, str], status: int) -> None:
    assert (await browser.post("/api/v1/members", json=body)).status_code == status
    assert (await browser.get("/api/v1/members")).json()["data"] == []


async def test_nobody_looks_at_members_without_signing_in(stranger: httpx.AsyncClient, shop: Shop) -> None:
    assert (await stranger.get("/api/v1/members")).status_code == 401
    assert (await stranger.post("/api/v1/members", json=NEW)).status_code == 401
    unknown = "mbr_" + "0" * 26
    assert (await stranger.post(f"/api/v1/members/{unknown}/block")).status_code == 401


async def test_a_member_of_nobody(browser: httpx.AsyncClient) -> None:
    unknown = "mbr_" + "0" * 26
    for path in (unknown, f"{unknown}/statement"):
        assert (await browser.get(f"/api/v1/members/{path}")).status_code == 404
    for move in ("block", "unblock", "link"):
        assert (await browser.post(f"/api/v1/members/{unknown}/{move}")).status_code == 404


TIERS = "/api/v1/member-tiers"


async def spend(shop: Shop, member_id: str, amounts: dict[int, int]) -> None:
    """Wallet payments of so many minor units, so many days ago."""
    await shop.as_hot_owner(
        "INSERT INTO wallet VALUES ($1, $2, 'CNY', 500, 9)",
        shop.merchant_id,
        member_id,
    )
    for entry, (days, amount) in enumerate(amounts.items(), start=1):
        await shop.as_hot_owner(
            "INSERT INTO wallet_entry VALUES ($1, $2, $3, $4, 'paid', 'ord_1', $5, 500, $6)",
            shop.merchant_id,
            member_id,
            entry,
            f"k{entry}",
            -amount,
            shop.clock.now() - timedelta(days=days),
        )


async def test_a_tier_is_reached_by_twelve_months_or_given_by_hand(browser: httpx.AsyncClient, shop: Shop) -> None:
    ann = (await create(browser))["member"]["id"]
    await spend(shop, ann, {400: 5_000, 300: 600, 1: 500})
    tiers = [{"name": "silver", "from_minor": 1_000}, {"name": "gold", "from_minor": 2_000}]
    put = await browser.put(TIERS, json={"tiers": [{"name": "staff", "from_minor": None}, *reversed(tiers)]})
    assert put.status_code == 200, put.text
    assert put.json() == (await browser.get(TIERS)).json()
    assert put.json()["tiers"] == [*tiers, {"name": "staff", "from_minor": None}]

    async def standing() -> tuple[object, ...]:
        seen = (await browser.get(f"/api/v1/members/{ann}")).json()
        return (seen["tier"], seen["tier_by_hand"], seen["spent_minor"])

    assert await standing() == ("silver", "", 1_100)
    given = await browser.put(f"/api/v1/members/{ann}/tier", json={"tier": "staff"})
    assert (given.status_code, given.json()["tier"]) == (200, "staff")
    assert await standing() == ("staff", "staff", 1_100)
    kept = await browser.put(TIERS, json={"tiers": tiers})
    assert (kept.status_code, kept.json()["code"]) == (409, "conflict")  # somebody has it
    assert (await browser.put(f"/api/v1/members/{ann}/tier", json={"tier": "nobody's"})).status_code == 404
    await browser.put(f"/api/v1/members/{ann}/tier", json={"tier": ""})
    assert (await browser.put(TIERS, json={"tiers": tiers[1:]})).json()["tiers"] == tiers[1:]
    assert await standing() == ("", "", 1_100)
    twice = await browser.put(TIERS, json={"tiers": [tiers[0], tiers[0]]})
    assert (twice.status_code, twice.json()["code"]) == (422, "invalid_value")
    rows = await shop.database.hot.fetch("SELECT action FROM change_entry WHERE action LIKE 'member.%' ORDER BY seq")
    assert [row[0] for row in rows] == [
        "member.tiers_changed",
        "member.tier_given",
        "member.tier_given",
        "member.tiers_changed",
    ]
