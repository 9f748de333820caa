"""What this machine refused because it was not the cloud's word, counted until it is written down.

However much an attacker sends, a kind is told at most once a minute and memory holds one count for each kind.
"""

from __future__ import annotations

from vendomat.protocol import SecurityKind

TOLD_EVERY_S = 60.0


class Refusals:
    """`note` where something is refused; `take_due` where it is written down."""

    def __init__(self) -> None:
        self._counts: dict[SecurityKind, int] = {}
        self._told_at: dict[SecurityKind, float] = {}

    def note(self, kind: SecurityKind) -> None:
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def take_due(self, at_s: float) -> list[tuple[SecurityKind, int]]:
        """The kinds that may be told at `at_s` (elapsed), with their counts since they were told last."""
        due = [kind for kind in self._counts if at_s - self._told_at.get(kind, at_s - TOLD_EVERY_S) >= TOLD_EVERY_S]
        self._told_at |= dict.fromkeys(due, at_s)
        return [(kind, self._counts.pop(kind)) for kind in sorted(due)]

    def give_back(self, kind: SecurityKind, count: int) -> None:
        """What was taken could not be written: it is told with the next ones."""
        self._counts[kind] = self._counts.get(kind, 0) + count
