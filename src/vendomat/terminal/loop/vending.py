"""Performs the effects of the vend machine: journal, motor, answers. All decisions are in `sale.vend_model`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import (
    DOOR,
    CommandReply,
    Dispense,
    DoorFact,
    Fact,
    FactKind,
    FenceRequest,
    OpenDoor,
    VendFact,
    VendResult,
)
from vendomat.terminal.drivers import VendReport
from vendomat.terminal.journal import JournalError, KnownCommand
from vendomat.terminal.loop.machine import Machine
from vendomat.terminal.loop.tasks import Tasks, within
from vendomat.terminal.sale import (
    IS_BUSY,
    PRODUCTION,
    VEND_MOVES,
    Answer,
    CommandReceived,
    Conditions,
    Durable,
    Ended,
    FenceReceived,
    LocalUnit,
    MotorEnded,
    Note,
    Prune,
    Report,
    ReportAcked,
    Restarted,
    Safeguards,
    SlotCheck,
    StartMotor,
    UnitOutcome,
    Unwritten,
    Vend,
    VendEffect,
    VendEvent,
    VendState,
    Write,
    outcome_of,
    restored,
    step_vend,
)

WRITE_AGAIN_S = 1.0
STOP_MAX_S = 90.0
"""A vend that cannot be recorded by then stays an intent; the next start calls it unknown."""
DISPENSE_MAX_S = 60.0
"""Longer than any motor programme: a driver that has not answered by then will not."""
DOOR_MAX_S = 600.0
"""The same for a cooler's door, which waits for its buyer."""
REMEMBERED_MAX = 200
"""Finished commands held in memory; older ones are found in the journal."""


@dataclass(slots=True)
class _Known:
    vend: Vend
    facts: list[Fact] = field(default_factory=list)
    report: VendReport | None = None
    product_id: str = ""
    waiting: dict[bool, list[asyncio.Future[CommandReply]]] = field(default_factory=dict)


