"""One run over one day: match, judge, book, remember; everything in the caller's transaction.

A run that is killed leaves nothing, and one that is repeated writes the same: items are named by what they are about,
bookings by what they book. Fees are booked from the bill, once; money that nobody knows of is held in suspense.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import asyncpg

from vendomat.cloud.ledger import Entry, Posting, funding, post, postings
from vendomat.cloud.payments import BillRowKind, FundRow, TradeRow
from vendomat.cloud.reconciliation import store
from vendomat.cloud.reconciliation.matching import (
    BillSums,
    find_differences,
    find_unsettled,
    pair_of,
    stage_bill,
)
from vendomat.cloud.reconciliation.model import (
    AccountDay,
    Fix,
    FundSums,
    Pair,
    ReconClass,
    Sold,
    Verdict,
    classify,
    is_taken_back,
    judge_funds,
    judge_shared,
    judge_sold,
)
from vendomat.cloud.reconciliation.store import Item, Taken


@dataclass(frozen=True, slots=True)
class Run:
    """The `number`-th run over a day, with the bill it has."""

    place: AccountDay
    taken: Taken
    number: int
    at: datetime


PAID_OUT = frozenset({"提现", "payout", "payout_cancel", "payout_failure"})
"""The words with which platforms list what they paid out to the bank."""
SHARED = frozenset({"分账", "分账回退"})
"""The words with which WeChat Pay lists what it gave to a receiver of profit sharing, and what came back.

They are not documented word for word, so chosen."""


async def run_trades(
    connection: asyncpg.Connection, place: AccountDay, taken: Taken, rows: Iterable[TradeRow], *, at: datetime
) -> None:
    """Reconcile the day with its trade bill. Raises `BillError`, and then nothing of it may be committed."""
    day = await store.lock_day(connection, place)
    assert day is not None and day["state"] == "open"
    run = Run(place, taken, day["runs"] + 1, at)
    sums = await stage_bill(connection, rows)
    items, beyond = await _find(connection, run)
    ok_rows = sums.rows - sum(1 for item in items if item.bill_row) - beyond
    items, held = _hold(items, place)
    fees = _fees(place, sums)
    await _book(connection, run, [*held, *([fees] if fees is not None else [])], sums.currency)
    await store.keep_items(connection, items)
    await store.end_items_gone(connection, place, run.number, at=at, is_cut=beyond > 0)
    await store.keep_bill(connection, place, taken, rows=sums.rows, at=at)
    counted = store.TradeRun(sums, max(0, ok_rows), beyond, fees.key if fees else "")
    await store.keep_trade_run(connection, place, counted, at=at)
    if run.number == 1:
        await store.wake_day_before(connection, place, at)


async def _find(connection: asyncpg.Connection, run: Run) -> tuple[list[Item], int]:
    """All that is not in order, and how many differences more there are than were looked at."""
    rate_ppm = await store.fee_rate_ppm(connection, run.place)
    is_next_known = await store.is_next_known(connection, run.place)
    found, beyond = await find_differences(connection, run.place, rate_ppm)
    pairs = [(row, pair_of(row, run.place, is_next_known=is_next_known)) for row in found]
    items = [_item_of(run, row, classify(pair, rate_ppm)) for row, pair in _without_reversals(pairs)]
    items = [item for item in items if item.verdict.cls is not ReconClass.OK]
    return items + await unsettled_items(connection, run), beyond


def _without_reversals(pairs: list[tuple[asyncpg.Record, Pair]]) -> list[tuple[asyncpg.Record, Pair]]:
    """What is left when charges that were taken back as a whole are put beside their reversals.

    A reversal has no refund number: it stands under the payment's own.
    """
    reversals = {
        row["payment_number"]: (row["row"], pair)
        for row, pair in pairs
        if pair.kind is BillRowKind.REFUND and row["number"] == "" and row["payment_number"]
    }
    gone: set[int] = set()
    for row, pair in pairs:
        reversal = reversals.get(row["number"]) if pair.kind is BillRowKind.PAYMENT and row["row"] is not None else None
        if reversal is not None and is_taken_back(pair, reversal[1]):
            gone |= {row["row"], reversal[0]}
    return [(row, pair) for row, pair in pairs if row["row"] not in gone]


async def unsettled_items(connection: asyncpg.Connection, run: Run, payment_id: str = "") -> list[Item]:
    """What is not in order about the goods and refunds of the day's payments, or of the one named."""
    found = await find_unsettled(connection, run.place, payment_id)
    items = [_item_of_sold(run, row, sold) for row, sold in found]
    return [item for item in items if item.verdict.cls is not ReconClass.OK]


