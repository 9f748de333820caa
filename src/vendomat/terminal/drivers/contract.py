"""What the terminal asks of a dispensing machine. None as an answer is "not known", and counts like "no".

`dispense` runs the motor programme once for one command: bounded extra turns inside it belong to it, and it always
ends by itself with a result. A driver never repeats a programme; it does not know orders or money.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from vendomat.protocol import VendResult


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
    """`motor_ms` the motor ran, `drop_ms` from the start to the first drop seen, `turns` begun."""

    result: VendResult
    motor_ms: int | None = None
    drop_ms: int | None = None
    turns: int | None = None


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