class Vending:
    """`seen` hears of each start and each final outcome at once; `fresh` and then `wake_upload` of each new fact."""

    def __init__(
        self,
        machine: Machine,
        *,
        seen: Callable[[LocalUnit], None],
        wake_upload: Callable[[], None],
        fresh: Callable[[Fact], None] = lambda _: None,
        safeguards: Safeguards = PRODUCTION,
    ) -> None:
        self._machine = machine
        self._seen = seen
        self._wake_upload = wake_upload
        self._fresh = fresh
        self._safeguards = safeguards
        self._known: dict[str, _Known] = {}
        self._tasks = Tasks(machine.ports.log, machine.fail)
        self._pruned: list[Prune] = []

    # --- asked by the cloud ------------------------------------------------------------------------------------------

    async def on_dispense(self, command: Dispense | OpenDoor) -> CommandReply:
        """The command's facts once its INTENT or refusal is durable. Raises `JournalError` when it cannot be read."""
        known = await self._look_up(command.cmd_id)
        self._refuse_to_guess(known)
        known.product_id = known.product_id or command.product_id
        conditions = await self._conditions(command.cmd_id, command.slot, command.nonce)
        answer = self._wait(known, to_fence=False)
        self._step(known, CommandReceived(command, conditions))
        return await answer

    async def on_fence(self, fence: FenceRequest) -> CommandReply:
        """The command's facts once it is final; while the motor runs this waits."""
        known = await self._look_up(fence.cmd_id)
        self._refuse_to_guess(known)
        answer = self._wait(known, to_fence=True)
        self._step(known, FenceReceived(fence))
        return await answer

    def _refuse_to_guess(self, known: _Known) -> None:
        """A machine that lost its memory cannot promise that an unknown command never started: nothing is a fact."""
        if known.vend.state is VendState.ABSENT and not self._machine.has_memory:
            raise VendomatError(
                ErrorCode.UNAVAILABLE, "this machine has lost its memory; what became of the command is not known"
            )

    async def restore(self) -> None:
        """After a start: every command with an INTENT and no outcome becomes UNKNOWN, durably."""
        for command in await self._machine.ports.journal.run(lambda j: j.open_commands()):
            self._step(self._remember(command), Restarted())
        await self._tasks.join()

    def acked(self, fact: Fact) -> None:
        """The cloud has the fact. Prune effects gather until `take_pruned`."""
        known = self._known.get(_vend_fact_of(fact).cmd_id)
        if known is None:
            self._pruned.append(Prune(fact.epoch, fact.seq))
        else:
            self._step(known, ReportAcked(fact.epoch, fact.seq))

    def take_pruned(self) -> list[Prune]:
        taken, self._pruned = self._pruned, []
        return taken

    @property
    def is_busy(self) -> bool:
        """A motor runs, or is about to."""
        return any(known.vend.state in IS_BUSY for known in self._known.values())

    async def stop(self) -> None:
        """Let a running vend end and be recorded, if the disk lets it in time."""
        await within(self._machine.ports.clock, STOP_MAX_S, self._tasks.join())
        await self._tasks.cancel()

    # --- effects -----------------------------------------------------------------------------------------------------

    def _step(self, known: _Known, event: VendEvent) -> None:
        known.vend, effects = step_vend(known.vend, event, self._safeguards)
        for effect in effects:
            self._perform(known, effect)
        self._forget_oldest()

    def _perform(self, known: _Known, effect: VendEffect) -> None:
        match effect:
            case Write(note, is_again):
                self._tasks.spawn(self._write(known, note, is_again=is_again))
            case StartMotor(slot):
                self._show(known, UnitOutcome.STARTED)
                self._tasks.spawn(self._turn(known, slot))
            case Answer(to_fence):
                for waiting in known.waiting.pop(to_fence, []):
                    if not waiting.done():
                        waiting.set_result(CommandReply(facts=list(known.facts)))
            case Report():
                self._machine.facts_waiting += 1
                self._fresh(known.facts[-1])
                self._wake_upload()
            case Prune():
                self._pruned.append(effect)
            case Ended(note):
                self._show(known, outcome_of(note), note.reason or (note.result or ""))
                self._tasks.spawn(self._after_outcome(known.vend.slot, note))

    async def _write(self, known: _Known, note: Note, *, is_again: bool) -> None:
        machine, ports = self._machine, self._machine.ports
        if is_again:
            await ports.clock.sleep(WRITE_AGAIN_S)
        body = msgspec.json.encode(self._fact_body(known, note))
        at, is_trusted, cmd_id = machine.now_text(), machine.is_time_trusted, known.vend.cmd_id
        try:
            fact = await ports.journal.run(
                lambda j: j.append(note.kind, body, at, is_time_trusted=is_trusted, cmd_id=cmd_id)
            )
        except JournalError as error:
            machine.note_journal(error)
            self._step(known, Unwritten())
            return
        machine.note_journal(None)
        known.facts.append(fact)
        ports.log.info(
            "fact", kind=fact.kind.value, cmd_id=cmd_id, seq=fact.seq, result=note.result, reason=note.reason
        )
        conditions = None
        if note.kind is FactKind.INTENT:
            conditions = await self._conditions(cmd_id, known.vend.slot, known.vend.nonce)
        self._step(known, Durable(fact.epoch, fact.seq, conditions))

    def _fact_body(self, known: _Known, note: Note) -> VendFact:
        vend, report = known.vend, known.report
        fact = VendFact(
            cmd_id=vend.cmd_id,
            order_id=vend.order_id,
            unit=vend.unit,
            slot=vend.slot,
            result=note.result,
            reason=note.reason,
            motor_ms=report.motor_ms if report else None,
            drop_ms=report.drop_ms if report else None,
            turns=report.turns if report else None,
        )
        if vend.slot != DOOR:
            return fact
        goods = list(report.goods) if report else []
        return DoorFact(**msgspec.structs.asdict(fact), goods=goods)

    async def _turn(self, known: _Known, slot: str) -> None:
        ports, reason = self._machine.ports, ""
        try:
            turning = ports.dispenser.dispense(slot, known.vend.cmd_id)
            report = await within(ports.clock, DOOR_MAX_S if slot == DOOR else DISPENSE_MAX_S, turning)
        except Exception:
            # Whatever went wrong in a driver: the motor may have run, so the outcome is not known.
            ports.log.exception("driver_failed", slot=slot)
            report, reason = None, "driver_failed"
        if report is None:
            report, reason = VendReport(VendResult.UNKNOWN), reason or "driver_silent"
        elif report.result is VendResult.UNKNOWN:
            readings = await self._machine.read_hardware()
            reason = "door_opened" if readings.is_door_shut is False else ""
        known.report = report
        self._step(known, MotorEnded(report.result, reason))

    async def _after_outcome(self, slot: str, note: Note) -> None:
        if note.result is not None and slot != DOOR:
            await self._machine.keep_slots(self._machine.slots.after_vend(slot, note.result))

    def _show(self, known: _Known, outcome: UnitOutcome, reason: str = "") -> None:
        vend = known.vend
        if vend.slot == DOOR:  # a visit is no order of this screen
            return
        self._seen(LocalUnit(vend.order_id, vend.unit, vend.slot, known.product_id, outcome, reason))

    async def _conditions(self, cmd_id: str, slot: str, nonce: str) -> Conditions:
        machine, ports = self._machine, self._machine.ports
        readings = await machine.read_hardware()
        check = SlotCheck.OPEN if machine.slots.is_open(slot) else SlotCheck.CLOSED
        if slot not in ports.dispenser.capabilities.slots:
            check = SlotCheck.UNKNOWN
        others = (known.vend for known in self._known.values() if known.vend.cmd_id != cmd_id)
        return Conditions(
            epoch=ports.journal.epoch,
            lease_age_s=machine.leases.age_s(nonce, ports.clock.elapsed()),
            lease_s=machine.settings.lease_s,
            slot=check,
            is_sensor_clear=readings.is_sensor_clear,
            is_door_shut=readings.is_door_shut,
            is_busy=any(vend.state in IS_BUSY for vend in others),
            is_journal_ok=machine.is_journal_ok and machine.has_memory,
        )

    # --- memory ------------------------------------------------------------------------------------------------------

    async def _look_up(self, cmd_id: str) -> _Known:
        if cmd_id not in self._known:
            command = await self._machine.ports.journal.run(lambda j: j.find(cmd_id))
            if cmd_id not in self._known:  # another copy of the message may have been quicker
                return self._remember(command or KnownCommand(cmd_id, ()))
        return self._known[cmd_id]

    def _remember(self, command: KnownCommand) -> _Known:
        vend = Vend(command.cmd_id)
        if command.facts:
            body = _vend_fact_of(command.facts[0])
            notes = tuple(_note_of(fact) for fact in command.facts)
            vend = Vend(command.cmd_id, order_id=body.order_id, unit=body.unit, slot=body.slot, notes=notes)
        known = _Known(restored(vend), list(command.facts))
        self._known[command.cmd_id] = known
        return known

    def _forget_oldest(self) -> None:
        if len(self._known) <= REMEMBERED_MAX:
            return
        finished = [cmd_id for cmd_id, known in self._known.items() if known.vend.state in VEND_MOVES.final]
        for cmd_id in finished[: len(self._known) - REMEMBERED_MAX]:
            del self._known[cmd_id]

    def _wait(self, known: _Known, *, to_fence: bool) -> asyncio.Future[CommandReply]:
        answer: asyncio.Future[CommandReply] = asyncio.get_running_loop().create_future()
        known.waiting.setdefault(to_fence, []).append(answer)
        return answer


def _vend_fact_of(fact: Fact) -> VendFact:
    return msgspec.json.decode(fact.body, type=VendFact)


def _note_of(fact: Fact) -> Note:
    body = _vend_fact_of(fact)
    return Note(fact.kind, fact.epoch, fact.seq, body.result, body.reason)
