"""A cooler behind the dispenser's contract: its one slot is the door, and a run of it lasts until the door is shut.

The rules of a vend hold for it as they stand: one intent, one release of the lock, one outcome. A run ends by itself:
nobody pulls the door, or it is shut, or it is left open for too long; then what was recognised so far is the outcome.
What cannot be counted before is not opened; what cannot be counted after is not known, and never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vendomat.kernel import Clock
from vendomat.protocol import DOOR, TakenGoods, VendResult
from vendomat.terminal.drivers.contract import Capabilities, Cooler, Readings, Recounted, VendReport


@dataclass(frozen=True, slots=True)
class DoorTimes:
    """How long a buyer has to pull the door and to shut it, and how long the scales have to come to rest."""

    pull_s: float = 15.0
    open_s: float = 120.0
    settle_s: float = 1.0
    look_s: float = 0.2


class CoolerDoor:
    """`recounted` is set by whoever wants to hear what is recognised after a run."""

    def __init__(self, cooler: Cooler, clock: Clock, times: DoorTimes | None = None) -> None:
        self._cooler = cooler
        self._clock = clock
        self._times = times or DoorTimes()
        self._is_running = False
        self.recounted: Recounted = lambda _cmd_id, _goods: None

    @property
    def capabilities(self) -> Capabilities:
        known = self._cooler.capabilities
        return Capabilities(known.name, (DOOR,), known.proof, False)

    async def start(self) -> None:
        await self._cooler.start(self._hear)

    async def stop(self) -> None:
        await self._cooler.stop()

    async def read(self) -> Readings:
        return await self._cooler.read()

    async def check(self, slot: str) -> bool | None:
        if slot != DOOR:
            return False
        counts = await self._cooler.counts()
        return None if counts is None else True

    async def dispense(self, slot: str, cmd_id: str) -> VendReport:
        """One run of the door."""
        if slot != DOOR or self._is_running:
            return VendReport(VendResult.NO_MOTOR)
        self._is_running = True
        try:
            return await self._run(cmd_id)
        finally:
            self._is_running = False

    def _hear(self, cmd_id: str, goods: tuple[TakenGoods, ...]) -> None:
        self.recounted(cmd_id, goods)  # whoever is set by then

    async def _run(self, cmd_id: str) -> VendReport:
        before = await self._cooler.counts()
        if before is None:
            return VendReport(VendResult.DOOR_NOT_OPENED)
        released = await self._cooler.release(cmd_id)
        if released is False:
            return VendReport(VendResult.DOOR_NOT_OPENED)
        if not await self._until(self._times.pull_s, lambda is_shut: is_shut is False):
            is_held = await self._cooler.hold()
            is_shut = (await self._cooler.read()).is_door_shut
            if is_held and is_shut:
                return await self._shut_all_along(before)
            if is_shut is None or (is_shut and not is_held):
                return VendReport(VendResult.UNKNOWN)
        is_shut_again = await self._until(self._times.open_s, lambda is_shut: is_shut is True)
        await self._clock.sleep(self._times.settle_s)
        after = await self._cooler.counts()
        if after is None:
            return VendReport(VendResult.UNKNOWN)
        result = VendResult.DOOR_SHUT if is_shut_again else VendResult.DOOR_LEFT_OPEN
        return VendReport(result, goods=taken(before, after, self._cooler.evidence))

    async def _shut_all_along(self, before: Mapping[str, int]) -> VendReport:
        """Nobody saw the door open; goods that are gone saw it."""
        after = await self._cooler.counts()
        goods = taken(before, after, self._cooler.evidence) if after is not None else ()
        return VendReport(VendResult.DOOR_SHUT if goods else VendResult.DOOR_NOT_OPENED, goods=goods)

    async def _until(self, limit_s: float, is_so: Callable[[bool | None], bool]) -> bool:
        """Whether the door came to be so within `limit_s`; a sensor that does not answer is asked again."""
        until_s = self._clock.elapsed() + limit_s
        while not is_so((await self._cooler.read()).is_door_shut):
            if self._clock.elapsed() >= until_s:
                return False
            await self._clock.sleep(self._times.look_s)
        return True


def taken(before: Mapping[str, int], after: Mapping[str, int], evidence: str) -> tuple[TakenGoods, ...]:
    """What each shelf lost, and below zero what it won; a shelf that only one of the counts knows says nothing."""
    shelves = sorted(before.keys() & after.keys())
    return tuple(
        TakenGoods(slot=slot, pieces=before[slot] - after[slot], evidence=evidence)
        for slot in shelves
        if before[slot] != after[slot]
    )
