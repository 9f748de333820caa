"""What goods cost at this machine now: the promotions of the catalogue it keeps, by its own clock. Also without a link.

The cloud decides what an order costs; this is what the screen says before, and what a machine that sells by itself
goes by. A rule that this program cannot read, a zone it does not know, and a clock that is not trusted all mean the
list price: then the buyer is shown at least what the cloud will ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.pricing import (
    Budget,
    Fare,
    Moment,
    Offer,
    PricedLine,
    Product,
    Promotion,
    Tag,
    fares,
    next_change,
    quote,
    tag_of,
)
from vendomat.protocol import Catalogue, CatalogueSlot, CouponReply, PromotionOffer
from vendomat.terminal.loop.machine import Machine

SOON = timedelta(hours=12)


class Prices:
    """Reads the machine's catalogue and clock; keeps nothing but what it read of them."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._read: Catalogue | None = None
        self._is_read = False
        self._coupon: CouponReply | None = None
        self._coupon_promotion = ""
        self._offers: list[Offer] = []
        self._zone: ZoneInfo | None = None
        self._groups: frozenset[str] = frozenset()
        self._change_at: datetime | None = None
        self._is_shown_trusted = False
        self._tags: Mapping[str, Tag] = {}
        self._changes = 0
        self._changes_shown = 0

    def hear_coupon(self, coupon: CouponReply | None) -> None:
        """What the buyer's coupon lets count, as long as it is with the cart."""
        if coupon is not self._coupon:
            self._coupon, self._is_read = coupon, False

    @property
    def coupon_promotion(self) -> str:
        """The id of the promotion that the buyer's coupon lets count; "" for none."""
        self._follow(self._machine.catalogue)
        return self._coupon_promotion

    def fares(self, lines: Sequence[tuple[str, int]]) -> tuple[Sequence[Fare], Mapping[str, str]]:
        """What `(slot, quantity)` come to now by any way to pay and by those that cost less, and the promotions' names.
        Raises `VendomatError(unknown_slot)`."""
        moment = self._moment()
        cart = []
        for slot, quantity in lines:
            planned = self._machine.planned(slot)
            if planned is None:
                raise VendomatError(ErrorCode.UNKNOWN_SLOT, f"there is no slot {slot} on the screen")
            cart.append(PricedLine(slot, planned.product_id, quantity, planned.price_minor, planned.category))
        names = {offer.promotion.promotion_id: offer.promotion.name for offer in self._offers}
        return [Fare(quote(cart))] if moment is None else fares(cart, moment, self._offers), names

    def tags(self) -> Mapping[str, Tag]:
        """What promotions make of each slot's price now, remembered until that changes."""
        moment, catalogue = self._moment(), self._machine.catalogue
        if moment is None or catalogue is None or not self._offers:
            return {}
        if not self._tags:
            self._tags = {slot.slot: self._tag(slot, moment) for slot in catalogue.slots}
        return self._tags

    def round(self) -> int:
        """Rises whenever a cart may cost something else than before."""
        self._moment()
        return self._changes

    def is_due(self) -> bool:
        """Whether a promotion has begun or ended since the screen was last asked to show prices."""
        self._moment()
        is_due, self._changes_shown = self._changes != self._changes_shown, self._changes
        return is_due

    def _tag(self, slot: CatalogueSlot, moment: Moment) -> Tag:
        """An end that is far away is not worth a word."""
        tag = tag_of(Product(slot.product_id, slot.category, slot.price_minor), moment, self._offers)
        is_soon = tag.until is not None and tag.until - moment.local < SOON
        return tag if is_soon else replace(tag, until=None)

    def _moment(self) -> Moment | None:
        """Now, where a price may be told; None: nothing but list prices is sure."""
        machine = self._machine
        self._follow(machine.catalogue)
        is_trusted = machine.is_time_trusted
        if not self._offers or self._zone is None:
            return None
        local = machine.ports.clock.now().astimezone(self._zone)
        if is_trusted != self._is_shown_trusted or (self._change_at is not None and local >= self._change_at):
            self._is_shown_trusted, self._tags = is_trusted, {}
            self._changes += 1
            self._change_at = next_change(self._offers, local)
        if not is_trusted or machine.catalogue is None or not machine.catalogue.slots:
            return None
        coupons = frozenset({self._coupon_promotion}) if self._coupon_promotion else frozenset[str]()
        currency = machine.catalogue.slots[0].currency
        return Moment(local, currency, machine.machine_id, self._groups, coupons=coupons)

    def _follow(self, catalogue: Catalogue | None) -> None:
        if catalogue is self._read and self._is_read:
            return
        self._read, self._is_read = catalogue, True
        self._tags, self._change_at, self._is_shown_trusted = {}, None, False
        self._offers, self._zone, self._coupon_promotion = [], None, ""
        self._changes += 1
        if catalogue is None or not (catalogue.promotions or self._coupon):
            return
        time_zone = self._coupon.time_zone if self._coupon else catalogue.time_zone
        self._groups = frozenset(self._coupon.groups if self._coupon else catalogue.groups)
        try:
            self._zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._machine.ports.log.warning("zone_unknown", zone=time_zone)
            return
        self._offers = [offer for told in catalogue.promotions if (offer := self._offer(told)) is not None]
        given = self._offer(self._coupon.offer) if self._coupon else None
        if given is not None:
            self._offers.append(given)
            self._coupon_promotion = given.promotion.promotion_id

    def _offer(self, told: PromotionOffer) -> Offer | None:
        try:
            promotion = msgspec.json.decode(told.rule, type=Promotion).check()
        except (msgspec.MsgspecError, VendomatError) as error:
            self._machine.ports.log.warning("promotion_not_read", error=str(error))
            return None
        return Offer(promotion, Budget(told.money_left_minor, told.uses_left))
