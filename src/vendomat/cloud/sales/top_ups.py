"""Top-ups: a member puts money into the wallet, by an order like any other whose one unit is stored money.

The order, its one payment and the payment's number are committed before a platform is asked; notices, look-ups,
expiry, late and second payments, refunds and reconciliation are those of every order. What may be topped up is decided
under the wallet's lock, so that two phones together stay within the limits. Refuses to credit anything: the step that
books the payment does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import asyncpg

from vendomat.cloud.catalog import not_offered, refused_channels
from vendomat.cloud.members import Member
from vendomat.cloud.orders import TOP_UP, OrderState, Unit
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.payments import Payment, PaymentState
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.effects import Change
from vendomat.cloud.sales.loading import load_purchases
from vendomat.cloud.sales.model import Note, Purchase, Source
from vendomat.cloud.sales.store import insert_purchases, save
from vendomat.cloud.sales.till import PaymentCall, Till
from vendomat.cloud.sales.wallet_payments import limits_of
from vendomat.cloud.sales.writer import Writer
from vendomat.cloud.wallets import DAY, OpenTopUps, check_top_up, lock_wallet, open_wallet
from vendomat.kernel import Clock, ErrorCode, Ids, Money, VendomatError, derive_id

STORED_MONEY = "wallet"
"""What stands where an order of goods has slot and product."""


@dataclass(frozen=True, slots=True)
class TopUpRequest:
    """Idempotent by `request_id`: the same request again is the same top-up."""

    request_id: str
    channel: str
    amount_minor: int


class TopUps:
    """Each method answers with the order as it stands, or raises `VendomatError`."""

    def __init__(
        self, database: Database, writer: Writer, till: Till, *, settings: CloudSettings, clock: Clock, ids: Ids
    ) -> None:
        self._database = database
        self._writer = writer
        self._till = till
        self._settings = settings
        self.limits = limits_of(settings)
        self._clock = clock
        self._ids = ids

    async def begin(self, member: Member, request: TopUpRequest) -> Purchase:
        """A top-up with the code of its payment at the platform (no code yet when the platform did not answer).

        Raises `VendomatError`: invalid_amount with what may be topped up now, forbidden for a blocked wallet,
        method_unavailable.
        """
        account = (await self._till.taker_of(member.merchant_id, request.channel)).account
        purchase = await self._database.write(lambda c: self._begin(c, member, request, account))
        return await self._offered(purchase)

    async def find(self, member: Member, order_id: str) -> Purchase:
        """One of the member's top-ups; its code is asked for again when it is missing. Raises `not_found`."""
        purchase = await self._writer.find((member.merchant_id, order_id))
        if purchase.member_id != member.member_id:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such top-up")
        return await self._offered(purchase)

    async def _begin(
        self, connection: asyncpg.Connection, member: Member, request: TopUpRequest, account: str
    ) -> Purchase:
        await open_wallet(connection, member.merchant_id, member.member_id)
        wallet = await lock_wallet(connection, member.merchant_id, member.member_id)
        assert wallet is not None
        known = await self._known(connection, member, request)
        if known is not None:
            return known
        if await refused_channels(connection, [(member.merchant_id, "", request.channel, account)]):
            raise not_offered()
        amount = Money(request.amount_minor, wallet.currency)
        begun = await order_rows.count_top_ups(
            connection, member.merchant_id, member.member_id, since=self._clock.now() - DAY
        )
        check_top_up(wallet, amount, OpenTopUps(*begun), self.limits)
        purchase = self._purchase(member, request, account, wallet.currency)
        await insert_purchases(connection, [purchase], self._settings)
        said = {"total_minor": purchase.total_minor, "channel": request.channel, "member_id": member.member_id}
        change = Change(purchase, purchase, (Note(Source.CLOUD, "order.created", said),), purchase.created_at)
        await save(connection, [change], self._settings, ids=self._ids)
        return purchase

    async def _known(self, connection: asyncpg.Connection, member: Member, request: TopUpRequest) -> Purchase | None:
        """The top-up that stands for the request already. Raises `idempotency_mismatch` when that was another."""
        asked = (member.merchant_id, "", _request_number(member, request))
        order_id = (await order_rows.find_by_request(connection, [asked])).get(asked)
        if order_id is None:
            return None
        key = (member.merchant_id, order_id)
        known = (await load_purchases(connection, [key], is_locking=False))[key]
        is_same = (known.member_id, known.total_minor) == (member.member_id, request.amount_minor)
        if not is_same or known.payments[0].channel != request.channel:
            raise VendomatError(
                ErrorCode.IDEMPOTENCY_MISMATCH, "this request id was used for another top-up; nothing was begun"
            )
        return known

    def _purchase(self, member: Member, request: TopUpRequest, account: str, currency: str) -> Purchase:
        now = self._clock.now()
        payment = Payment(self._ids.new("pay"), request.channel, account, request.amount_minor, PaymentState.CREATED)
        return Purchase(
            merchant_id=member.merchant_id,
            order_id=self._ids.new("ord"),
            machine_id="",
            request_id=_request_number(member, request),
            origin=TOP_UP,
            state=OrderState.AWAITING_PAYMENT,
            version=1,
            currency=currency,
            total_minor=request.amount_minor,
            created_at=now,
            expires_at=now + timedelta(seconds=self._settings.top_up_s),
            units=(Unit(1, STORED_MONEY, STORED_MONEY, request.amount_minor),),
            payments=(payment,),
            member_id=member.member_id,
        )

    async def _offered(self, purchase: Purchase) -> Purchase:
        payment = purchase.payments[0]
        is_waiting = purchase.state is OrderState.AWAITING_PAYMENT and payment.is_open and not payment.close_wanted
        if payment.code_url or not is_waiting:
            return purchase
        code_url = await self._till.start(
            PaymentCall(
                merchant_id=purchase.merchant_id,
                order_id=purchase.order_id,
                machine_id="",
                payment_id=payment.payment_id,
                channel=payment.channel,
                amount=Money(payment.amount_minor, purchase.currency),
                expires_at=purchase.expires_at,
            )
        )
        return replace(purchase, payments=(replace(payment, code_url=code_url),))


def _request_number(member: Member, request: TopUpRequest) -> str:
    """Members choose their request ids: no one's stands for another's."""
    return derive_id("req", member.member_id, request.request_id)
