"""What a cooler says of its door, as it arrives: checked, applied once, acknowledged after the commit."""

from __future__ import annotations

import asyncpg
import msgspec
import structlog

from vendomat.cloud.alarms import raise_alarms
from vendomat.cloud.coolers.model import DoorFactSeen, DoorSaid, Recounted, Seen, Visit
from vendomat.cloud.coolers.service import Visits
from vendomat.cloud.coolers.store import load_visit
from vendomat.cloud.coolers.writing import apply_event
from vendomat.cloud.machines import Sender, known_machines
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.outbox import InboxFact, accept_facts
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales import fact_conflict
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError
from vendomat.protocol import DoorFact, Fact, FactKind, Recount, TakenGoods, VendResult

log = structlog.get_logger(__name__)

_DOOR = msgspec.json.Decoder(DoorFact)
_RECOUNT = msgspec.json.Decoder(Recount)
_TAKEN = (VendResult.DOOR_SHUT, VendResult.DOOR_LEFT_OPEN)
_NEVER = (VendResult.DOOR_NOT_OPENED, VendResult.NO_MOTOR)


class DoorFacts:
    """What `FactTaker` hands on: the facts of doors."""

    def __init__(self, database: Database, visits: Visits, *, settings: CloudSettings, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._visits = visits
        self._settings = settings
        self._clock = clock
        self._ids = ids

    async def take(self, fact: Fact, sender: Sender) -> bool:
        """Whether `fact` may be acknowledged. Raises `VendomatError` for a sender whose word does not count."""
        try:
            is_accepted, visit = await self._database.write(lambda c: self._take(c, fact, sender))
        except VendomatError as error:
            if error.code is not ErrorCode.CONFLICT:
                raise
            log.info("door.fact_too_early", machine=sender.machine_id, epoch=fact.epoch, seq=fact.seq)
            return False
        if visit is not None:
            self._visits.follow(visit)
        return is_accepted

    async def _take(self, connection: asyncpg.Connection, fact: Fact, sender: Sender) -> tuple[bool, Visit | None]:
        """Whether it is safe here, and the visit that it moved."""
        known = (await known_machines(connection, [sender.key])).get(sender.key)
        if known is None:
            raise VendomatError(ErrorCode.FORBIDDEN, "this machine is not enrolled; nothing was accepted")
        known.check(sender)
        now = self._clock.now()
        inbox = InboxFact(*sender.key, fact.epoch, fact.seq, fact.digest(), fact.kind, now)
        new, is_accepted = await accept_facts(connection, [inbox])
        if not all(is_accepted):
            await raise_alarms(connection, [fact_conflict(inbox)], ids=self._ids)
            return False, None
        if not new:
            return True, None
        try:
            visit_id, event = self._event(fact)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("door.fact_unreadable", machine=sender.machine_id, seq=fact.seq, error=str(error))
            return True, None
        key = (sender.merchant_id, visit_id)
        visit = await load_visit(connection, key, is_locking=True)
        command = visit.command if visit is not None and visit.machine_id == sender.machine_id else None
        if command is None or command.cmd_id != event.cmd_id:
            log.error("door.fact_of_unknown_visit", machine=sender.machine_id, visit=visit_id)
            return True, None
        return True, await apply_event(connection, key, event, settings=self._settings, ids=self._ids)

    def _event(self, fact: Fact) -> tuple[str, DoorFactSeen | Recounted]:
        origin, now = f"{fact.epoch}/{fact.seq}", self._clock.now()
        if fact.kind is FactKind.RECOUNT:
            recount = _RECOUNT.decode(fact.body)
            return recount.order_id, Recounted(recount.cmd_id, _seen(recount.goods), origin, now)
        body = _DOOR.decode(fact.body)
        result = (body.result or "") if fact.kind is FactKind.OUTCOME else body.reason or fact.kind.value
        seen = _seen(body.goods)
        return body.order_id, DoorFactSeen(body.cmd_id, _said(fact.kind, body), result, seen, origin, now)


def _seen(goods: list[TakenGoods]) -> tuple[Seen, ...]:
    return tuple(Seen(row.slot, row.pieces, row.evidence) for row in goods)


def _said(kind: FactKind, body: DoorFact) -> DoorSaid:
    if kind is FactKind.INTENT:
        return DoorSaid.STARTED
    if kind in (FactKind.REFUSED, FactKind.FENCED) or body.result in _NEVER:
        return DoorSaid.NOT_OPENED
    return DoorSaid.TAKEN if body.result in _TAKEN else DoorSaid.NOT_KNOWN
