"""Nodes: the programs of a world that can be killed. All tasks that a node starts are known to it, and die with it.

A node that is cut is gone at once: its ports refuse every effect from that moment, then its tasks are ended. Whatever
code still runs while they unwind reaches no disk, no wire and no motor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Node:
    """One life of one program. A restart is a new node."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_alive = True
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._context = copy_context()
        self._context.run(_OWNER.set, self)

    def spawn(self, work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        """Start `work` as this node's own."""
        return asyncio.get_running_loop().create_task(work, context=self._context.copy())

    def run(self, act: Callable[..., _Result], *values: Any) -> _Result:
        """Call `act` as this node would: tasks that it starts are the node's."""
        return self._context.copy().run(act, *values)

    def check(self) -> None:
        """Called by each port before and after its effect. Raises `CancelledError` for a node that is gone."""
        if not self.is_alive:
            raise asyncio.CancelledError(f"{self.name} is gone")

    def cut(self) -> None:
        """Gone, now. Tasks are ended in the order in which they were started."""
        self.is_alive = False
        running = asyncio.current_task()
        for task in list(self._tasks):
            if task is not running:
                task.cancel()

    def own(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not self.is_alive and not task.cancelled():
            task.exception()  # nobody is left to ask for it


_OWNER: ContextVar[Node | None] = ContextVar("owner", default=None)


def owner_name() -> str:
    """Whose code runs now."""
    owner = _OWNER.get()
    return owner.name if owner is not None else "world"


def task_factory(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], context: Context | None = None
) -> asyncio.Task[Any]:
    """Makes tasks that know their node: that of the context in which they were started."""
    task = asyncio.Task(work, loop=loop, context=context)
    owner = context.get(_OWNER) if context is not None else _OWNER.get()
    if owner is not None:
        owner.own(task)
        if not owner.is_alive:
            task.cancel()
    return task
