"""The promotions that a machine is told with its catalogue: those that count there, or may while it keeps them."""

from __future__ import annotations

import asyncpg
import msgspec

from vendomat.cloud.promotions import store
from vendomat.cloud.promotions.model import KeptPromotion
from vendomat.protocol import PromotionOffer


async def told_promotions(
    connection: asyncpg.Connection, merchant_id: str, machine_id: str
) -> tuple[str, list[PromotionOffer]]:
    """The machine's zone, and the offers it should show; a machine learns of no promotion that is not meant for it."""
    kept = await store.active(connection, merchant_id)
    time_zone = await store.zone_of(connection, merchant_id, machine_id) if kept else ""
    return time_zone, [_told(one) for one in kept if one.rule.is_for(machine_id, frozenset())]


def _told(kept: KeptPromotion) -> PromotionOffer:
    budget = kept.offer().budget
    return PromotionOffer(
        rule=msgspec.Raw(msgspec.json.encode(kept.rule)),
        money_left_minor=budget.money_left_minor,
        uses_left=budget.uses_left,
    )
