"""The cloud's end of the wire: one NATS connection per worker, requests in both directions.

NATS stores nothing that matters here: publishing while disconnected fails at once, a request that is not answered
proves nothing. Knows subjects and bytes only; what a message means is the business of who handles it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol

import nats
import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from vendomat.cloud.platform.identity import CloudIdentity, Nkey, NkeyRole, cloud_inbox, may_answer
from vendomat.kernel import Clock, heeding
from vendomat.protocol import MESSAGE_BYTES_MAX
from vendomat.wire import let_go, taken_up

log = structlog.get_logger(__name__)

Handle = Callable[[str, str, bytes], Awaitable[bytes | None]]
"""`handle(machine_id, kind, data)` gives the reply, or None for no reply (the terminal asks again)."""

Refused = Callable[[str, str], None]
"""`refused(what, machine_id)`."""


def _unnoticed(what: str, machine_id: str) -> None:
    """For set-ups where nobody counts."""


IDENTITY_LIFE = timedelta(hours=12)
AT_ONCE_MAX = 2_000
RECONNECT_WAIT_S = 1
CONNECT_TIMEOUT_S = 5
GREETING_S_MAX = 10.0


class MachineWire(Protocol):
    """The wire to machines as the cloud's features see it. It keeps nothing; no answer proves nothing."""

    async def serve(self, handle: Handle) -> None:
        """Answer what machines ask, together with every other worker."""
        ...

    @property
    def is_connected(self) -> bool:
        """Whether machines can be heard now."""
        ...

    async def ask(self, machine_id: str, kind: str, data: bytes, *, timeout_s: float) -> bytes | None:
        """A machine's answer; None when there was none, for whatever reason."""
        ...

    async def tell(self, machine_id: str, kind: str, data: bytes) -> None:
        """Tell a machine something it would also find out by asking."""
        ...


class Wire:
    """`MachineWire` over NATS. Made by `await Wire.open(...)`."""

    def __init__(self, identity: CloudIdentity, clock: Clock, worker_id: str) -> None:
        self._identity = identity
        self._clock = clock
        self._worker_id = worker_id
        self._key = Nkey.new(NkeyRole.USER)
        self._client = Client()
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, url: str, identity: CloudIdentity, clock: Clock, worker_id: str) -> Wire:
        """Connect, and keep connecting for as long as the process lives."""
        wire = cls(identity, clock, worker_id)
        while True:
            if await wire._connect(url):
                return wire
            await asyncio.sleep(RECONNECT_WAIT_S)

    async def _connect(self, url: str) -> bool:
        """One try at a first greeting. One that is torn leaves a client that hangs, or that looks open and is dead:
        it is thrown away. Later ones the client begins again by itself."""
        client = Client()
        is_open = False
        try:
            async with asyncio.timeout(GREETING_S_MAX):
                await heeding(
                    client.connect(
                        url,
                        tls=self._identity.authority.client_context(),
                        tls_handshake_first=True,
                        user_jwt_cb=self._jwt,
                        signature_cb=self._key.answer,
                        inbox_prefix=cloud_inbox(self._worker_id),
                        name=f"cloud {self._worker_id}",
                        error_cb=self._on_error,
                        pending_size=-1,
                        max_reconnect_attempts=-1,
                        reconnect_time_wait=RECONNECT_WAIT_S,
                        connect_timeout=CONNECT_TIMEOUT_S,
                        ping_interval=5,
                        max_outstanding_pings=2,
                    )
                )
            is_open = client.is_connected
        except (nats.errors.Error, OSError) as error:  # a time-out among them
            log.warning("wire.refused_us", error=str(error) or type(error).__name__)
        finally:
            if not is_open:
                await let_go(client)
        self._client = client
        return is_open

    @property
    def is_connected(self) -> bool:
        return bool(self._client.is_connected)

    async def serve(self, handle: Handle, refused: Refused = _unnoticed) -> None:
        """Answer what machines ask, together with every other worker; `refused` hears of what is not handed on."""

        async def receive(message: Msg) -> None:
            if len(self._tasks) >= AT_ONCE_MAX:
                return  # no reply is a reply: the terminal asks again, later
            task = asyncio.create_task(self._answer(handle, refused, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        await self._client.subscribe("vm.*.up.>", queue="cloud", cb=receive)
        await taken_up(self._client)

    async def _answer(self, handle: Handle, refused: Refused, message: Msg) -> None:
        _, machine_id, _, kind = message.subject.split(".", 3)
        if len(message.data) > MESSAGE_BYTES_MAX or not may_answer(machine_id, message.reply):
            log.warning("wire.refused", machine=machine_id, kind=kind, size=len(message.data), reply=message.reply)
            refused("wire.unreadable" if len(message.data) > MESSAGE_BYTES_MAX else "wire.reply_subject", machine_id)
            return
        try:
            reply = await handle(machine_id, kind, message.data)
        except Exception:
            log.exception("wire.handler_failed", machine=machine_id, kind=kind)
            return
        if reply is not None:
            with contextlib.suppress(nats.errors.Error, ConnectionError):
                await self._client.publish(message.reply, reply)

    async def ask(self, machine_id: str, kind: str, data: bytes, *, timeout_s: float) -> bytes | None:
        """A machine's answer; None when there was none, for whatever reason. None proves nothing."""
        try:
            reply = await heeding(self._client.request(f"vm.{machine_id}.down.{kind}", data, timeout=timeout_s))
        except (nats.errors.Error, ConnectionError, TimeoutError):
            return None
        return bytes(reply.data)

    async def tell(self, machine_id: str, kind: str, data: bytes) -> None:
        """Tell a machine something it would also find out by asking."""
        with contextlib.suppress(nats.errors.Error, ConnectionError):
            await self._client.publish(f"vm.{machine_id}.down.{kind}", data)

    async def aclose(self) -> None:
        await let_go(self._client)
        for task in list(self._tasks):
            task.cancel()

    def _jwt(self) -> bytearray:
        expires_at = self._clock.now() + IDENTITY_LIFE
        return bytearray(self._identity.issue_cloud_jwt(self._key.public, self._worker_id, expires_at).encode())

    async def _on_error(self, error: Exception) -> None:
        log.warning("wire.error", error=str(error))
