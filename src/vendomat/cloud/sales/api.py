"""How sales are asked: by terminals over the wire, by payment platforms over HTTP.

A message is opened (signature, machine, size, form) before anything else, and answered with a signed reply; a refusal
is a signed problem and changes nothing. What cannot be answered by our own fault gets no answer: the terminal asks
again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import structlog
from fastapi import APIRouter, Request, Response

from vendomat.cloud.alarms import SecurityWatch
from vendomat.cloud.catalog import catalogue_for
from vendomat.cloud.machines import (
    ConditionItem,
    DirectoryEntry,
    HeartbeatItem,
    HelloItem,
    KnownMachine,
    MachineDirectory,
    Sender,
    known_machines,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import read_body as read_bytes
from vendomat.cloud.platform.rows import is_storable
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.promotions import told_promotions
from vendomat.cloud.sales.facts import FactTaker
from vendomat.cloud.sales.presence import Presence
from vendomat.cloud.sales.service import SalesDesk
from vendomat.cloud.sales.till import Till
from vendomat.kernel import Clock, ErrorCode, VendomatError
from vendomat.protocol import (
    PROTOCOL_VERSION,
    Catalogue,
    CatalogueRequest,
    ChannelRequest,
    Condition,
    ConditionReply,
    CouponRequest,
    Envelope,
    Facts,
    FactsReply,
    Heartbeat,
    HeartbeatReply,
    Hello,
    HelloReply,
    OrderRef,
    OrderRequest,
    Problem,
    RedeemRequest,
    ScanRequest,
    Settings,
    Signer,
    read_body,
    seal,
)

log = structlog.get_logger(__name__)

NOTICE_BYTES_MAX = 65_536
_NUL = b"\\u0000"
_WAITING_MAX = 2**31 - 1
REFUSED_MESSAGES = {
    ErrorCode.BAD_SIGNATURE: "wire.forged",
    ErrorCode.FORBIDDEN: "wire.misaddressed",  # of another kind or machine than its subject, or of no machine of ours
    ErrorCode.MALFORMED: "wire.unreadable",
    ErrorCode.TOO_LARGE: "wire.unreadable",
}
_REFUSED_WORDS = {  # genuine once, refused for when and by whom it is said
    ErrorCode.BAD_SIGNATURE: "wire.old_key",
    ErrorCode.OLD_EPOCH: "wire.old_run",
    ErrorCode.REPLAYED: "wire.replayed",
}
_Answer = Callable[[DirectoryEntry, Envelope], Awaitable[object]]


class UpMessages:
    """`handle` fits `Wire.serve`."""

    def __init__(  # noqa: PLR0913 - named parts, put together in one place
        self,
        *,
        database: Database,
        directory: MachineDirectory,
        desk: SalesDesk,
        facts: FactTaker,
        presence: Presence,
        signer: Signer,
        settings: CloudSettings,
        clock: Clock,
        watch: SecurityWatch,
        key_ids: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self._database = database
        self._directory = directory
        self._desk = desk
        self._facts = facts
        self._presence = presence
        self._signer = signer
        self._settings = settings
        self._clock = clock
        self._watch = watch
        self._key_ids = key_ids
        self._answers: dict[str, _Answer] = {  # those without a guard here ask the rows in the transaction that acts
            "hello": self._hello,
            "heartbeat": self._heartbeat,
            "condition": self._condition,
            "catalogue": self._standing(self._catalogue),
            "order": self._order,
            "channel": self._asking(self._channel, is_selling=True),
            "scan": self._asking(self._scan, is_selling=True),
            "order_status": self._standing(self._status),
            "cancel": self._asking(self._cancel, is_selling=False),
            "redeem": self._redeem,
            "coupon": self._coupon,
            "facts": self._take_facts,
        }

    async def handle(self, machine_id: str, kind: str, data: bytes) -> bytes | None:
        """The signed reply to one message of `machine_id` (known from the subject, never from the payload).

        It carries the epoch and seq of the message, so that an old reply never passes for the answer to a new one. What
        is not the machine's word is answered under (0, 0), which no machine asks under.
        """
        epoch, seq = 0, 0
        try:
            machine, envelope = await self._directory.open(machine_id, data, kind=kind)
            epoch, seq = envelope.epoch, envelope.seq
            body = await self._answer_to(kind, envelope)(machine, envelope)
            reply_kind = f"{kind}.reply"
        except VendomatError as error:
            if error.code is ErrorCode.UNAVAILABLE:
                return None
            self._note(error.code, machine_id, is_opened=seq > 0)
            log.info("message.refused", machine=machine_id, kind=kind, code=error.code, message=error.message)
            body = Problem(code=error.code, message=error.message[:500], detail=error.detail)
            reply_kind = "problem"
        return seal(body, kind=reply_kind, machine=machine_id, epoch=epoch, seq=seq, signer=self._signer)

    def _note(self, code: ErrorCode, machine_id: str, *, is_opened: bool) -> None:
        kind = (_REFUSED_WORDS if is_opened else REFUSED_MESSAGES).get(code)
        if kind is not None:
            self._watch.note(kind, machine_id)

    def _answer_to(self, kind: str, envelope: Envelope) -> _Answer:
        answer = self._answers.get(kind)
        if answer is None:
            raise VendomatError(ErrorCode.MALFORMED, f"there is no message of kind {kind!r}; nothing changed")
        if _NUL in bytes(envelope.body):  # no row can keep one, and the batch it came in would fail with it
            raise VendomatError(ErrorCode.MALFORMED, "the message contains a NUL character; nothing changed")
        return answer

    def _standing(self, answer: _Answer) -> _Answer:
        """For what only reads: the rows know the machine under this key, in this run."""

        async def only_when_standing(machine: DirectoryEntry, envelope: Envelope) -> object:
            sender = machine.sender(envelope)
            (await self._known(sender)).check(sender)
            return await answer(machine, envelope)

        return only_when_standing

    def _asking(self, answer: _Answer, *, is_selling: bool) -> _Answer:
        """As `_standing`, for what somebody at the machine waits for."""

        async def only_when_awaited(machine: DirectoryEntry, envelope: Envelope) -> object:
            sender = machine.sender(envelope)
            (await self._known(sender)).check_asking(sender, is_selling=is_selling)
            return await answer(machine, envelope)

        return only_when_awaited

    async def _known(self, sender: Sender) -> KnownMachine:
        async with self._database.hot.acquire() as connection:
            found = await known_machines(connection, [sender.key])
        if sender.key not in found:
            raise VendomatError(ErrorCode.FORBIDDEN, "this machine is not enrolled; nothing was accepted")
        return found[sender.key]

    async def _hello(self, machine: DirectoryEntry, envelope: Envelope) -> HelloReply:
        hello = read_body(envelope, Hello)
        now = self._clock.now()
        item = HelloItem(
            merchant_id=machine.merchant_id,
            machine_id=machine.machine_id,
            epoch=envelope.epoch,
            boot_nonce=hello.boot_nonce,
            nonce=hello.nonce,
            at=now,
            seq=envelope.seq,
            public_key=machine.public_key,
            key_ids=hello.key_ids,
        )
        greeted = await self._presence.greet(item)
        return HelloReply(
            version=PROTOCOL_VERSION,
            now=now.isoformat(),
            settings=Settings(
                heartbeat_s=self._settings.heartbeat_s,
                lease_s=self._settings.lease_s,
                ttl_s=self._settings.ttl_s,
                qr_s=self._settings.qr_s,
                deadline_s=self._settings.deadline_s,
            ),
            catalogue_version=greeted.catalogue_version,
            key_ids=self._key_ids(),
        )

    async def _heartbeat(self, machine: DirectoryEntry, envelope: Envelope) -> HeartbeatReply:
        beat = read_body(envelope, Heartbeat)
        heard = await self._presence.hear(
            HeartbeatItem(
                merchant_id=machine.merchant_id,
                machine_id=machine.machine_id,
                epoch=envelope.epoch,
                nonce=beat.nonce,
                at=self._clock.now(),
                is_ready=beat.is_ready,
                reasons=tuple(beat.reasons),
                temperature_c=beat.temperature_c,
                facts_waiting=max(0, min(beat.facts_waiting, _WAITING_MAX)),
                seq=envelope.seq,
                public_key=machine.public_key,
                catalogue_version=beat.catalogue_version,
            )
        )
        return HeartbeatReply(catalogue_version=heard.catalogue_version, key_ids=self._key_ids())

    async def _condition(self, machine: DirectoryEntry, envelope: Envelope) -> ConditionReply:
        condition = read_body(envelope, Condition)
        return await self._presence.learn(ConditionItem(machine.sender(envelope), condition, self._clock.now()))

    async def _catalogue(self, machine: DirectoryEntry, envelope: Envelope) -> Catalogue:
        read_body(envelope, CatalogueRequest)
        async with self._database.hot.acquire() as connection:
            catalogue = await catalogue_for(connection, machine.merchant_id, machine.machine_id)
            told = await told_promotions(connection, machine.merchant_id, machine.machine_id)
        return msgspec.structs.replace(
            catalogue,
            time_zone=told.time_zone,
            groups=list(told.groups),
            promotions=list(told.offers),
            takes_coupons=told.takes_coupons,
        )

    async def _order(self, machine: DirectoryEntry, envelope: Envelope) -> object:
        return await self._desk.order(machine, machine.sender(envelope), read_body(envelope, OrderRequest))

    async def _channel(self, machine: DirectoryEntry, envelope: Envelope) -> object:
        return await self._desk.channel(machine, read_body(envelope, ChannelRequest))

    async def _scan(self, machine: DirectoryEntry, envelope: Envelope) -> object:
        return await self._desk.scan(machine, read_body(envelope, ScanRequest))

    async def _status(self, machine: DirectoryEntry, envelope: Envelope) -> object:
        return await self._desk.status(machine, read_body(envelope, OrderRef))

    async def _cancel(self, machine: DirectoryEntry, envelope: Envelope) -> object:
        return await self._desk.cancel(machine, read_body(envelope, OrderRef))

    async def _coupon(self, machine: DirectoryEntry, envelope: Envelope) -> object:
        return await self._desk.coupon(machine, machine.sender(envelope), read_body(envelope, CouponRequest))

    async def _redeem(self, machine: DirectoryEntry, envelope: Envelope) -> object:
        return await self._desk.redeem(machine, machine.sender(envelope), read_body(envelope, RedeemRequest))

    async def _take_facts(self, machine: DirectoryEntry, envelope: Envelope) -> FactsReply:
        facts = read_body(envelope, Facts).facts
        return FactsReply(acks=await self._facts.take(facts, machine.sender(envelope)))


def notice_router(till: Till) -> APIRouter:
    """`POST /notify/{merchant_id}/{channel}`: where payment platforms report."""
    router = APIRouter()

    @router.post("/notify/{merchant_id}/{channel}", include_in_schema=False)
    async def notice(merchant_id: str, channel: str, request: Request) -> Response:
        if not is_storable(merchant_id + channel):
            return Response(status_code=404)
        body = await read_bytes(request, NOTICE_BYTES_MAX)
        answer = await till.take_notice(merchant_id, channel, dict(request.headers), body)
        if answer is None:
            return Response(status_code=404)
        return Response(answer.body, status_code=answer.status, media_type=answer.media_type)

    return router
