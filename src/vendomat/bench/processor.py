"""Processor time by part, read from `/proc`: what a figure cost, and what strangers took from it meanwhile."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable, Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def busy_s() -> float:
    """Seconds all cores of this machine have worked, for anybody."""
    user, nice, system, _, _, interrupts, soft, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + interrupts + soft) / _TICKS


def cpu_s(pids: Iterable[int]) -> float:
    """Seconds of `pids`, with those of their children that have ended. A process that is gone counts as nothing."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / _TICKS


def children_cpu_s() -> float:
    """Seconds of our own children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class CpuMeter:
    """`stop()` gives the seconds by part since it was made; what nobody claims is `others`."""

    def __init__(self, parts: Mapping[str, list[int]], waited_for: str) -> None:
        self._parts = dict(parts)
        self._waited_for = waited_for
        self._begin = self._read()
        self._busy = busy_s()

    def _read(self, parts: Mapping[str, list[int]] | None = None) -> dict[str, float]:
        read = {name: cpu_s(pids) for name, pids in (parts or self._parts).items()}
        return read | {self._waited_for: children_cpu_s()}

    def stop(self, parts: Mapping[str, list[int]]) -> dict[str, float]:
        """`parts` as they are now: processes that came since count from their beginning."""
        busy, end = busy_s() - self._busy, self._read(parts)
        took = {name: round(end[name] - self._begin[name], 2) for name in end}
        return took | {"others": round(max(0.0, busy - sum(took.values())), 2)}
