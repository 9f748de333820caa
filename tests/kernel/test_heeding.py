"""A cancellation that comes in the same turn as the result ends the task all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from vendomat.kernel import heeding


async def _swallowing(answer: asyncio.Future[str]) -> str:
    """As libraries wait: an answer that is there wins over a cancellation (`asyncio.wait_for` before Python 3.12)."""
    try:
        return await asyncio.shield(answer)
    except asyncio.CancelledError:
        if answer.done():
            return answer.result()
        raise


async def _cancelled_with_its_answer(waited_for: Awaitable[str], answer: asyncio.Future[str]) -> asyncio.Task[str]:
    async def ask() -> str:
        return await waited_for

    task = asyncio.create_task(ask())
    await asyncio.sleep(0)
    task.cancel()
    answer.set_result("here")
    await asyncio.wait([task])
    return task


async def test_a_swallowed_cancellation_still_ends_the_task() -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = await _cancelled_with_its_answer(heeding(_swallowing(answer)), answer)
    assert task.cancelled()


async def test_control_without_it_the_task_goes_on() -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = await _cancelled_with_its_answer(_swallowing(answer), answer)
    assert task.result() == "here"


async def test_what_is_asked_while_ending_is_still_answered() -> None:
    async def ask_at_the_end() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return await heeding(asyncio.sleep(0, "farewell"))
        raise AssertionError("unreachable")

    task = asyncio.create_task(ask_at_the_end())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "farewell"


async def test_an_error_and_a_result_are_handed_on() -> None:
    assert await heeding(asyncio.sleep(0, 7)) == 7
    with pytest.raises(TimeoutError):
        await heeding(_failing())


async def _failing() -> None:
    raise TimeoutError
