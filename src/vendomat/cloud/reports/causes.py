"""What needs somebody, as causes: one row each, what it loses in an hour, and the one thing that mends it. Pure.

Several alarms of one slot are one cause, and whatever keeps a whole machine from selling swallows what its slots lose:
nobody can lose the same sale twice. What a cause loses is

    (what its machine takes in this hour of the day) x (the share of that which the cause affects)

where the share of a machine away is one, that of a quiet one what it has not sold since it fell silent, that of a
slot its part of the machine's takings, and that of a way to pay
one part of those that are switched on. Trouble with money that was taken already loses no sale: it comes after, the
critical first. Refuses to add amounts up over causes of different currencies: a merchant has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

WHOLE_PPM = 1_000_000
OFFLINE, MANY_OFFLINE, NOT_READY, SOLD_OUT = "machine.offline", "machines.offline", "machine.not_ready", "sold_out"
QUIET, TEMPERATURE = "machine.quiet", "machine.temperature"
MACHINES_NAMED_MAX = 20
"""More machines away at once are one row."""


Basis = Literal["own", "merchant", "price"]


class Remedy(StrEnum):
    """The one thing to do. What begins with `open_` leads to the page where a person decides."""

    REOPEN_SLOT = "reopen_slot"
    UNLOCK_SLOT = "unlock_slot"
    RELEASE_REFUND = "release_refund"
    REFUND_AGAIN = "refund_again"
    CLEAR = "clear"
    OPEN_ORDER = "open_order"
    OPEN_MACHINE = "open_machine"
    OPEN_MACHINES = "open_machines"
    OPEN_WAYS = "open_ways"
    OPEN_CLAIMS = "open_claims"
    OPEN_RECONCILIATION = "open_reconciliation"


_FIXES: Mapping[str, Remedy] = {
    "slot_locked": Remedy.UNLOCK_SLOT,
    "vend_failed": Remedy.REOPEN_SLOT,
    "vend_unknown": Remedy.REOPEN_SLOT,
    "refund_held": Remedy.OPEN_ORDER,
    "refund_stuck": Remedy.OPEN_ORDER,
    "refund_open": Remedy.OPEN_ORDER,
    "payment_unknown": Remedy.OPEN_ORDER,
    "payment_mismatch": Remedy.OPEN_ORDER,
    "hold_open": Remedy.OPEN_ORDER,
    "channel_away": Remedy.OPEN_WAYS,
    "claim_old": Remedy.OPEN_CLAIMS,
    "claims_many": Remedy.OPEN_CLAIMS,
    "bill_missing": Remedy.OPEN_RECONCILIATION,
    "payment_short": Remedy.OPEN_RECONCILIATION,
    OFFLINE: Remedy.OPEN_MACHINE,
    NOT_READY: Remedy.OPEN_MACHINE,
    QUIET: Remedy.OPEN_MACHINE,
    SOLD_OUT: Remedy.OPEN_MACHINE,
    TEMPERATURE: Remedy.OPEN_MACHINE,
    MANY_OFFLINE: Remedy.OPEN_MACHINES,
}
"""What is not named here stays until a person has seen it: acknowledged and cleared in one step."""

_WITH_REFUND = {"refund_held": Remedy.RELEASE_REFUND, "refund_stuck": Remedy.REFUND_AGAIN}
_STANDING_STILL = (MANY_OFFLINE, OFFLINE, NOT_READY, QUIET)
"""What keeps a whole machine from selling, the deeper cause first."""

_SEVERITIES = ("critical", "warning")


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is wrong now: an open alarm, or what rows say by themselves (then without an alarm)."""

    kind: str
    machine_id: str
    severity: str
    since: datetime
    slot: str = ""
    alarm_ids: tuple[str, ...] = ()
    state: str = ""
    order_id: str = ""
    refund_id: str = ""
    detail: str = ""
    count: int = 1
    unsold_ppm: int = 0  # of a quiet machine


@dataclass(frozen=True, slots=True)
class Expected:
    """What is taken in an hour like this one. `basis` says how it is known: own, merchant, or price."""

    minor_per_hour: int
    basis: Basis


@dataclass(frozen=True, slots=True)
class Cause:
    """A row. `folded` counts what else is wrong there and is not told apart."""

    found: Found
    fix: Remedy
    share_ppm: int = 0
    loss_minor_per_hour: int = 0
    basis: Basis | Literal[""] = ""
    folded: int = 0

    @property
    def key(self) -> str:
        return "/".join((self.found.kind, self.found.machine_id, self.found.slot))


