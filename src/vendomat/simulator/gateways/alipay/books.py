"""Alipay's books: codes, trades, refunds and balances as pure rules over events and a given time.

A code is not a trade: until its first scan every call about the number says the trade does not exist, while the code
stays payable. Refusals raise and change nothing; what changed is handed out by `drain`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from vendomat.simulator.gateways.alipay import wire
from vendomat.simulator.gateways.alipay.fund_entries import entries_of, moments_of
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
    key_of,
)
from vendomat.simulator.gateways.alipay.refunds import RefundBook
from vendomat.simulator.gateways.alipay.refusals import AlipayRefusedError, Refusals
from vendomat.simulator.gateways.funds import FundEntry, Transfer, Transfers, brought_fen
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.settings import GatewaySettings
from vendomat.simulator.gateways.store import Change
from vendomat.simulator.gateways.views import BuyerRefusal, BuyerRefusedError

CODE_START = "https://qr.alipay.com/bax"
TRADE_LIFE = timedelta(days=15)
CANCELLABLE = timedelta(hours=24)

Value = TypeVar("Value")


def _required(value: Value | None, name: str) -> Value:
    if value is None:
        raise AlipayRefusedError(Refusals.INVALID_PARAMETER, name)
    return value


class AlipayBooks:
    """Trades by (app_id, out_trade_no)."""

    def __init__(self, settings: GatewaySettings, numbers: Numbers) -> None:
        self._settings = settings
        self._numbers = numbers
        self._changes: list[Change] = []
        self.applications: dict[str, Application] = {}
        self.trades: dict[str, Trade] = {}
        self._by_trade_no: dict[str, str] = {}
        self._by_code: dict[str, str] = {}
        self.refunds = RefundBook(settings, self._keep)
        self.transfers = Transfers("alipay", self._keep)

    # what is kept

    def restore(
        self,
        applications: Iterable[Application],
        trades: Iterable[Trade],
        refunds: Iterable[Refund],
        transfers: Iterable[Transfer] = (),
    ) -> None:
        """Take over the records of a former process."""
        for application in applications:
            self.applications[application.app_id] = application
        for trade in trades:
            self._index(trade)
        self.refunds.restore(refunds)
        self.transfers.restore(transfers, moments_of(self.trades.values(), self.refunds.all()))

    def drain(self) -> list[Change]:
        """What changed since the last call, to be saved before anything is answered."""
        changes, self._changes = self._changes, []
        return changes

    def _keep(self, record: Application | Trade | Refund | Transfer) -> None:
        if isinstance(record, Trade):
            self._index(record)
        elif isinstance(record, Application):
            self.applications[record.app_id] = record
        self._changes.append(Change(record.KIND, record.key, record))

    def _index(self, trade: Trade) -> None:
        self.trades[trade.key] = trade
        if trade.code:
            self._by_code[trade.code] = trade.key
        if trade.trade_no:
            self._by_trade_no[trade.trade_no] = trade.key

    def add_application(self, application: Application) -> None:
        self._keep(application)

    def set_balance(self, app_id: str, balance_fen: int, now: datetime) -> None:
        """Lay money in, or draw it, until the balance is `balance_fen`."""
        self.settle_payouts(now)
        application = self.applications[app_id]
        self.transfers.lay_in(app_id, balance_fen - application.balance_fen, now)
        self._keep(replace(application, balance_fen=balance_fen))

    def set_fee(self, app_id: str, basis_points: int) -> None:
        """The rate of payments from now on."""
        self._keep(replace(self.applications[app_id], fee_basis_points=basis_points))

    def _move(self, app_id: str, amount_fen: int, now: datetime) -> None:
        """Money of a payment or a refund comes in (positive) or goes out."""
        self.transfers.note(app_id, now)
        application = self.applications[app_id]
        self._keep(replace(application, balance_fen=application.balance_fen + amount_fen))

    def fund_entries(self, app_id: str) -> list[FundEntry]:
        """Every movement on the account of `app_id` so far."""
        return entries_of(app_id, self.trades.values(), self.refunds.all(), self.transfers.of(app_id))

    def settle_payouts(self, now: datetime) -> None:
        """Pay out the days whose time has come by `now`."""
        for app_id, day in self.transfers.due(now):
            self._pay_out(app_id, day)

    def _pay_out(self, app_id: str, day: date) -> None:
        application = self.applications[app_id]
        amount_fen = max(0, min(brought_fen(self.fund_entries(app_id), day), application.balance_fen))
        self.transfers.pay_out(app_id, day, amount_fen)
        self._keep(replace(application, balance_fen=application.balance_fen - amount_fen))

    # the merchant's calls

    def precreate(self, terms: Terms, now: datetime) -> Trade:
        """A code for a new number; a number never gets a second one."""
        known = self.trades.get(key_of(terms.app_id, terms.out_trade_no))
        if known is not None:
            raise AlipayRefusedError(self._second_code_refusal(self._current(known, now), terms))
        code_ends_at, ends_at = self._ends(terms, now)
        if ends_at <= now:
            raise AlipayRefusedError(Refusals.EXPIRE_TIME_PAST)
        trade = Trade(terms=terms, code=self._new_code(), code_ends_at=code_ends_at, ends_at=ends_at, created_at=now)
        self._keep(trade)
        return trade

    def _second_code_refusal(self, known: Trade, terms: Terms) -> Refusals:
        if known.is_paid:
            return Refusals.TRADE_HAS_SUCCESS
        if known.state == TradeState.TRADE_CLOSED:
            return Refusals.TRADE_HAS_CLOSE
        return Refusals.SECOND_CODE if known.terms == terms else Refusals.CONTEXT_INCONSISTENT

    def _ends(self, terms: Terms, now: datetime) -> tuple[datetime, datetime]:
        """Until when the code can be scanned, and until when the trade can be paid as far as known before a scan."""
        ends_at = now + TRADE_LIFE
        if terms.time_expire:
            ends_at = min(ends_at, _required(wire.read_time(terms.time_expire), "time_expire"))
        if terms.qr_code_timeout_express:
            ends_at = min(ends_at, now + self._duration(terms.qr_code_timeout_express))
        if terms.timeout_express:
            self._duration(terms.timeout_express)
        return min(now + timedelta(seconds=self._settings.code_life_s), ends_at), ends_at

    def _duration(self, text: str) -> timedelta:
        return _required(wire.read_duration(text, self._settings.alipay_minute_s), "timeout")

    def as_of(self, trade: Trade, now: datetime) -> Trade:
        """The trade as it stands now."""
        return self._current(trade, now)

    def charge_ends_at(self, terms: Terms, now: datetime, life: timedelta) -> datetime:
        """Until when a charge by payment code can be paid."""
        if not terms.time_expire:
            return now + life
        return min(now + life, _required(wire.read_time(terms.time_expire), "time_expire"))

    def begin_charge(self, terms: Terms, payer: str, now: datetime, ends_at: datetime) -> Trade:
        """A trade that `payer` is asked to pay: it was never a code to be scanned."""
        trade = Trade(terms=terms, code="", code_ends_at=now, ends_at=ends_at, created_at=now)
        return self._make_trade(trade, payer, now, ends_at)

    def _current(self, trade: Trade, now: datetime) -> Trade:
        """The trade as it stands now: a scanned one closes at its end."""
        if trade.state == TradeState.WAIT_BUYER_PAY and now >= trade.ends_at:
            trade = self._closed(trade, now)
        return trade

    def _closed(self, trade: Trade, now: datetime) -> Trade:
        trade = replace(trade, state=TRADE_MOVES.next(trade.state, TradeEvent.CLOSE), closed_at=now)
        self._keep(trade)
        return trade

    def look_up(self, app_id: str, out_trade_no: str, trade_no: str, now: datetime) -> Trade:
        """The trade by `trade_no` if given, else by number; raises while nobody has scanned it."""
        trade = self._find(app_id, out_trade_no, trade_no)
        if trade is None or trade.scanned_at is None:
            raise AlipayRefusedError(Refusals.TRADE_NOT_EXIST)
        return self._current(trade, now)

    def _find(self, app_id: str, out_trade_no: str, trade_no: str) -> Trade | None:
        key = self._by_trade_no.get(trade_no, "") if trade_no else key_of(app_id, out_trade_no)
        trade = self.trades.get(key)
        return trade if trade and trade.terms.app_id == app_id else None

    def close(self, trade: Trade, now: datetime) -> Trade:
        if trade.is_paid:
            raise AlipayRefusedError(Refusals.TRADE_STATUS_ERROR)
        if trade.state == TradeState.TRADE_CLOSED:
            raise AlipayRefusedError(Refusals.TRADE_STATUS_INVALID)
        return self._closed(trade, now)

    def cancel(self, app_id: str, out_trade_no: str, trade_no: str, now: datetime) -> tuple[Trade, str]:
        """End a trade whose result the merchant does not know: (trade, `close` | `refund` | empty when it was over)."""
        trade = self._find(app_id, out_trade_no, trade_no)
        if trade and trade.state == TradeState.UNSCANNED and self._settings.alipay_cancel_voids_unscanned:
            return self._closed(trade, now), "close"
        trade = self.look_up(app_id, out_trade_no, trade_no, now)
        if now > trade.created_at + CANCELLABLE:
            raise AlipayRefusedError(Refusals.CANCEL_TOO_LATE)
        if trade.state == TradeState.WAIT_BUYER_PAY:
            return self._closed(trade, now), "close"
        rest_fen = trade.terms.total_fen - self.refunds.taken_fen(trade)
        if not trade.is_paid or rest_fen == 0:
            return trade, ""
        request_no = f"cancel_{trade.trade_no}"
        self.refund(trade, RefundAsked(request_no, rest_fen, "cancel"), now)
        return self.trades[trade.key], "refund"

    def refund(self, trade: Trade, asked: RefundAsked, now: datetime) -> tuple[Refund, bool]:
        """The refund, and whether money moved by this very call."""
        self.settle_payouts(now)
        application = self.applications[trade.terms.app_id]
        refund, is_new = self.refunds.accept(trade, asked, application.balance_fen, now)
        if is_new:
            self._move(application.app_id, -refund.net_fen, now)
            self._close_if_all_refunded(trade.key, now)
        return refund, is_new and refund.state == RefundState.SUCCESS

    def settle_due(self, now: datetime) -> None:
        """Bring due refunds to their end; a failed one returns its money to the merchant."""
        self.settle_payouts(now)
        for refund in self.refunds.settle_due(now):
            if refund.state == RefundState.FAILED:
                self._move(refund.app_id, refund.net_fen, now)
            else:
                self._close_if_all_refunded(key_of(refund.app_id, refund.out_trade_no), now)

    def _close_if_all_refunded(self, key: str, now: datetime) -> None:
        trade = self.trades[key]
        if trade.state == TradeState.TRADE_CLOSED:
            return  # two refunds that settled at the same moment: the first has closed it
        if self.refunds.succeeded_fen(trade) == trade.terms.total_fen:
            self._keep(replace(trade, state=TRADE_MOVES.next(trade.state, TradeEvent.REFUND_ALL), closed_at=now))

    # the buyer's deeds

    def scan(self, code: str, payer: str, now: datetime, *, is_late: bool = False) -> Trade:
        """`payer` opens `code`: the first time this makes the trade, which then is that buyer's."""
        trade = self.trades.get(self._by_code.get(code, ""))
        if trade is None:
            raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)
        if not is_late:
            trade = self._current(trade, now)
        if reason := self._refusal_to_buyer(trade, payer, None if is_late else now):
            raise BuyerRefusedError(reason)
        if trade.state == TradeState.UNSCANNED:
            ends_at = trade.ends_at
            if trade.terms.timeout_express:
                ends_at = min(ends_at, now + self._duration(trade.terms.timeout_express))
            trade = self._make_trade(trade, payer, now, ends_at)
        return trade

    def _make_trade(self, trade: Trade, payer: str, now: datetime, ends_at: datetime) -> Trade:
        made = replace(
            trade,
            state=TRADE_MOVES.next(trade.state, TradeEvent.SCAN),
            trade_no=f"{now.astimezone(wire.CHINA):%Y%m%d}22001{self._numbers.digits(15)}",
            scanned_by=payer,
            scanned_at=now,
            ends_at=ends_at,
        )
        self._keep(made)
        return made

    def _refusal_to_buyer(self, trade: Trade, payer: str, now: datetime | None) -> BuyerRefusal | None:
        if trade.is_paid:
            return BuyerRefusal.ALREADY_PAID
        if trade.state == TradeState.TRADE_CLOSED:
            return BuyerRefusal.ORDER_CLOSED
        if trade.scanned_by not in ("", payer):
            return BuyerRefusal.OTHER_BUYER
        if now is not None and now >= trade.ends_at:
            return BuyerRefusal.ORDER_EXPIRED
        if now is not None and now >= trade.code_ends_at and trade.state == TradeState.UNSCANNED:
            return BuyerRefusal.CODE_DEAD
        return None

    def pay(self, code: str, payer: str, now: datetime, *, is_late: bool = False) -> Trade:
        """Take the buyer's money into the seller's balance. `is_late` overlooks the end of time, not a close."""
        return self.take(self.scan(code, payer, now, is_late=is_late), payer, now)

    def take(self, trade: Trade, payer: str, now: datetime) -> Trade:
        """`payer`'s money comes into the seller's balance."""
        self.settle_payouts(now)
        paid = replace(
            trade,
            state=TRADE_MOVES.next(trade.state, TradeEvent.PAY),
            payer=payer,
            paid_at=now,
            fee_basis_points=self.applications[trade.terms.app_id].fee_basis_points,
        )
        self._keep(paid)
        self._move(trade.terms.app_id, trade.terms.total_fen - paid.fee_fen, now)
        return paid

    def open_trades(self, now: datetime) -> list[Trade]:
        """Trades whose code can be paid now, newest first."""
        live = [
            trade
            for trade in self.trades.values()
            if trade.code
            and trade.state in (TradeState.UNSCANNED, TradeState.WAIT_BUYER_PAY)
            and now < (trade.code_ends_at if trade.state == TradeState.UNSCANNED else trade.ends_at)
        ]
        return sorted(live, key=lambda trade: trade.created_at, reverse=True)

    def _new_code(self) -> str:
        while True:
            code = CODE_START + self._numbers.text(21).lower()
            if code not in self._by_code:
                return code
