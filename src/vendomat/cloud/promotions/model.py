"""A promotion as it is kept: its rule, its state, its budget and what it has given. Pure.

A draft gives nothing; an active one counts when its rule says so; an ended one never again, so what it gave stays
explained. Refuses to put a budget on a promotion that is active without one, or to take it away: what was given before
would not be counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vendomat.kernel import ErrorCode, Moves, VendomatError
from vendomat.pricing import Budget, Offer, Promotion

ACTIVE_MAX = 50
"""How many promotions of a merchant may be active: each order asks them all."""


class PromotionState(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    ENDED = "ended"


class PromotionMove(StrEnum):
    ACTIVATE = "activate"
    END = "end"


PROMOTION_MOVES: Moves[PromotionState, PromotionMove] = Moves(
    "promotion",
    PromotionState,
    {
        (PromotionState.DRAFT, PromotionMove.ACTIVATE): PromotionState.ACTIVE,
        (PromotionState.DRAFT, PromotionMove.END): PromotionState.ENDED,
        (PromotionState.ACTIVE, PromotionMove.END): PromotionState.ENDED,
    },
    start=PromotionState.DRAFT,
    final=(PromotionState.ENDED,),
)


class UseState(StrEnum):
    """What became of the order that a promotion gave something to."""

    RESERVED = "reserved"  # it waits for its payment
    CONFIRMED = "confirmed"  # it was paid; what is paid back later stays counted
    RELEASED = "released"  # it ended unpaid: the budget has it again


@dataclass(frozen=True, slots=True)
class Limits:
    """The most a promotion gives in all, in money and in orders; None: no such limit."""

    money_max: int | None = None
    uses_max: int | None = None

    @property
    def is_set(self) -> bool:
        return self.money_max is not None or self.uses_max is not None


@dataclass(frozen=True, slots=True)
class KeptPromotion:
    """`taken_*` count what is reserved or confirmed, and only where there are limits; `version` rises with each
    change."""

    rule: Promotion
    state: PromotionState
    version: int = 1
    limits: Limits = Limits()
    taken_minor: int = 0
    taken_uses: int = 0

    def is_over(self, now: datetime) -> bool:
        """Whether its last moment has passed."""
        return self.rule.ends_at is not None and self.rule.ends_at <= now

    def offer(self) -> Offer:
        """The rule with what is left of its budget."""
        money_max, uses_max = self.limits.money_max, self.limits.uses_max
        return Offer(
            self.rule,
            Budget(
                None if money_max is None else max(0, money_max - self.taken_minor),
                None if uses_max is None else max(0, uses_max - self.taken_uses),
            ),
        )

    def check_change(self, rule: Promotion, limits: Limits) -> None:
        """Raises `VendomatError` for a rule or limits that this promotion cannot have now."""
        if self.state is PromotionState.ENDED:
            raise VendomatError(ErrorCode.CONFLICT, "this promotion has ended; make a new one")
        if self.state is PromotionState.ACTIVE and limits.is_set != self.limits.is_set:
            raise VendomatError(
                ErrorCode.CONFLICT,
                "an active promotion keeps its budget or goes without one; end it and make a new one",
            )
        if self.state is PromotionState.ACTIVE and bool(rule.coupon) != bool(self.rule.coupon):
            raise VendomatError(
                ErrorCode.CONFLICT, "an active promotion keeps its coupons or goes without; end it and make a new one"
            )
        is_money_spent = limits.money_max is not None and limits.money_max < self.taken_minor
        if is_money_spent or (limits.uses_max is not None and limits.uses_max < self.taken_uses):
            raise VendomatError(ErrorCode.CONFLICT, "more than that has been given already; nothing changed")


Gifts = tuple[tuple[int, int], ...]
"""What one promotion takes off units: pairs of a unit's number and the amount."""


@dataclass(frozen=True, slots=True)
class Use:
    """What one promotion gives to one order: `units` are pairs of a unit's number and what is taken off it when it is
    paid any way; `held_minor` is the most it may come to by another, and is kept from its budget."""

    merchant_id: str
    order_id: str
    promotion_id: str
    units: Gifts
    at: datetime
    coupon_id: str = ""  # the coupon that let it count, if it needed one
    held_minor: int = 0

    @property
    def off_minor(self) -> int:
        return sum(off_minor for _, off_minor in self.units)
