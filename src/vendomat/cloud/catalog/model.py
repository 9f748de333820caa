"""What is sold: products, pictures, and which slot of a machine holds what at which price. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vendomat.kernel import ErrorCode, Money, VendomatError
from vendomat.protocol import SlotState

SLOTS_MAX = 200
CAPACITY_MAX = 100
PRICE_MINOR_MAX = 10_000_000
_SLOT = re.compile(r"([A-Z]*)([0-9]*)([A-Z0-9]*)")
_SLOT_FORM = re.compile(r"[A-Z0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class NewProduct:
    """`image` is the SHA-256 of a stored picture, or empty."""

    sku: str
    name_zh: str
    name_en: str
    price: Money
    detail_zh: str = ""
    detail_en: str = ""
    category: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """One slot of a planogram."""

    slot: str
    product_id: str
    price: Money
    capacity: int


def checked_plan(slots: list[PlannedSlot]) -> list[PlannedSlot]:
    """`slots` in the order of the machine. Raises `VendomatError(invalid_value)` naming the slot at fault."""
    if not 1 <= len(slots) <= SLOTS_MAX or len({s.slot for s in slots}) != len(slots):
        raise VendomatError(ErrorCode.INVALID_VALUE, f"a planogram has 1 to {SLOTS_MAX} slots, each of them once")
    for planned in slots:
        if _SLOT_FORM.fullmatch(planned.slot) is None:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"{planned.slot!r} is not a slot")
        if not 1 <= planned.capacity <= CAPACITY_MAX:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"slot {planned.slot}: capacity is 1 to {CAPACITY_MAX}")
        if not 1 <= planned.price.minor_units <= PRICE_MINOR_MAX:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"slot {planned.slot}: this is not a price")
    return sorted(slots, key=lambda planned: slot_order(planned.slot))


def slot_order(slot: str) -> tuple[str, int, str]:
    """A2 before A10, rows first: the order in which people see the slots."""
    match = _SLOT.match(slot)
    assert match is not None, "every text matches"
    row, number, rest = match.groups()
    return (row, int(number or 0), rest)


def slot_state(on_hand: int, reserved: int, closed_reason: str) -> SlotState:
    """Closed beats sold out: a closed slot sells nothing whatever it holds."""
    if closed_reason:
        return SlotState.CLOSED
    return SlotState.OK if on_hand - reserved > 0 else SlotState.SOLD_OUT


def image_path(sha256: str) -> str:
    """Where a picture is served, empty for none."""
    return f"/media/{sha256}.svg" if sha256 else ""


def channel_order(channel: str) -> tuple[int, str]:
    """Sorts the ways to pay as buyers meet them: the usual ones first. The kiosk offers the first one unasked."""
    usual = ("wechat", "alipay", "stripe")
    return (usual.index(channel) if channel in usual else len(usual), channel)
