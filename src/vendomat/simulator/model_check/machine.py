"""The machine's moves: the production vend step, its effects performed one by one, power cuts between any two of them.

What is done at once when a step asks for it (answers, reports) becomes a message that may never arrive, so a power cut
just before it needs no move of its own. What takes time is a move of its own: a note reaches the disk, the program
hears of it, the motor starts, the motor ends; a power cut may fall before each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from vendomat.kernel import IllegalMoveError
from vendomat.protocol import FactKind, VendResult
from vendomat.simulator.model_check.parts import Bounds, Machine, Motor, Move, Table, UnitPart
from vendomat.simulator.model_check.wire import FactBook, Layout, bits_of, command_id, slot_of, words_of
from vendomat.terminal.sale import (
    IS_BUSY,
    PRODUCTION,
    VEND_MOVES,
    Answer,
    CommandReceived,
    Conditions,
    Durable,
    FenceReceived,
    Leases,
    MotorEnded,
    Note,
    Prune,
    Report,
    ReportAcked,
    Restarted,
    SlotCheck,
    StartMotor,
    Unwritten,
    Vend,
    VendEffect,
    VendEvent,
    VendState,
    Write,
    restored,
    step_vend,
)

LEASE_S = 20.0
RAM_SEQ = 99
"""The number under which a fact is told that was never written: only with the durable fence removed."""


@dataclass(frozen=True, slots=True)
class Told:
    """A machine in the middle of a move, the messages it has sent so far, and what broke."""

    machine: Machine
    says: int = 0
    broken: str = ""


class MachineMoves:
    """Moves by the number of a machine in `table`; each is worked out once."""

    def __init__(self, bounds: Bounds, layout: Layout, facts: FactBook) -> None:
        self._bounds = bounds
        self._layout = layout
        self._facts = facts
        self._is_production = bounds.safeguards == PRODUCTION
        self.table: Table[Machine] = Table()

    def start(self) -> int:
        bounds = self._bounds
        return self.table.number(
            Machine(
                units=(UnitPart(),) * bounds.units,
                power_cuts_left=bounds.power_cuts,
                lies_left=bounds.sensor_lies,
                silences_left=bounds.silent_controllers,
                failures_left=bounds.failed_writes,
            )
        )

    # --- moves of its own --------------------------------------------------------------------------------------------

    def local(self, number: int) -> list[Move]:
        machine = self.table.values[number]
        if not machine.is_alive:
            return []
        moves = [move for unit in range(len(machine.units)) for move in self._unit_moves(machine, unit)]
        return moves + list(self._machine_moves(machine))

    def _machine_moves(self, machine: Machine) -> Iterator[Move]:
        layout = self._layout
        if machine.expired < machine.made and self._bounds.may_lease_run_out:
            yield self._move("the machine's oldest lease runs out", Told(replace(machine, expired=machine.expired + 1)))
        if machine.made < layout.per_epoch:
            says = layout.hello(layout.nonce(machine.epoch, machine.made))
            yield self._move("a heartbeat brings a new nonce", Told(replace(machine, made=machine.made + 1), says))
        if machine.power_cuts_left:
            yield self._restart(machine, f"POWER CUT; the machine comes up again as run {machine.epoch + 1}")
            if not self._bounds.guards.is_journal_synced and machine.units[0].journal:
                part = machine.units[0]
                lossy = replace(machine, units=(replace(part, journal=part.journal[:-1]), *machine.units[1:]))
                lost = words_of(0, part.journal[-1])
                yield self._restart(lossy, f"POWER CUT, and {lost} was not on the disk; run {machine.epoch + 1} begins")
        if self._bounds.may_die:
            yield self._move("the machine is destroyed, for ever", Told(_buried(machine)))

    def _unit_moves(self, machine: Machine, unit: int) -> Iterator[Move]:
        part = machine.units[unit]
        if part.motor is Motor.WAITING:
            yield from self._start_motor(machine, unit)
        if part.vend is None:
            return
        if part.vend.pending is not None and not part.is_committed:
            yield from self._write(machine, unit, part.vend.pending)
        if part.is_committed:
            yield self._hear_durable(machine, unit)
        if part.vend.state is VendState.TURNING and part.motor in (Motor.DROPPED, Motor.EMPTY):
            yield from self._end_motor(machine, unit)
        if part.vend.state in VEND_MOVES.final:  # kept in memory only: the journal does not know it
            forgotten = _with(machine, unit, replace(part, vend=None))
            yield self._move(f"the program lets go of the finished command of unit {unit + 1}", Told(forgotten))

    def _write(self, machine: Machine, unit: int, note: Note) -> Iterator[Move]:
        part = machine.units[unit]
        note = replace(note, epoch=machine.epoch, seq=10 * (unit + 1) + len(part.journal))
        kept = replace(part, journal=(*part.journal, note), is_committed=True)
        words = words_of(unit, note)
        says = self._layout.fact(self._facts.number(unit, note), machine.epoch)
        yield self._move(f"the journal has {words}", Told(_with(machine, unit, kept), says))
        if machine.failures_left:
            fewer = replace(machine, failures_left=machine.failures_left - 1)
            yield self._step_move(fewer, unit, Unwritten(), label=f"the disk refuses {words}")

    def _hear_durable(self, machine: Machine, unit: int) -> Move:
        part = machine.units[unit]
        note = part.journal[-1]
        conditions = None
        if note.kind is FactKind.INTENT:
            assert part.vend is not None
            conditions = self._conditions(machine, unit, part.vend.nonce)
        told = _with(machine, unit, replace(part, is_committed=False))
        event = Durable(note.epoch, note.seq, conditions)
        return self._step_move(told, unit, event, label=f"the program hears that {words_of(unit, note)} is on the disk")

    def _start_motor(self, machine: Machine, unit: int) -> Iterator[Move]:
        part = machine.units[unit]
        is_known = any(note.kind is FactKind.INTENT for note in part.journal)
        broken = "" if is_known else "I7: the motor starts before INTENT is durable"
        count = part.starts + 1
        again = "" if count == 1 else " ONCE MORE"
        for motor, drops, words in (
            (Motor.DROPPED, part.drops + 1, "and the item falls"),
            (Motor.EMPTY, part.drops, "but nothing falls"),
        ):
            turned = replace(part, motor=motor, starts=count, drops=drops)
            label = f"THE MOTOR of unit {unit + 1} STARTS{again}, {words}"
            move = self._move(label, Told(_with(machine, unit, turned), broken=broken))
            yield move._replace(starts=unit)

    def _end_motor(self, machine: Machine, unit: int) -> Iterator[Move]:
        part = replace(machine.units[unit], motor=Motor.IDLE)
        has_dropped = machine.units[unit].motor is Motor.DROPPED
        truth, lie = VendResult.DELIVERED, VendResult.NOT_DETECTED
        if not has_dropped:
            truth, lie = VendResult.JAM, VendResult.DELIVERED
        still = _with(machine, unit, part)
        yield self._step_move(still, unit, MotorEnded(truth), label=f"the machine sees: {truth}")
        if machine.lies_left:
            lied = replace(_with(machine, unit, replace(part, has_lied=True)), lies_left=machine.lies_left - 1)
            yield self._step_move(lied, unit, MotorEnded(lie), label=f"the sensor LIES: {lie}")
        if machine.silences_left:
            quiet = replace(still, silences_left=machine.silences_left - 1)
            yield self._step_move(quiet, unit, MotorEnded(VendResult.UNKNOWN), label="the motor board does not answer")

    def _restart(self, machine: Machine, label: str) -> Move:
        layout, epoch = self._layout, machine.epoch + 1
        units = tuple(replace(part, vend=None, is_committed=False, motor=Motor.IDLE) for part in machine.units)
        told = Told(
            replace(
                machine,
                units=units,
                epoch=epoch,
                made=1,
                expired=0,
                power_cuts_left=machine.power_cuts_left - 1,
            ),
            layout.hello(layout.nonce(epoch, 0)),
        )
        for unit, part in enumerate(units):
            for note in part.journal:
                if (note.epoch, note.seq) not in part.acked:
                    fact = layout.fact(self._facts.number(unit, note), epoch)
                    told = replace(told, says=told.says | fact)
            if part.journal and part.journal[-1].kind is FactKind.INTENT:
                told = self._step(told, unit, Restarted())
        return self._move(label, told)

    # --- what it is told ---------------------------------------------------------------------------------------------

    def receive(self, number: int, bit: int) -> Move:
        """A command or a fence arrives."""
        machine, layout = self.table.values[number], self._layout
        place = bit.bit_length() - 1
        if place >= layout.fence_base:
            unit = place - layout.fence_base
            event: VendEvent = FenceReceived(layout.fence_message(unit))
            label = f"the fence for unit {unit + 1} reaches the machine"
        else:
            unit, nonce = divmod(place, layout.nonces)
            message = layout.dispense_message(unit, nonce)
            event = CommandReceived(message, self._conditions(machine, unit, message.nonce))
            label = f"the command of unit {unit + 1} (run {message.epoch}) reaches the machine"
        return self._step_move(machine, unit, event, label=label)

    def acknowledge(self, number: int, unit: int, origin: tuple[int, int]) -> Move | None:
        """The cloud's word that it has the fact `origin`; None when the machine does not hold it (any more)."""
        machine = self.table.values[number]
        part = machine.units[unit]
        is_held = any((note.epoch, note.seq) == origin for note in part.journal)
        if not machine.is_alive or not is_held or origin in part.acked:
            return None
        label = f"an acknowledgement for unit {unit + 1} reaches the machine"
        if part.vend is None:
            pruned = replace(part, acked=part.acked | {origin})
            return self._move(label, Told(_with(machine, unit, pruned)))
        return self._step_move(machine, unit, ReportAcked(*origin), label=label)

    def hears(self, number: int) -> int:
        """The messages to the machine that may still change something there."""
        machine, layout = self.table.values[number], self._layout
        if not machine.is_alive:
            return ~layout.to_machine
        if not self._is_whole:
            return -1
        deaf = 0
        for unit in range(len(machine.units)):
            deaf |= self._deaf_to(number, unit)
        return ~deaf

    def _deaf_to(self, number: int, unit: int) -> int:
        """The messages about a command that the journal knows which change nothing: each is tried. They are answered
        with facts that are told anyway, and so they are when the program has forgotten the command or starts anew."""
        part, layout = self.table.values[number].units[unit], self._layout
        is_intending = part.vend is not None and part.vend.state is VendState.INTENDING
        if is_intending or _read_back(unit, part.journal).state is VendState.ABSENT:
            return 0
        tried = layout.dispenses(unit) | (layout.fence(unit) if _is_over(unit, part) else 0)
        moves = ((bit, self.receive(number, bit)) for bit in bits_of(tried))
        return sum(bit for bit, move in moves if move.after == number and not move.broken)

    @property
    def _is_whole(self) -> bool:
        """Whether nothing is removed at the machine: only then may states be merged that differ without it."""
        return self._is_production and self._bounds.guards.is_journal_synced

    def blocks_deadline(self, number: int, unit: int) -> int:
        """The commands of `unit` that could still start its motor if they were sent; -1 when it is about to start.

        The cloud counts the lease from the receipt of the nonce and adds a margin and the declared time; the machine
        counted from its making. So no deadline passes while one of these is on its way.
        """
        machine = self.table.values[number]
        if not machine.is_alive:
            return 0
        if machine.units[unit].motor is Motor.WAITING:
            return -1
        fresh = 0
        for count in range(machine.expired, machine.made):
            fresh |= self._layout.dispense(unit, self._layout.nonce(machine.epoch, count))
        return fresh

    # --- steps and effects -------------------------------------------------------------------------------------------

    def _conditions(self, machine: Machine, unit: int, nonce: str) -> Conditions:
        layout, now_s = self._layout, 1000.0
        leases = Leases()
        for count in range(machine.made):
            made_at_s = 0.0 if count < machine.expired else now_s - 1
            leases = leases.with_new(layout.nonce_text(layout.nonce(machine.epoch, count)), made_at_s)
        others = [part.vend for other, part in enumerate(machine.units) if other != unit]
        return Conditions(
            epoch=machine.epoch,
            lease_age_s=leases.age_s(nonce, now_s),
            lease_s=LEASE_S,
            slot=SlotCheck.OPEN,
            is_sensor_clear=True,
            is_door_shut=True,
            is_busy=any(vend is not None and vend.state in IS_BUSY for vend in others),
            is_journal_ok=True,
        )

    def _step_move(self, machine: Machine, unit: int, event: VendEvent, *, label: str) -> Move:
        return self._move(label, self._step(Told(machine), unit, event))

    def _step(self, told: Told, unit: int, event: VendEvent) -> Told:
        part = told.machine.units[unit]
        vend = part.vend or _read_back(unit, part.journal)
        try:
            vend, effects = step_vend(vend, event, self._bounds.safeguards)
        except IllegalMoveError as error:
            return replace(told, broken=f"the vend step refuses: {error}")
        told = replace(told, machine=_with(told.machine, unit, replace(part, vend=vend)))
        for effect in effects:
            told = self._perform(told, unit, effect)
        return replace(told, machine=_tidied(told.machine, unit))

    def _perform(self, told: Told, unit: int, effect: VendEffect) -> Told:
        part = told.machine.units[unit]
        match effect:
            case Write():
                return replace(told, machine=_with(told.machine, unit, replace(part, is_committed=False)))
            case StartMotor():
                return replace(told, machine=_with(told.machine, unit, replace(part, motor=Motor.WAITING)))
            case Report(note):
                return self._say(told, unit, (note,))
            case Answer():
                assert part.vend is not None
                return self._say(told, unit, part.vend.notes)
            case Prune(epoch, seq):
                acked = part.acked | {(epoch, seq)}
                return replace(told, machine=_with(told.machine, unit, replace(part, acked=acked)))
        return told

    def _say(self, told: Told, unit: int, notes: tuple[Note, ...]) -> Told:
        epoch, journal = told.machine.epoch, told.machine.units[unit].journal
        says, broken = told.says, told.broken
        for note in notes:
            spoken = note if note.seq else replace(note, epoch=epoch, seq=RAM_SEQ)
            says |= self._layout.fact(self._facts.number(unit, spoken), epoch)
            if replace(note, is_acked=False) not in journal:
                broken = broken or f"I7: {words_of(unit, note)} is reported before it is durable"
        return replace(told, says=says, broken=broken)

    def _move(self, label: str, told: Told) -> Move:
        machine = told.machine
        if self._is_whole and all(_is_over(unit, part) for unit, part in enumerate(machine.units)):
            machine = replace(machine, made=self._layout.per_epoch, expired=self._layout.per_epoch)
        return Move(label, self.table.number(machine), told.says, broken=told.broken)


