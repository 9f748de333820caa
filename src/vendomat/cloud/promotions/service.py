"""Promotions as people make them: write, look where they meet, try a cart, switch on, end.

A change is refused when somebody else changed the promotion meanwhile. What is switched on, changed or ended is told to
all machines of the merchant with the next heartbeat; orders go by it at once. Refuses to change what has ended: what it
gave stays explained by the rule it had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from vendomat.cloud.catalog import bump_merchant_catalogues
from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.platform.database import Database
from vendomat.cloud.promotions import store
from vendomat.cloud.promotions.model import (
    ACTIVE_MAX,
    PROMOTION_MOVES,
    KeptPromotion,
    Limits,
    PromotionMove,
    PromotionState,
)
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError
from vendomat.pricing import Meeting, Moment, Offer, PricedLine, Product, Promotion, Quote, meetings, quote

PREFIX = "prm"
_Move = Callable[[KeptPromotion], KeptPromotion]


@dataclass(frozen=True, slots=True)
class CartLine:
    slot: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Trying:
    """Where a cart is tried, `at` a time of the machine's own clock (None: now), and how and by whom it is paid. With
    `trial` the active promotions and that one count, its coupon shown, of no other."""

    machine_id: str
    at: datetime | None = None
    trial: Promotion | None = None
    channel: str = ""
    tier: str = ""


@dataclass(frozen=True, slots=True)
class TestedCart:
    """What a cart would cost at a machine at a moment of its own clock."""

    local: datetime
    currency: str
    quote: Quote
    names: dict[str, tuple[str, str]]  # by product: zh, en
    rules: dict[str, str]  # names by promotion


@dataclass(frozen=True, slots=True)
class KnownGoods:
    """What promotions can be about: products, tags of machines, tiers of members, ways to pay."""

    currency: str
    time_zone: str
    products: list[asyncpg.Record]
    groups: list[str]
    tiers: list[str]
    channels: list[str]


class Promotions:
    """One merchant's promotions. `by` is the operator who asks."""

    def __init__(self, database: Database, ids: Ids, clock: Clock) -> None:
        self._database = database
        self._ids = ids
        self._clock = clock

    async def all_of(self, merchant_id: str) -> list[asyncpg.Record]:
        async with self._database.hot.acquire() as connection:
            return await store.find_all(connection, merchant_id)

    async def goods(self, merchant_id: str) -> KnownGoods:
        async with self._database.hot.acquire() as connection:
            currency, time_zone = await store.currency_of(connection, merchant_id)
            products = await store.goods_of(connection, merchant_id)
            return KnownGoods(currency, time_zone, products, *await store.conditions_of(connection, merchant_id))

    async def create(self, merchant_id: str, rule: Promotion, limits: Limits, *, by: str) -> KeptPromotion:
        """A draft. Raises `VendomatError(invalid_value)`."""
        rule = _named(rule, self._ids.new(PREFIX)).check()
        kept = KeptPromotion(rule, PromotionState.DRAFT, limits=limits)
        async with self._database.hot.acquire() as connection, connection.transaction():
            await store.insert(connection, merchant_id, kept, by=by, at=self._clock.now())
            await self._note(connection, merchant_id, "promotion.created", by=by, after=kept)
        return kept

    async def change(
        self, merchant_id: str, rule: Promotion, limits: Limits, *, version: int, by: str
    ) -> KeptPromotion:
        """Another rule under the same id. Raises `VendomatError` (not_found, conflict, invalid_value)."""
        rule = _named(rule, rule.promotion_id).check()

        def changed(kept: KeptPromotion) -> KeptPromotion:
            kept.check_change(rule, limits)
            return replace(kept, rule=rule, limits=limits)

        return await self._moved(merchant_id, rule.promotion_id, ("promotion.changed", changed), version=version, by=by)

    async def activate(self, merchant_id: str, promotion_id: str, *, version: int, by: str) -> KeptPromotion:
        """It counts from now on, when its rule says so. Raises `VendomatError` (not_found, conflict)."""
        return await self._moved(
            merchant_id, promotion_id, ("promotion.activated", _by(PromotionMove.ACTIVATE)), version=version, by=by
        )

    async def end(self, merchant_id: str, promotion_id: str, *, version: int, by: str) -> KeptPromotion:
        """It never counts again; orders that have it keep it. Raises as `activate`."""
        return await self._moved(
            merchant_id, promotion_id, ("promotion.ended", _by(PromotionMove.END)), version=version, by=by
        )

    async def preview(self, merchant_id: str, rule: Promotion) -> tuple[list[Meeting], dict[str, str]]:
        """Where `rule` would meet active promotions, and the names of those. Raises `VendomatError(invalid_value)`."""
        rule.check()
        async with self._database.hot.acquire() as connection:
            now = self._clock.now()
            active = [one for one in await store.active(connection, merchant_id) if not one.is_over(now)]
            currency, time_zone = await store.currency_of(connection, merchant_id)
            goods = await store.goods_of(connection, merchant_id)
            tagged = await store.tagged_machines(connection, merchant_id)
        others = [kept.rule for kept in active if kept.rule.promotion_id != rule.promotion_id]
        products = [Product(row["product_id"], row["category"], row["price_minor"]) for row in goods]
        moment = Moment(self._clock.now().astimezone(ZoneInfo(time_zone)), currency)
        found = meetings([_at_machines(one, tagged) for one in (rule, *others)], products, moment)
        names = {one.promotion_id: one.name for one in (rule, *others)}
        return [one for one in found if rule.promotion_id in one.promotion_ids], names

    async def try_cart(self, merchant_id: str, lines: Sequence[CartLine], trying: Trying) -> TestedCart:
        """What `lines` would cost. Raises `VendomatError` (not_found, invalid_value, invalid_amount)."""
        trial = trying.trial
        async with self._database.hot.acquire() as connection:
            places = {one.slot: one for one in await store.places_of(connection, merchant_id, trying.machine_id)}
            active = await store.active(connection, merchant_id)
        if not lines or any(line.slot not in places for line in lines):
            raise VendomatError(ErrorCode.NOT_FOUND, "this machine has no such slot; nothing was priced")
        first = places[lines[0].slot]
        zone = ZoneInfo(first.time_zone)
        moment = self._clock.now() if trying.at is None else trying.at
        local = moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
        offers = [kept.offer() for kept in active if trial is None or kept.rule.promotion_id != trial.promotion_id]
        offers += [Offer(trial.check())] if trial is not None else []
        coupons = frozenset() if trial is None or not trial.coupon else frozenset({trial.coupon})
        cart = [
            PricedLine(
                line.slot,
                places[line.slot].product_id,
                line.quantity,
                places[line.slot].price_minor,
                places[line.slot].category,
            )
            for line in lines
        ]
        return TestedCart(
            local=local,
            currency=first.currency,
            quote=quote(
                cart,
                Moment(
                    local,
                    first.currency,
                    trying.machine_id,
                    frozenset(first.tags),
                    trying.tier,
                    trying.channel,
                    coupons,
                ),
                offers,
            ),
            names={place.product_id: (place.name_zh, place.name_en) for place in places.values()},
            rules={offer.promotion.promotion_id: offer.promotion.name for offer in offers},
        )

    async def _moved(
        self, merchant_id: str, promotion_id: str, named: tuple[str, _Move], *, version: int, by: str
    ) -> KeptPromotion:
        action, move = named

        async def write(connection: asyncpg.Connection) -> KeptPromotion:
            await bump_merchant_catalogues(connection, merchant_id)  # machines before promotions, as everywhere
            kept = await store.lock(connection, merchant_id, promotion_id)
            if kept is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such promotion; nothing changed")
            if kept.version != version:
                raise VendomatError(
                    ErrorCode.CONFLICT,
                    "somebody has changed this promotion meanwhile; look at it again",
                    now=kept.version,
                )
            moved = replace(move(kept), version=kept.version + 1)
            is_new = kept.state is not PromotionState.ACTIVE and moved.state is PromotionState.ACTIVE
            if is_new and await store.count_active(connection, merchant_id) >= ACTIVE_MAX:
                raise VendomatError(
                    ErrorCode.CONFLICT, f"at most {ACTIVE_MAX} promotions are active at a time; end one first"
                )
            await store.update(connection, merchant_id, moved, by=by, at=self._clock.now())
            await self._note(connection, merchant_id, action, by=by, before=kept, after=moved)
            return moved

        return await self._database.write(write)

    async def _note(
        self,
        connection: asyncpg.Connection,
        merchant_id: str,
        action: str,
        *,
        by: str,
        before: KeptPromotion | None = None,
        after: KeptPromotion,
    ) -> None:
        change = Change(
            merchant_id=merchant_id,
            actor=by,
            action=action,
            subject=after.rule.promotion_id,
            at=self._clock.now(),
            before=None if before is None else _said(before),
            after=_said(after),
        )
        await note_change(connection, change)


