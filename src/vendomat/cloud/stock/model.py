"""What a person does to a slot's stock by hand: fills it, takes goods out, or counts what is there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vendomat.kernel import ErrorCode, VendomatError

PIECES_MAX = 200


class Deed(StrEnum):
    FILL = "fill"
    REMOVE = "remove"
    COUNT = "count"  # the first count of a slot, or one that sets the books right


@dataclass(frozen=True, slots=True)
class Handled:
    """`quantity` pieces were put in, were taken out, or are there."""

    slot: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Holding:
    """A slot of the plan. `on_hand` None: nobody has counted it yet."""

    capacity: int
    on_hand: int | None = None
    reserved: int = 0


def pieces_after(deed: Deed, handled: Handled, holding: Holding) -> int:
    """How many are there now. Raises `VendomatError(conflict)` for what cannot be."""
    before, slot = holding.on_hand or 0, handled.slot
    if deed is Deed.COUNT:
        return handled.quantity
    if deed is Deed.FILL:
        if before + handled.quantity > holding.capacity:
            raise _conflict(f"slot {slot} holds {holding.capacity}, and {before} are in it; count it if that is wrong")
        return before + handled.quantity
    if before - handled.quantity < holding.reserved:
        raise _conflict(f"{before} are in slot {slot}, {holding.reserved} of them being sold now")
    return before - handled.quantity


def _conflict(said: str) -> VendomatError:
    return VendomatError(ErrorCode.CONFLICT, f"{said}; nothing changed")
