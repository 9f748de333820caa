"""A loop that never waits, and nodes that die at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from vendomat.simulator.worlds import StandstillError, VirtualLoop, WorldClock
from vendomat.simulator.worlds.nodes import Node, task_factory


def lived(work: Coroutine[Any, Any, Any]) -> Any:
    with closing(VirtualLoop()) as loop:
        loop.set_task_factory(task_factory)  # type: ignore[arg-type]
        return loop.run_until_complete(work)


def test_a_day_passes_in_a_moment_and_sleepers_wake_in_their_order() -> None:
    woken: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append(name)

    async def day() -> float:
        await asyncio.gather(sleeper("late", 86_400.0), sleeper("early", 5.0), sleeper("noon", 43_200.0))
        return asyncio.get_running_loop().time()

    began_s = time.monotonic()
    assert lived(day()) == pytest.approx(86_400.0)
    assert woken == ["early", "noon", "late"]
    assert time.monotonic() - began_s < 10


def test_a_time_out_of_production_code_runs_on_virtual_time() -> None:
    async def waiting() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(600.0):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert lived(waiting()) == pytest.approx(600.0)


def test_a_world_in_which_nothing_can_happen_is_an_error_and_no_pause() -> None:
    with pytest.raises(StandstillError):
        lived(asyncio.Event().wait())


def test_a_wall_clock_may_jump_and_the_elapsed_one_never_does() -> None:
    with closing(VirtualLoop()) as loop:
        clock = WorldClock(loop)
        now, elapsed_s = clock.now(), clock.elapsed()
        clock.wall_offset_s = -3_600.0
        assert clock.now() == now - timedelta(hours=1)
        assert clock.elapsed() == elapsed_s
        loop.run_until_complete(clock.sleep(2.0))
        assert clock.elapsed() == pytest.approx(elapsed_s + 2.0)


def test_a_node_that_is_cut_takes_its_tasks_and_those_they_started_with_it() -> None:
    done: list[str] = []

    async def child() -> None:
        await asyncio.sleep(2.0)
        done.append("child")

    async def parent() -> None:
        grown_up = asyncio.create_task(child())
        try:
            await asyncio.sleep(3.0)
        finally:
            done.append("unwound")
        await grown_up

    async def world() -> None:
        doomed, other = Node("doomed"), Node("other")
        doomed.spawn(parent())
        survivor = other.spawn(child())
        await asyncio.sleep(1.0)
        doomed.cut()
        with pytest.raises(asyncio.CancelledError):
            doomed.check()
        await survivor
        await asyncio.sleep(5.0)

    lived(world())
    assert done == ["unwound", "child"]


def test_what_is_started_for_a_node_that_is_gone_never_runs() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("ran")

    async def world() -> None:
        node = Node("gone")
        node.cut()
        node.spawn(work())
        await asyncio.sleep(1.0)

    lived(world())
    assert done == []
