"""Reconciliation over HTTP: days, a day's items, a person's word; and nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.cloud.shop_stage import Shop, open_shop
from vendomat.cloud.reconciliation import BILL_BYTES_MAX

pytestmark = pytest.mark.slow

DAY = date(2026, 6, 1)
ACCOUNT = "1900000001"
AT = datetime(2026, 6, 2, 3, tzinfo=UTC)
ITEM = "rci_" + "0" * 26
DAYS, ITEMS = "/api/v1/reconciliation/days", f"/api/v1/reconciliation/days/wechat/{ACCOUNT}/{DAY}/items"
RESOLVE = f"/api/v1/reconciliation/items/{ITEM}/resolve"


DAY_PATH = f"{DAYS}/wechat/{ACCOUNT}/{DAY}"
BILLS = "/api/v1/reconciliation/bills"
BILL = {"channel": "wechat", "account": ACCOUNT, "day": str(DAY), "kind": "trade", "file_name": "all.csv"}
AS_FILE = {"Content-Type": "application/octet-stream"}


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
    assert (await browser.get(DAYS, params={"state": "open"})).json()["data"] == [opened]
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


@pytest.mark.usefixtures("kept")
async def test_a_file_is_taken_in_and_how_far_it_has_come_stands_with_its_day(
    browser: httpx.AsyncClient, shop: Shop, tmp_path: Path
) -> None:
    assert (await browser.get(DAY_PATH)).json()["request"] is None
    taken = await browser.post(BILLS, params=BILL, content=b"a bill\x00", headers=AS_FILE)
    request = taken.json()["request"]
    assert (taken.status_code, request["state"], request["kind"], request["file_name"]) == (
        *(202, "waiting", "trade", "all.csv"),
    )
    (file,) = (tmp_path / "bills").iterdir()
    assert file.read_bytes() == b"a bill\x00"
    assert await shop.database.hot.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'bill_request'") == 1
    for again in (browser.post(BILLS, params=BILL, content=b"x", headers=AS_FILE), browser.post(f"{DAY_PATH}/fetch")):
        assert ((await again).status_code, len(list((tmp_path / "bills").iterdir()))) == (409, 1)
    listed = (await browser.get(DAYS)).json()["data"][1]["request"]
    assert (listed, listed["asked_by_name"] != "") == (request, True)


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("wrong", "content", "status"),
    [
        ({"day": "2026-06-02"}, b"x", 409),
        ({"day": "2026-05-02"}, b"x", 404),
        ({"account": "1900000002"}, b"x", 404),
        ({"channel": "stripe"}, b"x", 422),
        ({"kind": "all"}, b"x", 422),
        ({}, b"", 400),
        ({}, b"x" * (BILL_BYTES_MAX + 1), 413),
    ],
)
async def test_a_file_that_cannot_be_a_bill_of_an_open_day_is_not_kept(
    browser: httpx.AsyncClient, tmp_path: Path, wrong: dict[str, str], content: bytes, status: int
) -> None:
    async def in_parts() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 1 << 20):
            yield content[start : start + (1 << 20)]

    bodies: tuple[bytes | AsyncIterator[bytes], ...] = (content, in_parts())
    for body in bodies:
        answer = await browser.post(BILLS, params=BILL | wrong, content=body, headers=AS_FILE)
        assert answer.status_code == status, answer.text
    assert not list(tmp_path.glob("bills/*"))
    assert (await browser.get(DAY_PATH)).json()["request"] is None


@pytest.mark.usefixtures("kept")
async def test_a_strangers_file_is_refused_unread(stranger: httpx.AsyncClient) -> None:
    read = 0

    async def in_parts() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield b"x" * 1024

    assert (await stranger.post(BILLS, params=BILL, content=in_parts(), headers=AS_FILE)).status_code == 401
    assert (await stranger.post(f"{DAY_PATH}/fetch")).status_code == 401
    assert read == 0
    form = {"Content-Type": "multipart/form-data"}
    assert (await stranger.post(BILLS, params=BILL, content=b"x", headers=form)).status_code == 415
