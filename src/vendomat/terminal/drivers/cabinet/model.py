"""The physics of a spiral cabinet and the watch of its motor board, both pure.

Physics: motor on, home switch opens (at most 0.5 s), one turn, home closes (2 to 4 s), the goods fall through the light
curtain (0.3 to 1 s later). Board: bounded waits for each of these, one extra half turn when nothing was seen.
Chance comes in as numbers in [0, 1); nothing here waits or stores.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from vendomat.protocol import VendResult

HOME_OPENS_MAX_S = 1.0
TURN_MAX_S = 6.0
HALF_TURN_S = 1.5
DROP_WINDOW_S = 2.5
SECOND_DROP_S = 0.5
ANSWER_MAX_S = 20.0
TURNS_MAX = 2

COOLED_C, ROOM_C = 6.0, 26.0
WARMING_S = 120.0
"""How fast a cabinet comes near its goal; a real one takes thirty times as long, and nobody waits for that."""


class Fault(StrEnum):
    NONE = ""
    # of a slot
    JAM = "jam"  # turns, the goods stay
    STUCK = "stuck"  # the goods fall only at the extra half turn
    MISS = "miss"  # the goods fall, the curtain does not see them
    DOUBLE = "double"
    STALL = "stall"  # current over the limit
    NO_MOTOR = "no_motor"
    NOT_HOME = "not_home"
    HANG = "hang"  # the board never answers, the goods stay
    HANG_DROP = "hang_drop"  # the board never answers, the goods fall
    # of the machine
    SENSOR_BLOCKED = "sensor_blocked"
    DOOR_OPEN = "door_open"
    SILENT = "silent"
    COOLING = "cooling"  # the compressor stands still
    SENSOR_STUCK = "sensor_stuck"  # says "clear" whatever passes: only its own test shows it


MACHINE_FAULTS = frozenset({Fault.SENSOR_BLOCKED, Fault.DOOR_OPEN, Fault.SILENT, Fault.COOLING, Fault.SENSOR_STUCK})


@dataclass(frozen=True, slots=True)
class Warmth:
    """How warm it was inside `at` a moment, and whether it is cooled since."""

    celsius: float = COOLED_C
    at: datetime | None = None
    is_cooled: bool = True

    def celsius_at(self, now: datetime) -> float:
        if self.at is None:
            return self.celsius
        goal = COOLED_C if self.is_cooled else ROOM_C
        past_s = max(0.0, (now - self.at).total_seconds())
        return goal + (self.celsius - goal) * math.exp(-past_s / WARMING_S)

    def switched(self, now: datetime, *, is_cooled: bool) -> Warmth:
        return Warmth(self.celsius_at(now), now, is_cooled)


class Signal(StrEnum):
    HOME_OPENED = "home_opened"
    HOME_CLOSED = "home_closed"
    OVERCURRENT = "overcurrent"
    NO_CURRENT = "no_current"
    DROP_SEEN = "drop_seen"


@dataclass(frozen=True, slots=True)
class Happening:
    """At `at_s` after the motor start: `drops` goods fall, and the board may see `signal`."""

    at_s: float
    signal: Signal | None = None
    drops: int = 0


def plan_of(fault: Fault, stock: int, chance: Callable[[], float]) -> tuple[Happening, ...]:
    """All that will happen in one run of the motor programme, oldest first."""
    opened = Happening(0.2 + 0.3 * chance(), Signal.HOME_OPENED)
    closed = Happening(2.0 + 2.0 * chance(), Signal.HOME_CLOSED)
    fall_at_s = closed.at_s + 0.3 + 0.7 * chance()
    fall = Happening(fall_at_s, Signal.DROP_SEEN, 1)
    half_at_s = closed.at_s + DROP_WINDOW_S + HALF_TURN_S
    half = Happening(half_at_s, Signal.HOME_CLOSED)
    unseen = Happening(fall_at_s, None, 1)
    nothing = (opened, closed, half)
    by_fault: dict[Fault, tuple[Happening, ...]] = {
        Fault.NO_MOTOR: (Happening(0.1, Signal.NO_CURRENT),),
        Fault.STALL: (opened, Happening(opened.at_s + 0.4, Signal.OVERCURRENT)),
        Fault.NOT_HOME: (opened,),
        Fault.HANG: (),
        Fault.HANG_DROP: (unseen,),
        Fault.JAM: nothing,
        Fault.STUCK: (*nothing, Happening(half_at_s + 0.4, Signal.DROP_SEEN, 1)),
        Fault.MISS: (opened, closed, unseen, half),
        Fault.DOUBLE: (opened, closed, fall, Happening(fall_at_s + 0.2, Signal.DROP_SEEN, 1)),
    }
    plan = by_fault.get(fault, (opened, closed, fall))
    if stock >= sum(happening.drops for happening in plan):
        return plan
    return (opened, closed, fall) if stock and fault is Fault.DOUBLE else () if fault is Fault.HANG_DROP else nothing


class Phase(StrEnum):
    STARTING = "starting"
    TURNING = "turning"
    FALLING = "falling"
    SECOND = "second"  # one drop was seen; a second would be a double
    EXTRA = "extra"
    ENDED = "ended"


_WAITS_S = {
    Phase.STARTING: HOME_OPENS_MAX_S,
    Phase.TURNING: TURN_MAX_S,
    Phase.FALLING: DROP_WINDOW_S,
    Phase.SECOND: SECOND_DROP_S,
    Phase.EXTRA: HALF_TURN_S + HOME_OPENS_MAX_S,
}


@dataclass(frozen=True, slots=True)
class Board:
    """What the motor board has seen of a run, and until when it waits for the next thing."""

    phase: Phase = Phase.STARTING
    until_s: float = HOME_OPENS_MAX_S
    turns: int = 1
    drop_s: float | None = None
    motor_s: float = 0.0
    result: VendResult | None = None


def observe(board: Board, signal: Signal, at_s: float) -> Board:
    """The board after `signal`; what it does not wait for is ignored."""
    if signal is Signal.OVERCURRENT:
        return _ended(board, VendResult.OVERCURRENT, at_s)
    if signal is Signal.NO_CURRENT:
        return _ended(board, VendResult.NO_MOTOR, at_s)
    if signal is Signal.HOME_OPENED and board.phase is Phase.STARTING:
        return _into(board, Phase.TURNING, at_s)
    if signal is Signal.HOME_CLOSED and board.phase in (Phase.TURNING, Phase.EXTRA):
        return _into(replace(board, motor_s=at_s), Phase.FALLING, at_s)
    if signal is Signal.DROP_SEEN and board.phase is Phase.SECOND:
        return _ended(board, VendResult.DELIVERED_DOUBLE, at_s)
    if signal is Signal.DROP_SEEN and board.phase is not Phase.ENDED:
        return _into(replace(board, drop_s=at_s), Phase.SECOND, at_s)
    return board


def expire(board: Board) -> Board:
    """The board's wait is over and the thing did not come."""
    at_s = board.until_s
    if board.phase is Phase.SECOND:
        return _ended(board, VendResult.DELIVERED, at_s)
    if board.phase is Phase.FALLING and board.turns < TURNS_MAX:
        return _into(replace(board, turns=board.turns + 1), Phase.EXTRA, at_s)
    if board.phase is Phase.FALLING:
        return _ended(board, VendResult.NOT_DETECTED, at_s)
    return _ended(replace(board, motor_s=at_s), VendResult.NOT_HOME, at_s)


def _into(board: Board, phase: Phase, at_s: float) -> Board:
    return replace(board, phase=phase, until_s=at_s + _WAITS_S[phase])


def _ended(board: Board, result: VendResult, at_s: float) -> Board:
    motor_s = board.motor_s or at_s
    return replace(board, phase=Phase.ENDED, until_s=at_s, result=result, motor_s=motor_s)
