"""Charges: taking the money for a code that the buyer shows to the machine's scanner.

The number is committed before the platform is asked, and the code is sent once, by the worker that committed it: it is
in no row, no log and no second request. Whatever gets lost after that, a worker or an answer, is found out by looking
the number up and ended by a reverse, which is repeated until the platform answers it. A machine that asks again with
the same scan is told what stands, and nothing is charged.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg
import structlog

from vendomat.cloud.machines import DirectoryEntry
from vendomat.cloud.orders import Closing, OrderState
from vendomat.cloud.payments import (
    REVERSE_NOT_BEFORE_S,
    WAITING_FOR_BUYER,
    ChargeRequest,
    ChargeState,
    Payment,
    PaymentState,
    PaymentWay,
    ProviderBook,
    ReverseState,
    TradeState,
    channel_of_code,
)
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.model import (
    ChargeAnswered,
    PaymentAdded,
    PaymentClosed,
    PaymentUncertain,
    Purchase,
    ReverseWanted,
)
from vendomat.cloud.sales.store import CHARGE_LIFE
from vendomat.cloud.sales.till import Till
from vendomat.cloud.sales.use_cases import EventFor, grace_of
from vendomat.cloud.sales.writer import Writer
from vendomat.kernel import Clock, ErrorCode, Money, VendomatError, derive_id
from vendomat.protocol import ScanRequest

log = structlog.get_logger(__name__)

SENT_WITHIN_S = 5.0
"""A code that could not be sent this soon after its number was committed is not sent at all: others ask by now."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One charge to be sent. The code lives as long as this value."""

    purchase: Purchase
    payment: Payment
    code: str = field(repr=False)


