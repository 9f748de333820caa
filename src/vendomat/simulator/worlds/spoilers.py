"""Spoiled parts: each does what its production part does, except for one safeguard.

Only planted bugs use them. Nothing here decides whether the harm is seen.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar, cast

import msgspec

from vendomat.cloud.orders import Closing
from vendomat.cloud.payments import (
    Cancelled,
    ChargeCredential,
    Charged,
    ChargeRequest,
    Notice,
    NoticeAnswer,
    Provider,
    Refunded,
    RefundRequest,
    RefundState,
    Reversed,
    Started,
    StartRequest,
    Trade,
)
from vendomat.cloud.sales import (
    Applied,
    CloseAsked,
    CommandSilent,
    DeadlinePassed,
    EventFor,
    PaymentPaid,
    PaymentUncertain,
    VendApplied,
    VendFactSeen,
    VendItem,
    VendSaid,
    Writer,
)
from vendomat.protocol import Fact, FactAck, FactKind, Facts, FactsReply, VendResult
from vendomat.simulator.disk import Content, Disk
from vendomat.terminal.drivers import Capabilities, Dispenser, Readings, VendReport
from vendomat.terminal.journal import Journal
from vendomat.terminal.link import Down, Wire

_Reply = TypeVar("_Reply")
Sent = tuple[str, Sequence[object]] | None

# --- writers ---------------------------------------------------------------------------------------------------------


class SilenceIsFailure(Writer):
    """Refunds when a machine is silent, without a fence."""

    async def apply(self, event: EventFor) -> Applied:
        said = event.event
        if isinstance(said, CommandSilent) and said.was_sent:
            machine_id = (await self.find(event.key)).machine_id
            failed = VendFactSeen(said.cmd_id, machine_id, VendSaid.NOT_DELIVERED, "", "silence", "", said.at)
            event = replace(event, event=failed)
        return await super().apply(event)


class NoDeadline(Writer):
    """Never declares anything ambiguous."""

    async def apply(self, event: EventFor) -> Applied:
        if isinstance(event.event, DeadlinePassed):
            return Applied(await self.find(event.key))
        return await super().apply(event)


class LatePaymentWins(Writer):
    """Vends for a payment however late it came."""

    async def apply(self, event: EventFor) -> Applied:
        if isinstance(event.event, PaymentPaid | PaymentUncertain):
            event = replace(event, event=replace(event.event, grace=timedelta(days=1)))
        elif isinstance(event.event, CloseAsked):
            event = replace(event, event=replace(event.event, closing=Closing.EXPIRING))
        return await super().apply(event)


class OriginForgotten(Writer):
    """Books each copy of a fact under an origin of its own."""

    _copies = 0

    async def take(self, item: VendItem) -> VendApplied:
        self._copies += 1
        seq = item.fact.seq + 1_000_000 * self._copies
        return await super().take(replace(item, fact=replace(item.fact, seq=seq)))


class AckBeforeCommit(Writer):
    """Lets facts be acknowledged first and books them a moment later."""

    async def take(self, item: VendItem) -> VendApplied:
        self._later = asyncio.ensure_future(super().take(item))
        return VendApplied(True)


# --- the door to the database ----------------------------------------------------------------------------------------


def stock_not_released(statement: str, values: Sequence[object]) -> Sent:
    """Reservations only grow."""
    if "UPDATE stock_slot" in statement:
        reserved = [max(0, delta) for delta in cast(list[int], values[4])]
        return statement, (*values[:4], reserved, *values[5:])
    return statement, values


_REFUND_PART = re.compile(r"(INSERT INTO refund \(.*? AS n\([a-z, ]+\))")
"""`w` is the reason there; other statements may be sent together with this one."""


def second_payment_kept(statement: str, values: Sequence[object]) -> Sent:
    """The refund of a second payment of one order is never written down."""
    return _REFUND_PART.sub(r"\1 WHERE w NOT LIKE 'second payment%'", statement), values


_LEDGER_PART = re.compile(r"(INSERT INTO ledger_(?:transaction|line) \([^)]*\) SELECT \* FROM unnest\([^)]*\))")
"""One of the statements that are sent together; its arguments stay, because the others count theirs from them."""


def income_not_booked(statement: str, values: Sequence[object]) -> Sent:
    """Delivered units leave no line in the ledger."""
    if any(isinstance(value, list) and "delivered" in value for value in values):
        return _LEDGER_PART.sub(r"\1 WHERE false", statement), values
    return statement, values


def refund_before_decided(statement: str, values: Sequence[object]) -> Sent:
    """Units that wait for their turn count as decided."""
    if "ROW(u.unit, " in statement:
        waits = "(u.is_final OR (c.cmd_id IS NULL AND EXISTS (SELECT FROM command x WHERE x.order_id = u.order_id)))"
        return statement.replace("u.is_final", waits, 1), values
    return statement, values


# --- the door to a platform ------------------------------------------------------------------------------------------


class SpoiledProvider:
    """Passes everything on."""

    def __init__(self, inner: Provider) -> None:
        self.inner = inner
        self.channel = inner.channel
        self.account = inner.account
        self.takes_codes = inner.takes_codes

    async def charge(self, request: ChargeRequest) -> Charged:
        return await self.inner.charge(request)

    async def look_up_charge(self, number: str, credential: ChargeCredential = ChargeCredential.BAR_CODE) -> Trade:
        return await self.inner.look_up_charge(number, credential)

    async def reverse(self, number: str, credential: ChargeCredential = ChargeCredential.BAR_CODE) -> Reversed:
        return await self.inner.reverse(number, credential)

    async def start(self, request: StartRequest) -> Started:
        return await self.inner.start(request)

    async def look_up(self, number: str) -> Trade:
        return await self.inner.look_up(number)

    async def cancel(self, number: str) -> Cancelled:
        return await self.inner.cancel(number)

    async def refund(self, request: RefundRequest) -> Refunded:
        return await self.inner.refund(request)

    async def look_up_refund(self, request: RefundRequest) -> Refunded:
        return await self.inner.look_up_refund(request)

    async def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        return await self.inner.read_notice(headers, body)

    def answer_notice(self, *, accepted: bool) -> NoticeAnswer:
        return self.inner.answer_notice(accepted=accepted)

    async def aclose(self) -> None:
        await self.inner.aclose()


class NewNumberEachTime(SpoiledProvider):
    """Asks for the same refund under a new number in each retry."""

    _tries = 0

    async def refund(self, request: RefundRequest) -> Refunded:
        self._tries += 1
        number = f"{request.refund_number[:24]}{self._tries:06d}" if self._tries > 1 else request.refund_number
        answer = await self.inner.refund(replace(request, refund_number=number))
        return replace(answer, refund_number=request.refund_number)


class UnknownIsSuccess(SpoiledProvider):
    """Takes an answer that never came for "refunded"."""

    async def refund(self, request: RefundRequest) -> Refunded:
        answer = await self.inner.refund(request)
        return replace(answer, state=RefundState.SUCCEEDED) if answer.state is RefundState.UNKNOWN else answer


# --- the machine's ports ---------------------------------------------------------------------------------------------


class LyingDisk(Disk):
    """Says that the journal's newest part is safe, and keeps it in a cache."""

    def content_of(self, name: str, *, may_create: bool) -> Content:
        content = super().content_of(name, may_create=may_create)
        if name.endswith("-wal") and not isinstance(content, _Cached):
            content = _Cached(content.seen, content.kept, content.unsynced)
            self.names.seen[name] = self.names.kept[name] = content
        return content


