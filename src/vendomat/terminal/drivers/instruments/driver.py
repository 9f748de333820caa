"""Instruments that are read from this computer, and simulated ones that a tester sets. Neither refuses anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from vendomat.protocol import CashLevels, Signal
from vendomat.terminal.drivers.contract import Gauges, Readings
from vendomat.terminal.drivers.instruments.wire import signal_of

NET = Path("/proc/net")


def read_uplink(folder: Path = NET) -> Signal | None:
    """How this computer reaches the network now; None when it does not say."""
    try:
        wireless = folder / "wireless"  # there is none on a computer without radios
        return signal_of((folder / "route").read_text(), wireless.read_text() if wireless.exists() else "")
    except (OSError, ValueError):
        return None


@dataclass
class SimulatedInstruments:
    """Temperatures as the simulated cabinet has them; coins, notes and signal as they were set."""

    readings: Callable[[], Awaitable[Readings]]
    cash: CashLevels | None = None
    signal: Callable[[], Signal | None] = field(default=read_uplink)

    async def read(self) -> Gauges:
        warmth = (await self.readings()).temperature_c
        temperatures = {} if warmth is None else {"cabinet": warmth}
        return Gauges(temperatures, self.cash, self.signal())
