"""Reconciliation over HTTP: days, a day's items, a person's word; and nobody else's."""

from __future__ import annotations

from datetime import UTC, date, datetime

import asyncpg
import httpx
import pytest

from tests.cloud.shop_stage import Shop, open_shop

pytestmark = pytest.mark.slow

DAY = date(2026, 6, 1)
ACCOUNT = "1900000001"
AT = datetime(2026, 6, 2, 3, tzinfo=UTC)
ITEM = "rci_" + "0" * 26
DAYS, ITEMS = "/api/v1/reconciliation/days", f"/api/v1/reconciliation/days/wechat/{ACCOUNT}/{DAY}/items"
RESOLVE = f"/api/v1/reconciliation/items/{ITEM}/resolve"


@pytest.fixture
async def kept(shop: Shop) -> None:
    """An open day with one case, and one that is closed."""
    async with shop.database.hot.acquire() as connection:
        await _write(connection, shop.merchant_id)


async def _write(connection: asyncpg.Connection, merchant_id: str) -> None:
    for n, state in ((1, "open"), (2, "closed")):
        await connection.execute(
            "INSERT INTO recon_day (merchant_id, channel, account, day, state, currency, runs, bill_rows, ok_rows, "
            "paid_minor, fee_minor, reconciled_at, closed_at) VALUES ($1, 'wechat', $2, $3, $4, 'CNY', 1, 7, 6, 2450, "
            "14, $5, $6)",
            merchant_id,
            ACCOUNT,
            date(2026, 6, n),
            state,
            AT,
            AT if state == "closed" else None,
        )
        for kind in ("trade", "fund_flow"):
            await connection.execute(
                "INSERT INTO bill_file (merchant_id, channel, account, day, kind, state, sha256, rows, fetched_at) "
                "VALUES ($1, 'wechat', $2, $3, $4, 'kept', $5, 7, $6)",
                merchant_id,
                ACCOUNT,
                date(2026, 6, n),
                kind,
                "a" * 64,
                AT,
            )
    await connection.execute(
        "INSERT INTO recon_item (merchant_id, channel, account, day, item_id, subject, class, fix, state, bill_row, "
        "bill_minor, currency, run, found_at) VALUES ($1, 'wechat', $2, $3, $4, 'bill:a:7', 'long', 'suspense', "
        "'open', 7, 350, 'CNY', 1, $5)",
        merchant_id,
        ACCOUNT,
        DAY,
        ITEM,
        AT,
    )


@pytest.mark.usefixtures("kept")
async def test_days_and_items_are_listed_and_a_word_with_a_reason_closes_the_day(
    browser: httpx.AsyncClient, shop: Shop
) -> None:
    page = (await browser.get(DAYS, params={"limit": 1})).json()
    assert [(d["day"], d["state"], d["unexplained"]) for d in page["data"]] == [("2026-06-02", "closed", 0)]
    rest = (await browser.get(DAYS, params={"limit": 1, "cursor": page["next_cursor"]})).json()
    (opened,) = rest["data"]
    assert (opened["day"], opened["unexplained"], rest["has_more"]) == ("2026-06-01", 1, False)
    assert opened["classes"] == {"long": {"count": 1, "open": 1, "minor": 350}}
    assert [bill["kind"] for bill in opened["bills"]] == ["trade", "fund_flow"]
    (item,) = (await browser.get(ITEMS, params={"state": "open"})).json()
    assert (item["id"], item["cls"], item["bill_minor"], item["our_minor"]) == (ITEM, "long", 350, None)
    for body in ({"state": "fixed"}, {"state": "fixed", "reason": "  "}, {"state": "open", "reason": "x"}):
        assert (await browser.post(RESOLVE, json=body)).status_code == 422
    word = {"state": "explained", "reason": " our other shop's till "}
    done = (await browser.post(RESOLVE, json=word)).json()
    assert (done["state"], done["reason"], done["ended_by"][:4]) == ("explained", "our other shop's till", "opr_")
    assert (await browser.post(RESOLVE, json=word)).json() == done
    other = await browser.post(RESOLVE, json={"state": "fixed", "reason": "no"})
    assert (other.status_code, other.json()["code"]) == (409, "illegal_move")
    states = {d["day"]: d["state"] for d in (await browser.get(DAYS)).json()["data"]}
    assert states == {"2026-06-01": "closed", "2026-06-02": "closed"}
    told = await shop.database.hot.fetchval(
        "SELECT data ->> 'reason' FROM outbox WHERE kind = 'reconciliation.resolved'"
    )
    assert told == "our other shop's till"


async def test_what_is_not_there_or_is_somebody_elses_is_not_found(
    browser: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    async with open_shop(database_url) as other, shop.database.hot.acquire() as connection:
        await _write(connection, other.merchant_id)
    assert (await browser.get(DAYS)).json()["data"] == []
    assert (await browser.get(ITEMS)).status_code == 404
    assert (await browser.post(RESOLVE, json={"state": "fixed", "reason": "x"})).status_code == 404


async def test_strangers_see_nothing_and_change_nothing(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get(DAYS)).status_code == 401
    assert (await stranger.post(RESOLVE, json={"state": "fixed", "reason": "x"})).status_code == 401


async def test_the_fee_of_a_contract_is_kept(browser: httpx.AsyncClient, shop: Shop) -> None:
    path = f"/api/v1/reconciliation/fees/wechat/{ACCOUNT}"
    assert (await browser.put(path, json={"rate_ppm": 6000})).status_code == 204
    assert (await browser.put(path, json={"rate_ppm": 3800})).status_code == 204
    assert (await browser.put(path, json={"rate_ppm": -1})).status_code == 422
    kept = await shop.database.hot.fetchval(
        "SELECT rate_ppm FROM fee_contract WHERE merchant_id = $1", shop.merchant_id
    )
    assert kept == 3800
