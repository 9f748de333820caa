"""What a machine is wanted to hold: a draft, what was published, and what stands between the two. Pure.

Goods that are in a slot never change their name in silence: whoever puts another product into a slot that holds
something, or takes the slot away, says how many pieces are there now. Refuses to touch the product of a slot for which
an order is open.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from vendomat.cloud.catalog import PlannedSlot, slot_order
from vendomat.cloud.machine_models import NewModel
from vendomat.kernel import ErrorCode, Money, VendomatError

NAMED_MAX = 5
AHEAD_MAX = timedelta(days=366)


class MisfitKind(StrEnum):
    """Why a slot of a plan does not fit the machine's model. Nobody is kept from publishing it: the machine is as it
    is, and the model may be wrong."""

    NO_SLOT = "no_slot"  # the model has no such slot
    TOO_MANY = "too_many"  # more pieces than its slot holds
    NOT_COOLED = "not_cooled"  # perishable goods in a cabinet that does not cool


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    SWAPPED = "swapped"  # another product
    CHANGED = "changed"  # the same product at another price, or another capacity


class Shown(StrEnum):
    """What a machine's screen shows, as far as is known."""

    AS_WANTED = "as_wanted"
    OLDER = "older"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class Misfit:
    slot: str
    kind: MisfitKind


@dataclass(frozen=True, slots=True)
class SlotStock:
    on_hand: int
    reserved: int


@dataclass(frozen=True, slots=True)
class SlotChange:
    slot: str
    kind: ChangeKind
    before: PlannedSlot | None
    after: PlannedSlot | None
    stock: SlotStock

    @property
    def asks_count(self) -> bool:
        """Whether nobody may publish this without saying what is in the slot now."""
        return self.kind in (ChangeKind.SWAPPED, ChangeKind.REMOVED) and self.stock.on_hand != 0


