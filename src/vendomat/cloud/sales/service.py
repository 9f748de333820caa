"""The sales desk: what a terminal may ask of a purchase, one function per kind of message.

The request says *what*, never *how much*: prices, totals and rights come from the cloud. An answer about an order is
given only to the machine whose order it is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import structlog

from vendomat.cloud.machines import DirectoryEntry, Sender
from vendomat.cloud.members import is_member_code
from vendomat.cloud.orders import BuyerLinks, Closing, OrderState
from vendomat.cloud.payments import Payment, PaymentState, PaymentWay, Provider
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.charges import Charges
from vendomat.cloud.sales.coupon_desk import CouponDesk
from vendomat.cloud.sales.holds import takes_after_goods
from vendomat.cloud.sales.model import CloseAsked, PaymentAdded, Purchase
from vendomat.cloud.sales.new_order import NewOrder
from vendomat.cloud.sales.redeem import Redeemer
from vendomat.cloud.sales.status import status_of
from vendomat.cloud.sales.till import PaymentCall, Till
from vendomat.cloud.sales.use_cases import EventFor
from vendomat.cloud.sales.wallet_payments import WalletPayments
from vendomat.cloud.sales.writer import Writer
from vendomat.kernel import Clock, ErrorCode, Ids, Money, VendomatError, derive_id
from vendomat.protocol import (
    ChannelRequest,
    CouponReply,
    CouponRequest,
    OrderRef,
    OrderRequest,
    OrderStatus,
    RedeemRequest,
    ScanRequest,
)

log = structlog.get_logger(__name__)


class SalesDesk:
    """Each method answers with the order as it stands committed, or raises `VendomatError`."""

    def __init__(  # noqa: PLR0913 - named parts, put together in one place
        self,
        *,
        writer: Writer,
        till: Till,
        charges: Charges,
        redeemer: Redeemer,
        wallets: WalletPayments,
        coupons: CouponDesk,
        settings: CloudSettings,
        clock: Clock,
        ids: Ids,
        links: BuyerLinks,
    ) -> None:
        self._writer = writer
        self._till = till
        self._charges = charges
        self._redeemer = redeemer
        self._wallets = wallets
        self._coupons = coupons
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._links = links

    async def order(self, machine: DirectoryEntry, sender: Sender, request: OrderRequest) -> OrderStatus:
        """An order with a payment on the wanted channel, its code started at the platform."""
        provider = await self._till.taker_of(machine.merchant_id, request.channel)
        now = self._clock.now()
        order = NewOrder(
            merchant_id=machine.merchant_id,
            machine_id=machine.machine_id,
            sender=sender,
            request_id=request.request_id,
            order_id=self._ids.new("ord"),
            origin="touch",
            lines=tuple(request.lines),
            payment=self._payment(self._ids.new("pay"), provider),
            at=now,
            expires_at=now + timedelta(seconds=self._settings.qr_s),
            shown_minor=request.shown_minor,
            coupon_id=request.coupon_id,
        )
        try:
            applied = await self._writer.create(order)
        except VendomatError as refusal:
            if "total_minor" in refusal.detail:  # a promotion is over or spent: the screen has to hear of it
                await self._writer.tell_catalogue_again(machine.merchant_id, machine.machine_id)
            raise
        assert applied.purchase is not None
        return await self._offered(applied.purchase, request.channel)

    async def channel(self, machine: DirectoryEntry, request: ChannelRequest) -> OrderStatus:
        """Another payment for an open order, or the same one again when its code is not there yet."""
        purchase = await self._own(machine, request.order_id)
        if purchase.state is not OrderState.AWAITING_PAYMENT or purchase.closing is not Closing.NO:
            raise VendomatError(ErrorCode.ORDER_NOT_OPEN, "this order can no longer be paid; start a new one")
        if _offer_on(purchase, request.channel) is None:
            provider = await self._till.offering(machine.merchant_id, machine.machine_id, request.channel)
            offers = [p for p in purchase.payments if p.way is PaymentWay.QR]
            attempt = sum(1 for p in offers if p.channel == request.channel)
            number = derive_id("pay", purchase.order_id, request.channel, attempt)
            payment = self._payment(number, provider, purchase.amount_on(request.channel))
            event = PaymentAdded(payment, self._clock.now())
            purchase = await self._applied(EventFor((purchase.merchant_id, purchase.order_id), event))
        return await self._offered(purchase, request.channel)

    async def scan(self, machine: DirectoryEntry, request: ScanRequest) -> OrderStatus:
        """A code that the machine's scanner read: charged at its platform, or paid from a member's wallet; once."""
        door = self._wallets.pay if is_member_code(request.code) else self._charges.scan
        return self._status_of(await door(machine, request))

    async def status(self, machine: DirectoryEntry, request: OrderRef) -> OrderStatus:
        return self._status_of(await self._own(machine, request.order_id))

    async def cancel(self, machine: DirectoryEntry, request: OrderRef) -> OrderStatus:
        """Give an unpaid order up. It ends when its payments are confirmed closed; a payment meanwhile goes back."""
        purchase = await self._own(machine, request.order_id)
        event = CloseAsked(Closing.CANCELLING, self._clock.now())
        purchase = await self._applied(EventFor((purchase.merchant_id, purchase.order_id), event))
        return self._status_of(purchase)

    async def redeem(self, machine: DirectoryEntry, sender: Sender, request: RedeemRequest) -> OrderStatus:
        """A pickup code: verified, then shipped by the same path as any order. A guesser learns nothing."""
        applied = await self._redeemer.redeem(machine, sender, request)
        assert applied.purchase is not None
        return self._status_of(applied.purchase)

    async def coupon(self, machine: DirectoryEntry, sender: Sender, request: CouponRequest) -> CouponReply:
        """What a typed coupon lets count at this machine; nothing is taken yet."""
        return await self._coupons.check(machine, sender, request)

    def _status_of(self, purchase: Purchase) -> OrderStatus:
        return status_of(purchase, self._clock.now(), self._links)

    def _payment(self, payment_id: str, provider: Provider, amount_minor: int = 0) -> Payment:
        is_hold = takes_after_goods(provider)
        return Payment(
            payment_id, provider.channel, provider.account, amount_minor, PaymentState.CREATED, is_hold=is_hold
        )

    async def _own(self, machine: DirectoryEntry, order_id: str) -> Purchase:
        purchase = await self._writer.find((machine.merchant_id, order_id))
        if purchase.machine_id != machine.machine_id:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such order")
        return purchase

    async def _applied(self, event: EventFor) -> Purchase:
        purchase = (await self._writer.apply(event)).purchase
        assert purchase is not None
        return purchase

    async def _offered(self, purchase: Purchase, channel: str) -> OrderStatus:
        """Start the open payment of `channel` unless its code is there, and answer with what stands then."""
        payment = _offer_on(purchase, channel)
        if payment is None or payment.code_url:
            return self._status_of(purchase)
        code_url = await self._till.start(
            PaymentCall(
                merchant_id=purchase.merchant_id,
                order_id=purchase.order_id,
                machine_id=purchase.machine_id,
                payment_id=payment.payment_id,
                channel=channel,
                amount=Money(payment.amount_minor, purchase.currency),
                expires_at=purchase.expires_at,
                is_hold=payment.is_hold,
            )
        )
        offered = tuple(replace(p, code_url=code_url) if p is payment else p for p in purchase.payments)
        return self._status_of(replace(purchase, payments=offered))


def _offer_on(purchase: Purchase, channel: str) -> Payment | None:
    """The open code to scan on `channel`."""
    offers = (p for p in purchase.payments if p.way is PaymentWay.QR and p.channel == channel and p.is_open)
    return next(offers, None)
