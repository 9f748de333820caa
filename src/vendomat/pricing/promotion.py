"""A promotion: what it gives, on which goods, where, when and to whom. Pure; one form for the database and the wire.

Refuses rules that nobody could compute: a share above the whole, a gift of more than is taken, a bundle of one. What it
gives is computed in engine.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.pricing.schedule import Window, is_within

RULES_VERSION = 1
"""Rises when the same rules would price the same cart otherwise."""
GROUP_UNITS_MAX = 6
BASIS_POINTS_MAX = 10_000

_Word = Annotated[str, Meta(max_length=80)]
_Words = Annotated[tuple[_Word, ...], Meta(max_length=500)]
_Minor = Annotated[int, Meta(ge=0, le=10**12)]


class Kind(StrEnum):
    FIXED_PRICE = "fixed_price"  # each costs `value_minor`, if that is less
    PERCENT = "percent"  # `basis_points` off each, rounded half up
    AMOUNT_OFF = "amount_off"  # `value_minor` off each
    N_FOR_M = "n_for_m"  # of each `take` the cheapest are free, so that `pay` are paid
    BUNDLE = "bundle"  # one of each part together for `value_minor`
    CART_OFF = "cart_off"  # `value_minor` off the whole cart, once


GROUPING = frozenset({Kind.N_FOR_M, Kind.BUNDLE})


class Goods(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Products named, or of a category named; nothing named is all goods. `quantity` counts in a bundle."""

    products: _Words = ()
    categories: _Words = ()
    quantity: Annotated[int, Meta(ge=1, le=GROUP_UNITS_MAX)] = 1

    def has(self, product_id: str, category: str) -> bool:
        if not self.products and not self.categories:
            return True
        return product_id in self.products or (category != "" and category in self.categories)


class Promotion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule. An empty scope (`machines`, `groups`, `tiers`, `channels`, `coupon`) leaves nobody out.

    `from_minor`: only for carts that cost at least that at list prices. `priority`: higher first.
    """

    promotion_id: _Word
    name: _Word
    kind: Kind
    goods: Goods = Goods()
    value_minor: _Minor = 0
    basis_points: Annotated[int, Meta(ge=0, le=BASIS_POINTS_MAX)] = 0
    take: Annotated[int, Meta(ge=0, le=GROUP_UNITS_MAX)] = 0
    pay: Annotated[int, Meta(ge=0, le=GROUP_UNITS_MAX)] = 0
    parts: Annotated[tuple[Goods, ...], Meta(max_length=GROUP_UNITS_MAX)] = ()
    machines: _Words = ()
    groups: _Words = ()
    tiers: _Words = ()
    channels: _Words = ()
    coupon: _Word = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    windows: Annotated[tuple[Window, ...], Meta(max_length=20)] = ()
    from_minor: _Minor = 0
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    is_stackable: bool = False

    @property
    def rank(self) -> tuple[int, str]:
        """The order in which promotions go: the higher priority first, then the older id."""
        return (-self.priority, self.promotion_id)

    @property
    def group_size(self) -> int:
        """How many units go together."""
        if self.kind is Kind.N_FOR_M:
            return self.take
        return sum(part.quantity for part in self.parts) if self.kind is Kind.BUNDLE else 1

    def has(self, product_id: str, category: str) -> bool:
        """Whether such goods may have something of it."""
        if self.kind is Kind.BUNDLE:
            return any(part.has(product_id, category) for part in self.parts)
        return self.goods.has(product_id, category)

    def is_for(self, machine_id: str, groups: frozenset[str]) -> bool:
        """Whether it counts at this machine at all."""
        if not self.machines and not self.groups:
            return True
        return machine_id in self.machines or not groups.isdisjoint(self.groups)

    def is_on(self, local: datetime) -> bool:
        """Whether its time has come, and is not over. `local` is in the machine's zone."""
        if self.starts_at is not None and local < self.starts_at:
            return False
        if self.ends_at is not None and local >= self.ends_at:
            return False
        return is_within(self.windows, local)

    def check(self) -> Promotion:
        """Itself. Raises `VendomatError(invalid_value)` saying what is wrong with it."""
        wrong = self._wrong()
        if wrong:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"{wrong}; nothing changed")
        return self

    def _wrong(self) -> str:
        if self.is_stackable and self.kind in GROUPING:
            return "n for m and bundles choose their goods together, so they do not stack"
        for moment in (self.starts_at, self.ends_at):
            if moment is not None and moment.tzinfo is None:
                return "a promotion begins and ends at a moment with its offset"
        if self.starts_at is not None and self.ends_at is not None and self.starts_at >= self.ends_at:
            return "a promotion ends after its beginning"
        match self.kind:
            case Kind.PERCENT if self.basis_points < 1:
                return "a percentage is more than nothing and at most the whole"
            case Kind.FIXED_PRICE | Kind.AMOUNT_OFF | Kind.CART_OFF | Kind.BUNDLE if self.value_minor < 1:
                return "a price or an amount off is more than nothing"
            case Kind.N_FOR_M if not 1 <= self.pay < self.take:
                return "of the units taken together at least one is paid and one is free"
            case Kind.BUNDLE if not 2 <= self.group_size <= GROUP_UNITS_MAX:
                return f"a bundle has 2 to {GROUP_UNITS_MAX} units"
        return ""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a promotion may still give, in money and in orders; None: there is no such limit."""

    money_left_minor: int | None = None
    uses_left: int | None = None

    def carries(self, off_minor: int) -> bool:
        """Whether one more order with `off_minor` fits."""
        has_money = self.money_left_minor is None or off_minor <= self.money_left_minor
        return has_money and (self.uses_left is None or self.uses_left >= 1)


@dataclass(frozen=True, slots=True)
class Offer:
    """A promotion with what is left of its budget."""

    promotion: Promotion
    budget: Budget = Budget()
