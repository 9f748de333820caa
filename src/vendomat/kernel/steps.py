"""State machines as data: a table of moves that *is* the rule, and its drawing.

Nothing else assigns a state. An event that the table does not list for a state raises and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from vendomat.kernel.errors import IllegalMoveError

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


class Moves(Generic[State, Event]):
    """`MOVES = Moves("order", OrderState, {(state, event): next_state, ...}, start=..., final=...)`."""

    def __init__(
        self,
        name: str,
        states: type[State],
        table: Mapping[tuple[State, Event], State],
        *,
        start: State,
        final: Iterable[State] = (),
    ) -> None:
        self.name = name
        self.states = states
        self.table = dict(table)
        self.start = start
        self.final = frozenset(final)
        for state, event in self.table:
            assert state not in self.final, f"{name}: {state} is final, yet {event} moves it"

    def next(self, state: State, event: Event) -> State:
        """The state after `event`; raises `IllegalMoveError` when the table has no such move."""
        moved = self.table.get((state, event))
        if moved is None:
            raise IllegalMoveError(f"{self.name}: {event} is not possible in {state}", state=state, event=event)
        return moved

    def may(self, state: State, event: Event) -> bool:
        return (state, event) in self.table

    def to_mermaid(self) -> str:
        """The table as a Mermaid state diagram, for docs/."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.start}"]
        lines += [f"    {a} --> {b}: {event}" for (a, event), b in self.table.items()]
        lines += [f"    {state} --> [*]" for state in self.states if state in self.final]
        return "\n".join(lines) + "\n"
