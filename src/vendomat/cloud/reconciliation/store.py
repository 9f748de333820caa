"""How bills, days and items are kept. Each function runs in the caller's transaction, under the hot role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import asyncpg

from vendomat.cloud.payments import BillKind
from vendomat.cloud.platform.rows import execute_rows
from vendomat.cloud.reconciliation.matching import BillSums
from vendomat.cloud.reconciliation.model import (
    BY_ITSELF,
    AccountDay,
    DayState,
    Fix,
    FundSums,
    ItemState,
    ReconClass,
    Verdict,
)
from vendomat.kernel import derive_id

RETRY_FIRST = timedelta(minutes=30)
RETRY_MAX = timedelta(hours=2)
CATCH_UP_DAYS_MAX = 60
_PLACE = "(merchant_id, channel, account, day) = ($1, $2, $3, $4)"

_UPSERT = """
INSERT INTO recon_item AS i (merchant_id, channel, account, day, item_id, subject, class, fix, state, bill_sha256,
    bill_row, bill_status, bill_at, bill_minor, fee_minor, our_state, our_at, our_minor, currency, payment_number,
    transaction_id, refund_number, order_id, posted_txn, note, run, found_at, ended_at, ended_by, reason)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::date[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::bigint[], $12::text[], $13::timestamptz[], $14::bigint[], $15::bigint[], $16::text[],
    $17::timestamptz[], $18::bigint[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[], $24::text[],
    $25::text[], $26::int[], $27::timestamptz[], $28::timestamptz[], $29::text[], $30::text[])
ON CONFLICT (merchant_id, channel, account, day, subject) DO UPDATE SET class = excluded.class,
    fix = CASE WHEN i.posted_txn <> '' AND excluded.fix LIKE 'look_up%' THEN 'review' ELSE excluded.fix END,
    state = excluded.state, bill_sha256 = excluded.bill_sha256, bill_row = excluded.bill_row,
    bill_status = excluded.bill_status, bill_at = excluded.bill_at, bill_minor = excluded.bill_minor,
    fee_minor = excluded.fee_minor, our_state = excluded.our_state, our_at = excluded.our_at,
    our_minor = excluded.our_minor, note = excluded.note, run = excluded.run, ended_at = excluded.ended_at,
    posted_txn = CASE WHEN excluded.posted_txn <> '' THEN excluded.posted_txn ELSE i.posted_txn END,
    ended_by = excluded.ended_by, reason = excluded.reason
WHERE i.state = 'open'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One difference as it is kept: the verdict, and the evidence of both sides."""

    place: AccountDay
    subject: str
    verdict: Verdict
    run: int
    found_at: datetime
    bill_sha256: str = ""
    bill_row: int = 0
    bill_status: str = ""
    bill_at: datetime | None = None
    bill_minor: int | None = None
    fee_minor: int | None = None
    our_state: str = ""
    our_at: datetime | None = None
    our_minor: int | None = None
    currency: str = ""
    payment_number: str = ""
    transaction_id: str = ""
    refund_number: str = ""
    order_id: str = ""
    posted_txn: str = ""

    @property
    def item_id(self) -> str:
        p = self.place
        return derive_id("rci", p.channel, p.account, p.day.isoformat(), self.subject)

    def to_row(self) -> tuple[object, ...]:
        v = self.verdict
        ended = (None, "", "") if v.state is ItemState.OPEN else (self.found_at, BY_ITSELF, v.why)
        return (
            *self.place.key,
            self.item_id,
            self.subject,
            v.cls.value,
            v.fix.value,
            v.state.value,
            self.bill_sha256,
            self.bill_row,
            self.bill_status,
            self.bill_at,
            self.bill_minor,
            self.fee_minor,
            self.our_state,
            self.our_at,
            self.our_minor,
            self.currency,
            self.payment_number,
            self.transaction_id,
            self.refund_number,
            self.order_id,
            self.posted_txn,
            v.why,
            self.run,
            self.found_at,
            *ended,
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of asking for a bill. `state` is kept, empty, refused, unusable or not_there."""

    kind: BillKind
    state: str
    sha256: str = ""
    size_bytes: int = 0
    error: str = ""

    @property
    def is_definite(self) -> bool:
        return self.state in ("kept", "empty")


async def state_of_day(connection: asyncpg.Connection, place: AccountDay) -> DayState | None:
    found = await connection.fetchval(f"SELECT state FROM recon_day WHERE {_PLACE}", *place.key)
    return None if found is None else DayState(found)


async def lock_day(connection: asyncpg.Connection, place: AccountDay) -> asyncpg.Record | None:
    """The day's row, locked: runs of one day take turns."""
    return await connection.fetchrow(f"SELECT * FROM recon_day WHERE {_PLACE} FOR UPDATE", *place.key, timeout=3_600.0)


async def add_days(connection: asyncpg.Connection, account: tuple[str, str, str], last: date) -> None:
    """Rows for every day up to `last` that has none yet; after a long pause at most `CATCH_UP_DAYS_MAX` back."""
    newest = await connection.fetchval(
        "SELECT max(day) FROM recon_day WHERE (merchant_id, channel, account) = ($1, $2, $3)", *account
    )
    first = last if newest is None else max(newest + timedelta(days=1), last - timedelta(days=CATCH_UP_DAYS_MAX))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    await execute_rows(
        connection,
        "INSERT INTO recon_day (merchant_id, channel, account, day, next_try_at) SELECT * FROM "
        "unnest($1::text[], $2::text[], $3::text[], $4::date[], $5::timestamptz[]) ON CONFLICT DO NOTHING",
        [(*account, day, AccountDay(*account, day).due_at) for day in days],
    )


async def claim_due_day(connection: asyncpg.Connection, now: datetime) -> AccountDay | None:
    """Take the oldest day that is due and set its next try."""
    row = await connection.fetchrow(
        "WITH due AS (SELECT merchant_id, channel, account, day FROM recon_day WHERE next_try_at <= $1 "
        "ORDER BY day, merchant_id, channel, account LIMIT 1 FOR UPDATE SKIP LOCKED) "
        "UPDATE recon_day d SET tries = d.tries + 1, next_try_at = $1 + least($3::interval, $2::interval * "
        "power(1.5, least(d.tries, 8))::float8) "
        "FROM due WHERE (d.merchant_id, d.channel, d.account, d.day) = (due.merchant_id, due.channel, due.account, "
        "due.day) RETURNING d.merchant_id, d.channel, d.account, d.day",
        now,
        RETRY_FIRST,
        RETRY_MAX,
    )
    return None if row is None else AccountDay(*row)


async def bills_of(connection: asyncpg.Connection, place: AccountDay) -> dict[BillKind, Taken]:
    """The bills of the day that were taken."""
    rows = await connection.fetch(
        f"SELECT kind, state, sha256, size_bytes FROM bill_file WHERE {_PLACE} AND state IN ('kept', 'empty')",
        *place.key,
    )
    return {BillKind(row["kind"]): Taken(BillKind(row["kind"]), *row[1:]) for row in rows}


async def keep_bill(
    connection: asyncpg.Connection, place: AccountDay, taken: Taken, *, rows: int, at: datetime
) -> None:
    """Remember it; a bill that was taken stays as it is."""
    await connection.execute(
        "INSERT INTO bill_file AS f (merchant_id, channel, account, day, kind, state, sha256, size_bytes, error, rows, "
        "fetched_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (merchant_id, channel, account, "
        "day, kind) DO UPDATE SET state = excluded.state, sha256 = excluded.sha256, size_bytes = excluded.size_bytes, "
        "error = excluded.error, rows = excluded.rows, fetched_at = excluded.fetched_at "
        "WHERE f.state NOT IN ('kept', 'empty')",
        *place.key,
        taken.kind.value,
        taken.state,
        taken.sha256,
        taken.size_bytes,
        taken.error[:500],
        rows,
        at,
    )


async def is_next_known(connection: asyncpg.Connection, place: AccountDay) -> bool:
    """Whether the trade bill of the day after is here."""
    found = await connection.fetchval(
        f"SELECT true FROM bill_file WHERE {_PLACE} AND kind = 'trade' AND state IN ('kept', 'empty')",
        *place.key[:3],
        place.day + timedelta(days=1),
    )
    return bool(found)


async def wake_day_before(connection: asyncpg.Connection, place: AccountDay, now: datetime) -> None:
    """What the day before waited for is here."""
    await connection.execute(
        f"UPDATE recon_day SET next_try_at = $5, tries = 0 WHERE {_PLACE} AND state = 'open' AND runs > 0",
        *place.key[:3],
        place.day - timedelta(days=1),
        now,
    )


async def fee_rate_ppm(connection: asyncpg.Connection, place: AccountDay) -> int | None:
    rate: int | None = await connection.fetchval(
        "SELECT rate_ppm FROM fee_contract WHERE (merchant_id, channel, account) = ($1, $2, $3)", *place.key[:3]
    )
    return rate


async def posted_of(connection: asyncpg.Connection, merchant_id: str, keys: Sequence[str]) -> set[str]:
    """Which of the bookings `keys` stand already."""
    rows = await connection.fetch(
        "SELECT txn_key FROM ledger_transaction WHERE merchant_id = $1 AND txn_key = ANY($2)", merchant_id, list(keys)
    )
    return {row[0] for row in rows}


async def keep_items(connection: asyncpg.Connection, items: Sequence[Item]) -> None:
    """Write what was found; an item that ended stays as it ended."""
    await execute_rows(connection, _UPSERT, [item.to_row() for item in items])


async def end_items_gone(
    connection: asyncpg.Connection, place: AccountDay, run: int, *, at: datetime, is_cut: bool
) -> None:
    """What an earlier run found and this one did not: it agrees now. `is_cut`: this run kept only the first ones, so
    nothing follows from an item's absence."""
    if not is_cut:
        await connection.execute(
            f"UPDATE recon_item SET state = 'fixed', fix = 'nothing', ended_at = $6, ended_by = '{BY_ITSELF}', "
            f"reason = 'it agrees now' WHERE {_PLACE} AND state = 'open' AND run < $5 AND class <> 'fund'",
            *place.key,
            run,
            at,
        )


async def end_fund_items_gone(
    connection: asyncpg.Connection, place: AccountDay, subjects: Sequence[str], *, at: datetime
) -> None:
    """As `end_items_gone`, for what the fund bill was found not to add up to."""
    await connection.execute(
        f"UPDATE recon_item SET state = 'fixed', fix = 'nothing', ended_at = $6, ended_by = '{BY_ITSELF}', "
        f"reason = 'it agrees now' WHERE {_PLACE} AND state = 'open' AND class = 'fund' AND subject <> ALL($5)",
        *place.key,
        list(subjects),
        at,
    )


async def end_item(
    connection: asyncpg.Connection, merchant_id: str, item_id: str, verdict: Verdict, *, by: str, at: datetime
) -> None:
    """An open item's new verdict; one that ended meanwhile stays as it is."""
    is_open = verdict.state is ItemState.OPEN
    await connection.execute(
        "UPDATE recon_item SET class = $3, fix = $4, state = $5, note = $6, ended_at = $7, ended_by = $8, reason = $9 "
        "WHERE merchant_id = $1 AND item_id = $2 AND state = 'open'",
        merchant_id,
        item_id,
        verdict.cls.value,
        verdict.fix.value,
        verdict.state.value,
        verdict.why,
        None if is_open else at,
        "" if is_open else by,
        "" if is_open else verdict.why,
    )


@dataclass(frozen=True, slots=True)
class TradeRun:
    """What a run counted. `beyond` are the differences it did not look at; `fee_txn` names the booking of the fees."""

    sums: BillSums
    ok_rows: int
    beyond: int
    fee_txn: str


async def keep_trade_run(connection: asyncpg.Connection, place: AccountDay, counted: TradeRun, *, at: datetime) -> None:
    sums = counted.sums
    await connection.execute(
        "UPDATE recon_day SET runs = runs + 1, currency = $5, bill_rows = $6, ok_rows = $7, paid_minor = $8, "
        f"refunded_minor = $9, fee_minor = $10, beyond = $11, reconciled_at = $12, fee_txn = $13 WHERE {_PLACE}",
        *place.key,
        sums.currency,
        sums.rows,
        counted.ok_rows,
        sums.paid_minor,
        sums.refunded_minor,
        sums.taken_minor - sums.returned_minor,
        counted.beyond,
        at,
        counted.fee_txn,
    )


async def keep_fund_run(connection: asyncpg.Connection, place: AccountDay, funds: FundSums) -> None:
    await connection.execute(
        f"UPDATE recon_day SET opening_minor = $5, closing_minor = $6 WHERE {_PLACE}",
        *place.key,
        funds.opening_minor,
        funds.closing_minor,
    )


async def closing_before(connection: asyncpg.Connection, place: AccountDay) -> int | None:
    """The balance the day before ended with, when its fund bill was read."""
    found: int | None = await connection.fetchval(
        f"SELECT closing_minor FROM recon_day WHERE {_PLACE}", *place.key[:3], place.day - timedelta(days=1)
    )
    return found


async def count_open(connection: asyncpg.Connection, place: AccountDay) -> asyncpg.Record:
    """What is open: `waiting` is tried again without a person, `funds` are of the fund bill, `beyond` not kept."""
    return await connection.fetchrow(
        "SELECT count(*) FILTER (WHERE fix IN ('wait', 'look_up_payment', 'look_up_refund')) AS waiting, "
        "count(*) FILTER (WHERE class = 'fund') AS funds, (SELECT beyond FROM recon_day WHERE "
        "(merchant_id, channel, account, day) = ($1, $2, $3, $4)) AS beyond "
        f"FROM recon_item WHERE {_PLACE} AND state = 'open'",
        *place.key,
    )


async def set_next_try(connection: asyncpg.Connection, place: AccountDay, at: datetime | None, note: str) -> None:
    await connection.execute(
        f"UPDATE recon_day SET next_try_at = $5, note = $6 WHERE {_PLACE}", *place.key, at, note[:500]
    )


async def close_day(connection: asyncpg.Connection, place: AccountDay, at: datetime) -> bool:
    """Close the day if nothing of it is unexplained and both bills were taken; whether it is closed now."""
    closed = await connection.fetchval(
        "UPDATE recon_day d SET state = 'closed', closed_at = $5, next_try_at = NULL, note = '' "
        f"WHERE {_PLACE} AND d.state = 'open' AND d.runs > 0 AND d.beyond = 0 "
        f"AND NOT EXISTS (SELECT FROM recon_item WHERE {_PLACE} AND state = 'open') "
        f"AND (SELECT count(*) FROM bill_file WHERE {_PLACE} AND state IN ('kept', 'empty')) = 2 RETURNING true",
        *place.key,
        at,
    )
    return bool(closed)


async def shared_minor(connection: asyncpg.Connection, place: AccountDay, numbers: Sequence[str]) -> dict[str, int]:
    """What our shares under the platform's `numbers` moved on the account: given below zero, taken back above."""
    rows = await connection.fetch(
        "SELECT detail_number, CASE duty WHEN 'take_back' THEN amount_minor ELSE -amount_minor END AS minor "
        "FROM profit_share WHERE merchant_id = $1 AND channel = $2 AND account = $3 AND detail_number = ANY($4) "
        "AND stage IN ('processing', 'succeeded')",
        *place.key[:3],
        list(numbers),
    )
    return {row["detail_number"]: row["minor"] for row in rows}


def fund_item(
    place: AccountDay, finding: tuple[str, int, int, str], *, run: int, at: datetime, fix: Fix = Fix.REVIEW
) -> Item:
    subject, bill_minor, our_minor, why = finding
    verdict = Verdict(ReconClass.FUND, fix, why=why)
    return Item(
        place=place,
        subject=subject,
        verdict=verdict,
        run=run,
        found_at=at,
        bill_minor=bill_minor,
        our_minor=our_minor,
    )