@dataclass(frozen=True, slots=True)
class Stakes:
    """What is at stake: `expected` by machine ('' is the whole merchant), `shares_ppm` by (machine, slot).

    A slot without an entry is open, and its alarm loses nothing.
    """

    expected: Mapping[str, Expected]
    shares_ppm: Mapping[tuple[str, str], int] = field(default_factory=dict)
    machines: int = 0
    channels: int = 1


def causes_of(found: Iterable[Found]) -> list[Cause]:
    """One cause for each thing that is wrong, folded, without its loss."""
    slots: dict[tuple[str, str], list[Found]] = {}
    still: dict[str, list[Found]] = {}
    others: list[Found] = []
    for one in found:
        if one.kind in _STANDING_STILL:
            still.setdefault(one.machine_id, []).append(one)
        elif one.slot or one.kind == SOLD_OUT:
            slots.setdefault((one.machine_id, one.slot), []).append(one)
        else:
            others.append(one)
    causes = {machine_id: _folded(group, _STANDING_STILL) for machine_id, group in still.items()}
    for (machine_id, _), group in slots.items():
        if machine_id in causes:
            causes[machine_id] = replace(causes[machine_id], folded=causes[machine_id].folded + len(group))
        else:
            others.append(_slot(group))
    return [*causes.values(), *(Cause(one, _fix(one)) for one in others)]


def ranked(causes: Iterable[Cause], stakes: Stakes) -> list[Cause]:
    """What loses most first; of those that lose the same, the critical, then the oldest."""
    valued = [_valued(cause, stakes) for cause in causes]
    return sorted(
        valued,
        key=lambda c: (-c.loss_minor_per_hour, _SEVERITIES.index(c.found.severity), c.found.since, c.key),
    )


def _folded(group: Sequence[Found], order: Sequence[str]) -> Cause:
    """The deepest of a machine's reasons, with the alarm of any of them."""
    first, *more = sorted(group, key=lambda one: order.index(one.kind))
    alarm_ids = tuple(dict.fromkeys(alarm for one in (first, *more) for alarm in one.alarm_ids))
    kinds = {one.kind for one in more} - {first.kind}
    found = replace(first, alarm_ids=alarm_ids, since=min(one.since for one in group), detail=_said(group))
    return Cause(found, _fix(first), folded=len(kinds))


def _slot(group: Sequence[Found]) -> Found:
    """All that is wrong with a slot: a lock needs a reason, so it speaks for the rest."""
    first = min(group, key=lambda one: (one.kind != "slot_locked", _SEVERITIES.index(one.severity), one.since))
    alarm_ids = tuple(alarm for one in group for alarm in one.alarm_ids)
    return replace(first, alarm_ids=alarm_ids, since=min(one.since for one in group), count=sum(o.count for o in group))


def _said(group: Sequence[Found]) -> str:
    return next((one.detail for one in group if one.detail), "")


def _fix(found: Found) -> Remedy:
    if found.refund_id and found.kind in _WITH_REFUND:
        return _WITH_REFUND[found.kind]
    fix = _FIXES.get(found.kind, Remedy.CLEAR)
    if fix is Remedy.OPEN_ORDER and not found.order_id:
        return Remedy.OPEN_MACHINE if found.machine_id else Remedy.CLEAR
    return fix


def _valued(cause: Cause, stakes: Stakes) -> Cause:
    found = cause.found
    share_ppm = _share_ppm(found, stakes)
    place = "" if found.kind in (MANY_OFFLINE, "channel_away") else found.machine_id
    expected = stakes.expected.get(place)
    if not share_ppm or expected is None:
        return cause
    loss = (expected.minor_per_hour * share_ppm + WHOLE_PPM // 2) // WHOLE_PPM
    return replace(cause, share_ppm=share_ppm, loss_minor_per_hour=loss, basis=expected.basis)


def _share_ppm(found: Found, stakes: Stakes) -> int:
    if found.kind in (OFFLINE, NOT_READY):
        return WHOLE_PPM
    if found.kind == QUIET:
        return found.unsold_ppm
    if found.kind == MANY_OFFLINE:
        return min(WHOLE_PPM, found.count * WHOLE_PPM // max(1, stakes.machines))
    if found.kind == "channel_away":
        return WHOLE_PPM // max(1, stakes.channels)
    if found.slot or found.kind == SOLD_OUT:
        return stakes.shares_ppm.get((found.machine_id, found.slot), 0)
    return 0
