"""What a buyer may see of a purchase, as the wire says it. Pure."""

from __future__ import annotations

from datetime import datetime

from vendomat.cloud.merchants import MasterKey
from vendomat.cloud.orders import BuyerLinks, OrderState
from vendomat.cloud.payments import WAITING_FOR_BUYER, Payment, PaymentState, PaymentWay, RefundStage
from vendomat.cloud.sales.model import Purchase
from vendomat.kernel import reference_of
from vendomat.protocol import HoldStatus, OrderLine, OrderStatus, PaymentOffer, RefundStatus, UnitStatus, WayPrice


def buyers_key(master_key: MasterKey) -> bytes:
    """The key of the links under which buyers find their orders."""
    return master_key.derive("buyer_link")


def status_of(purchase: Purchase, now: datetime, links: BuyerLinks) -> OrderStatus:
    """The order as its buyer may see it: "refunded" only once every refund of it is confirmed."""
    is_paid = purchase.winning is not None or any(p.state is PaymentState.PAID for p in purchase.payments)
    return OrderStatus(
        order_id=purchase.order_id,
        reference=reference_of(purchase.order_id),
        version=purchase.version,
        state=purchase.state,
        origin=purchase.origin,
        total_minor=purchase.total_minor,
        currency=purchase.currency,
        lines=_lines(purchase),
        units=[
            UnitStatus(
                unit=u.unit,
                slot=u.slot,
                product_id=u.product_id,
                outcome=u.outcome,
                reason=u.reason or u.result,
                price_minor=u.price_minor,
            )
            for u in purchase.units
        ],
        offers=[
            PaymentOffer(
                payment_id=p.payment_id,
                channel=p.channel,
                state=_charge_state(p) if p.way is PaymentWay.CODE_SCAN else _offer_state(p),
                code_url=p.code_url,
                way=p.way,
                reason="" if p.said == WAITING_FOR_BUYER else p.said,
            )
            for p in purchase.payments
        ],
        expires_in_s=max(0.0, (purchase.expires_at - now).total_seconds()),
        refund=_refund(purchase),
        hold=_hold(purchase),
        link=links.url_of(purchase.merchant_id, purchase.order_id) if is_paid else "",
        prices=_prices(purchase) if purchase.state is OrderState.AWAITING_PAYMENT else [],
    )


def _prices(purchase: Purchase) -> list[WayPrice]:
    """What a tier gives is told to nobody: the machine does not know who the buyer is."""
    channels = sorted({fare.channel for fare in purchase.fares if fare.channel and not fare.tier})
    return [WayPrice(channel=channel, total_minor=purchase.amount_on(channel)) for channel in channels]


def _lines(purchase: Purchase) -> list[OrderLine]:
    """At list prices, as they were asked for: the same lines may be asked for again."""
    counts: dict[tuple[str, int], int] = {}
    for unit in purchase.units:
        key = (unit.slot, unit.price_minor + unit.off_minor)
        counts[key] = counts.get(key, 0) + 1
    return [OrderLine(slot=slot, quantity=n, price_minor=price) for (slot, price), n in counts.items()]


def _offer_state(payment: Payment) -> str:
    if payment.state is PaymentState.PAID or (payment.is_winning and payment.is_open):
        return "paid"
    if payment.state is PaymentState.CLOSED or payment.close_wanted:
        return "closed"
    return "waiting" if payment.code_url else "starting"


def _charge_state(payment: Payment) -> str:
    """charging | password | reversing | paid | closed (`reason` says why)."""
    if payment.state in (PaymentState.PAID, PaymentState.CLOSED):
        return payment.state.value
    if payment.close_wanted:
        return "reversing"
    return "password" if payment.said == WAITING_FOR_BUYER else "charging"


_HOLD_STATES = {PaymentState.HELD: "held", PaymentState.PAID: "taken"}


def _hold(purchase: Purchase) -> HoldStatus | None:
    """Money that won the order and was not taken at once."""
    winning = purchase.winning
    if winning is None or not winning.is_hold:
        return None
    return HoldStatus(
        state=_HOLD_STATES.get(winning.state, "released"),
        amount_minor=winning.captured_minor or winning.amount_minor,
        channel=winning.channel,
    )


def _refund(purchase: Purchase) -> RefundStatus | None:
    standing = [r for r in purchase.refunds if not r.is_replaced_in(purchase.refunds)]
    if not standing:
        return None
    channels = {p.payment_id: p.channel for p in purchase.payments}
    state = "refunding"
    if all(r.stage is RefundStage.SUCCEEDED for r in standing):
        state = "refunded"
    elif any(r.stage in (RefundStage.HELD, RefundStage.FAILED) for r in standing):
        state = "checking"
    return RefundStatus(
        state=state, amount_minor=sum(r.amount_minor for r in standing), channel=channels[standing[0].payment_id]
    )
