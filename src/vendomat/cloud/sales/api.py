"""How sales are asked: by terminals over the wire, by payment platforms over HTTP.

A message is opened (signature, machine, size, form) before anything else, and answered with a signed reply; a refusal
is a signed problem and changes nothing. What cannot be answered by our own fault gets no answer: the terminal asks
again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from fastapi import APIRouter, Request, Response

from vendomat.cloud.catalog import catalogue_for
from vendomat.cloud.machines import DirectoryEntry, HeartbeatItem, HelloItem, MachineDirectory
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.facts import FactTaker
from vendomat.cloud.sales.presence import Presence
from vendomat.cloud.sales.service import SalesDesk
from vendomat.cloud.sales.till import Till
from vendomat.cloud.sales.use_cases import newest_epochs
from vendomat.kernel import Clock, ErrorCode, VendomatError
from vendomat.protocol import (
    PROTOCOL_VERSION,
    Catalogue,
    CatalogueRequest,
    ChannelRequest,
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
    Settings,
    Signer,
    read_body,
    seal,
)

log = structlog.get_logger(__name__)

NOTICE_BYTES_MAX = 65_536
_NUL = b"\\u0000"
_WAITING_MAX = 2**31 - 1
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
    ) -> None:
        self._database = database
        self._directory = directory
        self._desk = desk
        self._facts = facts
        self._presence = presence
        self._signer = signer
        self._settings = settings
        self._clock = clock
        self._answers: dict[str, _Answer] = {
            "hello": self._hello,
            "heartbeat": self._heartbeat,
            "catalogue": self._catalogue,
            "order": self._selling(self._order),
            "channel": self._selling(self._of_newest_run(self._channel)),
            "order_status": self._status,
            "cancel": self._of_newest_run(self._cancel),
            "redeem": self._selling(self._redeem),
            "facts": self._take_facts,
        }

    async def handle(self, machine_id: str, kind: str, data: bytes) -> bytes | None:
        """The signed reply to one message of `machine_id` (known from the subject, never from the payload).

        It carries the epoch and seq of the message, so that an old reply never passes for the answer to a new one.
        """
        epoch, seq = 0, 0
        try:
            machine, envelope = await self._directory.open(machine_id, data)
            epoch, seq = envelope.epoch, envelope.seq
            body = await self._answer_to(kind, envelope)(machine, envelope)
            reply_kind = f"{kind}.reply"
        except VendomatError as error:
            if error.code is ErrorCode.UNAVAILABLE:
                return None
            log.info("message.refused", machine=machine_id, kind=kind, code=error.code, message=error.message)
            body = Problem(code=error.code, message=error.message[:500], detail=error.detail)
            reply_kind = "problem"
        return seal(body, kind=reply_kind, machine=machine_id, epoch=epoch, seq=seq, signer=self._signer)

    def _answer_to(self, kind: str, envelope: Envelope) -> _Answer:
        answer = self._answers.get(kind)
        if answer is None or envelope.kind != kind:
            raise VendomatError(ErrorCode.MALFORMED, f"there is no message of kind {kind!r}; nothing changed")
        if _NUL in bytes(envelope.body):  # no row can keep one, and the batch it came in would fail with it
            raise VendomatError(ErrorCode.MALFORMED, "the message contains a NUL character; nothing changed")
        return answer

    def _selling(self, answer: _Answer) -> _Answer:
        async def only_when_selling(machine: DirectoryEntry, envelope: Envelope) -> object:
            if not machine.is_selling:
                raise VendomatError(ErrorCode.FORBIDDEN, "this machine may not sell now; no money was taken")
            return await answer(machine, envelope)

        return only_when_selling

    def _of_newest_run(self, answer: _Answer) -> _Answer:
        """For messages that no other statement checks: an older run of the machine, or its double, changes nothing."""

        async def only_of_newest_run(machine: DirectoryEntry, envelope: Envelope) -> object:
            key = (machine.merchant_id, machine.machine_id)
            async with self._database.hot.acquire() as connection:
                newest = await newest_epochs(connection, [key])
            if envelope.epoch < newest.get(key, 0):
                raise VendomatError(
                    ErrorCode.OLD_EPOCH, "the request comes from an earlier run of the machine; nothing changed"
                )
            return await answer(machine, envelope)

        return only_of_newest_run

    async def _hello(self, machine: DirectoryEntry, envelope: Envelope) -> HelloReply:
        hello = read_body(envelope, Hello)
        now = self._clock.now()
        item = HelloItem(machine.merchant_id, machine.machine_id, envelope.epoch, hello.boot_nonce, hello.nonce, now)
        greeted = await self._presence.greet(item)
        return HelloReply(
            version=PROTOCOL_VERSION,
            now=now.isoformat(),
            settings=Settings(
                heartbeat_s=self._settings.heartbeat_s,
                lease_s=self._settings.lease_s,
                ttl_s=self._settings.ttl_s,
                qr_s=self._settings.qr_s,
            ),
            catalogue_version=greeted.catalogue_version,
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
            )
        )
        return HeartbeatReply(catalogue_version=heard.catalogue_version)

    async def _catalogue(self, machine: DirectoryEntry, envelope: Envelope) -> Catalogue:
        read_body(envelope, CatalogueRequest)
        async with self._database.hot.acquire() as connection:
            return await catalogue_for(connection, machine.merchant_id, machine.machine_id)

    async def _order(self, machine: DirectoryEntry, envelope: Envelope) -> object:
        return await self._desk.order(machine, envelope.epoch, read_body(envelope, OrderRequest))

    async def _channel(self, machine: DirectoryEntry, envelope: Envelope) -> object:
        return await self._desk.channel(machine, read_body(envelope, ChannelRequest))

    async def _status(self, machine: DirectoryEntry, envelope: Envelope) -> object:
        return await self._desk.status(machine, read_body(envelope, OrderRef))

    async def _cancel(self, machine: DirectoryEntry, envelope: Envelope) -> object:
        return await self._desk.cancel(machine, read_body(envelope, OrderRef))

    async def _redeem(self, machine: DirectoryEntry, envelope: Envelope) -> object:
        return await self._desk.redeem(machine, envelope.epoch, read_body(envelope, RedeemRequest))

    async def _take_facts(self, machine: DirectoryEntry, envelope: Envelope) -> FactsReply:
        facts = read_body(envelope, Facts).facts
        acks = await self._facts.take(machine.merchant_id, machine.machine_id, facts, sender_epoch=envelope.epoch)
        return FactsReply(acks=acks)


def notice_router(till: Till) -> APIRouter:
    """`POST /notify/{merchant_id}/{channel}`: where payment platforms report."""
    router = APIRouter()

    @router.post("/notify/{merchant_id}/{channel}")
    async def notice(merchant_id: str, channel: str, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > NOTICE_BYTES_MAX:
                return Response(status_code=413)
        answer = await till.take_notice(merchant_id, channel, dict(request.headers), body)
        if answer is None:
            return Response(status_code=404)
        return Response(answer.body, status_code=answer.status, media_type=answer.media_type)

    return router
