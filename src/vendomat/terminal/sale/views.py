"""What a purchase looks like: the cloud's word and the machine's own eyes put together. Changes nothing."""

from __future__ import annotations

from msgspec import structs

from vendomat.protocol import OrderStatus, PaymentOffer, RefundStatus, UnitStatus
from vendomat.terminal.sale.terms import (
    AWAITING,
    CANCELLED,
    EXPIRED,
    FINAL_OUTCOMES,
    LocalUnit,
    Sale,
    UnitOutcome,
)

_RANK = {UnitOutcome.PENDING: 0, UnitOutcome.STARTED: 1} | dict.fromkeys(FINAL_OUTCOMES, 2)


def units_of(sale: Sale) -> tuple[UnitStatus, ...]:
    """The units of the order on the screen; what the machine saw goes before what the cloud has heard so far."""
    if sale.order is None:
        return ()
    seen = {unit.unit: unit for unit in sale.local if unit.order_id == sale.order.order_id}
    units = [_nearer(unit, seen.pop(unit.unit, None)) for unit in sale.order.units]
    units += [_as_status(unit) for unit in seen.values()]
    return tuple(sorted(units, key=lambda unit: unit.unit))


def _as_status(unit: LocalUnit) -> UnitStatus:
    return UnitStatus(
        unit=unit.unit, slot=unit.slot, product_id=unit.product_id, outcome=unit.outcome, reason=unit.reason
    )


def _nearer(told: UnitStatus, seen: LocalUnit | None) -> UnitStatus:
    if seen is None or _RANK[UnitOutcome(told.outcome)] > _RANK[seen.outcome]:
        return told
    return structs.replace(told, outcome=seen.outcome, reason=seen.reason)


def is_all_final(sale: Sale) -> bool:
    units = units_of(sale)
    return bool(units) and all(unit.outcome in FINAL_OUTCOMES for unit in units)


def refund_of(sale: Sale) -> RefundStatus | None:
    """The cloud's refund; until it has spoken, the price of what this machine knows it did not deliver. Of money that
    is only held nothing has to come back."""
    if sale.order is None or sale.order.refund is not None or sale.order.hold is not None:
        return sale.order.refund if sale.order else None
    amount = sum(_paid_for(sale.order, unit) for unit in units_of(sale) if unit.outcome == UnitOutcome.NOT_DELIVERED)
    if amount == 0 or sale.order.state in (CANCELLED, EXPIRED):
        return None
    paid = (offer.channel for offer in sale.order.offers if offer.state == "paid")
    return RefundStatus(state="refunding", amount_minor=amount, channel=next(paid, sale.channel or "wallet"))


def _paid_for(order: OrderStatus, unit: UnitStatus) -> int:
    """What was paid for a unit; a cloud that does not say charges its line's price."""
    told = next((one.price_minor for one in order.units if one.unit == unit.unit), None)
    return told if told is not None else next((o.price_minor for o in order.lines if o.slot == unit.slot), 0)


def code_url_of(order: OrderStatus, channel: str) -> str:
    """What the QR for `channel` says; empty while the platform has not answered."""
    offers = (o for o in order.offers if o.way == "qr" and o.channel == channel and o.state != "closed")
    return next((o.code_url for o in offers), "")


def charge_of(sale: Sale) -> PaymentOffer | None:
    """The newest charge of a code that the buyer showed."""
    charges = [o for o in sale.order.offers if o.way == "code_scan"] if sale.order is not None else []
    return charges[-1] if charges else None


def charge_state_of(sale: Sale) -> str:
    """none | asking (handed to the cloud) | charging | password | reversing | paid | closed."""
    if sale.shown is not None:
        return "asking"
    charge = charge_of(sale)
    return charge.state if charge is not None else "none"


def payment_state_of(sale: Sale, at_s: float) -> str:
    """starting | waiting | closing | paid | expired | unavailable."""
    if sale.order is None:
        return "starting"
    if sale.order.state in (EXPIRED, CANCELLED):
        return "expired"
    if sale.order.state != AWAITING:
        return "paid"
    if at_s >= sale.expires_at_s:
        return "expired"
    if sale.is_cancelling:
        return "closing"
    if code_url_of(sale.order, sale.channel):
        return "waiting"
    return "unavailable" if sale.notice is not None else "starting"
