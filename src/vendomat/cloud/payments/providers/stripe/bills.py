"""Stripe's bill of a day: its balance transactions, fetched page by page and kept as lines of our own. Reading is pure.

Stripe makes no file, so the file is ours: one line of JSON for each transaction, reduced to what is compared, and a
head that says whose it is and between which balances. It has no balance of a past moment either: the closing one is the
balance of now without what moved since, and it counts only when nothing moved between the two questions. A refund whose
money came back the same day has failed. Refuses a charge that was settled in another currency than it was paid in, and
to read a transaction without the object behind it: its number would be missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vendomat.cloud.payments.providers.bills import (
    BillError,
    BillKind,
    BillRowKind,
    BillRowStatus,
    FundRow,
    TradeRow,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.limits import BEIJING
from vendomat.cloud.payments.providers.stripe import wire
from vendomat.cloud.payments.providers.stripe.client import StripeCalls

MOVEMENTS, BALANCE = "/v1/balance_transactions", "/v1/balance"
PAGES_MAX = 20_000
CHARGES = frozenset({"charge", "payment"})
REFUNDS = frozenset({"refund", "payment_refund"})
RETURNS = frozenset({"refund_failure", "payment_refund_failure", "payment_failure_refund"})
TRADES = CHARGES | REFUNDS | RETURNS


class Source(msgspec.Struct):
    """What moved the money: a charge, a refund, a payout. Whatever else it is, its id is known."""

    id: str
    currency: str | None = None
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None


class Movement(msgspec.Struct):
    id: str
    object: str
    amount: int
    created: int
    currency: str
    fee: int
    net: int
    type: str
    source: Source | str | None = None


class MovementPage(msgspec.Struct):
    object: str
    data: list[Movement]
    has_more: bool


class _Money(msgspec.Struct):
    amount: int
    currency: str


class _Balance(msgspec.Struct):
    object: str
    available: list[_Money]
    pending: list[_Money]


class Head(msgspec.Struct, forbid_unknown_fields=True):
    """The first line of a file. The balances are those of a fund bill; a trade bill has none."""

    account: str
    day: str
    kind: str
    rows: int
    opening: int = 0
    closing: int = 0


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One transaction as it is kept: no word of the buyer is."""

    id: str
    at: int
    type: str
    amount: int
    fee: int
    net: int
    currency: str
    source: str
    number: str = ""
    intent: str = ""
    refund_number: str = ""
    is_failed: bool = False


Shape = TypeVar("Shape", Head, Line)


class Ledger:
    """Asks for one account's movements. Blocks; raises `NotKnownError`."""

    def __init__(self, calls: StripeCalls, account: str) -> None:
        self._calls = calls
        self._account = account

    def bill(self, kind: BillKind, day: date) -> bytes | None:
        """The file of `day`, None when nothing of that kind happened."""
        begin = datetime.combine(day, time(), BEIJING)
        end = begin + timedelta(days=1)
        found = self._between(begin, end)
        lines = [_line(one) for one in reversed(found) if kind is BillKind.FUND_FLOW or one.type in TRADES]
        if not lines:
            return None
        returned = {line.source for line in lines if line.type in RETURNS}
        for line in lines:
            line.is_failed = line.type in REFUNDS and line.source in returned
        head = Head(self._account, day.isoformat(), kind.value, len(lines))
        if kind is BillKind.FUND_FLOW:
            head.closing = self._balance_at(end, _one_currency(lines))
            head.opening = head.closing - sum(line.net for line in lines)
        return b"".join(msgspec.json.encode(one) + b"\n" for one in (head, *lines))

    def _balance_at(self, moment: datetime, currency: str) -> int:
        since = self._between(moment, None, currency)
        balance: _Balance = wire.of_kind(self._answer(BALANCE, {}), _Balance, "balance")
        newest = self._page({"limit": 1, "currency": currency}).data
        last = since[0].id if since else ""
        if newest and int(moment.timestamp()) <= newest[0].created and newest[0].id != last:
            raise NotKnownError("money moved while the balance was asked for")
        known = [one.amount for one in (*balance.available, *balance.pending) if one.currency == currency]
        if not known:
            raise NotKnownError(f"the balance does not tell of {currency}")
        return sum(known) - sum(one.net for one in since)

    def _between(self, begin: datetime, end: datetime | None, currency: str = "") -> list[Movement]:
        """The newest first."""
        asked: dict[str, Any] = {"limit": 100, "expand": ["data.source"], "created": {"gte": int(begin.timestamp())}}
        if end is not None:
            asked["created"]["lt"] = int(end.timestamp())
        if currency:
            asked["currency"] = currency
        found: list[Movement] = []
        for _ in range(PAGES_MAX):
            page = self._page(asked)
            found += page.data
            if not page.has_more:
                return found
            if not page.data:
                raise NotKnownError("a page with nothing on it is said to go on")
            asked["starting_after"] = page.data[-1].id
        raise NotKnownError("more movements than a day can have")

    def _page(self, asked: dict[str, Any]) -> MovementPage:
        page: MovementPage = wire.of_kind(self._answer(MOVEMENTS, asked), MovementPage, "list")
        return page

    def _answer(self, path: str, asked: dict[str, Any]) -> bytes:
        answer = self._calls.get(path, asked)
        if answer.status != 200:
            raise NotKnownError(wire.error_text(answer.status, answer.body))
        return answer.body


