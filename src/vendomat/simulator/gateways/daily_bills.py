"""The merchant's bill of a day at an emulated platform: its lines, the differences ordered for it, and its downloads.

A difference changes one bill and never a book: it is what a test wants the reconciliation to find. The sums at a
bill's end are made after the differences, so that only `SUM` gives a bill that contradicts itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

from vendomat.simulator.gateways.funds import CHINA, FundEntry, day_of, digits_of, moment_on
from vendomat.simulator.gateways.numbers import Numbers


class DailyBillKind(StrEnum):
    TRADE = "trade"
    FUND_FLOW = "fund_flow"


class BillDifference(StrEnum):
    """In fund flow bills DROP and AMOUNT find their line by voucher and leave all balances as they were."""

    DROP = "drop"  # the row is not there
    ADD = "add"  # a payment (with `refund_number`: a refund) that the platform has and nobody else knows
    AMOUNT = "amount"  # `amount_fen` more, or less
    SHIFT = "shift"  # `seconds` later or earlier, in the bill of another day if that is where it falls
    FEE = "fee"  # `amount_fen` more fee, or less
    STATUS = "status"  # `word` as its state; WeChat only, as Alipay's bill has no states
    DUPLICATE = "duplicate"  # the row stands there twice
    HOLD = "hold"  # the bill is not made yet
    HASH = "hash"  # the file is not the one whose hash was promised; Alipay promises none, so the file is broken
    SUM = "sum"  # a sum at the end is one fen too high


@dataclass(frozen=True, slots=True, kw_only=True)
class BillChange:
    """`difference` in the bill of `account` and `day`. `number`: of the payment, the refund or the voucher it is in."""

    difference: BillDifference
    account: str
    day: date
    kind: DailyBillKind = DailyBillKind.TRADE
    number: str = ""
    refund_number: str = ""
    amount_fen: int = 0
    seconds: float = 0.0
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeLine:
    """A payment or a refund. `fee_fen` is negative when it went back to the merchant."""

    at: datetime
    number: str
    transaction_id: str
    amount_fen: int
    fee_fen: int
    state: str
    fee_basis_points: int = 0
    description: str = ""
    attach: str = ""
    device: str = ""
    payer: str = ""
    way: str = ""
    created_at: datetime | None = None
    is_refund: bool = False
    refund_number: str = ""
    refund_id: str = ""

    @property
    def own_number(self) -> str:
        return self.refund_number or self.number


Line = TypeVar("Line", TradeLine, FundEntry)
_Alter = Callable[[TradeLine, BillChange], TradeLine]

_ALTERS: dict[BillDifference, _Alter] = {
    BillDifference.AMOUNT: lambda line, change: replace(line, amount_fen=line.amount_fen + change.amount_fen),
    BillDifference.FEE: lambda line, change: replace(line, fee_fen=line.fee_fen + change.amount_fen),
    BillDifference.STATUS: lambda line, change: replace(line, state=change.word),
}


def trade_lines(lines: Iterable[TradeLine], day: date, changes: Sequence[BillChange]) -> list[TradeLine]:
    """What the bill of `day` shows of all `lines` of an account, in the order of time, under `changes`."""
    shifts = {change.number: change for change in changes if change.difference is BillDifference.SHIFT}
    placed = [_shifted(line, shifts.get(line.own_number)) for line in lines]
    shown = [line for line in placed if day_of(line.at) == day]
    for change in changes:
        if change.day == day and change.kind is DailyBillKind.TRADE:
            shown = _changed(shown, change)
    return sorted(shown, key=lambda line: line.at)


def _shifted(line: TradeLine, change: BillChange | None) -> TradeLine:
    return line if change is None else replace(line, at=line.at + timedelta(seconds=change.seconds))


def _changed(lines: list[TradeLine], change: BillChange) -> list[TradeLine]:
    number, difference = change.number, change.difference
    if difference is BillDifference.DROP:
        return [line for line in lines if line.own_number != number]
    if difference is BillDifference.DUPLICATE:
        return lines + [line for line in lines if line.own_number == number]
    if difference is BillDifference.ADD:
        return [*lines, _foreign(change)]
    alter = _ALTERS.get(difference)
    return [alter(line, change) if alter and line.own_number == number else line for line in lines]


def _foreign(change: BillChange) -> TradeLine:
    return TradeLine(
        at=moment_on(change.day, time(12, tzinfo=CHINA)),
        number=change.number,
        transaction_id=f"4200{digits_of(change.number, 24)}",
        amount_fen=change.amount_fen,
        fee_fen=0,
        state=change.word or "SUCCESS",
        is_refund=bool(change.refund_number),
        refund_number=change.refund_number,
        refund_id=f"5030{digits_of(change.refund_number, 24)}" if change.refund_number else "",
    )


def fund_lines(entries: Iterable[FundEntry], day: date, changes: Sequence[BillChange]) -> list[FundEntry]:
    """As `trade_lines`, of entries that carry their balances."""
    shown = [entry for entry in entries if day_of(entry.at) == day]
    for change in changes:
        if change.day != day or change.kind is not DailyBillKind.FUND_FLOW:
            continue
        if change.difference is BillDifference.DROP:
            shown = [entry for entry in shown if entry.voucher != change.number]
        elif change.difference is BillDifference.AMOUNT:
            shown = [
                replace(entry, amount_fen=entry.amount_fen + change.amount_fen)
                if entry.voucher == change.number
                else entry
                for entry in shown
            ]
    return shown


class BillDesk:
    """Differences in force, and bills that wait to be downloaded under a token for `token_life_s`."""

    def __init__(self, numbers: Numbers, token_life_s: float, *, has_states: bool) -> None:
        self._numbers = numbers
        self._has_states = has_states
        self._token_life = timedelta(seconds=token_life_s)
        self._changes: list[BillChange] = []
        self._issued: dict[str, tuple[datetime, str, bytes]] = {}

    def change(self, change: BillChange) -> None:
        """Raises ValueError for a difference that this platform's bills cannot show."""
        if change.difference is BillDifference.STATUS and not self._has_states:
            raise ValueError("the rows of this platform's bills have no state")
        self._changes.append(change)

    def clear(self) -> None:
        self._changes.clear()

    @property
    def changes(self) -> tuple[BillChange, ...]:
        return tuple(self._changes)

    def changes_of(self, account: str) -> list[BillChange]:
        return [change for change in self._changes if change.account == account]

    def has(self, difference: BillDifference, account: str, day: date, kind: DailyBillKind) -> bool:
        """Whether `difference` is ordered for that whole bill."""
        return any(
            (change.difference, change.day, change.kind) == (difference, day, kind)
            for change in self.changes_of(account)
        )

    def issue(self, account: str, bill: bytes, now: datetime) -> str:
        """A token for one bill; tokens that are over are forgotten."""
        self._issued = {token: kept for token, kept in self._issued.items() if now < kept[0]}
        token = self._numbers.text(43)
        self._issued[token] = (now + self._token_life, account, bill)
        return token

    def take(self, token: str, now: datetime) -> tuple[str, bytes] | None:
        """(account, bill), or None when the token is unknown or over. May be taken again while it lives."""
        ends_at, account, bill = self._issued.get(token, (now, "", b""))
        return (account, bill) if now < ends_at else None
