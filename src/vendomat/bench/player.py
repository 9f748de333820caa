"""One machine as the load generator plays it: the wire, the keys, the envelopes and the messages are the real ones.

It keeps no journal and turns no motor; it answers a command with its intent and its outcome at once. It checks the
cloud's signature on the command, as the motor's right, and leaves that on other answers to real machines.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import nats
import structlog
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from nats.aio.client import Client
from nats.aio.msg import Msg

from vendomat.cloud.platform.identity import Nkey
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError, heeding
from vendomat.protocol import (
    CommandReply,
    Dispense,
    Envelope,
    Fact,
    FactKind,
    Facts,
    FactsReply,
    Heartbeat,
    HeartbeatReply,
    Hello,
    HelloReply,
    OrderLine,
    OrderRequest,
    OrderStatus,
    Problem,
    VendFact,
    VendResult,
    read_body,
    seal,
    unseal,
)
from vendomat.wire import taken_up

log = structlog.get_logger(__name__)

ANSWER_S = 30.0
ECHO, ECHO_BYTES = "echo", bytes(600)
"""A question of the yardstick: as long as a small message is."""

_Reply = TypeVar("_Reply")


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """A machine's place in the load: who it is and what it sells."""

    machine_id: str
    seed: str
    user_jwt: str
    slot: str
    price_minor: int


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """Where all machines find the cloud. `cloud_keys` are raw Ed25519 keys by id."""

    nats_url: str
    ca_file: str
    cloud_keys: dict[str, bytes]
    epoch: int
    seq_before: int = 0


class Sale(msgspec.Struct, kw_only=True):
    """One cycle under way. Times are of the event loop."""

    order: OrderStatus
    request_id: str
    paid_at: float = 0.0
    cmd_id: str = ""
    facts: list[int] = []


PayFor = Callable[[Sale], Awaitable[None]]


