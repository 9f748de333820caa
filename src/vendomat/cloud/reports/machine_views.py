"""The shapes in which the console gets what is said of one machine: how it is, how it was, what happened to it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


class WantedTemperatureView(BaseModel):
    """The temperatures that are wanted; out of them for `after_s` raises an alarm."""

    low_c: float
    high_c: float
    after_s: int


class TubeView(BaseModel):
    """Coins of one value that can be given as change."""

    value_minor: int
    count: int
    is_full: bool


class CashLevelsView(BaseModel):
    """`notes` taken since they were emptied."""

    currency: str
    tubes: list[TubeView]
    notes: int


class SignalView(BaseModel):
    """`way` is `wired`, `wifi` or `cellular`."""

    way: str
    dbm: int | None


class ConditionView(BaseModel):
    """What the machine said of itself `at` a moment. Null: not known, or it has none. Temperatures by probe."""

    at: datetime
    program: str
    protocol: int
    catalogue_version: int
    is_door_shut: bool | None
    temperatures_c: dict[str, float]
    cash: CashLevelsView | None
    signal: SignalView | None


class HourSalesView(BaseModel):
    """What was sold in the hour that begins `at`."""

    at: datetime
    units: int
    gross_minor: int


class CurvesView(BaseModel):
    """A machine's last hours in steps of `step_s`, the first of which begins at `starts_at`. Null: nobody looked, or no
    sensor spoke. `heard_percent` is how much of the step the machine was heard. `sales` names no hour without any."""

    starts_at: datetime
    step_s: int
    low_c: list[float | None]
    high_c: list[float | None]
    heard_percent: list[int | None]
    sales: list[HourSalesView]
    currency: str


MachineEventSource = Literal["alarm", "change", "sale", "start"]


class MachineEventView(BaseModel):
    """One thing that happened to a machine. Of an alarm: `kind` is what became of it, `subject` its kind, `ref` its id;
    of a change: what was done, and `said` why; of a sale: the order's state now, and `ref` the order; of a start:
    `subject` is its epoch."""

    at: datetime
    id: str
    source: MachineEventSource
    kind: str
    subject: str
    slot: str
    ref: str
    who: str
    said: str
    amount_minor: int
    currency: str
