"""What happened in a world, in order: a hash over all of it, and the last lines in plain words.

Two runs of one seed must give the same hash; a failure is read from the lines. Decides nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable

LINES_KEPT = 60


class Trace:
    """`note` keeps a line, `mark` only feeds the hash. `echo` is handed each line as it is noted."""

    def __init__(self, now_s: Callable[[], float], echo: Callable[[str], None] | None = None) -> None:
        self._now_s = now_s
        self._echo = echo
        self._hash = hashlib.blake2b(digest_size=8)
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        self.events = 0
        self.faults: Counter[str] = Counter()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def note(self, who: str, what: str) -> None:
        """`who` did or met `what`."""
        self.mark(who, what)
        line = f"{self._now_s():9.3f} s  {who:<10} {what}"
        self.lines.append(line)
        if self._echo is not None:
            self._echo(line)

    def mark(self, *words: object) -> None:
        self.events += 1
        self._hash.update(f"{self._now_s():.6f} {words}\n".encode())

    def fault(self, kind: str, who: str, what: str) -> None:
        """A fault that the world did to a node, counted by kind."""
        self.faults[kind] += 1
        self.note(who, f"[{kind}] {what}")


def tail_of(identifier: str) -> str:
    """The part of an id that tells it from others, for lines."""
    return identifier[-6:]
