"""Alipay behind the contract: codes to be scanned, refunds and notices of one application.

Alipay makes the trade only when the buyer scans. Before that a query answers "no such trade" although the code is
payable, so this provider never calls such a number CLOSED: `cancel` answers UNKNOWN until the platform names a trade
that it closed, and the caller waits for the code's expiry and two minutes more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import structlog

from vendomat.cloud.payments.providers.alipay import bills, faces, wire
from vendomat.cloud.payments.providers.alipay.client import AlipayClient
from vendomat.cloud.payments.providers.alipay.settings import AlipaySettings
from vendomat.cloud.payments.providers.bills import BillKind, BillState, FetchedBill, FundRow, TradeRow
from vendomat.cloud.payments.providers.contract import (
    Cancelled,
    CancelState,
    ChargeCredential,
    Charged,
    ChargeRefusal,
    ChargeRequest,
    ChargeState,
    Notice,
    NoticeAnswer,
    NoticeKind,
    NoticeRefusedError,
    Refunded,
    RefundRequest,
    RefundState,
    Reversed,
    ReverseState,
    Started,
    StartRequest,
    StartState,
    Trade,
    TradeState,
    no_codes,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.faces import FaceDevice, FaceReady, FaceState
from vendomat.cloud.payments.providers.limits import (
    NOTICE_BYTES_MAX,
    check_number,
    check_refund_number,
    is_over,
    is_timely,
    unfit_charge,
    unfit_notify_url,
    unfit_refund,
    unfit_start,
)
from vendomat.cloud.payments.providers.threads import CallThreads
from vendomat.kernel import Clock

log = structlog.get_logger(__name__)


class AlipayProvider:
    """One application at Alipay."""

    channel = "alipay"
    takes_codes = True

    def __init__(
        self, settings: AlipaySettings, *, clock: Clock, threads: CallThreads, is_owner_of_threads: bool = True
    ) -> None:
        self.account = settings.app_id
        self.takes_faces = settings.takes_faces
        self._settings = settings
        self._clock = clock
        self._threads = threads
        self._is_owner_of_threads = is_owner_of_threads
        self._client = AlipayClient(settings, clock=clock, connections_max=threads.size)

    async def start(self, request: StartRequest) -> Started:
        """A code to be scanned. Alipay issues one per number: the same request again may come back UNKNOWN."""
        check_number(request.number)
        if reason := unfit_start(request):
            return Started(StartState.REFUSED, error=reason)
        now = self._clock.now()
        if request.expires_at <= now:
            return Started(StartState.REFUSED, error="the payment has expired")
        order = wire.precreate_order(request, now)
        try:
            fields = await self._ask(lambda: self._client.api_alipay_trade_precreate(**order))
        except NotKnownError as doubt:
            return Started(StartState.UNKNOWN, error=doubt.reason)
        return wire.read_start(fields, request.number)

    async def look_up(self, number: str) -> Trade:
        check_number(number)
        try:
            fields = await self._ask(lambda: self._client.api_alipay_trade_query(out_trade_no=number))
        except NotKnownError as doubt:
            return Trade(TradeState.UNKNOWN, number, error=doubt.reason, is_about_keys=doubt.is_about_keys)
        return wire.read_trade(fields, number, app_id=self.account)

    async def cancel(self, number: str) -> Cancelled:
        """Close an open trade. A code nobody scanned has none: it stays payable until its end, and so UNKNOWN.

        The platform's own "cancel" is never sent for such a code: it gives the money of a trade back that was paid a
        moment before, and the goods of that payment may be on their way.
        """
        trade = await self.look_up(number)
        if trade.state is TradeState.NOT_PAID:
            error = await self._close(number)
            trade = await self.look_up(number)
            return _cancelled_as(trade, error)
        return _cancelled_as(trade, trade.error)

    async def charge(self, request: ChargeRequest) -> Charged:
        """Neither a success nor a refusal is believed before a look-up: the one may be rolled back, the other may
        have left an open trade."""
        check_number(request.number)
        reason = unfit_charge(request, credentials=self._credentials) or unfit_notify_url(request.notify_url)
        if reason or request.expires_at <= self._clock.now():
            return Charged(ChargeState.REFUSED, None, ChargeRefusal.REFUSED, reason or "the payment has expired")
        order = wire.charge_order(request)
        try:
            fields = await self._ask(lambda: self._client.charge(order))
        except NotKnownError as doubt:
            return Charged(ChargeState.UNKNOWN, error=doubt.reason)
        said = wire.read_charge(fields)
        if said.state is ChargeState.WAITING:
            return said
        return wire.charged_as(await self.look_up_charge(request.number), said)

    async def look_up_charge(self, number: str, credential: ChargeCredential = ChargeCredential.BAR_CODE) -> Trade:
        """CLOSED also when it was paid and given back in whole: a reversed charge buys nothing any more."""
        return wire.ended_if_given_back(await self.look_up(number))

    async def reverse(self, number: str, credential: ChargeCredential = ChargeCredential.BAR_CODE) -> Reversed:
        """The platform's own "cancel": it closes an open trade and gives a paid one back."""
        check_number(number)
        try:
            fields = await self._ask(lambda: self._client.api_alipay_trade_cancel(out_trade_no=number))
        except NotKnownError as doubt:
            return Reversed(ReverseState.UNKNOWN, doubt.reason)
        said = wire.read_reverse(fields, number)
        return said or wire.reversed_as(await self.look_up(number), fields)

    @property
    def _credentials(self) -> tuple[ChargeCredential, ...]:
        return tuple(ChargeCredential) if self.takes_faces else (ChargeCredential.BAR_CODE,)

    async def prepare_face(self, device: FaceDevice) -> FaceReady:
        """Always a new token: one is for one look. Raises `VendomatError` where faces are not charged."""
        if not self.takes_faces:
            raise no_codes()
        question = faces.question_of(device)
        if question is None:
            return FaceReady(FaceState.REFUSED, error="what the device's kit says of itself is no JSON object")
        asked_at = self._clock.now()
        try:
            return faces.read_ready(await self._ask(lambda: self._client.prepare_face(question)), asked_at)
        except NotKnownError as doubt:
            return FaceReady(FaceState.UNKNOWN, error=doubt.reason)

    async def refund(self, request: RefundRequest) -> Refunded:
        check_number(request.payment_number)
        check_refund_number(request.refund_number)
        if reason := unfit_refund(request):
            return Refunded(RefundState.REFUSED, request.refund_number, error=reason)
        order = wire.refund_order(request)
        try:
            fields = await self._ask(lambda: self._client.api_alipay_trade_refund(**order))
        except NotKnownError as doubt:
            return Refunded(RefundState.UNKNOWN, request.refund_number, error=doubt.reason)
        refunded = wire.read_refund(fields, request)
        if refunded.state in (RefundState.SUCCEEDED, RefundState.UNKNOWN):
            return refunded
        found = await self.look_up_refund(request)
        if refunded.state in (RefundState.REFUSED, RefundState.NEVER):
            return refunded if found.state is RefundState.NOT_ACCEPTED else found
        return found if found.state is RefundState.SUCCEEDED else refunded

    async def look_up_refund(self, request: RefundRequest) -> Refunded:
        """The refund of our number. A full one also counts when the trade was given back in whole without it."""
        check_number(request.payment_number)
        check_refund_number(request.refund_number)
        number = request.refund_number
        try:
            fields = await self._ask(
                lambda: self._client.api_alipay_trade_fastpay_refund_query(number, out_trade_no=request.payment_number)
            )
        except NotKnownError as doubt:
            return Refunded(RefundState.UNKNOWN, number, error=doubt.reason)
        found = wire.read_refund_query(fields, request)
        if found.state is not RefundState.NOT_ACCEPTED or request.amount != request.payment_amount:
            return found
        # The platform's "cancel" at the last moment, or a person in its portal, refunds under a number of their own.
        trade = await self.look_up(request.payment_number)
        return wire.given_back(trade, request) or found

    async def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Raises `NoticeRefusedError`. `headers` prove nothing here: the signature is one of the form's fields."""
        if len(body) > NOTICE_BYTES_MAX:
            raise NoticeRefusedError(f"larger than {NOTICE_BYTES_MAX} bytes")
        try:
            fields = wire.read_form(body)
            is_signed = await self._ask(lambda: self._client.verify_notice(fields))
            return self._notice(fields, is_signed=is_signed)
        except NotKnownError as doubt:
            raise NoticeRefusedError(doubt.reason) from doubt

    def answer_notice(self, *, accepted: bool) -> NoticeAnswer:
        """Exactly `success`, or the notice is repeated."""
        return NoticeAnswer(200 if accepted else 400, b"success" if accepted else b"fail", "text/plain")

    async def fetch_bill(self, kind: BillKind, day: date, into: Path) -> FetchedBill:
        """The archive as it comes, with details and summary. One that is damaged is asked for again."""
        if not is_over(day, self._clock.now()):
            return FetchedBill(BillState.NOT_YET, error="the day is not over")
        try:
            fields = await self._ask(lambda: self._client.ask_bill(bills.BILL_TYPES[kind], day))
            url = bills.read_address(fields, day, self._clock.now())
            if isinstance(url, FetchedBill):
                return url
            fetched: FetchedBill = await self._ask(lambda: self._client.download_bill(url, into))
        except NotKnownError as doubt:
            return FetchedBill(BillState.UNKNOWN, error=doubt.reason)
        return fetched

    def read_trades(self, path: Path) -> Iterator[TradeRow]:
        return bills.read_trades(path, self._settings.seller_id)

    def read_funds(self, path: Path) -> Iterator[FundRow]:
        return bills.read_funds(path, self._settings.seller_id)

    async def aclose(self) -> None:
        if self._is_owner_of_threads:
            await self._threads.aclose()
        self._client.close()

    async def _close(self, number: str) -> str:
        """Close an unpaid trade; the error text when that is not confirmed. The look-up afterwards decides."""
        try:
            fields = await self._ask(lambda: self._client.api_alipay_trade_close(out_trade_no=number))
        except NotKnownError as doubt:
            return doubt.reason
        return "" if wire.is_success(fields) else wire.error_text(fields)

    def _notice(self, fields: Mapping[str, str], *, is_signed: bool) -> Notice:
        if not is_signed:
            raise NotKnownError("the signature is wrong")
        if fields.get("app_id") != self.account or fields.get("seller_id") != self._settings.seller_id:
            raise NotKnownError("the notice belongs to another account")
        sent_at = wire.moment_of(fields.get("notify_time", ""))
        if not is_timely(sent_at, self._clock.now(), self._settings.notice_age_s_max):
            raise NotKnownError("notify_time is too far from our clock")
        if fields.get("notify_type") != "trade_status_sync" or not fields.get("notify_id"):
            raise NotKnownError(f"notice type {fields.get('notify_type', '')[:64]!r} is not one we take")
        return Notice(NoticeKind.PAYMENT, fields["notify_id"], trade=wire.trade_of_notice(fields, app_id=self.account))

    async def _ask(self, work: Callable[[], Any]) -> Any:
        try:
            return await self._threads.call(work)
        except NotKnownError:
            raise
        except Exception as error:  # whatever the library raises: for money that means "not known"
            log.warning("payment_client_failed", channel=self.channel, account=self.account, exc_info=True)
            raise NotKnownError(f"{type(error).__name__}: {error}"[:200]) from error


def _cancelled_as(trade: Trade, error: str) -> Cancelled:
    if trade.state is TradeState.CLOSED:
        return Cancelled(CancelState.CLOSED)
    if trade.state is TradeState.PAID:
        return Cancelled(CancelState.PAID, error)
    if trade.state is TradeState.NOT_FOUND:
        return Cancelled(CancelState.UNKNOWN, "no trade yet: the code may be scanned until it expires")
    return Cancelled(CancelState.UNKNOWN, error or trade.error or "the trade is open still")
