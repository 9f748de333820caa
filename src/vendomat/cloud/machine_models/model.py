"""What a machine model is: a maker's cabinet with its slots. Pure.

It says what a machine could hold; what one is wanted to hold says its planogram.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vendomat.cloud.catalog import CAPACITY_MAX, SLOT_FORM, SLOTS_MAX
from vendomat.kernel import ErrorCode, FlawCode, VendomatError, flaw, flawed

NAME_MAX = 80


class Mechanism(StrEnum):
    """How goods come out."""

    SPIRAL = "spiral"
    BELT = "belt"
    LIFT = "lift"  # belts, and a lift that carries the goods down
    LOCKER = "locker"
    COOLER = "cooler"  # an open door: the buyer takes
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ModelSlot:
    """`capacity`: how many units fit at most."""

    slot: str
    capacity: int


@dataclass(frozen=True, slots=True)
class NewModel:
    """`is_cooled`: perishable goods may stand in it. The slots are in the order of the machine."""

    name: str
    slots: tuple[ModelSlot, ...]
    maker: str = ""
    mechanism: Mechanism = Mechanism.SPIRAL
    is_cooled: bool = True

    def check(self) -> None:
        """Raises `VendomatError(invalid_value)` naming what is at fault."""
        if not self.name or any(len(text) > NAME_MAX or not text.isprintable() for text in (self.name, self.maker)):
            raise _wrong(f"a model has a name; it and the maker's have at most {NAME_MAX} characters on one line")
        if not 1 <= len(self.slots) <= SLOTS_MAX or len({one.slot for one in self.slots}) != len(self.slots):
            raise _wrong(f"a model has 1 to {SLOTS_MAX} slots, each of them once")
        for one in self.slots:
            if re.fullmatch(SLOT_FORM, one.slot) is None:
                raise flawed(flaw(FlawCode.SLOT_FORM, slot=one.slot))
            if not 1 <= one.capacity <= CAPACITY_MAX:
                raise flawed(flaw(FlawCode.SLOT_CAPACITY, slot=one.slot, most=CAPACITY_MAX))


@dataclass(frozen=True, slots=True)
class MachineModel:
    """A model as it is kept. `version` rises with each change."""

    model_id: str
    data: NewModel
    version: int
    created_at: datetime
    machines: int = 0  # that are of it


def _wrong(what: str) -> VendomatError:
    return VendomatError(ErrorCode.INVALID_VALUE, f"{what}; nothing changed")
