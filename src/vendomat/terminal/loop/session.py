"""The conversation with the cloud: hello, heartbeats with fresh nonces, the catalogue. Decides nothing about vends."""

from __future__ import annotations

import asyncio

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import (
    Catalogue,
    CatalogueRequest,
    Heartbeat,
    HeartbeatReply,
    Hello,
    HelloReply,
)
from vendomat.terminal.journal import JournalError
from vendomat.terminal.link import NotAnsweredError
from vendomat.terminal.loop.machine import Machine

PROGRAM = "vendomat-terminal/0.1.0"
REQUEST_TIMEOUT_S = 4.0
HELLO_AGAIN_S = 1.0


class Session:
    """`is_online` of the machine is true from a hello's reply until a heartbeat stays without one."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._wake = asyncio.Event()
        self._has_greeted = False
        self._greeted_with: tuple[str, ...] = ()

    def link_changed(self, is_connected: bool) -> None:
        """The subscriptions are confirmed, or the connection is gone."""
        self._has_greeted = False
        if not is_connected:
            self._set_online(False)
        self._wake.set()

    async def run(self) -> None:
        """Greet after each connection, then beat; until cancelled."""
        while True:
            self._wake.clear()
            pause_s = HELLO_AGAIN_S
            if self._machine.ports.wire.is_connected:
                pause_s = await self._say()
            await self._pause(pause_s)

    async def _say(self) -> float:
        machine = self._machine
        try:
            is_known = self._has_greeted and self._greeted_with == self._key_ids()
            version = await (self._beat() if is_known else self._greet())
            self._set_online(True)
            await self.fetch_catalogue(version)
        except NotAnsweredError as silence:
            machine.ports.log.warning("cloud_silent", detail=silence.message)
            self._set_online(False)
            return HELLO_AGAIN_S
        except VendomatError as refusal:
            if refusal.code is ErrorCode.OLD_EPOCH:
                await self._note_newer_run(refusal)
            machine.ports.log.warning("cloud_refused", code=refusal.code.value, detail=refusal.message)
            self._has_greeted = False
            self._set_online(False)
            return machine.settings.heartbeat_s
        return machine.settings.heartbeat_s

    async def _greet(self) -> int:
        machine = self._machine
        key_ids = self._key_ids()
        hello = Hello(program=PROGRAM, boot_nonce=machine.boot_nonce, nonce=machine.new_nonce(), key_ids=key_ids)
        clock = machine.ports.clock
        asked_s = clock.elapsed()
        reply = await machine.ports.wire.request("hello", hello, HelloReply, timeout_s=REQUEST_TIMEOUT_S)
        machine.settings = reply.settings
        machine.note_cloud_time(reply.now, clock.elapsed() - asked_s)
        self._has_greeted, self._greeted_with = True, key_ids
        self._compare_keys(reply.key_ids)
        return reply.catalogue_version

    async def _note_newer_run(self, refusal: VendomatError) -> None:
        """This memory is older than the machine: an old image of its disk, or a double of it. Begin anew above it."""
        machine, known = self._machine, refusal.detail.get("epoch")
        if not isinstance(known, int):
            return
        reason = f"the cloud knows run {known} of this machine, this memory only {machine.ports.journal.epoch}"
        try:
            await machine.ports.journal.run(lambda j: j.note_newer_run(known, reason))
        except JournalError as error:
            machine.note_journal(error)
            return
        machine.caution.loss = reason
        machine.ports.log.error("memory_is_old", known=known)
        machine.fail()

    async def _beat(self) -> int:
        machine = self._machine
        faults = list(machine.faults())
        beat = Heartbeat(
            nonce=machine.new_nonce(),
            is_ready=not faults,
            reasons=faults,
            closed_slots=machine.slots.closed(),
            temperature_c=machine.readings.temperature_c,
            facts_waiting=machine.facts_waiting,
            catalogue_version=machine.catalogue.version if machine.catalogue else 0,
        )
        reply = await machine.ports.wire.request("heartbeat", beat, HeartbeatReply, timeout_s=REQUEST_TIMEOUT_S)
        self._compare_keys(reply.key_ids)
        return reply.catalogue_version

    def _key_ids(self) -> tuple[str, ...]:
        keys = self._machine.ports.keys
        return keys.key_ids if keys is not None else ()

    def _compare_keys(self, told: tuple[str, ...]) -> None:
        """The cloud names the keys to trust; we take them from its HTTPS door only, and then greet anew."""
        keys = self._machine.ports.keys
        if keys is not None and told and set(told) != set(keys.key_ids):
            keys.renew_soon()

    async def fetch_catalogue(self, version: int) -> None:
        """Get the catalogue when `version` is another than ours. Raises as a request does."""
        machine = self._machine
        known = machine.catalogue.version if machine.catalogue else 0
        if version == known:
            return
        request = CatalogueRequest(known_version=known)
        catalogue = await machine.ports.wire.request("catalogue", request, Catalogue, timeout_s=REQUEST_TIMEOUT_S)
        await machine.keep_catalogue(catalogue)

    def _set_online(self, is_online: bool) -> None:
        if self._machine.is_online != is_online:
            self._machine.is_online = is_online
            self._machine.changed()

    async def _pause(self, seconds: float) -> None:
        clock = self._machine.ports.clock
        sleeping = asyncio.ensure_future(clock.sleep(seconds))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()
