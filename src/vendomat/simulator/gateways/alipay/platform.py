"""The emulated Alipay: its books with memory, clock and notices around them.

Every verb ends with the books saved, together with the notices they call for, before anything is answered or sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import msgspec

from vendomat.simulator.gateways import keys
from vendomat.simulator.gateways.alipay import shapes
from vendomat.simulator.gateways.alipay.authority import Authority
from vendomat.simulator.gateways.alipay.bill_counter import BillCounter
from vendomat.simulator.gateways.alipay.books import AlipayBooks
from vendomat.simulator.gateways.alipay.charges import ChargeDesk
from vendomat.simulator.gateways.alipay.faces import FaceBook
from vendomat.simulator.gateways.alipay.records import (
    TRADE_MOVES,
    Application,
    Refund,
    RefundAsked,
    RefundState,
    Terms,
    Trade,
    TradeEvent,
    TradeState,
)
from vendomat.simulator.gateways.alipay.seals import AlipayDresser, PlatformKeys, Seals
from vendomat.simulator.gateways.context import Context
from vendomat.simulator.gateways.daily_bills import BillDesk
from vendomat.simulator.gateways.funds import Transfer
from vendomat.simulator.gateways.notices import KIND as NOTICE_KIND
from vendomat.simulator.gateways.notices import Guise, Notice
from vendomat.simulator.gateways.shown_codes import Habits, ShownCode, ShownCodes
from vendomat.simulator.gateways.store import Change
from vendomat.simulator.gateways.views import BillView, BuyerRefusal, BuyerRefusedError, CodeView, check_wallet

Result = TypeVar("Result")


class AlipayPlatform:
    """One platform with any number of applications."""

    name = "alipay"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._now = context.clock.now
        self.books_now = AlipayBooks(context.settings, context.numbers)
        codes = ShownCodes(context.numbers, prefixes=("25", "26", "27", "28", "29", "30"), length=18)
        self.charges = ChargeDesk(self.books_now, codes, FaceBook(context.numbers))
        self.bill_desk = BillDesk(context.numbers, context.settings.alipay_bill_token_life_s, has_states=False)
        self.bill_counter = BillCounter(self.books_now, self.bill_desk, context.clock)
        platform_keys = self._platform_keys()
        self.seals = Seals(platform_keys, Authority(context, platform_keys.private_key_pem))
        context.notices.register(self.name, AlipayDresser(self.seals, self.books_now.applications))

    def restore(self) -> None:
        """Read back what a former process kept. To be called with the event loop running."""
        load = self._context.store.load
        self.books_now.restore(
            (application for _, application in load(Application.KIND, Application)),
            (trade for _, trade in load(Trade.KIND, Trade)),
            (refund for _, refund in load(Refund.KIND, Refund)),
            (transfer for _, transfer in load(Transfer.KIND, Transfer)),
        )
        for refund in self.books_now.refunds.all():
            self._await_settlement(refund)

    def _platform_keys(self) -> PlatformKeys:
        for _, kept in self._context.store.load(PlatformKeys.KIND, PlatformKeys):
            return kept
        made = PlatformKeys.make(self._context.make_key)
        self._context.store.save([Change(PlatformKeys.KIND, "keys", made)])
        return made

    def _commit(self, notices: list[Notice] | None = None) -> None:
        notices = notices or []
        changes = self.books_now.drain()
        changes += [Change(NOTICE_KIND, notice.notice_id, notice) for notice in notices]
        if changes:
            self._context.store.save(changes)
        for notice in notices:
            self._context.notices.begin(notice)

    def _kept(self, act: Callable[[], Result]) -> Result:
        """What `act` gives, with the books saved even when it refuses: a look at the clock may have closed a trade."""
        try:
            return act()
        finally:
            self._commit()

    # the merchant's calls

    def register(self, application: Application) -> None:
        keys.load_public(application.public_key_pem)
        self._kept(lambda: self.books_now.add_application(application))

    def precreate(self, terms: Terms) -> Trade:
        return self._kept(lambda: self.books_now.precreate(terms, self._now()))

    def look_up(self, app_id: str, out_trade_no: str, trade_no: str) -> Trade:
        return self._kept(lambda: self.books_now.look_up(app_id, out_trade_no, trade_no, self._now()))

    def close(self, trade: Trade) -> Trade:
        return self._kept(lambda: self.books_now.close(trade, self._now()))

    def cancel(self, app_id: str, out_trade_no: str, trade_no: str) -> tuple[Trade, str]:
        trade, action = self._kept(lambda: self.books_now.cancel(app_id, out_trade_no, trade_no, self._now()))
        for refund in self.books_now.refunds.of(trade):
            self._await_settlement(refund)
        return trade, action

    def refund(self, trade: Trade, asked: RefundAsked) -> tuple[Refund, bool]:
        refund, has_moved = self._kept(lambda: self.books_now.refund(trade, asked, self._now()))
        self._await_settlement(refund)
        return refund, has_moved

    def find_refund(self, trade: Trade, out_request_no: str) -> Refund | None:
        self.advance()
        return self.books_now.refunds.find(trade, out_request_no)

    def refunded_fen(self, trade: Trade) -> int:
        return self.books_now.refunds.taken_fen(trade)

    def _await_settlement(self, refund: Refund) -> None:
        if refund.state == RefundState.PROCESSING:
            self._context.alarms.set(refund.settles_at, self.advance)

    def advance(self) -> None:
        self._kept(lambda: self.books_now.settle_due(self._now()))

    # charges by payment code

    def charge(self, terms: Terms, code: str, *, is_face: bool = False) -> Trade:
        now = self._now()
        trade = self._kept(lambda: self.charges.charge(terms, code, now, is_face=is_face))
        if trade.is_paid:
            self._tell_paid(trade, now)
        return trade

    def initialize_face(self, app_id: str) -> tuple[str, str]:
        """A session for a face device, and the text the device is started with."""
        return self.charges.faces.initialize(app_id, self._now())

    def look(self, session: str, payer: str) -> str:
        """The device of `session` sees `payer`; the token it has then."""
        return self.charges.faces.look(session, payer, self._now())

    def show_code(self, payer: str) -> ShownCode:
        return self.charges.codes.show(payer, self._now())

    def set_habits(self, payer: str, habits: Habits) -> None:
        self.charges.codes.set_habits(payer, habits)

    def waiting(self, payer: str) -> list[CodeView]:
        return [self._view(trade) for trade in self.charges.waiting(payer)]

    def confirm(self, number: str, payer: str) -> CodeView:
        now = self._now()
        trade = self._kept(lambda: self.charges.confirm(number, payer, now))
        self._tell_paid(trade, now)
        return self._view(trade)

    def decline(self, number: str, payer: str) -> CodeView:
        return self._view(self._kept(lambda: self.charges.decline(number, payer, self._now())))

    def _tell_paid(self, trade: Trade, now: datetime) -> None:
        if trade.terms.notify_url:
            self._commit([self._payment_notice(trade, now)])

    # the buyer's deeds

    def open_codes(self) -> list[CodeView]:
        return [self._view(trade) for trade in self.books_now.open_trades(self._now())]

    def code_of(self, number: str) -> str:
        return self._trade_of(number).code

    def _trade_of(self, number: str) -> Trade:
        for trade in reversed(self.books_now.trades.values()):
            if trade.terms.out_trade_no == number:
                return trade
        raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)

    def scan(self, code: str, payer: str) -> CodeView:
        return self._view(self._kept(lambda: self.books_now.scan(code, payer, self._now())))

    def refuse(self, code: str, payer: str) -> CodeView:
        return self.scan(code, payer)

    def pay(self, code: str, payer: str, *, is_late: bool = False, is_notice_lost: bool = False) -> CodeView:
        now = self._now()
        scanned = self._kept(lambda: self.books_now.scan(code, payer, now, is_late=is_late))
        check_wallet(self.charges.codes, payer, scanned.terms.total_fen)
        trade = self.books_now.pay(code, payer, now, is_late=is_late)
        self._commit([self._payment_notice(trade, now, is_lost=is_notice_lost)])
        return self._view(trade)

    # notices

    def _payment_notice(self, trade: Trade, now: datetime, *, is_lost: bool = False) -> Notice:
        notice_id = shapes.notice_id_of(now, self._context.numbers.digits(20))
        fields = shapes.payment_notice(trade, self.books_now.applications[trade.terms.app_id], notice_id)
        return self._context.notices.plan(
            Notice(
                notice_id=notice_id,
                platform=self.name,
                account=trade.terms.app_id,
                number=trade.terms.out_trade_no,
                kind="payment",
                url=trade.terms.notify_url,
                content=msgspec.json.encode(fields).decode(),
                created_at=now,
                due_at=now,
            ),
            is_lost=is_lost,
        )

    async def forge_payment_notice(self, number: str) -> str:
        """Tell the merchant, signed by a stranger, that an unpaid code was paid; what it answered, in words."""
        now = self._now()
        trade = self._trade_of(number)
        state = trade.state
        if state == TradeState.UNSCANNED:
            state = TRADE_MOVES.next(state, TradeEvent.SCAN)
        claimed = replace(
            trade,
            state=TRADE_MOVES.next(state, TradeEvent.PAY),
            trade_no=f"{now:%Y%m%d}22001000000000000000",
            payer="forger",
            paid_at=now,
        )
        return await self._context.notices.send_once(self._payment_notice(claimed, now), Guise.FORGED)

    # views

    def _view(self, trade: Trade) -> CodeView:
        return CodeView(
            code=trade.code,
            account=trade.terms.app_id,
            payee=self.books_now.applications[trade.terms.app_id].name,
            number=trade.terms.out_trade_no,
            description=trade.terms.subject,
            machine=trade.terms.terminal_id,
            amount_fen=trade.terms.total_fen,
            expires_at=trade.code_ends_at if trade.state == TradeState.UNSCANNED else trade.ends_at,
            state=trade.state.value,
        )

    def bills(self, payer: str) -> list[BillView]:
        self.advance()
        paid = [t for t in self.books_now.trades.values() if t.payer == payer and t.paid_at is not None]
        return [self._bill(trade) for trade in sorted(paid, key=lambda t: t.paid_at or t.created_at, reverse=True)]

    def _bill(self, trade: Trade) -> BillView:
        refunds = self.books_now.refunds.of(trade)
        assert trade.paid_at is not None, "only paid trades are in a bill"
        return BillView(
            payee=self.books_now.applications[trade.terms.app_id].name,
            description=trade.terms.subject,
            number=trade.terms.out_trade_no,
            transaction_id=trade.trade_no,
            paid_fen=trade.terms.total_fen,
            refunded_fen=sum(r.amount_fen for r in refunds if r.state == RefundState.SUCCESS),
            refunding_fen=sum(r.amount_fen for r in refunds if r.state == RefundState.PROCESSING),
            paid_at=trade.paid_at,
        )

    def notices(self) -> list[Notice]:
        return self._context.notices.of(self.name)

    def set_balance(self, account: str, balance_fen: int) -> None:
        self._kept(lambda: self.books_now.set_balance(account, balance_fen, self._now()))

    def set_fee(self, account: str, basis_points: int) -> None:
        self._kept(lambda: self.books_now.set_fee(account, basis_points))

    def settle_next_refunds_as(self, outcome: str, count: int) -> None:
        self.books_now.refunds.settle_next_as(RefundState(outcome), count)

    def books(self) -> dict[str, object]:
        self.advance()
        return shapes.books_answer(self.books_now)
