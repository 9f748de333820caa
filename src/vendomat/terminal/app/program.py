"""Builds a terminal from its settings and runs it until SIGTERM. The only place that knows every part by name."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import structlog

from vendomat.kernel import Clock, ErrorCode, SystemClock, TimeOrderedIds, VendomatError
from vendomat.terminal.app.settings import ENROLMENT_NAME, TerminalSettings, erase_token, read_settings
from vendomat.terminal.app.time_book import SavedTime
from vendomat.terminal.drivers import (
    CoolerDoor,
    CoolerFault,
    Fault,
    SimulatedCabinet,
    SimulatedCooler,
    SimulatedInstruments,
    SimulatedScanner,
)
from vendomat.terminal.journal import Journal, JournalError, JournalThread
from vendomat.terminal.link import CloudHttps, Enrolment, MachineKey, NatsWire, NotAnsweredError, Pictures, Refusals
from vendomat.terminal.loop import Ports, Terminal
from vendomat.terminal.screen import ClosedDesk, Face, ScreenServer, SimControl, build_app

BUILD = "0.1.0"
STATIC = Path(__file__).resolve().parents[2] / "static" / "kiosk"
JOURNAL_AGAIN_S = 5.0
ENROL_AGAIN_FIRST_S, ENROL_AGAIN_MAX_S = 0.5, 15.0


class _CabinetControl:
    """The tester's hand on the simulated cabinet, as the screen's server offers it."""

    def __init__(self, cabinet: SimulatedCabinet, scanner: SimulatedScanner) -> None:
        self._cabinet = cabinet
        self._scanner = scanner

    def set_fault(self, slot: str, fault: str, *, is_once: bool, is_on: bool) -> None:
        self._cabinet.set_fault(slot, _fault_of(fault), is_once=is_once, is_on=is_on)

    def scan(self, line: str) -> None:
        self._scanner.show(line)

    def fill(self, slot: str, count: int) -> None:
        self._cabinet.fill(slot, count)

    def act(self, deed: str, slot: str, count: int) -> None:
        raise VendomatError(ErrorCode.INVALID_VALUE, f"nobody can {deed} here: this is no open-door cooler")

    def state(self) -> dict[str, object]:
        return self._cabinet.state()


class _CoolerControl:
    """The same for the simulated cooler: its faults have no slot, and what a buyer's hands do is told by `act`."""

    def __init__(self, cooler: SimulatedCooler, scanner: SimulatedScanner) -> None:
        self._cooler = cooler
        self._scanner = scanner

    def set_fault(self, slot: str, fault: str, *, is_once: bool, is_on: bool) -> None:
        try:
            known = CoolerFault(fault)
        except ValueError as error:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"{fault!r} is no fault of a cooler") from error
        if is_on:
            self._cooler.faults.add(known)
        else:
            self._cooler.faults.discard(known)

    def scan(self, line: str) -> None:
        self._scanner.show(line)

    def fill(self, slot: str, count: int) -> None:
        self._cooler.fill(slot, count)

    def act(self, deed: str, slot: str, count: int) -> None:
        if deed == "take":
            self._cooler.take(slot, count)
        elif deed not in ("pull", "shut"):
            raise VendomatError(ErrorCode.INVALID_VALUE, f"{deed!r} is no deed; there are pull, take and shut")
        elif not (self._cooler.pull() if deed == "pull" else self._cooler.shut()):
            raise VendomatError(ErrorCode.CONFLICT, f"the door does not {deed} now")

    def state(self) -> dict[str, object]:
        return {
            "stock": self._cooler.stock,
            "releases": self._cooler.releases,
            "is_door_open": self._cooler.is_door_open,
            "faults": sorted(self._cooler.faults),
        }


def _cabinet_of(
    settings: TerminalSettings, folder: Path, scanner: SimulatedScanner, *, clock: Clock, chance: Callable[[], float]
) -> tuple[SimulatedCabinet | CoolerDoor, SimControl]:
    """What the settings say stands here, and the hand of a tester in it."""
    simulated, log_file = settings.simulated, folder / "cabinet.jsonl"
    if simulated.is_cooler:
        cooler = SimulatedCooler(log_file, simulated.slots, clock=clock)
        return CoolerDoor(cooler, clock), _CoolerControl(cooler, scanner)
    cabinet = SimulatedCabinet(log_file, simulated.slots, clock=clock, chance=chance, speed=simulated.speed)
    return cabinet, _CabinetControl(cabinet, scanner)


def _instruments_of(settings: TerminalSettings, cabinet: SimulatedCabinet | CoolerDoor) -> SimulatedInstruments:
    simulated = settings.simulated
    if simulated.signal is None:
        return SimulatedInstruments(cabinet.read, simulated.cash)
    return SimulatedInstruments(cabinet.read, simulated.cash, lambda: simulated.signal)


def _fault_of(text: str) -> Fault:
    try:
        return Fault(text)
    except ValueError as error:
        known = ", ".join(fault.value for fault in Fault if fault)
        raise VendomatError(ErrorCode.INVALID_VALUE, f"{text!r} is no fault; there are {known}") from error