def _at_machines(rule: Promotion, tagged: Sequence[tuple[str, frozenset[str]]]) -> Promotion:
    """The same rule, its groups said as machines too: so it is seen where rules of a machine and of a group meet."""
    if not rule.groups:
        return rule
    mine = tuple(machine_id for machine_id, tags in tagged if not tags.isdisjoint(rule.groups))
    return msgspec.structs.replace(rule, machines=(*rule.machines, *mine))


def _named(rule: Promotion, promotion_id: str) -> Promotion:
    """Under its id; a promotion that wants a coupon is let count by the coupons of its own."""
    return msgspec.structs.replace(rule, promotion_id=promotion_id, coupon=promotion_id if rule.coupon else "")


def _said(kept: KeptPromotion) -> State:
    limits = {"money_max": kept.limits.money_max, "uses_max": kept.limits.uses_max}
    rule: dict[str, object] = msgspec.to_builtins(kept.rule)
    return {**rule, **limits, "state": kept.state.value}


def _by(move: PromotionMove) -> _Move:
    def moved(kept: KeptPromotion) -> KeptPromotion:
        if not PROMOTION_MOVES.may(kept.state, move):
            raise VendomatError(ErrorCode.CONFLICT, f"this promotion is {kept.state}; nothing changed")
        return replace(kept, state=PROMOTION_MOVES.next(kept.state, move))

    return moved
