"""Alipay's charges by payment code or face: taking, asking for a password, and what the buyer does about it.

Rules over the books and a time. A code is used by any try that reached its buyer's wallet.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from vendomat.simulator.gateways.alipay.books import AlipayBooks
from vendomat.simulator.gateways.alipay.faces import FaceBook
from vendomat.simulator.gateways.alipay.records import Terms, Trade, TradeState, key_of
from vendomat.simulator.gateways.alipay.refusals import AlipayRefusedError, Refusals
from vendomat.simulator.gateways.shown_codes import CodeFault, ShownCodes, WalletAnswer
from vendomat.simulator.gateways.views import BuyerRefusal, BuyerRefusedError

CHARGE_LIFE = timedelta(hours=3)
_CODE = re.compile(r"(?:2[5-9]|30)[0-9]{14,22}")
_WALLET_REFUSALS = {
    WalletAnswer.NOT_ENOUGH: Refusals.BUYER_BALANCE_NOT_ENOUGH,
    WalletAnswer.CARD_REFUSED: Refusals.BUYER_CARD_NOT_ENOUGH,
}


class ChargeDesk:
    """Charges of one platform, kept as trades in its books."""

    def __init__(self, books: AlipayBooks, codes: ShownCodes, faces: FaceBook) -> None:
        self._books = books
        self.codes = codes
        self.faces = faces

    def charge(self, terms: Terms, code: str, now: datetime, *, is_face: bool = False) -> Trade:
        """A paid trade, or one that waits for the buyer. Raises also BANK_TROUBLE's "not known", the trade waiting."""
        known = self._books.trades.get(key_of(terms.app_id, terms.out_trade_no))
        if known is not None:
            return self._repeated(self._books.as_of(known, now), terms, code)
        ends_at = self._books.charge_ends_at(terms, now, CHARGE_LIFE)
        if ends_at <= now:
            raise AlipayRefusedError(Refusals.EXPIRE_TIME_PAST)
        payer = self.faces.use(code, terms.app_id, now) if is_face else self._payer_of(code, now)
        answer = self.codes.ask_wallet(payer, terms.total_fen)
        if answer in _WALLET_REFUSALS:
            raise AlipayRefusedError(_WALLET_REFUSALS[answer])
        trade = self._books.begin_charge(terms, payer, now, ends_at)
        if answer is WalletAnswer.BANK_TROUBLE:
            raise AlipayRefusedError(Refusals.SYSTEM_ERROR)
        return self._books.take(trade, payer, now) if answer is WalletAnswer.TAKEN else trade

    def _payer_of(self, code: str, now: datetime) -> str:
        payer = self.codes.use(code, now) if _CODE.fullmatch(code) else CodeFault.UNKNOWN
        if isinstance(payer, CodeFault):
            raise AlipayRefusedError(Refusals.AUTH_CODE_INVALID)
        return payer

    def _repeated(self, known: Trade, terms: Terms, code: str) -> Trade:
        if known.terms != terms:
            raise AlipayRefusedError(Refusals.CONTEXT_INCONSISTENT)
        if known.state == TradeState.TRADE_CLOSED:
            raise AlipayRefusedError(Refusals.TRADE_HAS_CLOSE)
        if known.is_paid:
            raise AlipayRefusedError(Refusals.TRADE_HAS_SUCCESS)
        if self.codes.payer_of(code) not in ("", known.scanned_by):
            raise AlipayRefusedError(Refusals.BUYER_NOT_MATCH)
        return known

    # the buyer

    def waiting(self, payer: str) -> list[Trade]:
        """Charges that wait for `payer`'s password."""
        return [
            trade
            for trade in self._books.trades.values()
            if trade.state == TradeState.WAIT_BUYER_PAY and not trade.code and trade.scanned_by == payer
        ]

    def confirm(self, number: str, payer: str, now: datetime) -> Trade:
        trade = self._waiting_for(number, payer, now)
        return self._books.take(trade, payer, now)

    def decline(self, number: str, payer: str, now: datetime) -> Trade:
        return self._books.close(self._waiting_for(number, payer, now), now)

    def _waiting_for(self, number: str, payer: str, now: datetime) -> Trade:
        found = [t for t in self._books.trades.values() if t.terms.out_trade_no == number and not t.code]
        if not found:
            raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)
        trade = self._books.as_of(found[-1], now)
        if trade.scanned_by != payer:
            raise BuyerRefusedError(BuyerRefusal.OTHER_BUYER)
        if trade.is_paid:
            raise BuyerRefusedError(BuyerRefusal.ALREADY_PAID)
        if trade.state == TradeState.TRADE_CLOSED:
            raise BuyerRefusedError(BuyerRefusal.ORDER_CLOSED)
        return trade
