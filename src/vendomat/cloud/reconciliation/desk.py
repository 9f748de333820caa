"""The desk: days and items as people see them, and a person's word about an item.

A word takes a reason; it stays with the item and in the evidence of its order, and the day closes with the last one.
Said twice, it is done once. Moves no money: what has to be booked or paid back has desks of its own.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import asyncpg
import sqlalchemy as sa
from pydantic import BaseModel

from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.merchants import Operator
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.payments import BillKind
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor, Page, page_of
from vendomat.cloud.platform.outbox import OutboxEvent, append_events
from vendomat.cloud.reconciliation import store
from vendomat.cloud.reconciliation.model import ITEM_MOVES, AccountDay, DayState, Fix, ItemMove, ItemState, ReconClass
from vendomat.cloud.reconciliation.request import RequestProblem, RequestState
from vendomat.kernel import Clock, ErrorCode, VendomatError

_DAYS = """
SELECT d.*, coalesce(c.classes, '{}'::jsonb) AS classes, coalesce(c.unexplained, 0) + d.beyond AS unexplained,
    coalesce(b.bills, '[]'::jsonb) AS bills, q.request
FROM recon_day d LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(class, jsonb_build_object('count', n, 'open', open, 'minor', minor)) AS classes,
        sum(open) AS unexplained
    FROM (SELECT class, count(*) AS n, count(*) FILTER (WHERE state = 'open') AS open,
            coalesce(sum(coalesce(bill_minor, our_minor)), 0) AS minor
        FROM recon_item i WHERE (i.merchant_id, i.channel, i.account, i.day)
            = (d.merchant_id, d.channel, d.account, d.day) GROUP BY class) k
) c ON true LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('kind', kind, 'state', state, 'sha256', sha256, 'size_bytes', size_bytes,
        'rows', rows, 'error', error, 'fetched_at', fetched_at) ORDER BY kind DESC) AS bills
    FROM bill_file f WHERE (f.merchant_id, f.channel, f.account, f.day) = (d.merchant_id, d.channel, d.account, d.day)
) b ON true LEFT JOIN LATERAL (
    SELECT jsonb_build_object('kind', kind, 'file_name', file_name, 'state', r.state, 'rows_read', rows_read,
        'rows_matched', rows_matched, 'problem', problem, 'detail', detail, 'asked_by_name', coalesce(o.name, ''),
        'asked_at', asked_at, 'ended_at', ended_at) AS request
    FROM bill_request r LEFT JOIN operator o ON (o.merchant_id, o.operator_id) = (r.merchant_id, r.asked_by)
    WHERE (r.merchant_id, r.channel, r.account, r.day) = (d.merchant_id, d.channel, d.account, d.day)
    ORDER BY asked_at DESC, request_id DESC LIMIT 1
) q ON true
WHERE d.merchant_id = :merchant_id {where}
ORDER BY d.day DESC, d.channel, d.account LIMIT :limit
"""
_AFTER = "AND (d.day < CAST(:day AS date) OR (d.day = CAST(:day AS date) AND d.channel || ':' || d.account > :id))"
_EXACTLY = "AND d.channel = :channel AND d.account = :account AND d.day = :day"
_ITEMS = """
SELECT i.*, coalesce(o.name, '') AS ended_by_name FROM recon_item i
LEFT JOIN operator o ON (o.merchant_id, o.operator_id) = (i.merchant_id, i.ended_by)
WHERE i.merchant_id = :merchant_id AND i.channel = :channel AND i.account = :account AND i.day = :day
    {where} ORDER BY (i.state = 'open') DESC, i.class, i.item_id LIMIT 500
