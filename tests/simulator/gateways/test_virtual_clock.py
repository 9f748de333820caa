"""The emulators' clock: it runs by itself, moves ahead on order, and whoever waits is woken at their own moment."""

from __future__ import annotations

import asyncio

import pytest

from vendomat.kernel import ErrorCode, ManualClock, VendomatError
from vendomat.simulator.gateways.virtual_clock import JOURNEY_S_MAX, VirtualClock, travel, true_clock_of


@pytest.fixture
def clock() -> VirtualClock:
    """Over a clock that stands still, so that only journeys move it."""
    return VirtualClock(ManualClock())


async def settled() -> None:
    """Nobody has anything under way."""


async def wait(clock: VirtualClock, seconds: float, woken: list[float]) -> None:
    await clock.sleep(seconds)
    woken.append(clock.elapsed())


async def test_everybody_is_woken_at_their_own_moment(clock: VirtualClock) -> None:
    woken: list[float] = []
    sleepers = [asyncio.create_task(wait(clock, seconds, woken)) for seconds in (7_200, 15, 86_400)]
    await asyncio.sleep(0)
    await travel(clock, 7_200, settled)
    assert woken == [15, 7_200]
    assert (clock.now() - clock.true.now()).total_seconds() == 7_200
    await travel(clock, 7 * 86_400, settled)
    assert woken == [15, 7_200, 86_400]
    await asyncio.gather(*sleepers)
    assert clock.next_wake_s is None


async def test_one_who_waits_again_on_the_way_is_woken_again(clock: VirtualClock) -> None:
    woken: list[float] = []

    async def retry() -> None:
        for delay_s in (15, 15, 30):
            await wait(clock, delay_s, woken)

    task = asyncio.create_task(retry())
    await asyncio.sleep(0)
    await travel(clock, 3_600, settled)
    assert woken == [15, 30, 60]
    assert clock.elapsed() == 3_600
    await task


async def test_a_journey_waits_for_what_it_set_off(clock: VirtualClock) -> None:
    """A sending takes true time; the clock stands at its moment until it is over."""
    quiet = asyncio.Event()
    quiet.set()
    seen: list[float] = []

    async def is_quiet() -> None:
        await quiet.wait()

    async def send() -> None:
        await clock.sleep(60)
        quiet.clear()
        await asyncio.sleep(0.01)
        seen.append(clock.elapsed())
        quiet.set()

    task = asyncio.create_task(send())
    await asyncio.sleep(0)
    await travel(clock, 3_600, is_quiet)
    assert seen == [60]
    await task


async def test_it_runs_by_itself_too() -> None:
    clock = VirtualClock(ManualClock())
    await asyncio.wait_for(clock.sleep(0.01), 30)
    assert clock.ahead_s == 0


async def test_a_sleeper_who_gives_up_is_forgotten(clock: VirtualClock) -> None:
    task = asyncio.create_task(clock.sleep(60))
    await asyncio.sleep(0)
    assert clock.next_wake_s == 60
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.next_wake_s is None


@pytest.mark.parametrize("seconds", [-1, JOURNEY_S_MAX + 1, float("nan"), float("inf")])
async def test_never_back_and_not_for_ever(clock: VirtualClock, seconds: float) -> None:
    with pytest.raises(VendomatError) as refused:
        await travel(clock, seconds, settled)
    assert refused.value.code == ErrorCode.INVALID_VALUE
    assert clock.ahead_s == 0


def test_what_signatures_carry_is_not_moved(clock: VirtualClock) -> None:
    assert true_clock_of(clock) is clock.true
    manual = ManualClock()
    assert true_clock_of(manual) is manual