class _Cached(Content):
    def sync(self) -> None:
        """Nothing reaches the disk."""


class FencesInMemory(Journal):
    """Keeps a fence in memory only; the cloud is told of it all the same."""

    _fences = 0

    def append(self, kind: FactKind, body: bytes, at: str, *, is_time_trusted: bool, cmd_id: str = "") -> Fact:
        if kind is not FactKind.FENCED:
            return super().append(kind, body, at, is_time_trusted=is_time_trusted, cmd_id=cmd_id)
        self._fences += 1
        raw = msgspec.Raw(body)
        return Fact(epoch=self.epoch, seq=1_000_000 + self._fences, kind=kind, at=at, body=raw)


class TimeoutIsFailure:
    """Says "nothing came out" when the board gave no answer."""

    def __init__(self, inner: Dispenser) -> None:
        self._inner = inner

    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities

    async def start(self) -> None:
        await self._inner.start()

    async def stop(self) -> None:
        await self._inner.stop()

    async def read(self) -> Readings:
        return await self._inner.read()

    async def check(self, slot: str) -> bool | None:
        return await self._inner.check(slot)

    async def dispense(self, slot: str, cmd_id: str) -> VendReport:
        report = await self._inner.dispense(slot, cmd_id)
        is_known = report.result not in (VendResult.TIMEOUT, VendResult.UNKNOWN)
        return report if is_known else VendReport(VendResult.NOT_DETECTED)


class ReportsForgotten:
    """Acknowledges the machine's facts by itself and sends none."""

    def __init__(self, inner: Wire) -> None:
        self._inner = inner

    @property
    def is_connected(self) -> bool:
        return self._inner.is_connected

    async def request(self, kind: str, body: object, reply_type: type[_Reply], *, timeout_s: float) -> _Reply:
        if isinstance(body, Facts):
            acks = [FactAck(epoch=fact.epoch, seq=fact.seq, digest=fact.digest()) for fact in body.facts]
            return cast(_Reply, FactsReply(acks=acks))
        return await self._inner.request(kind, body, reply_type, timeout_s=timeout_s)

    async def run(self, down: Down, changed: object) -> None:
        await self._inner.run(down, changed)  # type: ignore[arg-type]