"""


class ClassCount(BaseModel):
    """How many items of a class, how many of them are open, and what they sum up to (minor units)."""

    count: int
    open: int
    minor: int


class BillView(BaseModel):
    kind: BillKind
    state: Literal["kept", "empty", "refused", "unusable"]
    sha256: str
    size_bytes: int
    rows: int
    error: str
    fetched_at: datetime


class BillRequestView(BaseModel):
    """A person's request for the day's bill, and how far it has come. `kind` is of the file given; empty: the platform
    was asked. `rows_matched` are rows of the trade bill."""

    kind: BillKind | Literal[""]
    file_name: str
    state: RequestState
    rows_read: int
    rows_matched: int
    problem: RequestProblem | Literal[""]
    detail: str
    asked_by_name: str
    asked_at: datetime
    ended_at: datetime | None


class ReconciliationDayView(BaseModel):
    """One account's day. Amounts in minor units of `currency`; `unexplained` is 0 when and only when it may close."""

    channel: str
    account: str
    day: date
    state: DayState
    currency: str
    runs: int
    bill_rows: int
    ok_rows: int
    paid_minor: int
    refunded_minor: int
    fee_minor: int
    fee_txn: str
    opening_minor: int | None
    closing_minor: int | None
    unexplained: int
    classes: dict[ReconClass, ClassCount]
    bills: list[BillView]
    request: BillRequestView | None
    note: str
    reconciled_at: datetime | None
    closed_at: datetime | None
    next_try_at: datetime | None


class ReconciliationItemView(BaseModel):
    """One difference with the evidence of both sides; null amounts are those of a side that has none."""

    id: str
    cls: ReconClass
    fix: Fix
    state: ItemState
    note: str
    bill_sha256: str
    bill_row: int
    bill_status: str
    bill_at: datetime | None
    bill_minor: int | None
    fee_minor: int | None
    our_state: str
    our_at: datetime | None
    our_minor: int | None
    currency: str
    payment_number: str
    transaction_id: str
    refund_number: str
    order_id: str
    posted_txn: str
    found_at: datetime
    ended_at: datetime | None
    ended_by: str
    ended_by_name: str
    reason: str


