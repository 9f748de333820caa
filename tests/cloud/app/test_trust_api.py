"""What is not known, over HTTP: lists, rates, resolving, unlocking, the settlement objective; and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from tests.cloud.app.conftest import _no_ledger
from tests.cloud.sales.test_use_cases import IDS
from tests.cloud.shop_stage import Shop, open_shop
from vendomat.cloud.app import PublicParts, build_public_app
from vendomat.cloud.payments import Payment, PaymentState, refund_number
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.reports import EventFeeds, Tally
from vendomat.cloud.sales import GoodsDesk, Writer
from vendomat.cloud.sales.desk_model import RefundHeld
from vendomat.cloud.sales.model import (
    DeadlinePassed,
    Event,
    PaymentPaid,
    RefundSaid,
    RefundSeen,
    VendFactSeen,
    VendSaid,
)
from vendomat.cloud.sales.use_cases import EventFor, NewOrder
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.protocol import OrderLine

pytestmark = pytest.mark.slow

SETTINGS = CloudSettings()
_RESULTS = {"ambiguous": "unknown", "held": "jam"}


@pytest.fixture
async def writer(shop: Shop) -> AsyncIterator[Writer]:
    opened = Writer(shop.database, SETTINGS, shop.ids)
    yield opened
    await opened.aclose()


@pytest.fixture
def public_app(shop: Shop, writer: Writer) -> FastAPI:
    return build_public_app(
        PublicParts(
            database=shop.database,
            master_key=shop.master_key,
            passwords=shop.passwords,
            ids=shop.ids,
            clock=shop.clock,
            post_ledger=_no_ledger,
            feeds=EventFeeds(shop.database, shop.clock),
            goods=GoodsDesk(shop.database, writer, shop.clock),
        )
    )


class Trade:
    """Orders of one unit in one slot, told as machines and platforms tell them."""

    def __init__(self, shop: Shop, writer: Writer) -> None:
        self.shop, self.writer, self.seq = shop, writer, 0

    async def tell(self, order_id: str, event: Event) -> None:
        await self.writer.apply(EventFor((self.shop.merchant_id, order_id), event))

    async def buy(self, ends: str, slot: str = "A1") -> str:
        """A paid order that ends as `ends` says: delivered, jam, unknown (open), ambiguous, paid (no more), held."""
        self.seq += 1
        shop, now = self.shop, self.shop.clock.now()
        order_id, payment_id = IDS.new("ord"), IDS.new("pay")
        price = await shop.database.hot.fetchval(
            "SELECT price_minor FROM planogram_slot WHERE machine_id = $1 AND slot = $2", shop.machine_id, slot
        )
        await self.writer.create(
            NewOrder(
                merchant_id=shop.merchant_id,
                machine_id=shop.machine_id,
                request_id=IDS.new("req"),
                order_id=order_id,
                origin="touch",
                lines=(OrderLine(slot=slot, quantity=1, price_minor=price),),
                payment=Payment(payment_id, "wechat", "acc", 0, PaymentState.CREATED),
                at=now,
                expires_at=now + timedelta(seconds=120),
            )
        )
        grace = timedelta(seconds=30)
        await self.tell(order_id, PaymentPaid(payment_id, "acc", price, "CNY", payment_id, now, "notice", grace, now))
        if ends == "paid":
            return order_id
        cmd_id = command_number(order_id, 1)
        said = VendSaid("not_delivered" if ends in ("jam", "held") else "unknown" if ends == "ambiguous" else ends)
        await self.tell(
            order_id,
            VendFactSeen(
                cmd_id, shop.machine_id, said, _RESULTS.get(ends, ends), "", f"1/{self.seq}", now, motor_ms=1200
            ),
        )
        if ends == "ambiguous":
            await self.tell(order_id, DeadlinePassed(cmd_id, now))
        if ends in ("ambiguous", "jam"):
            await self.tell(order_id, RefundSeen(refund_number(payment_id, 1), RefundSaid.SUCCEEDED, "", now))
        if ends == "held":
            await self.tell(order_id, RefundHeld(refund_number(payment_id, 1), 30, now))
        return order_id

    async def reopen(self, slot: str = "A1") -> None:
        """Somebody cleared the alarms without looking."""
        await self.shop.as_hot_owner(
            "UPDATE stock_slot SET closed_reason = '' WHERE machine_id = $1 AND slot = $2", self.shop.machine_id, slot
        )
        await self.shop.as_hot_owner("UPDATE alarm SET state = 'cleared' WHERE machine_id = $1", self.shop.machine_id)


@pytest.fixture
async def trade(shop: Shop, writer: Writer) -> Trade:
    await shop.enrol_all()
    return Trade(shop, writer)


def resolve_path(order_id: str, unit: int = 1) -> str:
    return f"/api/v1/orders/{order_id}/units/{unit}/resolve"


async def test_an_ambiguous_unit_is_listed_resolved_once_and_booked(
    trade: Trade, browser: httpx.AsyncClient, shop: Shop
) -> None:
    order_id = await trade.buy("ambiguous")
    (listed,) = (await browser.get("/api/v1/ambiguities", params={"state": "open"})).json()["data"]
    assert (listed["order_id"], listed["finding"], listed["refund_state"]) == (order_id, "none", "succeeded")
    answer = await browser.post(resolve_path(order_id), json={"finding": "came_out", "reason": " shelf is empty "})
    assert (answer.status_code, answer.json()["finding"]) == (200, "came_out"), answer.text
    again = await browser.post(resolve_path(order_id), json={"finding": "came_out", "reason": "again"})
    other = await browser.post(resolve_path(order_id), json={"finding": "stayed_in", "reason": "no"})
    assert (again.status_code, other.status_code, other.json()["code"]) == (200, 409, "illegal_move")
    assert (await browser.get("/api/v1/ambiguities", params={"state": "open"})).json()["data"] == []
    (done,) = (await browser.get("/api/v1/ambiguities", params={"state": "resolved"})).json()["data"]
    assert (done["finding"], done["found_by"], done["found_reason"]) == ("came_out", "Demo", "shelf is empty")
    detail = (await browser.get(f"/api/v1/orders/{order_id}")).json()
    kinds = [entry["kind"] for entry in detail["timeline"]]
    assert kinds.count("vend.resolved") == 1 and detail["unit_list"][0]["finding"] == "came_out"
    assert detail["refunded_minor"] == detail["total_minor"] and len(detail["refunds"]) == 1
    assert [line["account"] for line in detail["ledger"]].count("expense:sensor_fault") == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"finding": "came_out", "reason": "   "}, 422),
        ({"finding": "came_out"}, 422),
        ({"finding": "none", "reason": "x"}, 422),
        ({"finding": "came_out", "reason": "x" * 501}, 422),
    ],
)
async def test_a_word_without_a_reason_or_a_finding_is_refused(
    trade: Trade, browser: httpx.AsyncClient, body: dict[str, str], status: int
) -> None:
    order_id = await trade.buy("ambiguous")
    assert (await browser.post(resolve_path(order_id), json=body)).status_code == status
    assert len((await browser.get("/api/v1/ambiguities", params={"state": "open"})).json()["data"]) == 1


async def test_what_is_not_ambiguous_or_not_there_cannot_be_resolved(trade: Trade, browser: httpx.AsyncClient) -> None:
    word = {"finding": "came_out", "reason": "x"}
    delivered, unknown = await trade.buy("delivered", "A2"), await trade.buy("unknown")
    for path, status in (
        (resolve_path(delivered), 409),
        (resolve_path(unknown), 409),
        (resolve_path(delivered, 2), 404),
        (resolve_path("ord_" + "0" * 26), 404),
    ):
        assert (await browser.post(path, json=word)).status_code == status, path


async def test_only_roles_that_may_change_and_only_the_own_merchant(
    trade: Trade, browser: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    word = {"finding": "came_out", "reason": "x"}
    async with open_shop(database_url) as other:
        await other.enrol_all()
        writer = Writer(other.database, SETTINGS, other.ids)
        theirs = await Trade(other, writer).buy("ambiguous")
        assert (await browser.post(resolve_path(theirs), json=word)).status_code == 404
        unlock = f"/api/v1/machines/{other.machine_id}/slots/A1/unlock"
        assert (await browser.post(unlock, json={"reason": "x"})).status_code == 404
        assert (await browser.get("/api/v1/ambiguities")).json()["data"] == []
        await writer.aclose()
    mine = await trade.buy("ambiguous")

    async with shop.database.merchant(shop.merchant_id) as connection:
        await connection.execute(sa.text("UPDATE operator SET role = 'read_only'"))
    assert (await browser.post(resolve_path(mine), json=word)).status_code == 403
    unlock = f"/api/v1/machines/{shop.machine_id}/slots/A1/unlock"
    assert (await browser.post(unlock, json={"reason": "x"})).status_code == 403


async def test_a_second_doubt_locks_the_slot_until_somebody_looked(
    trade: Trade, browser: httpx.AsyncClient, shop: Shop
) -> None:
    unlock = f"/api/v1/machines/{shop.machine_id}/slots/A1/unlock"
    await trade.buy("ambiguous")
    assert (await browser.post(unlock, json={"reason": "x"})).status_code == 409
    await trade.reopen()
    order_id = await trade.buy("ambiguous")
    alarms = {a["kind"]: a for a in (await browser.get("/api/v1/alarms", params={"state": "open"})).json()["data"]}
    assert alarms["slot_locked"]["severity"] == "critical" and alarms["slot_locked"]["order_id"] == order_id
    for kind in ("vend_unknown", "slot_locked"):
        await browser.post(f"/api/v1/alarms/{alarms[kind]['id']}/clear")
    machine = (await browser.get(f"/api/v1/machines/{shop.machine_id}")).json()
    slot = next(s for s in machine["planogram"] if s["slot"] == "A1")
    assert (slot["state"], slot["closed_reason"]) == ("closed", "locked")
    assert (await browser.post(unlock, json={"reason": " "})).status_code == 422
    assert (await browser.post(unlock, json={"reason": "spiral was bent"})).status_code == 200
    assert (await browser.get("/api/v1/alarms", params={"state": "open"})).json()["data"] == []
    machine_after = (await browser.get(f"/api/v1/machines/{shop.machine_id}")).json()
    assert next(s for s in machine_after["planogram"] if s["slot"] == "A1")["state"] == "ok"
    assert machine_after["catalogue_version"] > machine["catalogue_version"]
    timeline = (await browser.get(f"/api/v1/orders/{order_id}")).json()["timeline"]
    (word,) = [entry["data"] for entry in timeline if entry["kind"] == "slot.unlocked"]
    assert (word["reason"], word["operator_id"]) == ("spiral was bent", shop.seeded.operator_id)
    await trade.buy("ambiguous")  # a clean record: the first doubt does not lock again
    assert (
        await shop.database.hot.fetchval(
            "SELECT closed_reason FROM stock_slot WHERE machine_id = $1 AND slot = 'A1'", shop.machine_id
        )
        == "unknown"
    )


async def test_rates_sums_and_the_objective_are_counted_once(
    trade: Trade, browser: httpx.AsyncClient, shop: Shop
) -> None:
    tally = Tally(shop.database, shop.clock)
    for ends, slot in (("delivered", "A1"), ("jam", "A2"), ("ambiguous", "A3"), ("unknown", "A4")):
        await trade.buy(ends, slot)
    while await tally.once():
        pass
    assert await tally.once() == 0
    report = (await browser.get("/api/v1/reports/ambiguity")).json()
    price = report["unknown"][0]["price_minor"]
    assert report["rates"]["24h"] | {"ambiguous_minor": 0} == {"started": 3, "ambiguous": 1, "ambiguous_minor": 0}
    assert (report["unresolved"], report["open_minor"] > 0, price > 0) == (1, True, True)
    (machine,) = report["machines"]
    assert (machine["machine_number"], machine["started"], machine["ambiguous"]) == ("SH-001", 3, 1)
    (open_unit,) = report["unknown"]
    assert open_unit["slot"] == "A4" and open_unit["deadline"].startswith("2026-01-01T00:01:52")
    settlement = (await browser.get("/api/v1/reports/settlement")).json()
    assert settlement["windows"]["7d"] == {"in_time": 2, "late": 0, "missed": 1}
    (miss,) = (await browser.get("/api/v1/reports/settlement/misses")).json()["data"]
    assert (miss["verdict"], miss["is_unreachable"], miss["settled_at"] is not None) == ("missed", True, True)
    await shop.clock.advance(16 * 60)
    await tally.once()
    late = (await browser.get("/api/v1/reports/settlement")).json()["windows"]["today"]
    assert late == {"in_time": 2, "late": 0, "missed": 2}


_COUNTED = """
SELECT machine_id, count(*) FILTER (WHERE outcome <> 'not_delivered' OR result <> '') AS started,
    count(*) FILTER (WHERE outcome = 'unknown') AS ambiguous,
    coalesce(sum(price_minor) FILTER (WHERE outcome = 'unknown'), 0) AS ambiguous_minor
