"""The promotions that a machine is told with its catalogue: those that count there, or may while it keeps them."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
import msgspec

from vendomat.cloud.promotions import store
from vendomat.cloud.promotions.model import KeptPromotion
from vendomat.protocol import PromotionOffer


@dataclass(frozen=True, slots=True)
class Told:
    """The machine's zone and tags, the offers it should show, and whether a coupon could let more count."""

    time_zone: str = ""
    groups: tuple[str, ...] = ()
    offers: tuple[PromotionOffer, ...] = ()
    takes_coupons: bool = False


async def told_promotions(connection: asyncpg.Connection, merchant_id: str, machine_id: str) -> Told:
    """A machine learns of no promotion that is not meant for it, nor of one that wants a coupon before it has one."""
    active = await store.active(connection, merchant_id)
    if not active:
        return Told()
    time_zone, groups = await store.place_of(connection, merchant_id, machine_id)
    kept = [one for one in active if one.rule.is_for(machine_id, groups)]
    if not kept:
        return Told()
    return Told(
        time_zone,
        tuple(sorted(groups)),
        tuple(told_offer(one) for one in kept if not one.rule.coupon),
        any(one.rule.coupon for one in kept),
    )


def told_offer(kept: KeptPromotion) -> PromotionOffer:
    """As the machine is told it."""
    budget = kept.offer().budget
    return PromotionOffer(
        rule=msgspec.Raw(msgspec.json.encode(kept.rule)),
        money_left_minor=budget.money_left_minor,
        uses_left=budget.uses_left,
    )
