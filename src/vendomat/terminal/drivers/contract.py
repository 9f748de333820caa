"""What the terminal asks of a dispensing machine. None as an answer is "not known", and counts like "no".

`dispense` runs the motor programme once for one command: bounded extra turns inside it belong to it, and it always
ends by itself with a result. A driver never repeats a programme; it does not know orders or money.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from vendomat.protocol import CashLevels, Signal, TakenGoods, VendResult


class Proof(StrEnum):
    """How far a driver was tried."""

    SIMULATED = "simulated"
    BENCH_TESTED = "bench-tested"
    FIELD_TESTED = "field-tested"


@dataclass(frozen=True, slots=True)
class Capabilities:
    name: str
    slots: tuple[str, ...]
    proof: Proof
    has_drop_sensor: bool


@dataclass(frozen=True, slots=True)
class Readings:
    is_door_shut: bool | None = None
    is_sensor_clear: bool | None = None
    temperature_c: float | None = None

    @property
    def is_answering(self) -> bool:
        return self.is_door_shut is not None and self.is_sensor_clear is not None


@dataclass(frozen=True, slots=True)
class VendReport:
    """`motor_ms` the motor ran, `drop_ms` from the start to the first drop seen, `turns` begun; `goods` of a door."""

    result: VendResult
    motor_ms: int | None = None
    drop_ms: int | None = None
    turns: int | None = None
    goods: tuple[TakenGoods, ...] = ()


@dataclass(frozen=True, slots=True)
class Gauges:
    """`temperatures_c` by probe. None: there is nothing to read, or it does not answer."""

    temperatures_c: Mapping[str, float] = field(default_factory=dict)
    cash: CashLevels | None = None
    signal: Signal | None = None


class Instruments(Protocol):
    """What a machine can tell beside what selling asks for."""

    async def read(self) -> Gauges: ...


class Scanner(Protocol):
    """Reads the codes that buyers hold before it. A code is as good as money: it is handed on and kept nowhere."""

    async def start(self, read: Callable[[str], None]) -> None:
        """From now on `read` is called with each line, as it came."""
        ...

    async def stop(self) -> None: ...


class Dispenser(Protocol):
    @property
    def capabilities(self) -> Capabilities: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def read(self) -> Readings:
        """Door, drop sensor and temperature, now."""
        ...

    async def check(self, slot: str) -> bool | None:
        """Whether the slot's motor and home switch answer, and the drop sensor passes its own test.

        The test, where the sensor has one: light off must read as blocked, light on as clear. Does not turn the motor.
        """
        ...

    async def dispense(self, slot: str, cmd_id: str) -> VendReport:
        """Run the motor programme of `slot` once. `cmd_id` goes into the controller's own record, if it has one."""
        ...


Recounted = Callable[[str, tuple[TakenGoods, ...]], None]
"""Hears of a command whose goods are recognised anew: all that was taken, as it is known now."""


class Cooler(Protocol):
    """What the terminal asks of an open-door cooler. It knows shelves and a lock, not visits or money.

    The lock is one that a shut door latches by itself, whether there is power or not.
    """

    @property
    def capabilities(self) -> Capabilities:
        """`slots` are the shelves."""
        ...

    @property
    def evidence(self) -> str:
        """By what goods are recognised: weight, vision, tags."""
        ...

    async def start(self, recounted: Recounted) -> None: ...

    async def stop(self) -> None: ...

    async def read(self) -> Readings:
        """Door and temperature, now; what may be taken from a cooler has no drop sensor to be blocked."""
        ...

    async def release(self, cmd_id: str) -> bool | None:
        """Release the lock once, until the door was opened and shut or `hold` is called. False: it holds."""
        ...

    async def hold(self) -> bool | None:
        """Let the lock hold again. True: nobody opens the door from now on."""
        ...

    async def counts(self) -> Mapping[str, int] | None:
        """Pieces by shelf, now."""
        ...