def open_log(file: TextIO) -> structlog.stdlib.BoundLogger:
    """One JSON object a line, flushed at once."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file),
        cache_logger_on_first_use=True,
    )
    log: structlog.stdlib.BoundLogger = structlog.get_logger()
    return log


async def enrol(
    enrolment: Enrolment, settings: TerminalSettings, folder: Path, log: structlog.stdlib.BoundLogger
) -> TerminalSettings:
    """Enrol if that was not done; silence is asked again for ever, a refusal is raised as `VendomatError`."""
    again_s = ENROL_AGAIN_FIRST_S
    while settings.enrolment_token and not enrolment.is_done:
        try:
            await enrolment.enrol(settings.enrolment_token)
        except NotAnsweredError as silence:
            log.warning("enrolment_unanswered", detail=silence.message)
            await asyncio.sleep(again_s)
            again_s = min(again_s * 2, ENROL_AGAIN_MAX_S)
    return erase_token(folder, settings) if settings.enrolment_token else settings


def _as_they_are(ports: Ports) -> Ports:
    return ports


async def run(folder: Path, refit: Callable[[Ports], Ports] = _as_they_are) -> int:
    """Run the terminal of `folder` until SIGTERM or SIGINT; the exit status. `refit` may put other ports in place."""
    time, chance = SavedTime(folder / "last_time", SystemClock()), random.SystemRandom().random
    clock = time.clock
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = read_settings(folder)
    with (folder / "terminal.log").open("a", buffering=1) as log_file:
        log = open_log(log_file)
        key = MachineKey.load_or_create(folder / "machine.seed", secrets.token_bytes)
        https = CloudHttps(settings.cloud_https_url, folder / settings.ca_file, time.clock)
        enrolment = Enrolment(folder / ENROLMENT_NAME, key, https, time.clock)
        if not await _until(stop, enrol(enrolment, settings, folder, log)):
            return 0
        kept = enrolment.kept
        journal = JournalThread(lambda: Journal(folder / "journal.db", key.derive("journal"), epoch_min=kept.epoch))
        face = Face(kept.machine_id, BUILD, settings.mm_px, settings.is_demo, settings.wallet_urls)
        if not await _until(stop, _open(journal, settings.kiosk_port, face, log)):
            return 0
        refusals, scanner = Refusals(), SimulatedScanner()
        cabinet, control = _cabinet_of(settings, folder, scanner, clock=clock, chance=chance)
        wire = NatsWire(
            enrolment, key, epoch=lambda: journal.epoch, clock=clock, chance=chance, log=log, refusals=refusals
        )
        ports = Ports(
            clock=clock,
            ids=TimeOrderedIds(clock),
            journal=journal,
            dispenser=cabinet,
            wire=wire,
            new_nonce=lambda: secrets.token_urlsafe(18),
            chance=chance,
            log=log,
            keys=wire,
            refusals=refusals,
            time=time,
            scanner=scanner,
            instruments=_instruments_of(settings, cabinet),
            door=cabinet if isinstance(cabinet, CoolerDoor) else None,
        )
        terminal = Terminal(refit(ports), face, Pictures(folder / "pictures", https), crash_rule=settings.crash_rule)
        terminal.machine.failed = stop.set
        screen = ScreenServer(settings.kiosk_port)
        await terminal.start()
        await screen.start(build_app(terminal, hosts=screen.hosts, static=STATIC, sim=control))
        _say_ready(f"http://127.0.0.1:{screen.port}/", kept.machine_id)
        await stop.wait()
        terminal.stream.close()
        await screen.stop()
        await terminal.stop()
        log.info("stopped", has_failed=terminal.machine.has_failed)
    return 1 if terminal.machine.has_failed else 0


async def _open(journal: JournalThread, port: int, face: Face, log: structlog.stdlib.BoundLogger) -> None:
    """Open the journal. While its disk or its version forbids that, the screen says so, and it is tried again."""
    try:
        return await journal.open()
    except JournalError as error:
        log.exception("journal_not_opened")
        sys.stderr.write(f"vendomat terminal: {error.message}; nothing is sold until it can be opened\n")
    screen, desk = ScreenServer(port), ClosedDesk(face, "journal_fault")
    await screen.start(build_app(desk, hosts=screen.hosts, static=STATIC))
    try:
        while True:
            await asyncio.sleep(JOURNAL_AGAIN_S)
            with contextlib.suppress(JournalError):
                return await journal.open()
    finally:
        desk.stream.close()
        await screen.stop()


async def _until(stop: asyncio.Event, work: object) -> bool:
    """Run `work`; False when the program was told to stop before it ended. Raises what `work` raises."""
    working = asyncio.ensure_future(work)  # type: ignore[call-overload]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        await working
        return True
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    return False


def _say_ready(kiosk_url: str, machine_id: str) -> None:
    sys.stdout.write(json.dumps({"kiosk_url": kiosk_url, "machine_id": machine_id, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()


def main(folder: Path, refit: Callable[[Ports], Ports] = _as_they_are) -> int:
    """The terminal as a program: exit status 0 when told to stop, 1 when it cannot run (the reason on stderr)."""
    os.umask(0o077)
    try:
        return asyncio.run(run(folder, refit))
    except OSError as error:
        sys.stderr.write(f"vendomat terminal: {error}\n")
        return 1
    except VendomatError as error:
        sys.stderr.write(f"vendomat terminal: {error.code.value}: {error.message}\n")
        return 1