@dataclass(frozen=True, slots=True)
class Planogram:
    """A machine's planogram as it is kept. `edit` rises with every change of it or of its draft; `wanted` is the
    catalogue's version from which on the machine shows the published one (0: as it was set up). At `due_at` the draft
    is published by itself, in the name of `due_by`."""

    machine_id: str
    version: int
    wanted: int
    edit: int
    published_at: datetime | None = None
    published_by: str = ""
    draft: tuple[PlannedSlot, ...] | None = None
    draft_at: datetime | None = None
    draft_by: str = ""
    due_at: datetime | None = None
    due_by: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one publication does to one machine. `counts` are of slots whose stock is said anew."""

    planogram: Planogram
    before: tuple[PlannedSlot, ...]
    after: tuple[PlannedSlot, ...]
    changes: tuple[SlotChange, ...]
    counts: Mapping[str, int]
    draft: tuple[PlannedSlot, ...] | None = None  # what stays as a draft


def changes_between(
    before: Iterable[PlannedSlot], after: Iterable[PlannedSlot], stock: Mapping[str, SlotStock]
) -> list[SlotChange]:
    """Slot by slot, in the order of the machine."""
    old, new = ({planned.slot: planned for planned in side} for side in (before, after))
    found = []
    for slot in sorted(old.keys() | new.keys(), key=slot_order):
        kind = _kind(old.get(slot), new.get(slot))
        if kind is not None:
            found.append(SlotChange(slot, kind, old.get(slot), new.get(slot), stock.get(slot, SlotStock(0, 0))))
    return found


def _kind(before: PlannedSlot | None, after: PlannedSlot | None) -> ChangeKind | None:
    if before == after:
        return None
    if before is None:
        return ChangeKind.ADDED
    if after is None:
        return ChangeKind.REMOVED
    return ChangeKind.SWAPPED if before.product_id != after.product_id else ChangeKind.CHANGED


def misfits(slots: Iterable[PlannedSlot], cabinet: NewModel | None, perishable: Container[str]) -> list[Misfit]:
    """What of a plan does not fit; `perishable` are products. Without a model everything does."""
    if cabinet is None:
        return []
    rooms = {one.slot: one.capacity for one in cabinet.slots}
    found = []
    for planned in slots:
        if planned.slot not in rooms:
            found.append(Misfit(planned.slot, MisfitKind.NO_SLOT))
        elif planned.capacity > rooms[planned.slot]:
            found.append(Misfit(planned.slot, MisfitKind.TOO_MANY))
        if not cabinet.is_cooled and planned.product_id in perishable:
            found.append(Misfit(planned.slot, MisfitKind.NOT_COOLED))
    return found


def checked_counts(number: str, changes: Sequence[SlotChange], counts: Mapping[str, int]) -> dict[str, int]:
    """What is in each slot that is new, swapped or gone, once this is published. `number` is the machine's.

    Raises `VendomatError`: `conflict` for a slot with an open order, or whose count was not said; `invalid_value` for a
    count that cannot be.
    """
    moved = {change.slot: change for change in changes if change.kind is not ChangeKind.CHANGED}
    busy = [change.slot for change in moved.values() if change.stock.reserved]
    if busy:
        raise VendomatError(
            ErrorCode.CONFLICT,
            f"{number}: an order is open for {_named(busy)}; nothing changed, publish when it has ended",
            machine=number,
            slots=busy,
        )
    unsaid = [change.slot for change in moved.values() if change.asks_count and change.slot not in counts]
    if unsaid:
        raise VendomatError(
            ErrorCode.CONFLICT,
            f"{number}: say how many pieces are in {_named(unsaid)} now; nothing changed",
            machine=number,
            slots=unsaid,
        )
    for slot, count in counts.items():
        change = moved.get(slot)
        if change is None:
            raise VendomatError(
                ErrorCode.INVALID_VALUE, f"{number}: the goods in {slot} are not changed by this, so nobody counts them"
            )
        if not 0 <= count <= (change.after.capacity if change.after else 0):
            raise VendomatError(ErrorCode.INVALID_VALUE, f"{number}: {slot} cannot hold {count}; nothing changed")
    return {slot: counts.get(slot, 0) for slot in moved}


def checked_moment(number: str, changes: Sequence[SlotChange], at: datetime, now: datetime) -> None:
    """Whether a draft may be published by itself at `at`. Goods change only by a person who stands at the machine.

    Raises `VendomatError`: `invalid_value` for a moment that is past or too far away, `conflict` for other goods.
    """
    if not now < at <= now + AHEAD_MAX:
        raise VendomatError(
            ErrorCode.INVALID_VALUE, f"a moment lies ahead, at most {AHEAD_MAX.days} days; nothing changed"
        )
    moved = [change.slot for change in changes if change.kind is not ChangeKind.CHANGED]
    if moved:
        raise VendomatError(
            ErrorCode.CONFLICT,
            f"{number}: the goods in {_named(moved)} change, which waits for somebody who counts them there; only "
            "prices and capacities change at a moment of their own. Nothing changed",
            machine=number,
            slots=moved,
        )


def carried(
    draft: Sequence[PlannedSlot] | None, before: Sequence[PlannedSlot], after: Sequence[PlannedSlot]
) -> tuple[PlannedSlot, ...] | None:
    """`draft` on top of `after` instead of `before`: what it left as it was follows, what it changed stays."""
    if draft is None:
        return None
    old, new = ({planned.slot: planned for planned in side} for side in (before, after))
    return tuple(new.get(planned.slot, planned) if planned == old.get(planned.slot) else planned for planned in draft)


def at_price(slots: Sequence[PlannedSlot], product_id: str, price: Money) -> tuple[PlannedSlot, ...]:
    """`slots` with every one of the product at `price`."""
    return tuple(replace(planned, price=price) if planned.product_id == product_id else planned for planned in slots)


def shown_state(wanted: int, shown: int | None) -> Shown:
    """`shown` is the catalogue's version that the machine named last; 0 or None: it never said."""
    if not shown:
        return Shown.NOT_KNOWN
    return Shown.AS_WANTED if shown >= wanted else Shown.OLDER


def packed(slots: Iterable[PlannedSlot]) -> list[dict[str, object]]:
    """As a draft, a version or a template is kept. The currency is the merchant's."""
    return [
        {"slot": s.slot, "product_id": s.product_id, "price_minor": s.price.minor_units, "capacity": s.capacity}
        for s in slots
    ]


def one_side(changes: Iterable[SlotChange], *, is_after: bool) -> list[dict[str, object]]:
    """What the slots of `changes` held before, or hold after, as the change log keeps it."""
    sides = (change.after if is_after else change.before for change in changes)
    return packed(planned for planned in sides if planned is not None)


def unpacked(rows: Iterable[Mapping[str, object]], currency: str) -> tuple[PlannedSlot, ...]:
    """The opposite of `packed`."""
    return tuple(
        PlannedSlot(
            str(row["slot"]), str(row["product_id"]), Money(_int(row["price_minor"]), currency), _int(row["capacity"])
        )
        for row in rows
    )


def _int(value: object) -> int:
    assert isinstance(value, int), "we packed it"
    return value


def _named(slots: Sequence[str]) -> str:
    more = f" and {len(slots) - NAMED_MAX} more" if len(slots) > NAMED_MAX else ""
    return ", ".join(slots[:NAMED_MAX]) + more
