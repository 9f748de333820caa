"""Statements over HTTP: numbers, rows and files of one's own books; and nobody else's."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from tests.cloud.shop_stage import Shop, open_shop
from vendomat.cloud.ledger import Entry, Posting, post

pytestmark = pytest.mark.slow


async def _book(shop: Shop, key: str, minor: int) -> str:
    """A booking of now; the business day it belongs to."""
    posting = Posting(key, "test", (("asset:bank", minor), ("liab:voucher", -minor)))
    async with shop.database.hot.acquire() as connection:
        await post(connection, [Entry(shop.merchant_id, "", "CNY", shop.clock.now(), posting)])
    return (shop.clock.now() + timedelta(hours=8)).date().isoformat()


async def test_a_day_and_its_month_as_numbers_rows_and_files(browser: httpx.AsyncClient, shop: Shop) -> None:
    assert (await browser.get("/api/v1/statements")).json()["first_day"] is None
    day = await _book(shop, "code:1", 350)
    await _book(shop, "paid:2", 100)
    periods = (await browser.get("/api/v1/statements")).json()
    assert periods == {"time_zone": "Asia/Shanghai", "currency": "CNY", "today": day, "first_day": day}
    for period in (day, day[:7]):
        view = (await browser.get(f"/api/v1/statements/{period}")).json()
        assert (view["standing"], view["is_month"]) == ("running", period != day)
        bank, voucher = view["accounts"]
        assert (bank["payments_minor"], bank["other_minor"], bank["closing_minor"]) == (100, 350, 450)
        assert voucher["closing_minor"] == -450
    rows = f"/api/v1/statements/{day}/rows"
    page = (await browser.get(rows, params={"account": "asset:bank", "limit": 1})).json()
    rest = (await browser.get(rows, params={"account": "asset:bank", "cursor": page["next_cursor"]})).json()
    assert [r["transaction"] for r in page["data"] + rest["data"]] == ["code:1", "paid:2"]
    only = (await browser.get(rows, params={"family": "paid"})).json()
    assert [r["amount_minor"] for r in only["data"]] == [100, -100]
    sheet = await browser.get(f"/api/v1/statements/{day}/statement.csv")
    assert sheet.headers["content-disposition"] == f'attachment; filename="statement-{day}.csv"'
    assert "account,asset:bank,closing,CNY,4.50,\r\n" in sheet.text
    assert len((await browser.get(f"{rows}.csv")).text.splitlines()) == 5


async def test_what_is_no_period_or_has_not_begun_is_refused(browser: httpx.AsyncClient) -> None:
    for period, status in (
        ("2026-02-30", 422),
        ("2026-1", 422),
        ("9999-12", 422),
        ("2999-12", 404),
        ("2999-12-31", 404),
    ):
        answer = await browser.get(f"/api/v1/statements/{period}")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), period


async def test_nobody_sees_the_books_of_another(
    browser: httpx.AsyncClient, stranger: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    async with open_shop(database_url) as other:
        day = await _book(other, "code:9", 700)
    assert (await browser.get(f"/api/v1/statements/{day}")).json()["accounts"] == []
    assert (await browser.get(f"/api/v1/statements/{day}/rows")).json()["data"] == []
    stranger.cookies.clear()
    for path in ("", f"/{day}", f"/{day}/rows", f"/{day}/statement.csv", f"/{day}/rows.csv"):
        assert (await stranger.get(f"/api/v1/statements{path}")).status_code == 401
