"""The till: conversations with payment platforms about one payment or refund. Never inside a transaction.

Starts codes, looks payments up, closes them, asks refunds back; each answer becomes an event for the writer. An answer
that is not definite changes nothing but the next try.

Longer because whatever a platform says of one of our numbers, asked or by itself, becomes an event in this one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog

from vendomat.cloud.alarms import SecurityWatch
from vendomat.cloud.catalog import not_offered, refused_channels
from vendomat.cloud.payments import (
    CODE_CHANNEL,
    WALLET_CHANNEL,
    CameBack,
    CancelState,
    Hold,
    HoldState,
    NoticeAnswer,
    NoticeKind,
    NoticeRefusedError,
    PaymentWay,
    Provider,
    ProviderBook,
    Refunded,
    RefundRequest,
    RefundStage,
    RefundState,
    SharesProfit,
    StartRequest,
    StartState,
    Trade,
    TradeState,
)
from vendomat.cloud.payments import store as payment_rows
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.rows import is_storable
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.caps import RefundCaps
from vendomat.cloud.sales.holds import ask_hold, event_of, holder, taken
from vendomat.cloud.sales.model import (
    PaymentClosed,
    PaymentPaid,
    PaymentUncertain,
    Purchase,
    RefundSaid,
    RefundSeen,
)
from vendomat.cloud.sales.reach import Reach
from vendomat.cloud.sales.strangers import note_unknown_payment
from vendomat.cloud.sales.use_cases import Applied, EventFor, IssuedCode, grace_of
from vendomat.cloud.sales.writer import Writer
from vendomat.kernel import Clock, ErrorCode, Money, VendomatError

log = structlog.get_logger(__name__)

_SAID = {
    RefundState.PROCESSING: RefundSaid.ACCEPTED,
    RefundState.SUCCEEDED: RefundSaid.SUCCEEDED,
    RefundState.CLOSED: RefundSaid.GIVEN_UP,
    RefundState.ABNORMAL: RefundSaid.GIVEN_UP,
    RefundState.NOT_ACCEPTED: RefundSaid.NOT_ACCEPTED,
    RefundState.REFUSED: RefundSaid.REFUSED,
    RefundState.NEVER: RefundSaid.NEVER,
    RefundState.UNKNOWN: RefundSaid.UNKNOWN,
}
_CAME_BACK = {CameBack.BANK: RefundSaid.TO_OUR_BANK, CameBack.BALANCE: RefundSaid.TO_OUR_BALANCE}


@dataclass(frozen=True, slots=True)
class PaymentCall:
    """What a platform must be told of one payment; the same in every repetition."""

    merchant_id: str
    order_id: str
    machine_id: str
    payment_id: str
    channel: str
    amount: Money
    expires_at: datetime
    is_hold: bool = False


class Till:
    """Speaks to platforms through the provider book, and to purchases through the writer."""

    def __init__(  # noqa: PLR0913 - named parts, put together in one place
        self,
        database: Database,
        writer: Writer,
        book: ProviderBook,
        *,
        settings: CloudSettings,
        clock: Clock,
        watch: SecurityWatch,
        reach: Reach,
        caps: RefundCaps,
    ) -> None:
        self._caps = caps
        self._database = database
        self._writer = writer
        self._book = book
        self._settings = settings
        self._clock = clock
        self._watch = watch
        self._reach = reach
        self._public_url = settings.base_url

    async def taker_of(self, merchant_id: str, channel: str) -> Provider:
        """Who speaks for our account at the channel's platform. Raises `VendomatError(method_unavailable)`."""
        if channel == CODE_CHANNEL:
            raise VendomatError(ErrorCode.METHOD_UNAVAILABLE, "a pickup code is redeemed, not chosen as a way to pay")
        if channel == WALLET_CHANNEL:
            raise VendomatError(ErrorCode.METHOD_UNAVAILABLE, "a wallet pays by the code its member shows")
        return await self._book.offering(merchant_id, channel)

    async def offering(self, merchant_id: str, machine_id: str, channel: str) -> Provider:
        """Who takes one more payment of an order at a machine. Raises `VendomatError(method_unavailable)`."""
        provider = await self._book.offering(merchant_id, channel)
        async with self._database.hot.acquire() as connection:
            refused = await refused_channels(connection, [(merchant_id, machine_id, channel, provider.account)])
        if refused:
            raise not_offered()
        return provider

    def notify_url(self, merchant_id: str, channel: str) -> str:
        return f"{self._public_url}/notify/{merchant_id}/{channel}"

    async def start(self, call: PaymentCall) -> str:
        """Ask the platform for the code of `call`, and keep it; "" when there is none (yet).

        Safe to repeat: number and parameters are the same.
        """
        provider = await self._book.get(call.merchant_id, call.channel)
        offer = holder(provider).offer_hold if call.is_hold else provider.start
        started = await offer(
            StartRequest(
                number=call.payment_id,
                amount=call.amount,
                description=f"Vendomat {call.machine_id[-6:].upper() or 'wallet'}",
                expires_at=call.expires_at,
                notify_url=self.notify_url(call.merchant_id, call.channel),
                machine_id=call.machine_id,
                attach=call.order_id,
                is_shared=await self._is_shared(call, provider),
            )
        )
        is_answered = started.state is not StartState.UNKNOWN
        await self._reach.note(call.merchant_id, call.channel, is_answered=is_answered)
        if started.state is not StartState.STARTED:
            log.warning("payment.not_started", payment=call.payment_id, state=started.state, error=started.error)
            return ""
        await self._writer.keep_code(IssuedCode(call.merchant_id, call.payment_id, started.code_url))
        return started.code_url

    async def _is_shared(self, call: PaymentCall, provider: Provider) -> bool:
        """Whether its money is to be frozen for a site's owner. Its row says so, so every repetition says the same."""
        if call.is_hold or not isinstance(provider, SharesProfit) or provider.profit_sharing is None:
            return False
        async with self._database.hot.acquire() as connection:
            return await payment_rows.find_shared_for(connection, call.merchant_id, call.payment_id) != ""

    async def provider_of(self, row: asyncpg.Record) -> Provider:
        """The provider of the account the payment was made to. "No such number" of another account proves nothing.

        Raises `VendomatError(method_unavailable)`; the row stays due until the account is there again.
        """
        provider = await self._book.get(row["merchant_id"], row["channel"])
        if provider.account != row["account"]:
            raise VendomatError(
                ErrorCode.METHOD_UNAVAILABLE,
                f"{row['payment_id']} belongs to account {row['account']}, not {provider.account}; nothing was asked. "
                "Restore that account until its payments and refunds have ended",
            )
        return provider

    async def look_up(self, row: asyncpg.Record) -> None:
        """One due payment: is it paid? If it is to be closed: close it."""
        merchant_id, payment_id = row["merchant_id"], row["payment_id"]
        if row["channel"] == CODE_CHANNEL:
            return
        provider = await self.provider_of(row)
        await self._book.pace(merchant_id, row["channel"])
        if row["is_hold"]:
            await self._look_up_hold(row, provider)
            return
        if row["close_wanted"]:
            cancelled = await provider.cancel(payment_id)
            if cancelled.state is CancelState.CLOSED:
                await self._apply_closed(row)
                return
            if cancelled.state is CancelState.UNKNOWN:
                await self._apply_uncertain(row, cancelled.error)
        asked_at = self._clock.now()
        trade = await provider.look_up(payment_id)
        await self._reach.note(merchant_id, row["channel"], is_answered=trade.state is not TradeState.UNKNOWN)
        if trade.state is TradeState.PAID:
            await self.apply_paid(merchant_id, trade, via="look_up", order_id=row["order_id"])
        elif trade.state is TradeState.CLOSED or self._is_dead(row, trade, asked_at):
            await self._apply_closed(row)

    async def _look_up_hold(self, row: asyncpg.Record, provider: Provider) -> None:
        """A hold: does it stand? Take it or give it up, if the row says so. What is not answered is asked again."""
        asked_at = self._clock.now()
        hold = await ask_hold(provider, row)
        is_answered = hold.state is not HoldState.UNKNOWN
        await self._reach.note(row["merchant_id"], row["channel"], is_answered=is_answered)
        if hold.state is HoldState.NOT_FOUND and self._is_dead(row, Trade(TradeState.NOT_FOUND, hold.number), asked_at):
            await self._apply_closed(row)
            return
        await self.apply_hold(row["merchant_id"], hold, via="look_up", order_id=row["order_id"])
        is_wanted = row["close_wanted"] or row["capture_minor"]
        if is_wanted and hold.state not in (HoldState.RELEASED, HoldState.CAPTURED):
            log.warning("hold.stands", payment=hold.number, state=hold.state, error=hold.error)
            await self._apply_uncertain(row, hold.error)

    async def apply_hold(
        self, merchant_id: str, hold: Hold, *, via: str, order_id: str = "", notice: tuple[str, str] | None = None
    ) -> None:
        """Apply what the platform says of a hold. One of a number that we never gave lapses: no more."""
        if hold.state is HoldState.CAPTURED:
            await self.apply_paid(merchant_id, taken(hold), via=via, order_id=order_id, notice=notice)
            return
        event = event_of(hold, via=via, grace=grace_of(self._settings), at=self._clock.now())
        if event is None or not is_storable(hold.number):
            return
        try:
            await self._writer.apply(EventFor((merchant_id, order_id), event, notice))
        except VendomatError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            log.warning("hold.of_unknown_number", merchant=merchant_id, number=hold.number)

    async def confirm_payment(self, merchant_id: str, payment_id: str) -> TradeState:
        """Ask again what became of one of our numbers; what was paid is applied as if a notice had said it.

        Raises `VendomatError` (not_found, method_unavailable); nothing was asked then.
        """
        async with self._database.hot.acquire() as connection:
            row = await payment_rows.find_payment(connection, merchant_id, payment_id)
        if row is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such payment")
        provider = await self.provider_of(row)
        await self._book.pace(merchant_id, row["channel"])
        is_charge = row["way"] == PaymentWay.CODE_SCAN
        trade = await (provider.look_up_charge(payment_id) if is_charge else provider.look_up(payment_id))
        if trade.state is TradeState.PAID:
            await self.apply_paid(merchant_id, trade, via="bill", order_id=row["order_id"])
        return trade.state

    async def confirm_refund(self, merchant_id: str, refund_id: str) -> RefundState:
        """As `confirm_payment`, for one of our refund numbers. Nothing is asked to be paid back."""
        row = await self.find_refund(merchant_id, refund_id)
        provider = await self.provider_of(row)
        await self._book.pace(merchant_id, row["channel"])
        answer = await provider.look_up_refund(self.refund_request(row))
        if answer.state is not RefundState.UNKNOWN:
            await self.apply_refund(merchant_id, answer, order_id=row["order_id"])
        return RefundState.ABNORMAL if answer.came_back else answer.state

    def _is_dead(self, row: asyncpg.Record, trade: Trade, asked_at: datetime) -> bool:
        """A number the platform has never made a trade of, asked so long after its code's end that none can come.

        A worker that was paused between question and answer holds an old answer: the time of asking counts.
        """
        margin = timedelta(seconds=self._settings.platform_expiry_margin_s)
        is_over = asked_at > row["expires_at"] + margin
        return is_over and bool(row["close_wanted"]) and trade.state is TradeState.NOT_FOUND

    async def apply_paid(
        self, merchant_id: str, trade: Trade, *, via: str, order_id: str = "", notice: tuple[str, str] | None = None
    ) -> Applied | None:
        """Apply a verified payment. None for a number we never gave: that is kept as a security event, not an order."""
        assert trade.state is TradeState.PAID and trade.amount is not None
        event = PaymentPaid(
            payment_id=trade.number,
            account=trade.account,
            amount_minor=trade.amount.minor_units,
            currency=trade.amount.currency,
            transaction_id=trade.transaction_id,
            paid_at=trade.paid_at,
            via=via,
            grace=grace_of(self._settings),
            at=self._clock.now(),
            payer=self._caps.mark_of(merchant_id, trade.account, trade.payer),
        )
        if is_storable(trade.number):
            try:
                return await self._writer.apply(EventFor((merchant_id, order_id), event, notice))
            except VendomatError as error:
                if error.code is not ErrorCode.NOT_FOUND:
                    raise
        await note_unknown_payment(self._database, merchant_id, trade, via=via, at=self._clock.now())
        return None

    async def _apply_closed(self, row: asyncpg.Record) -> None:
        key = (row["merchant_id"], row["order_id"])
        await self._writer.apply(EventFor(key, PaymentClosed(row["payment_id"], self._clock.now())))

    async def _apply_uncertain(self, row: asyncpg.Record, error: str) -> None:
        key = (row["merchant_id"], row["order_id"])
        await self._writer.apply(
            EventFor(key, PaymentUncertain(row["payment_id"], error[:200], grace_of(self._settings), self._clock.now()))
        )

    async def refund(self, row: asyncpg.Record) -> None:
        """One due refund: ask for it, or ask what became of it; always under its one number."""
        merchant_id, stage = row["merchant_id"], RefundStage(row["state"])
        if stage is RefundStage.REQUESTED and await self._is_held(row):
            return
        provider = await self.provider_of(row)
        request = self.refund_request(row)
        is_first_try = stage is RefundStage.REQUESTED and row["tries"] <= 1
        answer = await (provider.refund(request) if is_first_try else provider.look_up_refund(request))
        if answer.state is RefundState.NOT_ACCEPTED and not is_first_try:
            if row["ordinal"] > 1 and not await self._is_still_wanted(row, answer):
                return
            answer = await provider.refund(request)
        await self.apply_refund(merchant_id, answer, order_id=row["order_id"])

    async def _is_still_wanted(self, row: asyncpg.Record, answer: Refunded) -> bool:
        """Whether no earlier number, given up once, has brought the money meanwhile."""
        told = await self.apply_refund(row["merchant_id"], answer, order_id=row["order_id"])
        return told is not None and any(r.is_open for r in told.refunds if r.refund_id == row["refund_id"])

    async def look_up_given_up(self, merchant_id: str, refund_id: str) -> None:
        """Before a second number, or money by hand: ask once more what became of the first, and apply it.

        Raises `VendomatError(platform_unreachable)` without a definite answer, `conflict` when it is under way after
        all, `not_found` for a number we never gave.
        """
        row = await self.find_refund(merchant_id, refund_id)
        if row["state"] != RefundStage.FAILED or row["hand_way"]:
            return
        answer = await (await self.provider_of(row)).look_up_refund(self.refund_request(row))
        if answer.state is RefundState.UNKNOWN:
            raise VendomatError(
                ErrorCode.PLATFORM_UNREACHABLE,
                "the platform does not say what became of this refund; nothing was asked again, try later",
            )
        if answer.state is RefundState.PROCESSING:
            raise VendomatError(
                ErrorCode.CONFLICT, "the platform is working on this refund after all; nothing was asked again"
            )
        if answer.state is RefundState.SUCCEEDED:
            await self.apply_refund(merchant_id, answer, order_id=row["order_id"])

    async def find_refund(self, merchant_id: str, refund_id: str) -> asyncpg.Record:
        """One refund with its payment. Raises `VendomatError(not_found)` for a number we never gave."""
        async with self._database.hot.acquire() as connection:
            row = await payment_rows.find_refund(connection, merchant_id, refund_id)
        if row is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such refund")
        return row

    def refund_request(self, row: asyncpg.Record) -> RefundRequest:
        """The refund `row` as its platform is told of it, the same every time."""
        return RefundRequest(
            payment_number=row["payment_id"],
            refund_number=row["refund_id"],
            amount=Money(row["amount_minor"], row["currency"]),
            payment_amount=Money(row["captured_minor"], row["currency"]),
            reason=row["reason"],
            notify_url=self.notify_url(row["merchant_id"], row["channel"]),
            transaction_id=row["transaction_id"],
            paid_at=row["paid_at"],
        )

    async def _is_held(self, row: asyncpg.Record) -> bool:
        """Whether a person has to look at this refund first."""
        held = await self._caps.find_hold(row)
        if held is not None:
            await self._writer.apply(EventFor((row["merchant_id"], row["order_id"]), held))
        return held is not None

    async def apply_refund(
        self, merchant_id: str, answer: Refunded, *, order_id: str = "", notice: tuple[str, str] | None = None
    ) -> Purchase | None:
        """Apply what the platform says of one refund number; the purchase as it stands then."""
        if not order_id and is_storable(answer.refund_number):
            async with self._database.hot.acquire() as connection:
                order_id = await payment_rows.find_refund_order(connection, merchant_id, answer.refund_number) or ""
        if not order_id:
            log.error("refund.of_unknown_number", merchant=merchant_id, number=answer.refund_number)
            return None
        word = _CAME_BACK.get(answer.came_back, _SAID[answer.state])
        why = answer.error or (answer.state.value if word is RefundSaid.GIVEN_UP else "")
        said = RefundSeen(answer.refund_number, word, why[:200], self._clock.now())
        return (await self._writer.apply(EventFor((merchant_id, order_id), said, notice))).purchase

    async def take_notice(
        self, merchant_id: str, channel: str, headers: dict[str, str], body: bytes
    ) -> NoticeAnswer | None:
        """A platform's notice: verified, applied, then answered. None when the merchant has no such channel."""
        try:
            provider = await self._book.get(merchant_id, channel)
        except VendomatError:
            return None
        try:
            notice = await provider.read_notice(headers, body)
        except NoticeRefusedError as refused:
            log.warning("notice.refused", merchant=merchant_id, channel=channel, reason=refused.reason)
            if not refused.is_probe:
                self._watch.note_of_merchant("notice_refused", merchant_id, channel, refused.reason)
            return provider.answer_notice(accepted=False)
        inbox = (channel, notice.notice_id)
        if notice.kind is NoticeKind.REFUND and notice.refund is not None:
            await self.apply_refund(merchant_id, notice.refund, notice=inbox)
        elif notice.hold is not None:
            await self.apply_hold(merchant_id, notice.hold, via="notice", notice=inbox)
        elif notice.trade is not None and notice.trade.state is TradeState.PAID:
            await self.apply_paid(merchant_id, notice.trade, via="notice", notice=inbox)
        return provider.answer_notice(accepted=True)
