"""Reads a cabinet's physical log: one JSON line per filling, fault, motor start, drop and end of a run.

It can be read on from where it was left, because the log of a living machine grows. A torn last line never happened;
any other line that cannot be read stops the audit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from vendomat.kernel import ErrorCode, VendomatError


class _Line(msgspec.Struct, frozen=True):
    what: str
    at: datetime
    slot: str = ""
    cmd_id: str = ""
    run: int = 0
    count: int = 0
    result: str = ""
    is_late: bool = False


_LINE = msgspec.json.Decoder(_Line)
PHYSICAL_COLUMNS = (
    "machine_id",
    "line",
    "what",
    "at",
    "slot",
    "cmd_id",
    "run",
    "count",
    "result",
    "is_late",
    "is_before",
)


@dataclass(slots=True)
class CabinetLog:
    """One file, and how far it was read."""

    machine_id: str
    path: Path
    offset: int = 0
    line: int = 0

    def rows(self, *, is_before: bool) -> Iterator[tuple[object, ...]]:
        """Rows of `PHYSICAL_COLUMNS` not read yet. Raises `VendomatError` for a log that cannot be read."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                for text in file:
                    if not text.endswith(b"\n"):
                        return
                    self.offset += len(text)
                    self.line += 1
                    yield self._row(_LINE.decode(text), is_before=is_before)
        except (OSError, msgspec.MsgspecError) as error:
            raise VendomatError(
                ErrorCode.UNAVAILABLE,
                f"the physical log {self.path} cannot be read at line {self.line}: {error}; nothing was audited",
            ) from error

    def _row(self, line: _Line, *, is_before: bool) -> tuple[object, ...]:
        known = (line.slot, line.cmd_id, line.run, line.count, line.result, line.is_late)
        return (self.machine_id, self.line, line.what, line.at, *known, is_before)