class Player:
    """`connect` and `greet`, then `cycle` again and again; `beat` meanwhile. Ungreeted it can only `echo`."""

    def __init__(self, seat: Seat, around: Surroundings, *, clock: Clock, ids: Ids) -> None:
        self.seat = seat
        self._around = around
        self._clock = clock
        self._ids = ids
        self._key = Nkey(seat.seed.encode())
        self.key_id = self._key.public
        self._keys = {key_id: VerifyKey(raw) for key_id, raw in around.cloud_keys.items()}
        self._client = Client()
        self._nonce = ids.new("nce")
        self._message = 0
        self._seq = around.seq_before
        self._commanded: asyncio.Future[tuple[float, Dispense]] | None = None
        self._states: dict[str, str] = {}
        self._news = asyncio.Event()

    def sign(self, data: bytes) -> bytes:
        """Fits `protocol.Signer`."""
        return self._key.sign(data)

    async def connect(self) -> None:
        """Onto the wire, subscribed."""
        machine_id = self.seat.machine_id
        self._client = await nats.connect(
            self._around.nats_url,
            tls=ssl.create_default_context(cafile=self._around.ca_file),
            tls_handshake_first=True,
            user_jwt_cb=lambda: bytearray(self.seat.user_jwt.encode()),
            signature_cb=self._key.answer,
            inbox_prefix=f"_INBOX_{machine_id}",
            allow_reconnect=False,
            pending_size=-1,
        )
        await self._client.subscribe(f"vm.{machine_id}.down.>", cb=self._take)
        await taken_up(self._client)

    async def greet(self) -> None:
        """Known to the cloud from now on."""
        hello = Hello(program="bench", boot_nonce=self._ids.new("boot"), nonce=self._nonce)
        settings = (await self._ask("hello", hello, HelloReply)).settings
        self._heartbeat_s = settings.heartbeat_s
        await self._beat_once()

    async def beat(self) -> None:
        """Until cancelled: a heartbeat with a fresh nonce, as often as the cloud wants it."""
        while True:
            await self._clock.sleep(self._heartbeat_s)
            await self._beat_once()

    async def _beat_once(self) -> None:
        self._nonce = self._ids.new("nce")
        await self._ask("heartbeat", Heartbeat(nonce=self._nonce, is_ready=True), HeartbeatReply)

    async def aclose(self) -> None:
        await self._client.close()

    async def cycle(self, pay_for: PayFor) -> tuple[Sale, float]:
        """One paid vend from the order to its settlement; the sale and the seconds from payment to command."""
        line = OrderLine(slot=self.seat.slot, quantity=1, price_minor=self.seat.price_minor)
        request_id = self._ids.new("req")
        wanted = OrderRequest(request_id=request_id, lines=[line], channel="wechat", nonce=self._nonce)
        sale = Sale(order=await self._ask("order", wanted, OrderStatus), request_id=request_id)
        if not sale.order.offers[0].code_url:
            raise VendomatError(ErrorCode.UNAVAILABLE, "the order came without a code to pay")
        self._commanded = asyncio.get_running_loop().create_future()
        await pay_for(sale)
        async with asyncio.timeout(ANSWER_S):
            commanded_at, command = await self._commanded
        sale.cmd_id = command.cmd_id
        sale.facts = [self._seq]
        await self._until(sale, {"dispensing"})  # the motor turns for seconds: an intent is always there first
        outcome = self._fact(FactKind.OUTCOME, command, VendResult.DELIVERED)
        sale.facts.append(outcome.seq)
        reply = await self._ask("facts", Facts(facts=[outcome]), FactsReply)
        if [ack.digest for ack in reply.acks] != [outcome.digest()]:
            raise VendomatError(ErrorCode.CONFLICT, "the outcome was not acknowledged")
        await self._until(sale, {"settled"})
        del self._states[sale.order.order_id]
        return sale, commanded_at - sale.paid_at

    async def echo(self) -> float:
        """Seconds from a question to its answer, whatever answers: the wire itself."""
        began = asyncio.get_running_loop().time()
        await self._client.request(f"vm.{self.seat.machine_id}.up.{ECHO}", ECHO_BYTES, timeout=ANSWER_S)
        return asyncio.get_running_loop().time() - began

    async def _until(self, sale: Sale, wanted: set[str]) -> None:
        async with asyncio.timeout(ANSWER_S):
            while self._states.get(sale.order.order_id) not in wanted:
                self._news.clear()
                await self._news.wait()

    async def _ask(self, kind: str, body: object, reply_type: type[_Reply]) -> _Reply:
        subject = f"vm.{self.seat.machine_id}.up.{kind}"
        answer = await heeding(self._client.request(subject, self._sealed(kind, body), timeout=ANSWER_S))
        envelope = self._opened(answer.data)
        if envelope.kind == "problem":
            problem = read_body(envelope, Problem)
            raise VendomatError(ErrorCode.CONFLICT, f"{kind} was refused: {problem.code}: {problem.message}")
        return read_body(envelope, reply_type)

    def _sealed(self, kind: str, body: object) -> bytes:
        self._message += 1
        machine, epoch = self.seat.machine_id, self._around.epoch
        return seal(body, kind=kind, machine=machine, epoch=epoch, seq=self._message, signer=self)

    def _opened(self, data: bytes) -> Envelope:
        return unseal(data, verify=lambda *_: True, machine=self.seat.machine_id)

    def _is_the_clouds(self, key_id: str, data: bytes, signature: bytes) -> bool:
        try:
            self._keys[key_id].verify(data, signature)
        except (KeyError, BadSignatureError):
            return False
        return True

    async def _take(self, message: Msg) -> None:
        kind = message.subject.rsplit(".", 1)[-1]
        if kind == "order":
            status = read_body(self._opened(message.data), OrderStatus)
            self._states[status.order_id] = status.state
            self._news.set()
        elif kind == "dispense":
            at = asyncio.get_running_loop().time()
            envelope = unseal(message.data, verify=self._is_the_clouds, machine=self.seat.machine_id)
            await self._accept(message, at, read_body(envelope, Dispense))

    async def _accept(self, message: Msg, at: float, command: Dispense) -> None:
        if self._commanded is None or self._commanded.done():
            log.warning("command.repeated", cmd_id=command.cmd_id)
            return
        intent = self._fact(FactKind.INTENT, command)
        self._commanded.set_result((at, command))
        await message.respond(self._sealed("dispense.reply", CommandReply(facts=[intent])))

    def _fact(self, kind: FactKind, command: Dispense, result: VendResult | None = None) -> Fact:
        self._seq += 1
        body = VendFact(
            cmd_id=command.cmd_id, order_id=command.order_id, unit=command.unit, slot=command.slot, result=result
        )
        return Fact(
            epoch=self._around.epoch,
            seq=self._seq,
            kind=kind,
            at=self._clock.now().isoformat(),
            body=msgspec.Raw(msgspec.json.encode(body)),
        )
