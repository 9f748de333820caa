"""The messages about a cooler's door: a command to open it, and the facts of what was taken.

A door is one more thing that a command starts once: what holds for a `Dispense` and its facts holds for it.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from vendomat.protocol.messages import Id, Nonce, Short, Slot, VendFact

DOOR = "DOOR"
"""The slot of a command that releases a cooler's lock: no planogram has it."""


class TakenGoods(msgspec.Struct, frozen=True, kw_only=True):
    """How many pieces fewer stand on a shelf than before the door opened; below zero: more. `evidence` says by what."""

    slot: Slot
    pieces: Annotated[int, Meta(ge=-500, le=500)]
    evidence: Short = ""


TakenList = Annotated[list[TakenGoods], Meta(max_length=200)]


class DoorFact(VendFact, frozen=True, kw_only=True):
    """Body of INTENT, OUTCOME, REFUSED and FENCED of a cooler's door (`slot` is `DOOR`, `order_id` the visit)."""

    goods: TakenList = msgspec.field(default_factory=list)


class Recount(msgspec.Struct, frozen=True, kw_only=True):
    """Body of RECOUNT: all that was taken on the visit, as it is recognised now."""

    cmd_id: Id
    order_id: Id
    goods: TakenList


class OpenDoor(msgspec.Struct, frozen=True, kw_only=True):
    """Release a cooler's lock once, for one visit (`order_id`). Resent and fenced as a `Dispense`."""

    cmd_id: Id
    order_id: Id
    nonce: Nonce
    epoch: int
    unit: int = 1
    slot: Slot = DOOR
    product_id: Short = ""
