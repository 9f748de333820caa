"""The wire over NATS: TLS first, one identity, no buffer, our own reconnection. Every message is signed both ways.

Publishing without a connection fails at once. `changed(True)` is said only after the server has confirmed the
subscriptions. A message that the cloud's keys did not sign is counted as a refusal and changes nothing; so is a
permission that the server refuses, and a log-in challenge that is none. The wire's server is trusted with nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import nats
import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from vendomat.kernel import Clock, ErrorCode, VendomatError, heeding
from vendomat.protocol import SecurityKind
from vendomat.terminal.link.contract import Down, NotAnsweredError
from vendomat.terminal.link.enrolment import RENEW_AGAIN_S, RENEW_LOOK_S_MAX, Enrolment
from vendomat.terminal.link.keys import MachineKey
from vendomat.terminal.link.refusals import Refusals
from vendomat.terminal.link.talk import SealedTalk
from vendomat.terminal.link.tls import client_context
from vendomat.wire import let_go, taken_up

CONNECT_TIMEOUT_S = 5
GREETING_S_MAX = 20.0
LOOK_EVERY_S = 0.2
PING_EVERY_S = 3
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 10.0
SERVED_MAX = 64
KEYS_SPREAD_S = 60.0
KEYS_AGAIN_S = 10.0

_Reply = TypeVar("_Reply")


class NatsWire:
    """`epoch` is asked for each message; `chance` gives numbers in [0, 1) for the jitter."""

    def __init__(  # noqa: PLR0913 - named parts, put together in one place
        self,
        enrolment: Enrolment,
        key: MachineKey,
        *,
        epoch: Callable[[], int],
        clock: Clock,
        chance: Callable[[], float],
        log: structlog.stdlib.BoundLogger,
        refusals: Refusals | None = None,
    ) -> None:
        self._enrolment = enrolment
        self._key = key
        self._clock = clock
        self._chance = chance
        self._log = log
        self._refusals = refusals or Refusals()
        self._keys_wanted = asyncio.Event()
        self._talk = SealedTalk(
            key,
            machine=lambda: self._machine,
            epoch=epoch,
            verify=enrolment.cloud_keys.verify,
            log=log,
            refused=self._refused,
        )
        self._is_refused = False
        self._client: Client | None = None
        self._lost = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def is_connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The cloud's keys that count here."""
        return self._enrolment.cloud_keys.key_ids

    def renew_soon(self) -> None:
        """Ask over HTTPS for the right and the cloud's keys of now; machines spread over a minute, each asks seldom."""
        self._keys_wanted.set()

    @property
    def _machine(self) -> str:
        return self._enrolment.kept.machine_id

    # --- asking ------------------------------------------------------------------------------------------------------

    async def request(self, kind: str, body: object, reply_type: type[_Reply], *, timeout_s: float) -> _Reply:
        client = self._client
        if client is None or not client.is_connected:
            raise NotAnsweredError(f"{kind}: there is no connection")
        question = self._talk.ask(kind, body)
        try:
            asked = client.request(f"vm.{self._machine}.up.{kind}", question.data, timeout=timeout_s)
            answer = await heeding(asked)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise NotAnsweredError(f"{kind}: {error or type(error).__name__}") from error
        return self._talk.answer(question, answer.data, reply_type)

    def _refused(self, what: SecurityKind, code: ErrorCode | None = None) -> None:
        """Count what is not the cloud's word. It may be signed by a new key of its: ask where the answer is safe."""
        self._refusals.note(what)
        if code is ErrorCode.BAD_SIGNATURE:
            self.renew_soon()

    # --- staying connected -------------------------------------------------------------------------------------------

    async def run(self, down: Down, changed: Callable[[bool], None]) -> None:
        renewing = asyncio.create_task(self._keep_renewed())
        backoff_s = BACKOFF_FIRST_S
        ours = asyncio.current_task()
        assert ours is not None
        try:
            while not ours.cancelling():  # the client may swallow a cancellation in the middle of its greeting
                if await self._connect(down):
                    backoff_s = BACKOFF_FIRST_S
                    changed(True)
                    while self.is_connected and not ours.cancelling():
                        await self._lost_or_a_while()
                    changed(False)
                await self._clock.sleep(backoff_s * (0.5 + self._chance()))
                backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)
        finally:
            renewing.cancel()
            await self._drop()

    async def _lost_or_a_while(self) -> None:
        """The client tells of the end only after a farewell, which may take half a minute on a dead line."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._lost.wait()

    async def _on_closed(self) -> None:
        self._lost.set()

    async def _connect(self, down: Down) -> bool:
        await self._drop()
        self._lost = asyncio.Event()
        self._is_refused = False
        client = Client()
        is_open = False
        try:
            async with asyncio.timeout(GREETING_S_MAX):
                await self._greet(client, down)
            is_open = not self._is_refused
        except Exception as error:
            # Whatever a server greets us with, its fault is not ours: we are not connected, and try again.
            self._log.warning("wire_refused", error=str(error) or type(error).__name__)
            if isinstance(error, VendomatError):
                self._refused(SecurityKind.CHALLENGE_REFUSED)
            if isinstance(error, nats.errors.Error) and "uthoriz" in str(error):
                await self._renew()
            return False
        finally:
            if not is_open:
                await let_go(client)
        if not is_open:
            self._log.error("subscription_refused")
            return False
        self._client = client
        self._log.info("wire_connected", url=self._enrolment.kept.nats_url)
        return True

    async def _greet(self, client: Client, down: Down) -> None:
        await client.connect(
            self._enrolment.kept.nats_url,
            tls=client_context(self._enrolment.ca_file, self._clock),
            tls_handshake_first=True,
            user_jwt_cb=lambda: bytearray(self._enrolment.kept.user_jwt.encode()),
            signature_cb=self._key.answer,
            inbox_prefix=f"_INBOX_{self._machine}",
            error_cb=self._on_error,
            closed_cb=self._on_closed,
            allow_reconnect=False,
            connect_timeout=CONNECT_TIMEOUT_S,
            ping_interval=PING_EVERY_S,
            max_outstanding_pings=1,
            pending_size=-1,
        )
        await client.subscribe(f"vm.{self._machine}.down.>", cb=self._serve_with(down))
        await taken_up(client, CONNECT_TIMEOUT_S)

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await let_go(client)

    async def _on_error(self, error: Exception) -> None:
        is_permission = "permissions violation" in str(error).lower()
        self._is_refused = self._is_refused or is_permission
        self._log.warning("wire_error", error=str(error) or type(error).__name__)
        if is_permission:
            self._refused(SecurityKind.RIGHT_REFUSED)

    async def _keep_renewed(self) -> None:
        while True:
            wait_s = min(self._enrolment.renew_in_s(), RENEW_LOOK_S_MAX)
            if wait_s <= 0:
                is_new = await self._renew()
                await self._clock.sleep(1.0 if is_new else RENEW_AGAIN_S)
            elif await self._are_keys_wanted_within(wait_s):
                await self._clock.sleep(self._chance() * KEYS_SPREAD_S)
                self._keys_wanted.clear()
                await self._renew()
                await self._clock.sleep(KEYS_AGAIN_S)

    async def _are_keys_wanted_within(self, seconds: float) -> bool:
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        asking = asyncio.ensure_future(self._keys_wanted.wait())
        try:
            await asyncio.wait({sleeping, asking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            asking.cancel()
        return self._keys_wanted.is_set()

    async def _renew(self) -> bool:
        try:
            await self._enrolment.renew()
        except VendomatError as error:
            self._log.warning("renewal_failed", code=error.code.value, detail=error.message)
            return False
        self._log.info("right_renewed")
        return True

    # --- serving -----------------------------------------------------------------------------------------------------

    def _serve_with(self, down: Down) -> Callable[[Msg], Awaitable[None]]:
        async def take(message: Msg) -> None:
            # A fence waits while the motor runs, so each message is served on its own; too many are left unanswered.
            if len(self._serving) >= SERVED_MAX:
                self._log.warning("wire_flooded", subject=message.subject)
                self._refused(SecurityKind.FLOODED)
                return
            task = asyncio.create_task(self._serve(down, message))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

        return take

    async def _serve(self, down: Down, message: Msg) -> None:
        kind = message.subject.rsplit(".", 1)[-1]
        reply = await self._talk.serve(kind, message.data, down)
        if message.reply and reply is not None:
            try:
                await message.respond(reply)
            except (nats.errors.Error, OSError) as error:
                # The cloud asks again; the journal has the answer.
                self._log.warning("reply_not_sent", kind=kind, error=str(error))
