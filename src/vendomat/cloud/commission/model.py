"""What a site's owner gets for a month, line by line, in whole minor units. Pure.

Commissionable is what buyers paid for goods that came out at the site (codes that were pre-paid count, gifts do not,
nor do goods that came out after their money had been promised back), less goodwill that went back for orders of its
machines; platform fees are the merchant's own. A day counts for the site where the machine stood on that day.

Each line is rounded once, half up, and its shares by machine sum to it exactly. A part of a month in which net sales
are negative earns nothing, and takes nothing. Fixed amounts and minimums of a part of a month count by its days. Tiers
look at the net sales of the days on which their rule holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from vendomat.cloud.sites import Rule, Span, Step, Terms, terms_within
from vendomat.kernel import Money


@dataclass(frozen=True, slots=True)
class Sold:
    """What a machine at the site sold on one day."""

    day: date
    machine_id: str
    units: int
    net_minor: int


LineKind = Literal["share", "units", "fixed", "minimum"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `share`, `units`, `fixed` or `minimum`, for the days from `first` to `last`.

    `base_minor` is what the line was computed from (net sales; for a minimum what the other lines gave); `shares` say
    how much of it each machine brought, and sum to `amount_minor` where there are any.
    """

    kind: LineKind
    first: date
    last: date
    base_minor: int
    units: int
    amount_minor: int
    shares: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Correction:
    """What an earlier month's statement should have said, as far as it did not. `reason` "" when it was recomputed."""

    month: str
    amount_minor: int
    reason: str = ""


def half_up(numerator: int, denominator: int) -> int:
    """The quotient of two non-negative integers, rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def share_minor(steps: Sequence[Step], net_minor: int) -> int:
    """The owner's share of `net_minor` by tiers, rounded once."""
    parts = 0
    for n, step in enumerate(steps):
        end = steps[n + 1].from_minor if n + 1 < len(steps) else net_minor
        parts += max(0, min(end, net_minor) - step.from_minor) * step.basis_points
    return half_up(parts, 10_000)


def month_lines(span: Span, rules: Iterable[Rule], sold: Sequence[Sold], currency: str) -> list[Line]:
    """All lines of the month `span`, part by part; lines of nothing are left out."""
    lines = []
    for part, terms in terms_within(rules, span):
        inside = [one for one in sold if one.day in part]
        lines += _part_lines(part, terms, inside, month_days=span.days, currency=currency)
    return lines


def _part_lines(part: Span, terms: Terms, sold: Sequence[Sold], *, month_days: int, currency: str) -> list[Line]:
    net = {machine: sum(o.net_minor for o in sold if o.machine_id == machine) for machine in _machines(sold)}
    units = {machine: sum(o.units for o in sold if o.machine_id == machine) for machine in _machines(sold)}
    net_minor, unit_count = sum(net.values()), sum(units.values())
    share = share_minor(terms.steps, max(0, net_minor))
    by_unit = terms.per_unit_minor * unit_count
    fixed = half_up(terms.fixed_minor * part.days, month_days)
    least = half_up(terms.minimum_minor * part.days, month_days)
    given = share + by_unit + fixed
    found = [
        Line("share", part.first, part.last, net_minor, unit_count, share, _shares(share, net, currency)),
        Line("units", part.first, part.last, 0, unit_count, by_unit, _shares(by_unit, units, currency)),
        Line("fixed", part.first, part.last, terms.fixed_minor, 0, fixed),
        Line("minimum", part.first, part.last, given, 0, max(0, least - given)),
    ]
    return [line for line in found if line.amount_minor]


def _machines(sold: Sequence[Sold]) -> list[str]:
    return sorted({one.machine_id for one in sold})


def _shares(amount_minor: int, weights: Mapping[str, int], currency: str) -> tuple[tuple[str, int], ...]:
    """`amount_minor` by machine in proportion to what each brought; what brought nothing gets nothing."""
    positive = {machine: max(0, weight) for machine, weight in weights.items()}
    if not amount_minor or not sum(positive.values()):
        return ()
    parts = Money(amount_minor, currency).split(list(positive.values()))
    return tuple((machine, part.minor_units) for machine, part in zip(positive, parts, strict=True))


def corrections(stated: Mapping[str, int], recomputed: Mapping[str, int]) -> list[Correction]:
    """For each stated month the difference to what it comes to now, oldest first; none for those that agree."""
    return [
        Correction(month, recomputed[month] - stated[month])
        for month in sorted(stated)
        if recomputed[month] != stated[month]
    ]
