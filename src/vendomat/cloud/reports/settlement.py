"""The settlement objective: was a paid order settled within 60 s of its last unit's outcome? Pure.

The clock starts at the last outcome. An order whose machine was not reachable (a unit ended by its deadline, or its
command never left) is missed however fast its money went back, and so is one without an outcome for too long. Refuses
to forget: a verdict changes only when a word that was on its way proves that the order was in time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

OBJECTIVE = timedelta(seconds=60)
SLOT = timedelta(minutes=5)
WORD_ON_ITS_WAY = timedelta(seconds=20)
"""How much later than it happened an event may be read; before that nothing is called late for its silence."""
OUTCOME_LIMIT = timedelta(minutes=15)
"""A paid order without a last outcome for this long is missed."""
UNREACHABLE = "machine unreachable"


class Verdict(StrEnum):
    OPEN = "open"
    IN_TIME = "in_time"
    LATE = "late"  # settled later than the objective, or not yet
    MISSED = "missed"  # the machine was not reachable, or nothing was decided for too long


@dataclass(frozen=True, slots=True)
class OrderClock:
    """One paid order on its way to the end."""

    merchant_id: str
    order_id: str
    machine_id: str
    paid_at: datetime
    units: int
    units_done: int = 0
    outcome_at: datetime | None = None
    settled_at: datetime | None = None
    is_unreachable: bool = False
    verdict: Verdict = Verdict.OPEN
    slot_at: datetime | None = None

    @property
    def is_decided(self) -> bool:
        """Whether the last unit's outcome is known."""
        return self.units_done >= self.units and self.outcome_at is not None


def slot_of(at: datetime) -> datetime:
    """The beginning of the five minutes that `at` lies in."""
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % int(SLOT.total_seconds()), UTC)


def heard(clock: OrderClock, kind: str, reason: str, at: datetime) -> OrderClock:
    """The clock after one event of its order."""
    if kind == "order.settled":
        return replace(clock, settled_at=clock.settled_at or at)
    if not kind.startswith("vend.") or clock.units_done >= clock.units:
        return clock
    return replace(
        clock,
        units_done=clock.units_done + 1,
        outcome_at=at if clock.outcome_at is None else max(clock.outcome_at, at),
        is_unreachable=clock.is_unreachable or kind == "vend.unknown" or reason == UNREACHABLE,
    )


def judged(clock: OrderClock, now: datetime) -> OrderClock:
    """The clock with its verdict; its slot is fixed with the first verdict that is not open."""
    verdict = _verdict(clock, now)
    if clock.verdict is Verdict.MISSED or verdict is Verdict.OPEN:
        return clock
    at = clock.outcome_at if clock.is_decided and clock.outcome_at is not None else clock.paid_at + OUTCOME_LIMIT
    return replace(clock, verdict=verdict, slot_at=clock.slot_at or slot_of(at))


def _verdict(clock: OrderClock, now: datetime) -> Verdict:
    if not clock.is_decided or clock.outcome_at is None:
        return Verdict.MISSED if now > clock.paid_at + OUTCOME_LIMIT + WORD_ON_ITS_WAY else Verdict.OPEN
    if clock.is_unreachable:
        return Verdict.MISSED
    if clock.settled_at is not None:
        return Verdict.IN_TIME if clock.settled_at <= clock.outcome_at + OBJECTIVE else Verdict.LATE
    return Verdict.LATE if now > clock.outcome_at + OBJECTIVE + WORD_ON_ITS_WAY else Verdict.OPEN