FROM vend_unit WHERE is_final AND merchant_id = $1 GROUP BY machine_id
"""
_KEPT = """
SELECT machine_id, sum(started) AS started, sum(ambiguous) AS ambiguous, sum(ambiguous_minor) AS ambiguous_minor
FROM vend_hour WHERE merchant_id = $1 GROUP BY machine_id
"""


@pytest.mark.parametrize("events_max", [1, 3, 7, 1000])
async def test_however_events_are_read_the_sums_are_those_of_a_full_count(
    trade: Trade, shop: Shop, events_max: int
) -> None:
    for number, ends in enumerate(("delivered", "jam", "ambiguous", "delivered", "unknown", "jam", "ambiguous")):
        await trade.buy(ends, f"{'ABC'[number // 4]}{number % 4 + 1}")
        await shop.clock.advance(700)
    tallies = [Tally(shop.database, shop.clock, events_max=events_max) for _ in range(2)]
    while sum(await asyncio.gather(*(tally.once() for tally in tallies))):
        pass
    counted = [tuple(row) for row in await shop.database.hot.fetch(_COUNTED, shop.merchant_id)]
    kept = {row[0]: tuple(row) for row in await shop.database.hot.fetch(_KEPT, shop.merchant_id)}
    assert [kept[shop.machine_id]] == counted and kept[""][1:] == counted[0][1:] == (6, 2, kept[""][3])
    sums = await shop.database.hot.fetchrow(
        "SELECT sum(in_time), sum(late), sum(missed) FROM settlement_slot WHERE merchant_id = $1", shop.merchant_id
    )
    assert tuple(sums) == (4, 0, 3)  # the open one has had no outcome for too long
    misses = await shop.database.hot.fetch(
        "SELECT verdict FROM settlement_order WHERE merchant_id = $1", shop.merchant_id
    )
    assert [row[0] for row in misses] == ["missed"] * 3


async def test_lists_page_and_narrow(trade: Trade, browser: httpx.AsyncClient, shop: Shop) -> None:
    made = []
    for slot in ("A1", "A2", "A3"):
        made.append(await trade.buy("ambiguous", slot))
        await shop.clock.advance(1)
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await browser.get("/api/v1/ambiguities", params=query)).json()
        seen += [row["order_id"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    other = shop.seeded.machines[1].machine_id
    assert (await browser.get("/api/v1/ambiguities", params={"machine": other})).json()["data"] == []
    assert (await browser.get("/api/v1/ambiguities", params={"cursor": "x"})).status_code == 422


@pytest.mark.parametrize(
    "path", ["ambiguities", "reports/ambiguity", "reports/settlement", "reports/settlement/misses"]
)
async def test_nobody_reads_without_signing_in(stranger: httpx.AsyncClient, path: str) -> None:
    assert (await stranger.get(f"/api/v1/{path}")).status_code == 401
