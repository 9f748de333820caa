"""A new order: what it asks for, what the rows say of that, and the purchase it becomes. Pure.

The price is decided here, once, when the order is made. The buyer never pays more than the screen showed: what costs
more now is priced as it was, or will be, within a short grace (a happy hour that ended between two touches, a clock
that is a little off), and refused when that does not help either. What costs less now is simply less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from vendomat.cloud.machines import KnownMachine, MachineState, Sender
from vendomat.cloud.orders import OrderState, Unit
from vendomat.cloud.payments import WALLET_CHANNEL, Payment, PaymentState
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.promotions import Coupon, OpenOffers, Use, coupon_refused
from vendomat.cloud.sales.model import Event, Purchase
from vendomat.cloud.stock import SlotKey, SlotOffer
from vendomat.kernel import ErrorCode, VendomatError
from vendomat.pricing import Fare, Moment, PricedLine, Quote, fare_of, fares, quote
from vendomat.protocol import OrderLine


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A request for an order with one payment. `payment` carries number, channel and account; its amount is set here.

    `event` (for a pickup code: the payment's own fact) is applied in the same transaction.
    """

    merchant_id: str
    machine_id: str
    request_id: str
    order_id: str
    origin: str
    lines: tuple[OrderLine, ...]
    payment: Payment
    at: datetime
    expires_at: datetime
    code_id: str = ""
    event: Event | None = None
    unit_price_minor: int | None = None  # a pickup code: its value, whatever the price is today
    sender: Sender | None = None  # none: not asked for by a machine
    coupon_id: str = ""
    shown_minor: int | None = None  # what the screen said it comes to; none: the list prices of `lines`

    @property
    def wish(self) -> tuple[str, str, str, str]:
        """By which account the payment would be taken, and where."""
        return (self.merchant_id, self.machine_id, self.payment.channel, self.payment.account)

    @property
    def slots(self) -> list[SlotKey]:
        return [(self.merchant_id, self.machine_id, line.slot) for line in self.lines]


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the rows say of machines, slots (locked), promotions and coupons (locked); each order made leaves less for
    the next."""

    machines: Mapping[tuple[str, str], KnownMachine]
    slots: Mapping[SlotKey, SlotOffer]
    promotions: OpenOffers
    coupons: dict[tuple[str, str], Coupon]
    settings: CloudSettings


def new_purchase(item: NewOrder, shelf: Shelf) -> tuple[Purchase, list[Use]]:
    """The purchase `item` asks for, its units reserved and its promotions taken in `shelf`; raises `VendomatError` and
    takes nothing when it cannot be."""
    machine = shelf.machines.get((item.merchant_id, item.machine_id))
    if machine is None or machine.state is not MachineState.ENROLLED:
        raise VendomatError(ErrorCode.FORBIDDEN, "this machine may not sell now; no money was taken")
    if item.sender is not None:
        machine.check_asking(item.sender, is_selling=True)
    units_max = shelf.settings.units_max
    if sum(line.quantity for line in item.lines) > units_max:
        raise VendomatError(ErrorCode.CART_TOO_LARGE, f"at most {units_max} items at once; take some out")
    wanted: dict[SlotKey, int] = {}
    for line, key in zip(item.lines, item.slots, strict=True):
        _check_line(line, shelf.slots.get(key), wanted.get(key, 0), is_price_free=item.unit_price_minor is not None)
        wanted[key] = wanted.get(key, 0) + line.quantity
    coupon = _coupon(item, shelf)
    told = _priced(item, shelf, coupon)
    held = _held(told)
    for key, quantity in wanted.items():
        shelf.slots[key].reserved += quantity
    shelf.promotions.take(item.merchant_id, held)
    if coupon is not None and coupon.promotion_id in held:
        shelf.coupons[coupon.merchant_id, coupon.coupon_id] = replace(coupon, left=coupon.left - 1)
    return _purchase(item, told, shelf.slots[item.slots[0]].currency), _uses(item, told[0].quote, held, coupon)


def _held(told: Sequence[Fare]) -> dict[str, int]:
    """The most that each promotion may come to give, however the order is paid."""
    held: dict[str, int] = {}
    for fare in told:
        for promotion_id, off_minor in fare.quote.gifts().items():
            held[promotion_id] = max(off_minor, held.get(promotion_id, 0))
    return held


def _coupon(item: NewOrder, shelf: Shelf) -> Coupon | None:
    """The coupon that `item` names, while it is good; one that gives this cart nothing is not used up."""
    if not item.coupon_id:
        return None
    coupon = shelf.coupons.get((item.merchant_id, item.coupon_id))
    if coupon is None or not coupon.is_good(item.at) or not shelf.promotions.has(item.merchant_id, coupon.promotion_id):
        raise coupon_refused()
    return coupon


def _priced(item: NewOrder, shelf: Shelf, coupon: Coupon | None) -> tuple[Fare, ...]:
    """What it costs however it is paid, and where that is less; the screen showed the price of the wanted way."""
    lines = [
        PricedLine(
            line.slot,
            shelf.slots[key].product_id,
            line.quantity,
            shelf.slots[key].price_minor if item.unit_price_minor is None else item.unit_price_minor,
            shelf.promotions.category_of(key),
        )
        for line, key in zip(item.lines, item.slots, strict=True)
    ]
    at_list = Fare(quote(lines))
    if item.unit_price_minor is not None:
        return (at_list,)
    shown_minor = at_list.quote.total_minor if item.shown_minor is None else item.shown_minor
    totals: list[int] = []
    for told in _fares(item, shelf, lines, at_list, coupon=coupon):
        totals.append(fare_of(told, item.payment.channel).quote.total_minor)
        if totals[-1] <= shown_minor:
            return told
    raise VendomatError(
        ErrorCode.PRICE_CHANGED,
        "the price has just changed; no money was taken. Look at the new price and choose again",
        shown_minor=shown_minor,
        total_minor=totals[0],
    )


def _fares(
    item: NewOrder, shelf: Shelf, lines: Sequence[PricedLine], at_list: Fare, *, coupon: Coupon | None
) -> Iterator[tuple[Fare, ...]]:
    """What the cart costs now, and then what it cost or will cost within the grace."""
    offers, zone = shelf.promotions.of(item.merchant_id), shelf.promotions.zone_of(item.slots[0])
    if not offers or not zone:
        yield (at_list,)
        return
    grace = timedelta(seconds=shelf.settings.price_grace_s)
    currency = shelf.slots[item.slots[0]].currency
    coupons = frozenset() if coupon is None else frozenset({coupon.promotion_id})
    for at in (item.at, item.at - grace, item.at + grace):
        local = at.astimezone(ZoneInfo(zone))
        moment = Moment(local, currency, item.machine_id, shelf.promotions.groups_of(item.slots[0]), coupons=coupons)
        yield fares(lines, moment, offers, tier_channel=WALLET_CHANNEL)


def _purchase(item: NewOrder, told: tuple[Fare, ...], currency: str) -> Purchase:
    cart = told[0].quote
    amount_minor = fare_of(told, item.payment.channel).quote.total_minor
    return Purchase(
        merchant_id=item.merchant_id,
        order_id=item.order_id,
        machine_id=item.machine_id,
        request_id=item.request_id,
        origin=item.origin,
        state=OrderState.AWAITING_PAYMENT,
        version=1,
        currency=currency,
        total_minor=cart.total_minor,
        created_at=item.at,
        expires_at=item.expires_at,
        units=tuple(
            Unit(u.unit, u.slot, u.product_id, u.price_minor, off_minor=u.list_minor - u.price_minor)
            for u in cart.units
        ),
        payments=(replace(item.payment, amount_minor=amount_minor, state=PaymentState.CREATED),),
        code_id=item.code_id,
        discount_minor=cart.off_minor,
        price_mark=cart.mark,
        fares=told if len(told) > 1 else (),
    )


def _uses(item: NewOrder, cart: Quote, held: Mapping[str, int], coupon: Coupon | None) -> list[Use]:
    given = cart.gifts_by_unit()
    return [
        Use(
            item.merchant_id,
            item.order_id,
            promotion_id,
            given.get(promotion_id, ()),
            item.at,
            coupon.coupon_id if coupon is not None and coupon.promotion_id == promotion_id else "",
            held_minor,
        )
        for promotion_id, held_minor in sorted(held.items())
    ]


def _check_line(line: OrderLine, offer: SlotOffer | None, wanted: int, *, is_price_free: bool) -> None:
    if offer is None:
        raise VendomatError(ErrorCode.UNKNOWN_SLOT, f"the machine has no slot {line.slot}; no money was taken")
    if offer.closed_reason:
        raise VendomatError(
            ErrorCode.SLOT_CLOSED, "this product cannot be sold now; no money was taken", slot=line.slot
        )
    if offer.age_min:
        raise VendomatError(
            ErrorCode.SLOT_CLOSED,
            f"sold from the age of {offer.age_min} on, and no machine can tell how old a buyer is; no money was taken",
            slot=line.slot,
        )
    if offer.price_minor != line.price_minor and not is_price_free:
        raise VendomatError(
            ErrorCode.PRICE_CHANGED,
            "the price has just changed; no money was taken. Look at the new price and choose again",
            slot=line.slot,
            price_minor=offer.price_minor,
        )
    if offer.available < wanted + line.quantity:
        raise VendomatError(ErrorCode.SOLD_OUT, "not enough left of this product; no money was taken", slot=line.slot)
