"""Which payments carry what is owed to a site's owner, and which are not needed any more. Pure.

The platform shares a payment at a time, so what a statement says is divided over payments of the site's machines: the
oldest first, because their time is over first, each as far as its account may give. Refuses payments of which anything
went back. A payment of the stated month that carries nothing is set free at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Frozen:
    """A payment whose money waits. `may_give`: it is settled, and nothing of it went or goes back."""

    payment_id: str
    transaction_id: str
    captured_minor: int
    paid_at: datetime
    may_give: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """`missing_minor` of what was wanted found no payment to carry it."""

    gives: tuple[tuple[Frozen, int], ...]
    frees: tuple[Frozen, ...]
    missing_minor: int

    @property
    def given_minor(self) -> int:
        return sum(minor for _, minor in self.gives)


def plan_shares(wanted_minor: int, frozen: Sequence[Frozen], *, ceiling_bp: int, month_end: datetime) -> Plan:
    """Divide `wanted_minor`; what was paid before `month_end` and carries nothing is free."""
    rest = max(0, wanted_minor)
    gives: list[tuple[Frozen, int]] = []
    frees: list[Frozen] = []
    for one in sorted(frozen, key=lambda f: (f.paid_at, f.payment_id)):
        part = min(rest, one.captured_minor * ceiling_bp // BASIS_POINTS) if one.may_give else 0
        if part > 0:
            gives.append((one, part))
            rest -= part
        elif one.paid_at < month_end:
            frees.append(one)
    return Plan(tuple(gives), tuple(frees), rest)


@dataclass(frozen=True, slots=True)
class Given:
    """A share that came through, and what of it can still be taken back."""

    share_id: str
    left_minor: int
    given_at: datetime


def plan_take_back(wanted_minor: int, given: Sequence[Given]) -> list[tuple[Given, int]]:
    """Divide `wanted_minor` over what was given, the newest first; less when there is not as much."""
    rest, found = wanted_minor, []
    for one in sorted(given, key=lambda g: (g.given_at, g.share_id), reverse=True):
        part = min(rest, one.left_minor)
        if part > 0:
            found.append((one, part))
            rest -= part
    return found