class ReconciliationDesk:
    """One merchant's reconciliation, for its people."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def days(
        self, merchant_id: str, *, only_open: bool, after: Cursor | None, limit: int
    ) -> Page[ReconciliationDayView]:
        """Newest first."""
        values: dict[str, object] = {"merchant_id": merchant_id, "limit": limit + 1}
        if after is not None:
            values |= {"day": after.at.date(), "id": after.id}
        where = ("AND d.state = 'open' " if only_open else "") + (_AFTER if after is not None else "")
        statement = sa.text(_DAYS.replace("{where}", where))
        async with self._database.merchant(merchant_id) as connection:
            rows = (await connection.execute(statement, values)).mappings().all()
        return page_of(rows, limit, lambda row: ReconciliationDayView.model_validate(dict(row)), _place_of)

    async def day(self, merchant_id: str, place: AccountDay) -> ReconciliationDayView:
        """Raises `VendomatError(not_found)` for a day there is not."""
        statement = sa.text(_DAYS.replace("{where}", _EXACTLY))
        values = dict(zip(("merchant_id", "channel", "account", "day"), place.key, strict=True)) | {"limit": 1}
        async with self._database.merchant(merchant_id) as connection:
            row = (await connection.execute(statement, values)).mappings().one_or_none()
        if row is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such day")
        return ReconciliationDayView.model_validate(dict(row))

    async def items(self, merchant_id: str, place: AccountDay, *, only_open: bool) -> list[ReconciliationItemView]:
        """The day's items, the open ones first. Raises `VendomatError(not_found)` for a day there is not."""
        values = dict(zip(("merchant_id", "channel", "account", "day"), place.key, strict=True))
        where = "AND i.state = 'open'" if only_open else ""
        async with self._database.merchant(merchant_id) as connection:
            known = await connection.execute(
                sa.text(
                    "SELECT true FROM recon_day WHERE merchant_id = :merchant_id AND channel = :channel "
                    "AND account = :account AND day = :day"
                ),
                values,
            )
            if known.scalar() is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such day")
            rows = (await connection.execute(sa.text(_ITEMS.replace("{where}", where)), values)).mappings().all()
        return [_item_view(dict(row)) for row in rows]

    async def resolve(self, operator: Operator, item_id: str, move: ItemMove, reason: str) -> ReconciliationItemView:
        """End an open item by a person's word. Raises `VendomatError` (not_found, illegal_move)."""
        now = self._clock.now()

        async def write(connection: asyncpg.Connection) -> asyncpg.Record:
            row = await _lock_item(connection, operator.merchant_id, item_id)
            if row["state"] == ITEM_MOVES.next(ItemState.OPEN, move):
                return row
            state = ITEM_MOVES.next(ItemState(row["state"]), move)
            ended = await connection.fetchrow(
                "UPDATE recon_item SET state = $3, ended_at = $4, ended_by = $5, reason = $6 "
                "WHERE merchant_id = $1 AND item_id = $2 RETURNING *",
                operator.merchant_id,
                item_id,
                state.value,
                now,
                operator.operator_id,
                reason,
            )
            await _leave_evidence(connection, ended)
            place = AccountDay(*(ended[name] for name in ("merchant_id", "channel", "account", "day")))
            await store.lock_day(connection, place)
            await store.close_day(connection, place, now)
            await note_change(
                connection,
                Change(
                    merchant_id=operator.merchant_id,
                    actor=operator.operator_id,
                    action="reconciliation.resolved",
                    subject=ended["order_id"] or item_id,
                    at=now,
                    reason=reason,
                    before={"item_id": item_id, "state": row["state"]},
                    after={"item_id": item_id, "state": state.value},
                ),
            )
            return ended

        row = dict(await self._database.write(write))
        name = operator.name if row["ended_by"] == operator.operator_id else ""
        return _item_view(row | {"ended_by_name": name})

    async def set_fee_rate(self, operator: Operator, channel: str, account: str, rate_ppm: int) -> None:
        """The contract's fee, in millionths of what was paid; days that are run from now on are compared with it."""
        key = (operator.merchant_id, channel, account)
        async with self._database.hot.acquire() as connection, connection.transaction():
            before = await connection.fetchval(
                "SELECT rate_ppm FROM fee_contract WHERE (merchant_id, channel, account) = ($1, $2, $3) FOR UPDATE",
                *key,
            )
            await connection.execute(
                "INSERT INTO fee_contract AS f (merchant_id, channel, account, rate_ppm) VALUES ($1, $2, $3, $4) "
                "ON CONFLICT (merchant_id, channel, account) DO UPDATE SET rate_ppm = excluded.rate_ppm",
                *key,
                rate_ppm,
            )
            change = Change(
                merchant_id=operator.merchant_id,
                actor=operator.operator_id,
                action="fee_contract.changed",
                subject=f"{channel}:{account}",
                at=self._clock.now(),
                before=None if before is None else {"rate_ppm": before},
                after={"rate_ppm": rate_ppm},
            )
            await note_change(connection, change)


async def _lock_item(connection: asyncpg.Connection, merchant_id: str, item_id: str) -> asyncpg.Record:
    row = await connection.fetchrow(
        "SELECT * FROM recon_item WHERE merchant_id = $1 AND item_id = $2 FOR UPDATE", merchant_id, item_id
    )
    if row is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such item")
    return row


async def _leave_evidence(connection: asyncpg.Connection, row: asyncpg.Record) -> None:
    said: dict[str, object] = {
        "item_id": row["item_id"],
        "class": row["class"],
        "state": row["state"],
        "operator_id": row["ended_by"],
        "reason": row["reason"],
    }
    merchant_id, at = row["merchant_id"], row["ended_at"]
    if row["order_id"]:
        await order_rows.append_evidence(
            connection, [(merchant_id, row["order_id"], at, "operator", "reconciliation.resolved", said)]
        )
    await append_events(
        connection, [OutboxEvent(merchant_id, "reconciliation.resolved", row["order_id"] or row["item_id"], said, at)]
    )


def _place_of(row: sa.RowMapping) -> Cursor:
    at = AccountDay(row["merchant_id"], row["channel"], row["account"], row["day"]).begins_at
    return Cursor(at, f"{row['channel']}:{row['account']}")


def _item_view(row: dict[str, object]) -> ReconciliationItemView:
    return ReconciliationItemView.model_validate({**row, "id": row["item_id"], "cls": row["class"]})
