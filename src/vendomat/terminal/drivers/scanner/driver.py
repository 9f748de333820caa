"""A simulated scanner: a tester holds a code before it. It keeps no code and writes none anywhere."""

from __future__ import annotations

from collections.abc import Callable


class SimulatedScanner:
    """`show(line)` is what the beam sees. Before `start` and after `stop` nobody looks."""

    def __init__(self) -> None:
        self._read: Callable[[str], None] | None = None

    async def start(self, read: Callable[[str], None]) -> None:
        self._read = read

    async def stop(self) -> None:
        self._read = None

    def show(self, line: str) -> bool:
        """Whether somebody looked."""
        if self._read is None:
            return False
        self._read(line)
        return True
