"""The simulated cabinet as a dispenser: plays the physics in time, writes the world down, answers like a board.

It refuses to run two motors at once and to start with the door open or the sensor blocked, as a real board does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vendomat.kernel import Clock, ErrorCode, VendomatError
from vendomat.protocol import VendResult
from vendomat.terminal.drivers.cabinet.model import (
    ANSWER_MAX_S,
    MACHINE_FAULTS,
    Board,
    Fault,
    Happening,
    Signal,
    expire,
    observe,
    plan_of,
)
from vendomat.terminal.drivers.cabinet.world import MACHINE, Record, World
from vendomat.terminal.drivers.contract import Capabilities, Proof, Readings, VendReport

STEP_S = 0.25


@dataclass(frozen=True, slots=True)
class _Run:
    number: int
    slot: str
    cmd_id: str
    plan: tuple[Happening, ...]
    is_hanging: bool


class SimulatedCabinet:
    """`slots` gives each slot's first filling; a world that exists already keeps its own. `speed` 10 is ten times.

    `recorded` hears of each line of the physical log once it is written.
    """

    def __init__(
        self,
        path: Path,
        slots: Mapping[str, int],
        *,
        clock: Clock,
        chance: Callable[[], float],
        speed: float = 1.0,
        recorded: Callable[[Record], None] = lambda _: None,
    ) -> None:
        self._slots = dict(slots)
        self._clock = clock
        self._chance = chance
        self._speed = speed
        self._world = World(path, recorded)
        self._is_turning = False

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("simulated spiral cabinet", tuple(sorted(self._slots)), Proof.SIMULATED, True)

    async def start(self) -> None:
        self._world.finish_cut_runs(self._at())
        for slot, count in self._slots.items():
            if slot not in self._world.stock:
                self._world.add(Record("fill", self._at(), slot, count=count))

    async def stop(self) -> None:
        self.release()

    def release(self) -> None:
        """Let go of the log's file, as the end of the process would; a run under way stays unfinished in it."""
        self._world.close()

    async def read(self) -> Readings:
        faults = self._world.machine_faults
        if Fault.SILENT in faults:
            return Readings()
        return Readings(Fault.DOOR_OPEN not in faults, Fault.SENSOR_BLOCKED not in faults, self._warmth_c())

    def _warmth_c(self) -> float:
        return round(self._world.warmth.celsius_at(self._clock.now()), 1)

    async def check(self, slot: str) -> bool | None:
        if Fault.SILENT in self._world.machine_faults:
            return None
        if Fault.SENSOR_STUCK in self._world.machine_faults:
            return False
        fault, _ = self._world.faults.get(slot, (Fault.NONE, False))
        return slot in self._slots and fault not in (Fault.NO_MOTOR, Fault.STALL, Fault.NOT_HOME)

    async def dispense(self, slot: str, cmd_id: str) -> VendReport:
        if slot not in self._slots or self._is_turning:
            return VendReport(VendResult.NO_MOTOR, turns=0)
        faults = self._world.machine_faults
        if Fault.DOOR_OPEN in faults:
            return VendReport(VendResult.DOOR_FAULT, turns=0)
        if Fault.SENSOR_BLOCKED in faults:
            return VendReport(VendResult.SENSOR_BLOCKED, turns=0)
        self._is_turning = True
        try:
            if Fault.SILENT in faults:
                await self._wait(ANSWER_MAX_S)
                return VendReport(VendResult.TIMEOUT)
            return await self._run(self._begin(slot, cmd_id))
        finally:
            self._is_turning = False

    # --- one run -----------------------------------------------------------------------------------------------------

    def _begin(self, slot: str, cmd_id: str) -> _Run:
        fault, _ = self._world.faults.get(slot, (Fault.NONE, False))
        plan = plan_of(fault, self._world.stock.get(slot, 0), self._chance)
        number = self._world.runs + 1
        fate = sum(happening.drops for happening in plan)
        self._world.add(Record("start", self._at(), slot, cmd_id, number, fate=fate, fault=fault.value))
        return _Run(number, slot, cmd_id, plan, fault in (Fault.HANG, Fault.HANG_DROP))

    async def _run(self, run: _Run) -> VendReport:
        board = Board(until_s=ANSWER_MAX_S) if run.is_hanging else Board()
        coming = list(run.plan)
        now_s = 0.0
        while board.result is None:
            next_s = min([board.until_s, *(happening.at_s for happening in coming[:1])])
            if not await self._wait(next_s - now_s):
                return self._end(run, VendReport(VendResult.UNKNOWN, motor_ms=int(now_s * 1000), turns=board.turns))
            now_s = next_s
            if coming and coming[0].at_s <= now_s:
                board = self._happen(run, board, coming.pop(0))
            elif run.is_hanging:
                return self._end(run, VendReport(VendResult.TIMEOUT))
            else:
                board = expire(board)
        for happening in coming:
            self._happen(run, board, happening)
        drop_ms = None if board.drop_s is None else int(board.drop_s * 1000)
        return self._end(run, VendReport(board.result, int(board.motor_s * 1000), drop_ms, board.turns))

    def _happen(self, run: _Run, board: Board, happening: Happening) -> Board:
        if happening.drops:
            drop = Record("drop", self._at(), run.slot, run.cmd_id, run.number, count=happening.drops)
            self._world.add(drop)
        is_unseen = happening.signal is Signal.DROP_SEEN and Fault.SENSOR_STUCK in self._world.machine_faults
        signal = None if is_unseen else happening.signal
        return board if signal is None else observe(board, signal, happening.at_s)

    def _end(self, run: _Run, report: VendReport) -> VendReport:
        self._world.add(Record("end", self._at(), run.slot, run.cmd_id, run.number, result=report.result.value))
        return report

    async def _wait(self, seconds: float) -> bool:
        """Wait in the cabinet's time; False as soon as the door is found open, which stops the motor."""
        left_s = seconds
        while left_s > 0:
            slice_s = min(left_s, STEP_S)
            await self._clock.sleep(slice_s / self._speed)
            left_s -= slice_s
            if Fault.DOOR_OPEN in self._world.machine_faults:
                return False
        return True

    # --- the hand of the tester --------------------------------------------------------------------------------------

    def set_fault(self, slot: str, fault: Fault, *, is_once: bool = False, is_on: bool = True) -> None:
        """Set a fault of `slot`, or of the machine (`slot` is `*`, `is_on` False takes it back)."""
        if (slot == MACHINE) != (fault in MACHINE_FAULTS) or (slot != MACHINE and slot not in self._slots):
            raise VendomatError(ErrorCode.INVALID_VALUE, f"{fault.value!r} is not a fault of {slot!r}")
        self._world.add(
            Record("fault", self._at(), slot, fault=fault.value, is_once=is_once, count=int(is_on and bool(fault)))
        )

    def fill(self, slot: str, count: int) -> None:
        if slot not in self._slots or count < 0:
            raise VendomatError(ErrorCode.UNKNOWN_SLOT, f"there is no slot {slot!r} to fill")
        self._world.add(Record("fill", self._at(), slot, count=count))

    def state(self) -> dict[str, object]:
        """Stock, faults and all motor starts and drops, as they are in the world."""
        return {
            "stock": dict(self._world.stock),
            "faults": {slot: fault.value for slot, (fault, _) in self._world.faults.items()},
            "machine_faults": sorted(self._world.machine_faults),
            "starts": [r.cmd_id for r in self._world.records if r.what == "start"],
            "drops": [r.cmd_id for r in self._world.records if r.what == "drop" for _ in range(r.count)],
            "is_turning": self._is_turning,
        }

    def _at(self) -> str:
        return self._clock.now().isoformat()
