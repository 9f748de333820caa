"""A cancellation that is not lost, whatever is waited in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_Result = TypeVar("_Result")


async def heeding(waited_for: Awaitable[_Result]) -> _Result:
    """The result of `waited_for`; raises `CancelledError` when the task was cancelled meanwhile, even if that got lost.

    Until Python 3.12 `asyncio.wait_for`, which libraries use, forgets a cancellation that comes in the same turn as the
    result. A loop that asks for ever would then never end, and whoever waits for its end neither.
    """
    task = asyncio.current_task()
    assert task is not None, "only a task can be cancelled"
    before = task.cancelling()
    result = await waited_for
    if task.cancelling() > before:
        raise asyncio.CancelledError
    return result
