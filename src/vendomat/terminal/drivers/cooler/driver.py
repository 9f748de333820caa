"""The simulated cooler: shelves, a lock and a door in a file that outlives the program, and hands that shop.

Its log is the world, as a cabinet's: what was released, opened, taken and shut. Power loss leaves the door as it is.
Faults are of this run: a lock that holds, a door that does not shut, a scale that is blind, or one that sees late.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from vendomat.kernel import Clock, ErrorCode, VendomatError
from vendomat.protocol import TakenGoods
from vendomat.terminal.drivers.cabinet import Record, World
from vendomat.terminal.drivers.contract import Capabilities, Proof, Readings, Recounted

TEMPERATURE_C = 4.0


class CoolerFault(StrEnum):
    LOCK_STUCK = "lock_stuck"  # the lock is told to release, and holds
    DOOR_STUCK = "door_stuck"  # whoever shuts the door, it stays open
    BLIND = "blind"  # nothing can be counted
    SEES_LATE = "sees_late"  # what is taken now is not seen before `see_late`
    SILENT = "silent"  # neither lock nor sensor answers


class SimulatedCooler:
    """`slots` gives each shelf's first filling; a world that exists already keeps its own."""

    def __init__(
        self,
        path: Path,
        slots: Mapping[str, int],
        *,
        clock: Clock,
        written: Callable[[Record], None] = lambda _: None,
    ) -> None:
        self._slots = dict(slots)
        self._clock = clock
        self._world = World(path, written)
        self._unseen: dict[str, int] = {}
        self._recounted: Recounted = lambda _cmd_id, _goods: None
        self.faults: set[CoolerFault] = set()

    # --- as the terminal knows it ------------------------------------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("simulated open-door cooler", tuple(sorted(self._slots)), Proof.SIMULATED, False)

    @property
    def evidence(self) -> str:
        return "weight"

    async def start(self, recounted: Recounted) -> None:
        self._recounted = recounted
        for slot, count in self._slots.items():
            if slot not in self._world.stock:
                self._note("fill", slot, count=count)
        if not self.is_door_open and self._is_released:
            self._note("hold")  # without power the latch falls in

    async def stop(self) -> None:
        self._world.close()

    async def read(self) -> Readings:
        if CoolerFault.SILENT in self.faults:
            return Readings()
        return Readings(not self.is_door_open, True, TEMPERATURE_C)

    async def release(self, cmd_id: str) -> bool | None:
        if CoolerFault.SILENT in self.faults:
            return None
        if CoolerFault.LOCK_STUCK in self.faults:
            return False
        self._note("release", cmd_id=cmd_id)
        return True

    async def hold(self) -> bool | None:
        if CoolerFault.SILENT in self.faults:
            return None
        if self._is_released and not self.is_door_open:
            self._note("hold")
        return not self.is_door_open

    async def counts(self) -> Mapping[str, int] | None:
        if self.faults & {CoolerFault.BLIND, CoolerFault.SILENT}:
            return None
        return {slot: count + self._unseen.get(slot, 0) for slot, count in self._world.stock.items()}

    # --- the hands of a buyer, and of the tester ---------------------------------------------------------------------

    def pull(self) -> bool:
        """Whether the door opens."""
        if not self._is_released or self.is_door_open:
            return False
        self._note("open", cmd_id=self._newest_cmd)
        return True

    def take(self, slot: str, count: int = 1) -> None:
        """Below zero: put there. Refuses what a hand could not do."""
        if not self.is_door_open or self._world.stock.get(slot, 0) < count:
            raise VendomatError(ErrorCode.CONFLICT, f"nobody takes {count} from {slot!r} now")
        if CoolerFault.SEES_LATE in self.faults:
            self._unseen[slot] = self._unseen.get(slot, 0) + count
        self._note("take", slot, cmd_id=self._newest_cmd, count=count)

    def shut(self) -> bool:
        if not self.is_door_open or CoolerFault.DOOR_STUCK in self.faults:
            return False
        self._note("shut", cmd_id=self._newest_cmd)
        return True

    def recount(self, goods: Mapping[str, int]) -> None:
        """Whoever looks at the pictures later says what was taken on the last visit, all in all."""
        self._unseen.clear()
        rows = tuple(TakenGoods(slot=slot, pieces=count, evidence="vision") for slot, count in sorted(goods.items()))
        self._recounted(self._newest_cmd, rows)

    def fill(self, slot: str, count: int) -> None:
        self._note("fill", slot, count=count)

    @property
    def is_door_open(self) -> bool:
        return self._last("open") > self._last("shut")

    @property
    def releases(self) -> list[str]:
        """The commands for which the lock was released, oldest first."""
        return [record.cmd_id for record in self._world.records if record.what == "release"]

    @property
    def stock(self) -> dict[str, int]:
        return dict(self._world.stock)

    @property
    def _is_released(self) -> bool:
        return self._last("release") > max(self._last("shut"), self._last("hold"))

    @property
    def _newest_cmd(self) -> str:
        return self.releases[-1] if self.releases else ""

    def _last(self, what: str) -> int:
        """Where in the log this happened last; -1 when it never did."""
        return max((place for place, record in enumerate(self._world.records) if record.what == what), default=-1)

    def _note(self, what: str, slot: str = "", *, cmd_id: str = "", count: int = 0) -> None:
        self._world.add(Record(what, self._clock.now().isoformat(), slot, cmd_id, count=count))