def _line(one: Movement) -> Line:
    if isinstance(one.source, str):
        raise NotKnownError(f"{one.id} does not show what moved it")
    source = one.source or Source("")
    told = source.metadata or {}
    currency = one.currency if one.type not in TRADES else f"{source.currency or one.currency}"
    if currency != one.currency:
        currency = f"{currency}>{one.currency}"
    return Line(
        one.id,
        one.created,
        one.type,
        one.amount,
        one.fee,
        one.net,
        currency,
        source.id,
        told.get("number", "") if one.type in CHARGES else "",
        source.payment_intent or "",
        told.get("refund_number", "") if one.type in REFUNDS | RETURNS else "",
    )


def _one_currency(lines: Iterable[Line]) -> str:
    currencies = {line.currency.rpartition(">")[2] for line in lines}
    if len(currencies) != 1:
        raise NotKnownError(f"the account has balances in several currencies: {', '.join(sorted(currencies))}")
    return currencies.pop()


def keep(content: bytes, into: Path) -> None:
    """The file at its place, whole, whatever was there before."""
    beside = into.with_name(f".{into.name}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(into)
    finally:
        beside.unlink(missing_ok=True)


def read_trades(path: Path, account: str) -> Iterator[TradeRow]:
    """Raises `BillError`. A refund of an earlier day that came back is no trade of this one: it moved the account."""
    place = 0
    for line in _lines(path, account, BillKind.TRADE):
        if line.type in RETURNS:
            continue
        place += 1
        if ">" in line.currency:
            raise BillError(f"row {place}: settled in another currency than it was paid in")
        is_refund = line.type in REFUNDS
        yield TradeRow(
            row=place,
            kind=BillRowKind.REFUND if is_refund else BillRowKind.PAYMENT,
            status=BillRowStatus.FAILED if line.is_failed else BillRowStatus.SUCCEEDED,
            at=_moment(line.at),
            payment_number=line.number,
            transaction_id=line.intent,
            amount_minor=abs(line.amount),
            currency=line.currency.upper(),
            fee_minor=0 if line.is_failed else line.fee,
            refund_number=line.refund_number,
            refund_id=line.source if is_refund else "",
        )


def read_funds(path: Path, account: str) -> Iterator[FundRow]:
    """Raises `BillError`."""
    balance = _head(path, account, BillKind.FUND_FLOW).opening
    for place, line in enumerate(_lines(path, account, BillKind.FUND_FLOW), start=1):
        balance += line.net
        number = line.refund_number or line.number or line.source
        yield FundRow(place, _moment(line.at), line.id, line.type, line.net, balance, number)


def _head(path: Path, account: str, kind: BillKind) -> Head:
    with path.open("rb") as file:
        head = _decoded(file.readline(), Head)
    if (head.account, head.kind) != (account, kind.value):
        raise BillError(f"not a {kind.value} bill of {account}")
    return head


def _lines(path: Path, account: str, kind: BillKind) -> Iterator[Line]:
    """Line by line; at the end it has to be as many, and as much, as the head says."""
    head, count, moved = _head(path, account, kind), 0, 0
    with path.open("rb") as file:
        file.readline()
        for text in file:
            line = _decoded(text, Line)
            count, moved = count + 1, moved + line.net
            yield line
    if count != head.rows or (kind is BillKind.FUND_FLOW and head.opening + moved != head.closing):
        raise BillError(f"{count} rows that move {moved} are not the {head.rows} of its head")


def _decoded(text: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(text, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BillError(f"not a bill of ours: {error}") from error


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