def _item_of(run: Run, row: asyncpg.Record, verdict: Verdict) -> Item:
    """Named by our number; what we have no number for, or the bill lists twice, by its place in the bill."""
    is_ours = row["our_number"] is not None and not row["is_repeat"]
    subject = f"{row['kind']}:{row['our_number']}" if is_ours else f"bill:{run.taken.sha256}:{row['row']}"
    is_refund = row["kind"] == BillRowKind.REFUND
    return Item(
        place=run.place,
        subject=subject,
        verdict=verdict,
        run=run.number,
        found_at=run.at,
        bill_sha256=run.taken.sha256 if row["row"] is not None else "",
        bill_row=row["row"] or 0,
        bill_status=row["status"] or "",
        bill_at=row["at"],
        bill_minor=row["bill_minor"],
        fee_minor=row["fee_minor"],
        our_state=row["our_state"] or "",
        our_at=row["our_at"],
        our_minor=row["our_minor"],
        currency=row["our_currency"] or row["bill_currency"] or "",
        payment_number=row["our_payment"] or row["payment_number"] or "",
        transaction_id=row["our_transaction"] or row["transaction_id"] or "",
        refund_number=(row["our_number"] or row["number"] or "") if is_refund else "",
        order_id=row["order_id"] or "",
    )


def _item_of_sold(run: Run, row: asyncpg.Record, sold: Sold) -> Item:
    verdict = judge_sold(sold)
    return Item(
        place=run.place,
        subject=f"{verdict.cls.value}:{row['payment_id']}",
        verdict=verdict,
        run=run.number,
        found_at=run.at,
        our_state=row["state"],
        our_at=row["paid_at"],
        our_minor=sold.kept_minor,
        currency=row["currency"],
        payment_number=row["payment_id"],
        transaction_id=row["transaction_id"],
        order_id=row["order_id"],
    )


def _hold(items: list[Item], place: AccountDay) -> tuple[list[Item], list[Posting]]:
    """The items with the bookings of those whose money is to be held, and these bookings."""
    fund = funding(place.channel, place.account)
    kept, held = [], []
    for item in items:
        if item.verdict.fix is not Fix.SUSPENSE:
            kept.append(item)
            continue
        assert item.bill_minor is not None
        number = f"{place.channel}:{place.account}:{item.bill_sha256[:16]}:{item.bill_row}"
        make = postings.bill_long if item.verdict.cls is ReconClass.LONG else postings.bill_refund_long
        posting = make(number, place.channel, fund, item.bill_minor)
        held.append(posting)
        kept.append(replace(item, posted_txn=posting.key))
    return kept, held


def _fees(place: AccountDay, sums: BillSums) -> Posting | None:
    return postings.fees_of_day(
        place.name,
        place.channel,
        funding(place.channel, place.account),
        taken_minor=sums.taken_minor,
        returned_minor=sums.returned_minor,
    )


async def _book(connection: asyncpg.Connection, run: Run, wanted: list[Posting], currency: str) -> None:
    """Append what was not booked by an earlier run."""
    merchant_id = run.place.merchant_id
    stand = await store.posted_of(connection, merchant_id, [posting.key for posting in wanted])
    await post(
        connection,
        [Entry(merchant_id, "", currency, run.at, posting) for posting in wanted if posting.key not in stand],
    )


def sum_funds(rows: Iterator[FundRow]) -> tuple[FundSums, list[FundRow], int]:
    """The fund bill read through once: its sums, what was paid out or shared, and how many rows it has."""
    opening = closing = moved = broken = count = 0
    beside: list[FundRow] = []
    for row in rows:
        count += 1
        if count == 1:
            opening = closing = row.balance_minor - row.amount_minor
        if not broken and closing + row.amount_minor != row.balance_minor:
            broken = row.row
        closing = row.balance_minor
        if row.business in PAID_OUT or row.business in SHARED:
            beside.append(row)
        else:
            moved += row.amount_minor
    return FundSums(opening, closing, moved, broken), beside, count


async def run_funds(
    connection: asyncpg.Connection,
    place: AccountDay,
    taken: Taken,
    read: tuple[FundSums, list[FundRow], int],
    *,
    at: datetime,
) -> None:
    """Check the account's movements against the trade bill, book payouts; `read` as `sum_funds` gives it."""
    day = await store.lock_day(connection, place)
    assert day is not None and day["runs"] > 0
    funds, beside, count = read
    before = await store.closing_before(connection, place)
    if count == 0:  # nothing moved: the balance is the day before's
        funds = FundSums(before or 0, before or 0, 0)
    net_minor = day["paid_minor"] - day["refunded_minor"] - day["fee_minor"]
    findings = judge_funds(funds, before_minor=before, net_minor=net_minor)
    items = [store.fund_item(place, finding, run=day["runs"], at=at) for finding in findings]
    shared = [(row.flow_id, row.reference, row.amount_minor) for row in beside if row.business in SHARED]
    known = await store.shared_minor(connection, place, [number for _, number, _ in shared])
    items += [
        store.fund_item(place, finding, run=day["runs"], at=at, fix=Fix.WAIT) for finding in judge_shared(shared, known)
    ]
    fund = funding(place.channel, place.account)
    payouts = [
        postings.paid_out(f"{place.channel}:{place.account}:{row.flow_id}", fund, -row.amount_minor)
        for row in beside
        if row.amount_minor and row.business in PAID_OUT
    ]
    await _book(connection, Run(place, taken, day["runs"], at), payouts, day["currency"] or "CNY")
    await store.keep_items(connection, [replace(item, bill_sha256=taken.sha256) for item in items])
    await store.end_fund_items_gone(connection, place, [item.subject for item in items], at=at)
    await store.keep_bill(connection, place, taken, rows=count, at=at)
    await store.keep_fund_run(connection, place, funds)
