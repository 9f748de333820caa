"""Stripe behind the contract: a checkout page whose address is the code, refunds, and webhooks of one account.

What is there: Checkout Sessions in mode `payment` with automatic capture, and holds (authorise, then capture or
release), which spare the refund of a failed vend; and bills, made of the balance transactions. What is not: Connect,
Terminal.

Stripe keeps a session open for half an hour at least, much longer than a machine waits. So a payment ends when `cancel`
has ended its session; one that nobody ends is payable until `wire.SESSION_LIFE` after its offer, and `look_up` says
NOT_PAID of it until then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

import structlog

from vendomat.cloud.payments.providers.bills import BillKind, BillState, FetchedBill, FundRow, TradeRow
from vendomat.cloud.payments.providers.contract import (
    Cancelled,
    CancelState,
    Notice,
    NoticeAnswer,
    NoticeKind,
    NoticeRefusedError,
    Refunded,
    RefundRequest,
    RefundState,
    Started,
    StartRequest,
    StartState,
    TakesNoCodes,
    Trade,
    TradeState,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.held import Hold, HoldState
from vendomat.cloud.payments.providers.limits import (
    NOTICE_BYTES_MAX,
    check_number,
    check_refund_number,
    is_over,
    is_timely,
    unfit_refund,
    unfit_start,
)
from vendomat.cloud.payments.providers.stripe import bills, wire
from vendomat.cloud.payments.providers.stripe.client import StripeCalls
from vendomat.cloud.payments.providers.stripe.holds import Holds
from vendomat.cloud.payments.providers.stripe.refunds import Refunds
from vendomat.cloud.payments.providers.stripe.sessions import Sessions
from vendomat.cloud.payments.providers.stripe.settings import StripeSettings
from vendomat.cloud.payments.providers.threads import CallThreads
from vendomat.kernel import Clock, Money

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class StripeProvider(TakesNoCodes):
    """One account at Stripe."""

    channel = "stripe"

    def __init__(
        self, settings: StripeSettings, *, clock: Clock, threads: CallThreads, is_owner_of_threads: bool = True
    ) -> None:
        self.account = settings.account
        self.is_holding = settings.is_taken_after_goods
        self._settings = settings
        self._clock = clock
        self._threads = threads
        self._is_owner_of_threads = is_owner_of_threads
        self._calls = StripeCalls(settings, clock=clock, connections_max=threads.size)
        self._sessions = Sessions(self._calls, settings, clock)
        self._refunds = Refunds(self._calls, self._sessions)
        self._ledger = bills.Ledger(self._calls, settings.account)
        self._holds = Holds(self._calls, self._sessions, settings.account)

    async def start(self, request: StartRequest) -> Started:
        """A checkout page. The same request again gives the same page, as long as it can be paid."""
        return await self._offer(request, is_hold=False)

    async def offer_hold(self, request: StartRequest) -> Started:
        """A checkout page that only authorises."""
        return await self._offer(request, is_hold=True)

    async def look_up_hold(self, number: str) -> Hold:
        return await self._hold(number, lambda: self._holds.look_up(number))

    async def capture(self, number: str, amount: Money) -> Hold:
        if reason := wire.unfit_amount(amount):
            return replace(await self.look_up_hold(number), error=reason)
        return await self._hold(number, lambda: self._holds.capture(number, amount))

    async def release(self, number: str) -> Hold:
        return await self._hold(number, lambda: self._holds.release(number))

    async def _hold(self, number: str, work: Callable[[], Hold]) -> Hold:
        check_number(number)
        try:
            return await self._ask(work)
        except NotKnownError as doubt:
            return Hold(HoldState.UNKNOWN, number, error=doubt.reason)

    async def _offer(self, request: StartRequest, *, is_hold: bool) -> Started:
        check_number(request.number)
        reason = unfit_start(request, currencies=wire.CURRENCIES) or wire.unfit_amount(request.amount)
        if not reason and request.expires_at - self._clock.now() > wire.OFFER_LIFE_MAX:
            reason = "a session cannot be kept open for more than a day"
        if reason:
            return Started(StartState.REFUSED, error=reason)
        try:
            return await self._ask(lambda: self._sessions.offer(request, is_hold=is_hold))
        except NotKnownError as doubt:
            return Started(StartState.UNKNOWN, error=doubt.reason)

    async def look_up(self, number: str) -> Trade:
        check_number(number)
        try:
            return await self._ask(lambda: self._sessions.look_up(number))
        except NotKnownError as doubt:
            return Trade(TradeState.UNKNOWN, number, error=doubt.reason, is_about_keys=doubt.is_about_keys)

    async def cancel(self, number: str) -> Cancelled:
        """End the session; whatever Stripe answers is settled by looking at the session again."""
        check_number(number)
        try:
            return await self._ask(lambda: self._sessions.cancel(number))
        except NotKnownError as doubt:
            return Cancelled(CancelState.UNKNOWN, doubt.reason)

    async def refund(self, request: RefundRequest) -> Refunded:
        """Part or all of a payment, by its `transaction_id` when that is known."""
        check_number(request.payment_number)
        check_refund_number(request.refund_number)
        reason = unfit_refund(request, currencies=wire.CURRENCIES) or wire.unfit_amount(request.amount)
        if reason:
            return Refunded(RefundState.REFUSED, request.refund_number, error=reason)
        try:
            return await self._ask(lambda: self._refunds.refund(request))
        except NotKnownError as doubt:
            return Refunded(RefundState.UNKNOWN, request.refund_number, error=doubt.reason)

    async def look_up_refund(self, request: RefundRequest) -> Refunded:
        check_number(request.payment_number)
        check_refund_number(request.refund_number)
        try:
            return await self._ask(lambda: self._refunds.look_up(request))
        except NotKnownError as doubt:
            return Refunded(RefundState.UNKNOWN, request.refund_number, error=doubt.reason)

    async def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Raises `NoticeRefusedError`. A genuine event of a kind we did not ask for is taken and tells of nothing."""
        if len(body) > NOTICE_BYTES_MAX:
            raise NoticeRefusedError(f"larger than {NOTICE_BYTES_MAX} bytes")
        header = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
        try:
            signed_at = wire.signed_at(header)
            is_signed = await self._ask(lambda: self._calls.is_signed(body, header))
            return self._notice(body, signed_at if is_signed else None)
        except NotKnownError as doubt:
            raise NoticeRefusedError(doubt.reason) from doubt

    def answer_notice(self, *, accepted: bool) -> NoticeAnswer:
        """Any 2xx is taken for received; everything else is sent again for up to three days."""
        return NoticeAnswer(200 if accepted else 400, b"{}", "application/json")

    async def fetch_bill(self, kind: BillKind, day: date, into: Path) -> FetchedBill:
        """The account's balance transactions of that day in China, as every account's days are kept here."""
        if not is_over(day, self._clock.now()):
            return FetchedBill(BillState.NOT_YET, error="the day is not over")
        try:
            content = await self._ask(lambda: self._ledger.bill(kind, day))
        except NotKnownError as doubt:
            return FetchedBill(BillState.UNKNOWN, error=doubt.reason)
        if content is None:
            return FetchedBill(BillState.EMPTY)
        await self._ask(lambda: bills.keep(content, into))
        return FetchedBill(BillState.READY, hashlib.sha256(content).hexdigest(), len(content))

    def read_trades(self, path: Path) -> Iterator[TradeRow]:
        return bills.read_trades(path, self.account)

    def read_funds(self, path: Path) -> Iterator[FundRow]:
        return bills.read_funds(path, self.account)

    async def aclose(self) -> None:
        if self._is_owner_of_threads:
            await self._threads.aclose()
        self._calls.transport.close()

    def _notice(self, body: bytes, signed_at: datetime | None) -> Notice:
        if signed_at is None:
            raise NotKnownError("the signature is wrong")
        if not is_timely(signed_at, self._clock.now(), self._settings.notice_age_s_max):
            raise NotKnownError("the time stamp is too far from our clock")
        event = wire.of_kind(body, wire.Event, "event")
        if event.livemode != self._settings.is_live:
            raise NotKnownError("the notice is of the other mode, live or test")
        if event.account not in (None, self.account):
            raise NotKnownError("the notice belongs to another account")
        if event.type in wire.REFUND_EVENTS:
            found = wire.of_kind(event.data.object, wire.Refund, "refund")
            if "refund_number" in found.metadata:
                return Notice(NoticeKind.REFUND, event.id, refund=wire.refund_told(found))
        if event.type in wire.HOLD_EVENTS and (hold := wire.hold_told(event, account=self.account)) is not None:
            return Notice(NoticeKind.HOLD, event.id, hold=hold)
        return Notice(NoticeKind.PAYMENT, event.id, trade=wire.trade_told(event, account=self.account))

    async def _ask(self, work: Callable[[], Answer]) -> Answer:
        try:
            return await self._threads.call(work)
        except NotKnownError:
            raise
        except Exception as error:  # whatever the library raises: for money that means "not known"
            log.warning("payment_client_failed", channel=self.channel, account=self.account, exc_info=True)
            raise NotKnownError(f"{type(error).__name__}: {error}"[:200]) from error
