"""Breadth-first search over any world: every state once, the shortest story to what is broken, and dead ends.

Knows nothing of vending. The first broken rule ends the search; without one, every state must still be able to reach a
settled one (L1), which is found by walking the explored graph backwards.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

State = TypeVar("State", bound=Hashable)
DEAD_END = "L1: from here no settled order can be reached any more"


class World(Protocol[State]):
    """What is searched."""

    def start(self) -> State: ...

    def successors(self, state: State) -> Iterable[tuple[str, State, str]]:
        """(what happens, the state after it, what that breaks or "")."""
        ...

    def broken(self, state: State) -> str:
        """What does not hold in `state`, or ""."""
        ...

    def is_settled(self, state: State) -> bool: ...


@dataclass(frozen=True, slots=True)
class Story:
    """How the world gets from its start to what is broken."""

    lines: tuple[str, ...]
    broken: str

    def __str__(self) -> str:
        numbered = [f"{number:3}. {line}" for number, line in enumerate(self.lines, start=1)]
        return "\n".join([*numbered, f"     => {self.broken}"])


@dataclass(frozen=True, slots=True)
class Found:
    """What a search saw. `story` None: nothing is broken within the bounds."""

    states: int
    transitions: int
    depth: int
    settled: int
    story: Story | None


class TooManyStatesError(Exception):
    """The bounds given were not enough to end the search."""


class Search(Generic[State]):
    """One search of one world. `states_max` bounds it: more states raise `TooManyStatesError`."""

    def __init__(self, world: World[State], *, states_max: int) -> None:
        self._world = world
        self._states_max = states_max
        self._states: list[State] = []
        self._index: dict[State, int] = {}
        self._parents = array("l")
        self._depths = array("l")
        self._labels: list[str] = []
        self._sources = array("l")
        self._targets = array("l")

    def run(self) -> Found:
        start = self._world.start()
        self._add(start, -1, "")
        broken = self._world.broken(start)
        if broken:
            return self._found(Story((), broken))
        at = 0
        while at < len(self._states):
            story = self._expand(at)
            if story is not None:
                return self._found(story)
            at += 1
        return self._found(self._dead_end())

    def _expand(self, at: int) -> Story | None:
        index, world, sources, targets = self._index, self._world, self._sources, self._targets
        for label, state, broken in world.successors(self._states[at]):
            if broken:
                return self._story(at, label, broken)
            known = index.get(state)
            if known is None:
                known = self._add(state, at, label)
                if harm := world.broken(state):
                    return self._story(known, "", harm)
            sources.append(at)
            targets.append(known)
        return None

    def _add(self, state: State, parent: int, label: str) -> int:
        number = len(self._states)
        if number >= self._states_max:
            raise TooManyStatesError(f"more than {self._states_max} states: narrow the bounds or raise the limit")
        self._index[state] = number
        self._states.append(state)
        self._parents.append(parent)
        self._depths.append(self._depths[parent] + 1 if parent >= 0 else 0)
        self._labels.append(label)
        return number

    def _story(self, at: int, last: str, broken: str) -> Story:
        lines = [last] if last else []
        while self._parents[at] >= 0:
            lines.append(self._labels[at])
            at = self._parents[at]
        return Story(tuple(reversed(lines)), broken)

    def _found(self, story: Story | None) -> Found:
        settled = sum(map(self._world.is_settled, self._states)) if story is None else 0
        depth = max(self._depths)
        return Found(len(self._states), len(self._sources), depth, settled, story)

    def _dead_end(self) -> Story | None:
        """The shortest story to a state from which no settled one can be reached."""
        count = len(self._states)
        can_settle = bytearray(count)
        waiting = [number for number in range(count) if self._world.is_settled(self._states[number])]
        for number in waiting:
            can_settle[number] = 1
        offsets, origins = self._reversed()
        while waiting:
            number = waiting.pop()
            for place in range(offsets[number], offsets[number + 1]):
                origin = origins[place]
                if not can_settle[origin]:
                    can_settle[origin] = 1
                    waiting.append(origin)
        dead = can_settle.find(0)
        return None if dead < 0 else self._story(dead, "", DEAD_END)

    def _reversed(self) -> tuple[array[int], array[int]]:
        """The edges by their targets: the origins of state n are `origins[offsets[n]:offsets[n + 1]]`."""
        offsets = array("l", bytes(8 * (len(self._states) + 1)))
        for target in self._targets:
            offsets[target + 1] += 1
        for number in range(len(self._states)):
            offsets[number + 1] += offsets[number]
        places = offsets[:]
        origins = array("l", bytes(8 * len(self._targets)))
        for source, target in zip(self._sources, self._targets, strict=True):
            origins[places[target]] = source
            places[target] += 1
        return offsets, origins
