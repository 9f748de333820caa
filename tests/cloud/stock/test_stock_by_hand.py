"""Slots filled, emptied and counted by hand: the books follow, the machine hears of it, the log says who."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cloud.app.conftest import browser, public_app, stranger
from tests.cloud.shop_stage import Shop
from vendomat.audit.checks.stock import CHECKS
from vendomat.cloud.stock.model import Deed, Handled, Holding, pieces_after
from vendomat.kernel import VendomatError

__all__ = ["browser", "public_app", "stranger"]
pytestmark = pytest.mark.slow


async def say(page: httpx.AsyncClient, shop: Shop, deed: str, reason: str = "", **slots: int) -> httpx.Response:
    handled = [{"slot": slot, "quantity": quantity} for slot, quantity in slots.items()]
    body = {"deed": deed, "slots": handled, "reason": reason}
    return await page.post(f"/api/v1/machines/{shop.machine_id}/stock", json=body)


async def on_hand(shop: Shop, *slots: str) -> list[int]:
    rows = await shop.database.hot.fetch(
        "SELECT on_hand FROM stock_slot WHERE machine_id = $1 AND slot = ANY($2) ORDER BY slot", shop.machine_id, slots
    )
    return [row[0] for row in rows]


async def books_agree(shop: Shop) -> bool:
    (check,) = [one for one in CHECKS if one.name == "I11.on_hand"]
    return await shop.database.hot.fetch(check.sql) == []


async def test_a_visit_empties_counts_and_fills(shop: Shop, browser: httpx.AsyncClient) -> None:
    (full,) = await on_hand(shop, "A1")
    version = "SELECT catalogue_version FROM machine WHERE machine_id = $1"
    before = await shop.database.hot.fetchval(version, shop.machine_id)
    answer = await say(browser, shop, "remove", "past its date", A1=full)
    assert answer.json()["slots"] == [{"slot": "A1", "before": full, "on_hand": 0}]
    assert (await say(browser, shop, "count", A1=2, A2=1)).status_code == 200
    assert (await say(browser, shop, "fill", A1=3)).json()["slots"][0]["on_hand"] == 5
    assert await on_hand(shop, "A1", "A2") == [5, 1]
    assert await shop.database.hot.fetchval(version, shop.machine_id) == before + 3
    assert await books_agree(shop)
    changes = (await browser.get("/api/v1/changes", params={"subject": shop.machine_id})).json()["data"]
    said = [(one["action"], one["reason"], one["before"], one["after"]) for one in changes[:3]]
    assert said[0] == ("stock.filled", "", {"A1": 2}, {"A1": 5})
    assert said[2] == ("stock.removed", "past its date", {"A1": full}, {"A1": 0})


async def test_what_cannot_be_changes_nothing(shop: Shop, browser: httpx.AsyncClient) -> None:
    (full,) = await on_hand(shop, "A1")
    await shop.as_hot_owner("UPDATE stock_slot SET reserved = 1 WHERE slot = 'A2' AND machine_id = $1", shop.machine_id)
    for deed, reason, slots, status in (
        ("fill", "", {"A1": 1}, 409),  # it is full
        ("remove", "why", {"A1": 1, "A2": full}, 409),  # a buyer waits for one of them
        ("remove", "", {"A1": 1}, 422),
        ("count", "", {"A1": 201}, 422),
        ("count", "", {"Z9": 1}, 404),
        ("steal", "", {"A1": 1}, 422),
    ):
        answer = await say(browser, shop, deed, reason, **slots)
        assert answer.status_code == status, (deed, answer.text)
    twice = {"deed": "count", "slots": [{"slot": "A1", "quantity": 1}] * 2}
    assert (await browser.post(f"/api/v1/machines/{shop.machine_id}/stock", json=twice)).status_code == 422
    assert (await on_hand(shop, "A1"))[0] == full and await books_agree(shop)


async def test_a_slot_that_nobody_counted_begins_with_its_first_count(shop: Shop, browser: httpx.AsyncClient) -> None:
    await shop.as_merchant("DELETE FROM stock_slot WHERE machine_id = $1 AND slot = 'A1'", shop.machine_id)
    await shop.as_hot_owner(  # as if the goods had never been there
        "INSERT INTO stock_move (merchant_id, machine_id, slot, kind, quantity, at) "
        "SELECT merchant_id, machine_id, slot, 'adjusted', -quantity, at FROM stock_move "
        "WHERE machine_id = $1 AND slot = 'A1'",
        shop.machine_id,
    )
    answer = await say(browser, shop, "count", A1=4)
    assert answer.json()["slots"] == [{"slot": "A1", "before": None, "on_hand": 4}]
    assert await books_agree(shop)


async def test_a_fill_that_is_repeated_is_done_once_and_two_at_once_both_count(
    shop: Shop, browser: httpx.AsyncClient
) -> None:
    await say(browser, shop, "count", A1=0)
    body = {"deed": "fill", "slots": [{"slot": "A1", "quantity": 2}]}
    for _ in range(2):
        await browser.post(
            f"/api/v1/machines/{shop.machine_id}/stock", json=body, headers={"Idempotency-Key": "the-same-wish"}
        )
    assert await on_hand(shop, "A1") == [2]
    await asyncio.gather(*(say(browser, shop, "fill", A1=1) for _ in range(4)))
    assert await on_hand(shop, "A1") == [6] and await books_agree(shop)


@given(
    deed=st.sampled_from(Deed),
    quantity=st.integers(0, 200),
    on_hand=st.one_of(st.none(), st.integers(0, 200)),
    reserved=st.integers(0, 5),
)
def test_whatever_is_done_no_slot_holds_less_than_is_being_sold(
    deed: Deed, quantity: int, on_hand: int | None, reserved: int
) -> None:
    holding = Holding(10, on_hand, reserved)
    try:
        after = pieces_after(deed, Handled("A1", quantity), holding)
    except VendomatError:
        assert deed is not Deed.COUNT
        return
    assert after >= 0
    if deed is Deed.REMOVE:
        assert after >= reserved and after == (on_hand or 0) - quantity
    if deed is Deed.FILL:
        assert after <= 10
