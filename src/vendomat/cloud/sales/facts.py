"""Facts of terminals, as they arrive: checked, applied once, acknowledged after the commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import msgspec
import structlog

from vendomat.cloud.alarms import SecurityNote
from vendomat.cloud.machines import Sender
from vendomat.cloud.platform.outbox import InboxFact
from vendomat.cloud.sales.cash import CashPiece, CashWord
from vendomat.cloud.sales.model import CashEnd, VendFactSeen, VendSaid
from vendomat.cloud.sales.use_cases import VendItem
from vendomat.cloud.sales.writer import Writer
from vendomat.kernel import Clock
from vendomat.protocol import DOOR, CashCount, CashSale, Fact, FactAck, FactKind, SecurityFact, VendFact, VendResult

log = structlog.get_logger(__name__)

DELIVERED = (VendResult.DELIVERED, VendResult.DELIVERED_DOUBLE)
NOT_KNOWN = (VendResult.TIMEOUT, VendResult.UNKNOWN)

_CASH: dict[str, type[CashSale | CashCount]] = {FactKind.CASH_SALE: CashSale, FactKind.CASH_COUNT: CashCount}
_VENDS = frozenset({FactKind.INTENT, FactKind.OUTCOME, FactKind.REFUSED, FactKind.FENCED})
_VEND_FACT = msgspec.json.Decoder(VendFact)
_SECURITY_FACT = msgspec.json.Decoder(SecurityFact)


def vend_event(machine_id: str, fact: Fact, clock: Clock) -> tuple[str, VendFactSeen] | None:
    """The order id and event that `fact` means for a purchase; None for a fact that moves none, or is unreadable."""
    if fact.kind not in _VENDS:
        return None
    try:
        body = _VEND_FACT.decode(fact.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("fact.unreadable", machine=machine_id, epoch=fact.epoch, seq=fact.seq, error=str(error))
        return None
    return body.order_id, VendFactSeen(
        cmd_id=body.cmd_id,
        machine_id=machine_id,
        said=_said(fact.kind, body),
        result=body.result or "",
        reason=body.reason or ("fenced" if fact.kind is FactKind.FENCED else ""),
        origin=f"{fact.epoch}/{fact.seq}",
        at=clock.now(),
        motor_ms=body.motor_ms,
        drop_ms=body.drop_ms,
        turns=body.turns,
    )


def _said(kind: FactKind, body: VendFact) -> VendSaid:
    """Time-out without a definite answer and unknown are unknown; all but DELIVERED* are not delivered."""
    if kind is FactKind.INTENT:
        return VendSaid.STARTED
    if kind in (FactKind.REFUSED, FactKind.FENCED):
        return VendSaid.NOT_DELIVERED
    if body.result in DELIVERED:
        return VendSaid.DELIVERED
    if body.result is None or body.result in NOT_KNOWN:
        return VendSaid.UNKNOWN
    return VendSaid.NOT_DELIVERED


UNREADABLE = "machine.cash_unreadable"
"""What the security record calls a cash fact that says nothing: it was about money."""


class TakesDoorFacts(Protocol):
    """Whoever sells from open-door coolers: what became of a door, and of the goods behind it."""

    async def take(self, fact: Fact, sender: Sender) -> bool:
        """As `FactTaker.take`, for one fact: whether it may be acknowledged."""
        ...


def is_of_door(fact: Fact) -> bool:
    """Whether `fact` is about a cooler's door, which is no slot of an order."""
    if fact.kind is FactKind.RECOUNT:
        return True
    if fact.kind not in _VENDS or DOOR.encode() not in bytes(fact.body):
        return False
    try:
        return _VEND_FACT.decode(fact.body).slot == DOOR
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


class FactTaker:
    """`take` gives the acknowledgements of the facts that are safe here. `doors` is set where coolers are sold from."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self.doors: TakesDoorFacts | None = None

    async def take(self, facts: Sequence[Fact], sender: Sender) -> list[FactAck]:
        """Apply `facts` in their order. One whose (epoch, seq) is known with other content is not acknowledged.

        Raises `VendomatError` (old_epoch, bad_signature, forbidden) when the sender is not the machine's newest run, or
        not the machine any more: a double of it, with the same key but another memory, must not decide about goods.
        The epoch a fact was journalled under is free.
        """
        results = await asyncio.gather(*(self._take_one(fact, sender) for fact in facts))
        return [
            FactAck(epoch=fact.epoch, seq=fact.seq, digest=fact.digest())
            for fact, is_accepted in zip(facts, results, strict=True)
            if is_accepted
        ]

    async def _take_one(self, fact: Fact, sender: Sender) -> bool:
        if self.doors is not None and is_of_door(fact):
            return await self.doors.take(fact, sender)
        merchant_id, machine_id, now = sender.merchant_id, sender.machine_id, self._clock.now()
        found = vend_event(machine_id, fact, self._clock)
        order_id, event = found if found is not None else ("", None)
        inbox = InboxFact(merchant_id, machine_id, fact.epoch, fact.seq, fact.digest(), fact.kind, now)
        alert, cash = _alert_of(fact, sender, now), None
        if fact.kind in _CASH:
            cash = cash_word(fact, merchant_id, machine_id, now)
            alert = SecurityNote(merchant_id, machine_id, UNREADABLE, 1, now) if cash is None else None
        item = VendItem(inbox, (merchant_id, order_id), event, sender, alert, cash)
        return (await self._writer.take(item)).is_accepted


def cash_word(fact: Fact, merchant_id: str, machine_id: str, now: datetime) -> CashWord | None:
    """What a cash fact says; None when it cannot be read, which a person has to hear of: it was about money."""
    try:
        body = msgspec.json.decode(fact.body, type=_CASH[fact.kind])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("fact.cash_unreadable", machine=machine_id, epoch=fact.epoch, seq=fact.seq, error=str(error))
        return None
    word = CashWord(merchant_id, machine_id, fact.epoch, fact.seq, body.currency, now)
    if isinstance(body, CashCount):
        return replace(word, count=body)
    pieces = tuple(
        CashPiece(unit.slot, unit.price_minor, CashEnd(_end_of(unit.result), unit.result)) for unit in body.units
    )
    return replace(word, pieces=pieces)


def _end_of(result: VendResult) -> VendSaid:
    if result in DELIVERED:
        return VendSaid.DELIVERED
    return VendSaid.UNKNOWN if result in NOT_KNOWN else VendSaid.NOT_DELIVERED


def _alert_of(fact: Fact, sender: Sender, now: datetime) -> SecurityNote | None:
    """What a machine says it refused; None for every other fact, and for one that cannot be read."""
    if fact.kind is not FactKind.SECURITY:
        return None
    try:
        said = _SECURITY_FACT.decode(fact.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("fact.unreadable", machine=sender.machine_id, epoch=fact.epoch, seq=fact.seq, error=str(error))
        return None
    return SecurityNote(sender.merchant_id, sender.machine_id, f"machine.{said.what}", said.count, now)
