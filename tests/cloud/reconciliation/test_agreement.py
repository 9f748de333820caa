"""The set-based matching and the pure rules say the same of any small day, and of each row of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from tests.cloud.reconciliation.market import FIRST_DAY, noon
from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from vendomat.cloud.payments import BillKind, BillRowKind, BillRowStatus, TradeRow
from vendomat.cloud.reconciliation import AccountDay, Taken, run_trades
from vendomat.cloud.reconciliation.matching import booked_of
from vendomat.cloud.reconciliation.model import Billed, Pair, ReconClass, classify
from vendomat.kernel import derive_id

pytestmark = pytest.mark.slow

SEEDS = 60
RATE_PPM = 6_000
AMOUNTS = (100, 350)


@dataclass
class Ours:
    """A payment or refund row as we shall have it."""

    kind: BillRowKind
    number: str
    state: str
    amount_minor: int
    at: datetime | None
    transaction_id: str = ""
    fits: bool = True
    payment: str = ""


def make_day(dice: random.Random, seed: int) -> tuple[list[Ours], list[TradeRow]]:
    """Rows of both sides, alike or not, by the dice; some numbers twice, some on one side only."""
    ours: list[Ours] = []
    bill: list[TradeRow] = []
    for n in range(dice.randint(0, 7)):
        number = derive_id("pay", "agreement", seed, n)
        day_off = dice.choice((0, 0, 0, 0, -1, 1, 5))
        is_paid = dice.random() < 0.8
        amount = dice.choice(AMOUNTS)
        payment = Ours(
            BillRowKind.PAYMENT,
            number,
            "paid" if is_paid else "closed",
            amount if is_paid else 0,
            noon(FIRST_DAY + timedelta(days=day_off)) if is_paid else None,
            f"42{number[-20:]}" if is_paid else "",
            dice.random() < 0.9,
        )
        if dice.random() < 0.85:
            ours.append(payment)
        bill += _billed(dice, payment, "" if dice.random() < 0.1 else number)
        if is_paid and payment in ours and dice.random() < 0.5:
            state = dice.choice(("succeeded", "succeeded", "processing", "failed", "unknown"))
            ended = noon(FIRST_DAY + timedelta(days=day_off)) if state in ("succeeded", "failed") else None
            refund = Ours(
                BillRowKind.REFUND, derive_id("rfd", "agreement", seed, n), state, amount, ended, payment=number
            )
            ours.append(refund)
            bill += [replace(row, refund_number=refund.number) for row in _billed(dice, refund, number)]
    if dice.random() < 0.3:
        bill.append(_row(dice, BillRowKind.REFUND, "elsewhere", 100, refund_number="portal"))
    dice.shuffle(bill)
    return ours, [replace(row, row=n) for n, row in enumerate(bill, start=1)]


def _billed(dice: random.Random, ours: Ours, number: str) -> list[TradeRow]:
    if dice.random() < 0.2:
        return []
    amount = (ours.amount_minor or 350) + (1 if dice.random() < 0.1 else 0)
    row = _row(dice, ours.kind, number, amount, transaction_id=f"42{(ours.payment or ours.number)[-20:]}")
    return [row, row] if dice.random() < 0.1 else [row]


def _row(
    dice: random.Random,
    kind: BillRowKind,
    number: str,
    amount: int,
    *,
    transaction_id: str = "x",
    refund_number: str = "",
) -> TradeRow:
    statuses = [BillRowStatus.SUCCEEDED] * 6 + [BillRowStatus.PROCESSING, BillRowStatus.FAILED]
    fee = amount * RATE_PPM // 1_000_000 + dice.choice((0, 0, 0, 1, 4))
    at = noon(FIRST_DAY)
    return TradeRow(0, kind, dice.choice(statuses), at, number, transaction_id, amount, "CNY", fee, refund_number)


def judge_in_python(place: AccountDay, ours: list[Ours], bill: list[TradeRow]) -> dict[str, str]:
    """Subject to class, fix and state, by a join that looks at every pair of rows."""
    found: dict[str, str] = {}
    free = {(o.kind, o.number): o for o in ours}
    listed: set[tuple[BillRowKind, str]] = set()
    numbers = {(r.kind, r.refund_number or r.payment_number) for r in bill}

    def say(subject: str, pair: Pair) -> None:
        verdict = classify(pair, RATE_PPM)
        if verdict.cls is not ReconClass.OK:
            found[subject] = f"{verdict.cls} {verdict.fix} {verdict.state}"

    for row in bill:
        key = (row.kind, row.refund_number or row.payment_number)
        is_repeat = key in listed and key[1] != ""
        listed.add(key)
        mine = free.get(key)
        if mine is None and row.kind is BillRowKind.PAYMENT and not is_repeat:
            mine = next(
                (
                    o
                    for o in ours
                    if o.transaction_id == row.transaction_id
                    and o.kind is row.kind
                    and (o.kind, o.number) not in numbers
                ),
                None,
            )
        billed = Billed(row.status, row.amount_minor, row.currency, row.fee_minor, is_repeat=is_repeat)
        subject = f"{row.kind}:{mine.number}" if mine is not None and not is_repeat else f"bill:{row.row}"
        say(subject, Pair(row.kind, place.day, billed, None if mine is None else _booked(mine)))
        if mine is not None:
            listed.add((mine.kind, mine.number))
    for o in ours:
        is_done = o.state in ("paid", "succeeded")
        booked = _booked(o)
        if is_done and booked.day == place.day and (o.kind, o.number) not in listed:
            say(f"{o.kind}:{o.number}", Pair(o.kind, place.day, None, booked))
    return found


def _booked(o: Ours):  # type: ignore[no-untyped-def]
    fits = o.fits if o.kind is BillRowKind.PAYMENT else True
    fits = fits and (o.state != "closed")
    return booked_of(o.state, o.amount_minor, "CNY", at=o.at, fits=fits, is_of_account=True)


async def insert(superuser: asyncpg.Connection, account: str, ours: list[Ours]) -> None:
    """Write the rows with the guards of whole orders off: only these two tables are looked at here."""
    async with superuser.transaction():
        await superuser.execute("SET LOCAL session_replication_role = replica")
        for o in ours:
            if o.kind is BillRowKind.PAYMENT:
                await superuser.execute(
                    "INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, "
                    "state, transaction_id, captured_minor, paid_at, created_at, expires_at, is_frozen) VALUES "
                    "($1, $2, $2, 'wechat', $3, $4, 'CNY', $5, $6, $7, $8, now(), now(), $9)",
                    MERCHANT,
                    o.number,
                    account,
                    o.amount_minor or 350,
                    o.state,
                    o.transaction_id,
                    o.amount_minor,
                    o.at,
                    not o.fits,
                )
            else:
                await superuser.execute(
                    "INSERT INTO refund (merchant_id, payment_id, ordinal, refund_id, order_id, amount_minor, reason, "
                    "state, requested_at, ended_at) VALUES ($1, $2, 1, $3, $2, $4, 'r', $5, now(), $6)",
                    MERCHANT,
                    o.payment,
                    o.number,
                    o.amount_minor,
                    o.state,
                    o.at,
                )


async def test_sql_and_rules_agree_on_any_small_day(world: World) -> None:
    assert MACHINE  # the seeded merchant is there
    classes: set[str] = set()
    for seed in range(SEEDS):
        dice = random.Random(seed)
        account = f"1900{seed:06d}"
        place = AccountDay(MERCHANT, "wechat", account, FIRST_DAY)
        ours, bill = make_day(dice, seed)
        await insert(world.superuser, account, ours)
        await world.superuser.execute(
            "INSERT INTO fee_contract VALUES ($1, 'wechat', $2, $3)", MERCHANT, account, RATE_PPM
        )
        await world.superuser.execute(
            "INSERT INTO recon_day (merchant_id, channel, account, day) VALUES ($1, $2, $3, $4)", *place.key
        )
        taken = Taken(BillKind.TRADE, "kept", f"{seed:064x}")
        async with world.hot.transaction():
            await run_trades(world.hot, place, taken, iter(bill), at=noon(FIRST_DAY))
        rows = await world.superuser.fetch("SELECT * FROM recon_item WHERE account = $1", account)
        found = {
            f"bill:{r['bill_row']}" if r["subject"].startswith("bill:") else r["subject"]: (
                f"{r['class']} {r['fix']} {r['state']}"
            )
            for r in rows
            if r["class"] not in ("vend", "dup")
        }
        assert found == judge_in_python(place, ours, bill), f"seed {seed}"
        classes |= {verdict.split()[0] for verdict in found.values()}
    assert classes == {"long", "short", "amount", "status", "refund_long", "fee", "timing"}
