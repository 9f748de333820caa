"""WeChat Pay's charges by payment code or face: taking, asking for a password, reversing. Rules over books and a time.

Refusals raise and change nothing but the code, which is used by any try that reached its buyer's wallet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vendomat.simulator.gateways.shown_codes import CodeFault, ShownCodes, WalletAnswer
from vendomat.simulator.gateways.views import BuyerRefusal, BuyerRefusedError
from vendomat.simulator.gateways.wechat.books import ORDER_LIFE, WechatBooks
from vendomat.simulator.gateways.wechat.faces import FaceDesk
from vendomat.simulator.gateways.wechat.records import (
    CHARGED,
    Order,
    OrderEvent,
    OrderState,
    Terms,
    TradeType,
)
from vendomat.simulator.gateways.wechat.v2_refusals import V2Code, V2RefusedError

REVERSE_NOT_BEFORE = timedelta(seconds=15)
_CODE = re.compile(r"1[0-5][0-9]{16}")
_KNOWN_AS = {
    OrderState.SUCCESS: V2Code.ORDERPAID,
    OrderState.REFUND: V2Code.ORDERPAID,
    OrderState.CLOSED: V2Code.ORDERCLOSED,
    OrderState.PAYERROR: V2Code.ORDERCLOSED,
    OrderState.REVOKED: V2Code.ORDERREVERSED,
}
_WALLET_REFUSALS = {
    WalletAnswer.NOT_ENOUGH: V2Code.NOTENOUGH,
    WalletAnswer.CARD_REFUSED: V2Code.NOTSUPORTCARD,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the buyer showed: a payment code, or what a face device gave for a face."""

    trade_type: TradeType
    code: str
    openid: str = ""


class ChargeDesk:
    """Charges of one platform, kept as orders in its books."""

    def __init__(self, books: WechatBooks, codes: ShownCodes, faces: FaceDesk) -> None:
        self._books = books
        self.codes = codes
        self._faces = faces

    def charge(self, terms: Terms, shown: Shown, now: datetime) -> Order:
        """Take the money, or begin to wait for the buyer's password (then the order is USERPAYING)."""
        known = self._books.find(terms.mchid, terms.out_trade_no, now)
        if known is not None:
            raise V2RefusedError(self._repeated(known, terms, shown))
        if terms.time_expire is not None and now >= terms.time_expire:
            raise V2RefusedError(V2Code.PARAM_ERROR)
        payer = self._payer_of(shown, terms.mchid, now)
        answer = self.codes.ask_wallet(payer, terms.total_fen)
        if answer in _WALLET_REFUSALS:
            raise V2RefusedError(_WALLET_REFUSALS[answer])
        expires_at = min(terms.time_expire or now + ORDER_LIFE, now + ORDER_LIFE)
        order = Order(
            terms=terms,
            code="",
            code_made_at=now,
            created_at=now,
            expires_at=expires_at,
            scanned_by=payer,
            trade_type=shown.trade_type,
        )
        if answer is WalletAnswer.TAKEN:
            return self._books.take(order, payer, now)
        order = self._books.move(order, OrderEvent.ASK_BUYER)
        raise V2RefusedError(V2Code.USERPAYING if answer is WalletAnswer.PASSWORD else V2Code.BANKERROR)

    def _repeated(self, known: Order, terms: Terms, shown: Shown) -> V2Code:
        if (known.trade_type, known.terms) != (shown.trade_type, terms):
            return V2Code.OUT_TRADE_NO_USED
        if known.state is OrderState.USERPAYING:
            desk = self._faces if shown.trade_type == TradeType.FACEPAY else self.codes
            is_same = desk.payer_of(shown.code) in ("", known.scanned_by)
            return V2Code.USERPAYING if is_same else V2Code.BUYER_MISMATCH
        return _KNOWN_AS[known.state]

    def _payer_of(self, shown: Shown, mchid: str, now: datetime) -> str:
        if shown.trade_type == TradeType.FACEPAY:
            face = self._faces.use(shown.code, mchid, shown.openid, now)
            if face is None:
                raise V2RefusedError(V2Code.AUTH_CODE_INVALID)
            return face.payer
        code = shown.code
        if not _CODE.fullmatch(code):
            raise V2RefusedError(V2Code.AUTH_CODE_ERROR)
        payer = self.codes.use(code, now)
        if isinstance(payer, CodeFault):
            raise V2RefusedError(V2Code.AUTHCODEEXPIRE if payer is CodeFault.OVER else V2Code.AUTH_CODE_INVALID)
        return payer

    def look_up(self, mchid: str, number: str, trade_type: TradeType, now: datetime) -> Order:
        """An order as the query of `trade_type` sees it: faces have one of their own, and no other sees them."""
        order = self._books.find(mchid, number, now)
        if order is None or (TradeType.FACEPAY in (order.trade_type, trade_type) and order.trade_type != trade_type):
            raise V2RefusedError(V2Code.ORDERNOTEXIST)
        return order

    def reverse(self, mchid: str, number: str, trade_type: TradeType, now: datetime) -> Order:
        """End a charge; a paid one is given back from the merchant's balance. Reversing again is as once."""
        order = self._books.find(mchid, number, now)
        if order is None:
            raise V2RefusedError(V2Code.ORDERNOTEXIST, recall="N")
        if order.trade_type != trade_type or order.state in (OrderState.REFUND, OrderState.CLOSED):
            raise V2RefusedError(V2Code.PARAM_ERROR, recall="N")
        if order.state is OrderState.REVOKED:
            return order
        if now > order.created_at + ORDER_LIFE:
            raise V2RefusedError(V2Code.REVERSE_EXPIRE, recall="N")
        if now < order.created_at + REVERSE_NOT_BEFORE:
            raise V2RefusedError(V2Code.SYSTEMERROR, recall="Y")
        if order.is_paid and not self._books.give_back(order, now):
            raise V2RefusedError(V2Code.NOTENOUGH, recall="Y")
        return self._books.move(replace(order, closed_at=now), OrderEvent.REVERSE)

    # the buyer

    def waiting(self, payer: str) -> list[Order]:
        """Charges that wait for `payer`'s password."""
        return [
            order
            for order in self._books.orders.values()
            if order.state is OrderState.USERPAYING and order.scanned_by == payer
        ]

    def confirm(self, number: str, payer: str, now: datetime) -> Order:
        """The right password: the money is taken."""
        order = self._waiting_for(number, payer)
        if now >= order.expires_at:
            raise BuyerRefusedError(BuyerRefusal.ORDER_EXPIRED)
        return self._books.take(order, payer, now)

    def decline(self, number: str, payer: str) -> Order:
        """The buyer turns away, or the password is wrong too often."""
        return self._books.move(self._waiting_for(number, payer), OrderEvent.FAIL)

    def _waiting_for(self, number: str, payer: str) -> Order:
        for order in reversed(self._books.orders.values()):
            if order.terms.out_trade_no == number and order.trade_type in CHARGED:
                if order.scanned_by != payer:
                    raise BuyerRefusedError(BuyerRefusal.OTHER_BUYER)
                if order.is_paid:
                    raise BuyerRefusedError(BuyerRefusal.ALREADY_PAID)
                if order.state is not OrderState.USERPAYING:
                    raise BuyerRefusedError(BuyerRefusal.ORDER_CLOSED)
                return order
        raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)
