"""Paying with a member's wallet: the code the phone shows is verified, used up and turned into a payment at once.

Code, balance, payment, ledger and the first unit's command are one transaction under the order's lock: killed at any
moment, it has happened as a whole or not at all. Nobody outside is asked, so there is no unknown. A machine that asks
again, with the same scan or the same code, is told what stands, and nothing is taken twice. What the wallet refuses
is a payment that ended, with the reason for the buyer.
"""

from __future__ import annotations

from datetime import datetime

import asyncpg

from vendomat.cloud.machines import DirectoryEntry
from vendomat.cloud.members import TURNOVER_TIME, ShownCode, lock_code, serial_of, tier_of, use_code
from vendomat.cloud.orders import Closing, Key, OrderState
from vendomat.cloud.payments import WALLET_CHANNEL, ChargeRefusal, Payment, PaymentState, PaymentWay
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.loading import load_purchases
from vendomat.cloud.sales.model import ChargeAnswered, Event, PaymentAdded, PaymentPaid, Purchase
from vendomat.cloud.sales.use_cases import Applied, apply_events, grace_of
from vendomat.cloud.sales.writer import Writer
from vendomat.cloud.wallets import DAY, WalletLimits, lock_wallet, refusal_of, spent_since
from vendomat.kernel import Clock, ErrorCode, Ids, Money, VendomatError, derive_id
from vendomat.protocol import ScanRequest


def limits_of(settings: CloudSettings) -> WalletLimits:
    return WalletLimits(
        top_up_min_minor=settings.wallet_top_up_min_minor,
        top_up_max_minor=settings.wallet_top_up_max_minor,
        top_up_day_max_minor=settings.wallet_top_up_day_max_minor,
        balance_max_minor=settings.wallet_balance_max_minor,
        spend_day_max_minor=settings.wallet_spend_day_max_minor,
    )


class WalletPayments:
    """`member_key` is the installation's key for what members show."""

    def __init__(
        self, database: Database, writer: Writer, *, member_key: bytes, settings: CloudSettings, clock: Clock, ids: Ids
    ) -> None:
        self._database = database
        self._writer = writer
        self._member_key = member_key
        self._settings = settings
        self._limits = limits_of(settings)
        self._clock = clock
        self._ids = ids

    async def pay(self, machine: DirectoryEntry, request: ScanRequest) -> Purchase:
        """Pay `request`'s order from the wallet of the code's member; the order as it stands then.

        Raises `VendomatError`: no such order (`not_found`), one that is not open, a code that is not of this merchant
        (`code_refused`). No money was taken then.
        """
        applied = await self._database.write(lambda c: self._pay(c, machine, request))
        self._writer.follow(applied)
        assert applied.purchase is not None
        return applied.purchase

    async def _pay(self, connection: asyncpg.Connection, machine: DirectoryEntry, request: ScanRequest) -> Applied:
        key = (machine.merchant_id, request.order_id)
        purchase = (await load_purchases(connection, [key])).get(key)
        if purchase is None or purchase.machine_id != machine.machine_id:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such order")
        number = derive_id("pay", purchase.order_id, "code_scan", request.scan_id)
        if purchase.payment(number) is not None or _has_open_charge(purchase):
            return Applied(purchase)
        code = await self._code(connection, machine.merchant_id, request.code)
        if code.payment_id and purchase.payment(code.payment_id) is not None:
            return Applied(purchase)  # read twice by the scanner: the first reading has been decided
        if purchase.state is not OrderState.AWAITING_PAYMENT or purchase.closing is not Closing.NO:
            raise VendomatError(ErrorCode.ORDER_NOT_OPEN, "this order can no longer be paid; no money was taken")
        now = self._clock.now()
        tier = await self._tier(connection, code.member_id, purchase, now)
        payment = Payment(
            number,
            WALLET_CHANNEL,
            code.member_id,
            purchase.amount_on(WALLET_CHANNEL, tier),
            PaymentState.CREATED,
            way=PaymentWay.CODE_SCAN,
            began_at=now,
            tier=tier,
        )
        refusal = await self._refusal(connection, code, Money(payment.amount_minor, purchase.currency), now)
        added = PaymentAdded(payment, now)
        if refusal:
            ended: Event = ChargeAnswered(number, True, refusal, refusal, now)
        else:
            await use_code(connection, code, number)
            ended = self._paid(payment, purchase, now)
        return await self._applied(connection, key, added, ended)

    async def _code(self, connection: asyncpg.Connection, merchant_id: str, digits: str) -> ShownCode:
        serial = serial_of(self._member_key, merchant_id, digits)
        code = await lock_code(connection, merchant_id, serial) if serial is not None else None
        if code is None:
            raise VendomatError(ErrorCode.CODE_REFUSED, "this is no member code of this merchant; no money was taken")
        return code

    async def _refusal(
        self, connection: asyncpg.Connection, code: ShownCode, amount: Money, now: datetime
    ) -> str | None:
        """Why the wallet does not pay; its row is locked from here on."""
        if not code.is_good(now):
            return ChargeRefusal.CODE_EXPIRED
        wallet = await lock_wallet(connection, code.merchant_id, code.member_id)
        spent_minor = await spent_since(connection, code.merchant_id, code.member_id, now - DAY)
        return refusal_of(wallet, amount, spent_minor, self._limits)

    async def _tier(self, connection: asyncpg.Connection, member_id: str, purchase: Purchase, now: datetime) -> str:
        """The member's, where the price asks for one."""
        if not any(fare.tier for fare in purchase.fares):
            return ""
        spent_minor = await spent_since(connection, purchase.merchant_id, member_id, now - TURNOVER_TIME)
        return await tier_of(connection, purchase.merchant_id, member_id, spent_minor)

    def _paid(self, payment: Payment, purchase: Purchase, now: datetime) -> PaymentPaid:
        return PaymentPaid(
            payment_id=payment.payment_id,
            account=payment.account,
            amount_minor=payment.amount_minor,
            currency=purchase.currency,
            transaction_id="",
            paid_at=now,
            via="wallet",
            grace=grace_of(self._settings),
            at=now,
        )

    async def _applied(self, connection: asyncpg.Connection, key: Key, *events: Event) -> Applied:
        results = await apply_events(connection, [(key, event) for event in events], self._settings, self._ids)
        applied = [result for result in results if isinstance(result, Applied)]
        assert len(applied) == len(events)  # the order's row is locked and there
        dispatches = tuple(dispatch for one in applied for dispatch in one.dispatches)
        return Applied(applied[-1].purchase, True, dispatches)


def _has_open_charge(purchase: Purchase) -> bool:
    return any(p.way is PaymentWay.CODE_SCAN and p.is_open for p in purchase.payments)