def _is_over(unit: int, part: UnitPart) -> bool:
    """Nothing starts for this command any more, however fresh a lease is: so says what is read back of it."""
    is_final = _read_back(unit, part.journal).state in VEND_MOVES.final
    return is_final and part.vend is None and part.motor is Motor.IDLE


def _with(machine: Machine, unit: int, part: UnitPart) -> Machine:
    units = tuple(part if index == unit else other for index, other in enumerate(machine.units))
    return replace(machine, units=units)


def _read_back(unit: int, journal: tuple[Note, ...]) -> Vend:
    """What the program knows of a command that it does not hold in memory."""
    vend = Vend(command_id(unit))
    if journal:
        vend = replace(vend, order_id="order", unit=unit + 1, slot=slot_of(unit), notes=journal)
    return restored(vend)


def _tidied(machine: Machine, unit: int) -> Machine:
    """The same machine with less to tell apart: what no later step reads is blanked, and a finished command that the
    journal knows is not held in memory, since reading it back gives the same."""
    part = machine.units[unit]
    if part.vend is None:
        return machine
    notes = tuple(replace(note, is_acked=False) for note in part.vend.notes)
    vend = replace(part.vend, notes=notes, order_id="order", command_epoch=0)
    if vend.state is not VendState.INTENDING:
        vend = replace(vend, nonce="")
    if vend.state in VEND_MOVES.final and vend == _read_back(unit, part.journal):
        return _with(machine, unit, replace(part, vend=None))
    return _with(machine, unit, replace(part, vend=None if vend == _read_back(unit, ()) else vend))


def _buried(machine: Machine) -> Machine:
    """A machine that never speaks again: only what really happened is left of it."""
    units = tuple(UnitPart(starts=p.starts, drops=p.drops, has_lied=p.has_lied) for p in machine.units)
    return Machine(units, 0, 0, 0, 0, is_alive=False, made=0)
