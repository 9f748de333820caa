"""A whole terminal: its parts, started in the order that safety asks for, and the desk behind its screen.

Order of a start: the epoch is raised durably; what an earlier run left open becomes an outcome; the start itself
becomes a fact; only then does the link open.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from vendomat.kernel import ErrorCode, VendomatError, derive_id
from vendomat.protocol import (
    CatalogueHint,
    Dispense,
    Envelope,
    FactKind,
    FenceRequest,
    OpenDoor,
    OrderLine,
    OrderStatus,
    read_body,
)
from vendomat.terminal.journal import JournalError
from vendomat.terminal.loop.caution import PRUDENT, Caution, CrashRule
from vendomat.terminal.loop.machine import Machine, Ports
from vendomat.terminal.loop.recounting import Recounting
from vendomat.terminal.loop.reporting import Reporting
from vendomat.terminal.loop.selling import Selling
from vendomat.terminal.loop.session import PROGRAM, Session
from vendomat.terminal.loop.tasks import Tasks
from vendomat.terminal.loop.telling import Telling
from vendomat.terminal.loop.uploading import Uploading
from vendomat.terminal.loop.vending import Vending
from vendomat.terminal.loop.watching import Watching
from vendomat.terminal.sale import (
    PRODUCTION,
    CancelPressed,
    ChannelChosen,
    CodeEntered,
    CouponTakenOut,
    DonePressed,
    MoreTimePressed,
    Ordered,
    Safeguards,
)
from vendomat.terminal.screen import CartLine, Face, Stream, View, priced_cart, snapshot_of


class PictureStore(Protocol):
    """Pictures of goods on this machine's disk."""

    def path_of(self, name: str) -> Path | None: ...

    def address_of(self, image: str) -> str: ...

    async def fetch_all(self, images: list[str]) -> bool: ...


class BootBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a BOOT fact. `detail` says what was wrong with the journal of before, if anything."""

    program: str
    boot_nonce: str
    detail: str = ""


class Terminal:
    """Also the screen's `Desk`. `safeguards` are all on except where a check takes one away."""

    stream: Stream

    def __init__(
        self,
        ports: Ports,
        face: Face,
        pictures: PictureStore,
        *,
        safeguards: Safeguards = PRODUCTION,
        crash_rule: CrashRule = PRUDENT,
    ) -> None:
        self._face = face
        self._pictures = pictures
        self.machine = Machine(ports, face.machine_id, ports.new_nonce(), caution=Caution(crash_rule))
        self.uploading = Uploading(self.machine)
        self.selling = Selling(self.machine, self._shown)
        self.vending = Vending(
            self.machine,
            seen=self.selling.see_unit,
            wake_upload=self.uploading.wake,
            fresh=self.uploading.note_fresh,
            safeguards=safeguards,
        )
        self.reporting = Reporting(self.machine, self.uploading.wake)
        self.recounting = Recounting(self.machine, self.uploading.wake)
        self.session = Session(self.machine)
        self.watching = Watching(self.machine)
        self.telling = Telling(self.machine)
        self._tasks = Tasks(ports.log, self.machine.fail)

    # --- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Ready to serve the screen when this returns. Raises `JournalError` when there is no memory to stand on."""
        ports, machine = self.machine.ports, self.machine
        self.stream = Stream(ports.journal.epoch)
        machine.changed = self._changed
        await machine.load()
        await ports.dispenser.start()
        await self._note_boot()
        await self.vending.restore()
        await self.watching.look()
        self.selling.look_around()
        await self.selling.resume()
        if ports.scanner is not None:
            await ports.scanner.start(self.selling.see_line)
        self._tasks.spawn(self.selling.run())
        self._tasks.spawn(self.watching.run())
        self._tasks.spawn(self.uploading.run(self.vending))
        self._tasks.spawn(self.reporting.run())
        if ports.door is not None:
            ports.door.recounted = self.recounting.take
            self._tasks.spawn(self.recounting.run())
        self._tasks.spawn(self.session.run())
        if ports.instruments is not None:
            self._tasks.spawn(self.telling.run(ports.instruments))
        self._tasks.spawn(ports.wire.run(self.serve, self._link_changed))
        self._fetch_pictures()

    async def stop(self) -> None:
        """Let a running vend end and be written, then let go of everything. A stop is no crash: it does not count."""
        if self.machine.ports.scanner is not None:
            await self.machine.ports.scanner.stop()
        await self.vending.stop()
        await self._uncount_start()
        await self._tasks.cancel()
        await self.selling.stop()
        self.stream.close()
        await self.machine.ports.dispenser.stop()
        await self.machine.ports.journal.close()

    async def _uncount_start(self) -> None:
        machine = self.machine
        if machine.caution.starts and not machine.has_failed:
            starts = machine.caution.starts - 1
            try:
                await machine.ports.journal.run(lambda j: j.forget_starts(starts))
            except JournalError as error:
                machine.note_journal(error)

    async def _note_boot(self) -> None:
        machine, journal = self.machine, self.machine.ports.journal
        body = msgspec.json.encode(
            BootBody(program=PROGRAM, boot_nonce=machine.boot_nonce, detail=machine.caution.loss[:300])
        )
        at = machine.now_text()
        await journal.run(lambda j: j.append(FactKind.BOOT, body, at, is_time_trusted=False))
        machine.facts_waiting += 1
        machine.ports.log.info("started", epoch=journal.epoch, loss=machine.caution.loss, starts=machine.caution.starts)

    # --- served to the cloud -----------------------------------------------------------------------------------------

    async def serve(self, envelope: Envelope) -> object | None:
        """One request of the cloud. Raises `VendomatError` for what it does not understand; nothing changed then."""
        match envelope.kind:
            case "dispense":
                return await self.vending.on_dispense(read_body(envelope, Dispense))
            case "open_door":
                return await self.vending.on_dispense(read_body(envelope, OpenDoor))
            case "fence":
                return await self.vending.on_fence(read_body(envelope, FenceRequest))
            case "order":
                self.selling.hear_status(read_body(envelope, OrderStatus))
                return None
            case "catalogue":
                self._tasks.spawn(self._catalogue(read_body(envelope, CatalogueHint).version))
                return None
        raise VendomatError(ErrorCode.NOT_FOUND, f"this machine does not serve {envelope.kind!r}")

    async def _catalogue(self, version: int) -> None:
        try:
            await self.session.fetch_catalogue(version)
        except VendomatError as error:
            # The next heartbeat's reply names the version again.
            self.machine.ports.log.warning("catalogue_not_fetched", code=error.code.value)

    # --- the desk ----------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        machine = self.machine
        return snapshot_of(
            View(
                face=self._face,
                sale=self.selling.sale,
                catalogue=machine.catalogue,
                revision=self.stream.revision,
                at_s=self.selling.now_s(),
                available=machine.available,
                is_open=machine.slots.is_open,
                image=self._pictures.address_of,
                has_scanner=machine.ports.scanner is not None,
                tags=self.selling.prices.tags(),
                price_round=self.selling.prices.round(),
            )
        )

    def price(self, lines: Sequence[CartLine]) -> dict[str, Any]:
        prices = self.selling.prices
        return priced_cart(prices.fares([(line.slot, line.quantity) for line in lines]), prices.coupon_promotion)

    def order(self, request_id: str, lines: Sequence[OrderLine], channel: str, shown_minor: int | None = None) -> None:
        own_id = derive_id("req", self._face.machine_id, request_id)
        self.selling.take(
            Ordered(at_s=self._now_s(), request_id=own_id, lines=tuple(lines), channel=channel, shown_minor=shown_minor)
        )

    def choose_channel(self, channel: str) -> None:
        self.selling.take(ChannelChosen(at_s=self._now_s(), channel=channel))

    def cancel(self) -> None:
        self.selling.take(CancelPressed(at_s=self._now_s()))

    def done(self) -> None:
        self.selling.take(DonePressed(at_s=self._now_s()))

    def enter_code(self, code: str) -> None:
        request_id = self.machine.ports.ids.new("req")
        self.selling.take(CodeEntered(at_s=self._now_s(), request_id=request_id, code=code))

    def enter_coupon(self, code: str) -> None:
        self.selling.enter_coupon(code)

    def take_coupon_out(self) -> None:
        self.selling.take(CouponTakenOut(at_s=self._now_s()))

    def awake(self) -> None:
        self.selling.take(MoreTimePressed(at_s=self._now_s()))

    def picture(self, name: str) -> Path | None:
        return self._pictures.path_of(name)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _now_s(self) -> float:
        return self.selling.now_s()

    def _shown(self) -> None:
        self.stream.changed()

    def _changed(self) -> None:
        """Something about the machine changed: the sale hears of it, the screen shows it, waiting facts may go."""
        self.selling.look_around()
        self.stream.changed()
        if self.machine.is_online:
            self.uploading.wake()
            self._fetch_pictures()

    def _link_changed(self, is_connected: bool) -> None:
        self.session.link_changed(is_connected)

    def _fetch_pictures(self) -> None:
        catalogue = self.machine.catalogue
        if catalogue is None:
            return
        images = [slot.image for slot in catalogue.slots if slot.image and not self._pictures.address_of(slot.image)]
        if images and not self._tasks.is_running("pictures"):
            self._tasks.spawn(self._pictured(images), name="pictures")

    async def _pictured(self, images: list[str]) -> None:
        if await self._pictures.fetch_all(images):
            self.stream.changed()