class Charges:
    """One per worker; `aclose` waits for what is being sent."""

    def __init__(
        self, *, writer: Writer, till: Till, book: ProviderBook, settings: CloudSettings, clock: Clock
    ) -> None:
        self._writer = writer
        self._till = till
        self._book = book
        self._settings = settings
        self._clock = clock
        self._sending: dict[str, asyncio.Task[None]] = {}

    async def aclose(self) -> None:
        await asyncio.gather(*self._sending.values())

    async def scan(self, machine: DirectoryEntry, request: ScanRequest) -> Purchase:
        """Begin to charge `request`'s code for its order, once; the order as it stands then.

        Raises `VendomatError`: no such order (`not_found`), one that is not open, a code of no platform
        (`malformed`), a platform that is not offered here (`method_unavailable`). No money was taken then.
        """
        purchase = await self._writer.find((machine.merchant_id, request.order_id))
        if purchase.machine_id != machine.machine_id:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such order")
        number = derive_id("pay", purchase.order_id, "code_scan", request.scan_id)
        if purchase.payment(number) is not None or _has_open_charge(purchase):
            return purchase
        if purchase.state is not OrderState.AWAITING_PAYMENT or purchase.closing is not Closing.NO:
            raise VendomatError(ErrorCode.ORDER_NOT_OPEN, "this order can no longer be paid; no money was taken")
        payment = await self._new_payment(purchase, number, request.code)
        began_s = self._clock.elapsed()
        event = PaymentAdded(payment, self._clock.now())
        applied = await self._writer.apply(EventFor((purchase.merchant_id, purchase.order_id), event))
        assert applied.purchase is not None
        is_ours = applied.is_changed and applied.purchase.payment(number) == payment
        if is_ours and number not in self._sending and self._clock.elapsed() - began_s <= SENT_WITHIN_S:
            task = asyncio.create_task(self._send(_Call(applied.purchase, payment, request.code)))
            self._sending[number] = task
            task.add_done_callback(lambda _: self._sending.pop(number, None))
        return applied.purchase

    async def _new_payment(self, purchase: Purchase, number: str, code: str) -> Payment:
        channel = channel_of_code(code)
        if not channel:
            raise VendomatError(
                ErrorCode.MALFORMED, "this is no payment code of WeChat Pay or Alipay; no money was taken"
            )
        provider = await self._till.offering(purchase.merchant_id, purchase.machine_id, channel)
        if not provider.takes_codes:
            raise VendomatError(
                ErrorCode.METHOD_UNAVAILABLE, "codes of this wallet are not taken here; no money was taken"
            )
        return Payment(
            number,
            channel,
            provider.account,
            purchase.amount_on(channel),
            PaymentState.CREATED,
            way=PaymentWay.CODE_SCAN,
            began_at=self._clock.now(),
        )

    async def _send(self, call: _Call) -> None:
        """The one time the code leaves us. Whatever goes wrong is left to the look-ups."""
        payment = call.payment
        try:
            await self._charge(call)
        except Exception:
            log.exception("charge.not_known", payment=payment.payment_id)

    async def _charge(self, call: _Call) -> None:
        purchase, payment = call.purchase, call.payment
        assert payment.began_at is not None
        provider = await self._book.get(purchase.merchant_id, payment.channel)
        charged = await provider.charge(
            ChargeRequest(
                number=payment.payment_id,
                amount=Money(payment.amount_minor, purchase.currency),
                description=f"Vendomat {purchase.machine_id[-6:].upper()}",
                code=call.code,
                expires_at=max(purchase.expires_at, payment.began_at + CHARGE_LIFE),
                notify_url=self._till.notify_url(purchase.merchant_id, payment.channel),
                machine_id=purchase.machine_id,
                attach=purchase.order_id,
            )
        )
        key, now = (purchase.merchant_id, purchase.order_id), self._clock.now()
        if charged.state is ChargeState.PAID and charged.trade is not None:
            await self._till.apply_paid(purchase.merchant_id, charged.trade, via="charge", order_id=purchase.order_id)
        elif charged.state is ChargeState.REFUSED:
            said = charged.reason.value if charged.reason else "refused"
            answer = ChargeAnswered(payment.payment_id, True, said, charged.error[:200], now)
            await self._writer.apply(EventFor(key, answer))
        elif charged.state is ChargeState.WAITING:
            answer = ChargeAnswered(payment.payment_id, False, WAITING_FOR_BUYER, charged.error[:200], now)
            await self._writer.apply(EventFor(key, answer))
        else:
            log.warning("charge.not_known", payment=payment.payment_id, error=charged.error)

    # --- later: the row is due ---------------------------------------------------------------------------------------

    async def look_up(self, row: asyncpg.Record) -> None:
        """One due charge: is it paid? Given up in its time: reverse it, and again until that is answered."""
        if row["close_wanted"]:
            await self._reverse(row)
            return
        key, payment_id = (row["merchant_id"], row["order_id"]), row["payment_id"]
        provider = await self._till.provider_of(row)
        await self._book.pace(row["merchant_id"], row["channel"])
        trade = await provider.look_up_charge(payment_id)
        now = self._clock.now()
        if trade.state is TradeState.PAID:
            await self._till.apply_paid(key[0], trade, via="look_up", order_id=key[1])
        elif trade.state is TradeState.CLOSED:
            await self._writer.apply(EventFor(key, PaymentClosed(payment_id, now)))
        elif self._is_given_up(row, now) or (trade.state is TradeState.NOT_PAID and trade.error):
            error = trade.error[:200] or "not paid in time"
            await self._writer.apply(EventFor(key, ReverseWanted(payment_id, error, now)))

    def _is_given_up(self, row: asyncpg.Record, now: datetime) -> bool:
        return bool(now >= row["created_at"] + timedelta(seconds=self._settings.charge_give_up_s))

    async def _reverse(self, row: asyncpg.Record) -> None:
        """The row says that it is being reversed: no payment of it vends any more, whatever is heard meanwhile."""
        key, payment_id = (row["merchant_id"], row["order_id"]), row["payment_id"]
        asked_at = self._clock.now()
        if asked_at < row["created_at"] + timedelta(seconds=REVERSE_NOT_BEFORE_S):
            return
        provider = await self._till.provider_of(row)
        await self._book.pace(row["merchant_id"], row["channel"])
        ended = await provider.reverse(payment_id)
        if ended.state is ReverseState.PAID:
            trade = await provider.look_up_charge(payment_id)
            if trade.state is TradeState.PAID:
                await self._till.apply_paid(key[0], trade, via="reverse", order_id=key[1])
                return
        if ended.state is ReverseState.REVERSED or self._is_dead(row, ended.state, asked_at):
            await self._writer.apply(EventFor(key, PaymentClosed(payment_id, self._clock.now())))
            return
        unsure = PaymentUncertain(payment_id, ended.error[:200], grace_of(self._settings), self._clock.now())
        await self._writer.apply(EventFor(key, unsure))

    def _is_dead(self, row: asyncpg.Record, state: ReverseState, asked_at: datetime) -> bool:
        """The platform has never seen the charge, asked so long after its end that it will not take it any more."""
        margin = timedelta(seconds=self._settings.platform_expiry_margin_s)
        return state is ReverseState.NOT_FOUND and bool(asked_at > row["expires_at"] + margin)


def _has_open_charge(purchase: Purchase) -> bool:
    return any(p.way is PaymentWay.CODE_SCAN and p.is_open for p in purchase.payments)
