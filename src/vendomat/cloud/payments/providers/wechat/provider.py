"""WeChat Pay behind the contract: orders, charges by payment code or face, refunds, notices and bills of one merchant.

Refuses to guess. Any answer but a verified success, or a code that is definite by itself, is checked by a query of the
same number; what a query cannot settle is UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from vendomat.cloud.payments.providers.abnormal import AbnormalRefund
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
    Started,
    StartRequest,
    StartState,
    Trade,
    TradeState,
    no_codes,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.faces import FaceDevice, FaceReady
from vendomat.cloud.payments.providers.limits import (
    NOTICE_BYTES_MAX,
    check_number,
    check_refund_number,
    is_over,
    unfit_charge,
    unfit_refund,
    unfit_start,
)
from vendomat.cloud.payments.providers.service_orders import ServiceOrders
from vendomat.cloud.payments.providers.sharing import ProfitSharing
from vendomat.cloud.payments.providers.threads import CallThreads
from vendomat.cloud.payments.providers.wechat import bills, offers, v2_wire, wire
from vendomat.cloud.payments.providers.wechat.asking import Asking
from vendomat.cloud.payments.providers.wechat.charges import Charges, V2Charges, V3Charges
from vendomat.cloud.payments.providers.wechat.client import WeChatClient
from vendomat.cloud.payments.providers.wechat.faces import FaceTokens
from vendomat.cloud.payments.providers.wechat.service_orders import WeChatServiceOrders
from vendomat.cloud.payments.providers.wechat.settings import WeChatSettings
from vendomat.cloud.payments.providers.wechat.sharing import WeChatProfitSharing
from vendomat.cloud.payments.providers.wechat.v2_client import BAR_CODES, FACES, V2Client
from vendomat.kernel import Clock, ErrorCode, VendomatError


class WeChatPayProvider:
    """One merchant at WeChat Pay."""

    channel = "wechat"

    def __init__(
        self, settings: WeChatSettings, *, clock: Clock, threads: CallThreads, is_owner_of_threads: bool = True
    ) -> None:
        self.account = settings.mchid
        self._settings = settings
        self._threads = threads
        self._is_owner_of_threads = is_owner_of_threads
        self._clock = clock
        self._account = wire.Account(settings.mchid, settings.appid)
        self._client = WeChatClient(settings, clock=clock, connections_max=threads.size)
        self._asking = Asking(threads, channel=self.channel, account=self.account)
        self._v2 = V2Client(settings, clock=clock, connections_max=threads.size) if settings.apiv2_key else None
        self._charges = self._open_charges()
        self.takes_codes = ChargeCredential.BAR_CODE in self._charges
        self.takes_faces = ChargeCredential.FACE in self._charges
        self.service_orders: ServiceOrders | None = (
            WeChatServiceOrders(settings, self._client, self._asking) if settings.service_id else None
        )
        self.profit_sharing: ProfitSharing | None = (
            WeChatProfitSharing(settings.appid, self._client, self._asking) if settings.shares_profit else None
        )
        self._face_tokens = FaceTokens(self._asking, self._v2, clock) if self._v2 and self.takes_faces else None

    def _open_charges(self) -> dict[ChargeCredential, Charges]:
        settings, charges = self._settings, dict[ChargeCredential, Charges]()
        if settings.code_pay == "v3":
            charges[ChargeCredential.BAR_CODE] = V3Charges(self._asking, self._client, settings, self._clock)
        elif self._v2 is not None:
            charges[ChargeCredential.BAR_CODE] = V2Charges(self._asking, self._v2, settings, BAR_CODES)
        if settings.takes_faces and self._v2 is None:
            raise VendomatError(ErrorCode.INVALID_VALUE, "charging faces needs apiv2_key and certificate")
        if settings.takes_faces and self._v2 is not None:
            charges[ChargeCredential.FACE] = V2Charges(self._asking, self._v2, settings, FACES)
        return charges

    async def start(self, request: StartRequest) -> Started:
        """An order. The same request again, before payment, gives a new code and ends the old one."""
        check_number(request.number)
        may_share = self.profit_sharing is not None
        reason = unfit_start(request, presentations=offers.PRESENTATIONS, may_share=may_share)
        if reason or (reason := offers.unfit_buyer(request)):
            return Started(StartState.REFUSED, error=reason)
        try:
            status, started = await self._asking(lambda: self._offer(request))
        except NotKnownError as doubt:
            return Started(StartState.UNKNOWN, error=doubt.reason)
        if started.state is not StartState.UNKNOWN or not wire.is_definite(status):
            return started
        trade = await self.look_up(request.number)
        is_dead = trade.state in (TradeState.NOT_FOUND, TradeState.CLOSED)
        return Started(StartState.REFUSED if is_dead else StartState.UNKNOWN, error=started.error)

    def _offer(self, request: StartRequest) -> tuple[int, Started]:
        """Place the order and sign what a page needs. Blocks."""
        order = offers.order(request, self._settings.payer_client_ip)
        status, body = self._client.place(order, request.presentation)
        started = offers.read_start(status, body, request.presentation)
        if "prepay_id" in started.parameters:
            started = replace(started, parameters=self._client.page_parameters(started.parameters["prepay_id"]))
        return status, started

    async def look_up(self, number: str) -> Trade:
        check_number(number)
        try:
            status, body = await self._asking(lambda: self._client.query(out_trade_no=number))
        except NotKnownError as doubt:
            return Trade(TradeState.UNKNOWN, number, error=doubt.reason, is_about_keys=doubt.is_about_keys)
        return wire.read_trade(status, body, number, self._account)

    async def cancel(self, number: str) -> Cancelled:
        """Close the order; any answer but a verified 204 is settled by a query."""
        check_number(number)
        try:
            status, body = await self._asking(lambda: self._client.close(out_trade_no=number))
        except NotKnownError as doubt:
            error = doubt.reason
        else:
            if status == 204:
                return Cancelled(CancelState.CLOSED)
            error = wire.error_text(status, body)
        trade = await self.look_up(number)
        if trade.state is TradeState.PAID:
            return Cancelled(CancelState.PAID, error)
        # No order means no code: a Native order exists from the moment its code is issued.
        is_dead = trade.state in (TradeState.CLOSED, TradeState.NOT_FOUND)
        return Cancelled(CancelState.CLOSED) if is_dead else Cancelled(CancelState.UNKNOWN, error or trade.error)

    async def charge(self, request: ChargeRequest) -> Charged:
        """Raises `VendomatError(method_unavailable)` for an account that has no key for it."""
        check_number(request.number)
        charges = self._charges_of(request.credential)
        if reason := unfit_charge(request, credentials=self._charges):
            return Charged(ChargeState.REFUSED, None, ChargeRefusal.REFUSED, reason)
        return await charges.charge(request)

    async def look_up_charge(self, number: str, credential: ChargeCredential = ChargeCredential.BAR_CODE) -> Trade:
        check_number(number)
        return await self._charges_of(credential).look_up(number)

    async def reverse(self, number: str, credential: ChargeCredential = ChargeCredential.BAR_CODE) -> Reversed:
        """Never "close": the platform lets a charge end by a reverse only."""
        check_number(number)
        return await self._charges_of(credential).reverse(number)

    def _charges_of(self, credential: ChargeCredential) -> Charges:
        if credential not in self._charges:
            raise no_codes()
        return self._charges[credential]

    async def prepare_face(self, device: FaceDevice) -> FaceReady:
        if self._face_tokens is None:
            raise no_codes()
        return await self._face_tokens.prepare(device)

    async def refund(self, request: RefundRequest) -> Refunded:
        check_number(request.payment_number)
        check_refund_number(request.refund_number)
        if reason := unfit_refund(request):
            return Refunded(RefundState.REFUSED, request.refund_number, error=reason)
        order = wire.refund_order(request)
        try:
            status, body = await self._asking(lambda: self._client.refund(**order))
        except NotKnownError as doubt:
            return Refunded(RefundState.UNKNOWN, request.refund_number, error=doubt.reason)
        refunded = wire.read_refund(status, body, request)
        if refunded.state not in (RefundState.REFUSED, RefundState.NEVER):
            return refunded
        found = await self.look_up_refund(request)
        if found.state is not RefundState.NOT_ACCEPTED:
            return found
        return replace(refunded, state=RefundState.NEVER) if self._is_too_old(request) else refunded

    def _is_too_old(self, request: RefundRequest) -> bool:
        """WeChat says INVALID_REQUEST of a payment beyond its refund time, as of much that a person can put right."""
        return request.paid_at is not None and self._clock.now() > request.paid_at + wire.REFUNDABLE

    async def send_on(self, refund: AbnormalRefund) -> Refunded:
        """Whatever is answered but a verified refund is settled by a look-up: only there it is still ABNORMAL."""
        request = refund.request
        check_refund_number(request.refund_number)
        try:
            status, body = await self._asking(lambda: self._client.send_on(refund))
        except NotKnownError as doubt:
            return Refunded(RefundState.UNKNOWN, request.refund_number, error=doubt.reason)
        said = wire.read_refund(status, body, request)
        if said.state in (RefundState.PROCESSING, RefundState.SUCCEEDED):
            return said
        found = await self.look_up_refund(request)
        if found.state is RefundState.ABNORMAL:
            state = RefundState.REFUSED if wire.is_definite(status) else RefundState.UNKNOWN
            return replace(found, state=state, error=said.error)
        return found

    async def look_up_refund(self, request: RefundRequest) -> Refunded:
        check_refund_number(request.refund_number)
        number = request.refund_number
        try:
            status, body = await self._asking(lambda: self._client.query_refund(out_refund_no=number))
        except NotKnownError as doubt:
            return Refunded(RefundState.UNKNOWN, number, error=doubt.reason)
        found = wire.read_refund_query(status, body, request)
        if found.state is not RefundState.NOT_ACCEPTED or not self._charges:
            return found
        return await self._given_back(request) or found

    async def _given_back(self, request: RefundRequest) -> Refunded | None:
        """The full refund of a charge that was reversed after it was paid: the reverse gave the money back."""
        if request.amount != request.payment_amount:
            return None
        for charges in self._charges.values():
            if v2_wire.is_revoked(trade := await charges.look_up(request.payment_number)):
                break
        else:
            return None
        error = "given back in whole by the reverse"
        return Refunded(RefundState.SUCCEEDED, request.refund_number, "", request.amount, error, trade.raw)

    async def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Raises `NoticeRefusedError`; `is_probe` is set for the platform's own signature test."""
        if len(body) > NOTICE_BYTES_MAX:
            raise NoticeRefusedError(f"larger than {NOTICE_BYTES_MAX} bytes")
        lowered = {name.lower(): value for name, value in headers.items()}
        try:
            envelope = wire.decode(body, wire.NoticeEnvelope)
            resource = await self._asking(lambda: self._client.decrypt_callback(lowered, body.decode()))
            return self._notice(envelope.id, envelope.event_type, resource)
        except NotKnownError as doubt:
            raise NoticeRefusedError(doubt.reason, is_probe=doubt.is_probe) from doubt

    def answer_notice(self, *, accepted: bool) -> NoticeAnswer:
        if accepted:
            return NoticeAnswer(204, b"", "application/json")
        return NoticeAnswer(400, '{"code":"FAIL","message":"失败"}'.encode(), "application/json")

    async def fetch_bill(self, kind: BillKind, day: date, into: Path) -> FetchedBill:
        """The bill of the basic account. Asked again while NOT_YET or UNKNOWN, every half hour from 10:00 on."""
        if not is_over(day, self._clock.now()):
            return FetchedBill(BillState.NOT_YET, error="the day is not over")
        hosts = bills.hosts_of(self._settings.base_url)
        try:
            status, body = await self._asking(lambda: self._client.ask_bill(bills.request_target(kind, day)))
            if status != 200:
                return bills.read_refusal(status, body)
            promise = bills.read_promise(body, hosts)
            fetched = await self._asking(lambda: self._client.download_bill(promise, into))
        except NotKnownError as doubt:
            return FetchedBill(BillState.UNKNOWN, error=doubt.reason)
        return fetched

    def read_trades(self, path: Path) -> Iterator[TradeRow]:
        return bills.read_trades(path, self.account)

    def read_funds(self, path: Path) -> Iterator[FundRow]:
        return bills.read_funds(path)

    async def aclose(self) -> None:
        if self._is_owner_of_threads:
            await self._threads.aclose()
        self._client.hosts.close()
        if self._v2 is not None:
            self._v2.close()

    def _notice(self, notice_id: str, event_type: str, resource: str | None) -> Notice:
        if resource is None:
            raise NotKnownError("the resource does not open with our key")
        if event_type == "TRANSACTION.SUCCESS":
            trade = wire.trade_of(resource, self._account)
            if trade.state is not TradeState.PAID:
                raise NotKnownError(f"a notice of success about a trade that is {trade.state}")
            return Notice(NoticeKind.PAYMENT, notice_id, trade=trade)
        if event_type.startswith("REFUND."):
            return Notice(NoticeKind.REFUND, notice_id, refund=wire.refund_of_notice(resource, mchid=self.account))
        raise NotKnownError(f"event {event_type[:64]!r} is not one we take")
