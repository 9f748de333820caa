"""WeChat Pay's books: orders, codes, refunds and balances as pure rules over events and a given time.

They take calls and buyers' deeds with `now`, and refuse by raising without having changed anything. They know no HTTP,
no signature, no disk; what changed is handed out by `drain`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import ClassVar, Protocol

from vendomat.simulator.gateways.funds import FundEntry, Transfer, Transfers, brought_fen
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.settings import GatewaySettings
from vendomat.simulator.gateways.store import Change
from vendomat.simulator.gateways.views import BuyerRefusal, BuyerRefusedError
from vendomat.simulator.gateways.wechat.fund_entries import entries_of
from vendomat.simulator.gateways.wechat.records import (
    CHARGED,
    ORDER_MOVES,
    Merchant,
    Order,
    OrderEvent,
    OrderState,
    Refund,
    Terms,
    TradeType,
    key_of,
    openid_of,
)
from vendomat.simulator.gateways.wechat.refunds import RefundBook
from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError
from vendomat.simulator.gateways.wechat.sharing import SharingBook
from vendomat.simulator.gateways.wechat.wire import CHINA


class Kept(Protocol):
    """A record of any book."""

    KIND: ClassVar[str]

    @property
    def key(self) -> str: ...


ORDER_LIFE = timedelta(days=7)
CODE_START = "weixin://wxpay/bizpayurl/up?pr="


class WechatBooks:
    """Orders by (mchid, out_trade_no). One code leads to one order; an order has at most one live code."""

    def __init__(self, settings: GatewaySettings, numbers: Numbers) -> None:
        self._settings = settings
        self._numbers = numbers
        self._changes: list[Change] = []
        self.merchants: dict[str, Merchant] = {}
        self.orders: dict[str, Order] = {}
        self._by_transaction: dict[str, str] = {}
        self._by_code: dict[str, str] = {}
        self.refunds = RefundBook(settings, numbers, self._keep)
        self.transfers = Transfers("wechat", self._keep)
        self.sharing = SharingBook(numbers, settings.wechat_sharing_delay_s, keep=self.keep_beside, pay=self._pay_share)

    # what is kept

    def restore(
        self,
        merchants: Iterable[Merchant],
        orders: Iterable[Order],
        refunds: Iterable[Refund],
        transfers: Iterable[Transfer] = (),
    ) -> None:
        """Take over the records of a former process."""
        for merchant in merchants:
            self.merchants[merchant.mchid] = merchant
        for order in orders:
            self._index(order)
        self.refunds.restore(refunds)
        moments = [(o.terms.mchid, at) for o in self.orders.values() for at in (o.paid_at, o.reversed_at)]
        paid = [(mchid, at) for mchid, at in moments if at is not None]
        back = [(r.mchid, at) for r in self.refunds.all() for at in (r.created_at, r.settled_at) if at is not None]
        self.transfers.restore(transfers, [*paid, *back])

    def drain(self) -> list[Change]:
        """What changed since the last call, to be saved before anything is answered."""
        changes, self._changes = self._changes, []
        return changes

    def _keep(self, record: Merchant | Order | Refund | Transfer) -> None:
        if isinstance(record, Order):
            self._index(record)
        elif isinstance(record, Merchant):
            self.merchants[record.mchid] = record
        self._changes.append(Change(record.KIND, record.key, record))

    def keep_beside(self, record: Kept) -> None:
        """Save a record of another book together with ours."""
        self._changes.append(Change(record.KIND, record.key, record))

    def _index(self, order: Order) -> None:
        self.orders[order.key] = order
        if order.code:
            self._by_code[order.code] = order.key
        if order.transaction_id:
            self._by_transaction[order.transaction_id] = order.key

    # merchants

    def add_merchant(self, merchant: Merchant) -> None:
        self._keep(merchant)

    def set_balance(self, mchid: str, balance_fen: int, now: datetime) -> None:
        """Lay money in, or draw it, until the balance is `balance_fen`."""
        self.settle_payouts(now)
        merchant = self.merchants[mchid]
        self.transfers.lay_in(mchid, balance_fen - merchant.balance_fen, now)
        self._keep(replace(merchant, balance_fen=balance_fen))

    def set_fee(self, mchid: str, basis_points: int) -> None:
        """The rate of payments from now on."""
        self._keep(replace(self.merchants[mchid], fee_basis_points=basis_points))

    def _move(self, mchid: str, amount_fen: int, now: datetime) -> None:
        """Money of a payment or a refund comes in (positive) or goes out."""
        self.transfers.note(mchid, now)
        merchant = self.merchants[mchid]
        self._keep(replace(merchant, balance_fen=merchant.balance_fen + amount_fen))

    def available_fen(self, mchid: str, now: datetime) -> int:
        """What of the balance is at the merchant's disposal: not what waits to be shared out."""
        return self.merchants[mchid].balance_fen - self.sharing.frozen_fen(mchid, now)

    def _pay_share(self, mchid: str, amount_fen: int, now: datetime, *, name: str, number: str) -> None:
        """A merchant that is not ours has its account elsewhere."""
        merchant = self.merchants.get(mchid)
        if merchant is not None:
            self.transfers.share(mchid, amount_fen, now, name=name, number=number)
            self._keep(replace(merchant, balance_fen=merchant.balance_fen + amount_fen))

    def fund_entries(self, mchid: str) -> list[FundEntry]:
        """Every movement on the account of `mchid` so far."""
        return entries_of(mchid, self.orders.values(), self.refunds.all(), self.transfers.of(mchid))

    def settle_payouts(self, now: datetime) -> None:
        """Pay out the days whose time has come by `now`."""
        for mchid, day in self.transfers.due(now):
            self._pay_out(mchid, day, now)

    def _pay_out(self, mchid: str, day: date, now: datetime) -> None:
        merchant = self.merchants[mchid]
        amount_fen = max(0, min(brought_fen(self.fund_entries(mchid), day), self.available_fen(mchid, now)))
        self.transfers.pay_out(mchid, day, amount_fen)
        self._keep(replace(merchant, balance_fen=merchant.balance_fen - amount_fen))

    # the merchant's calls

    def create(self, terms: Terms, now: datetime, trade_type: TradeType = TradeType.NATIVE) -> Order:
        """An order, or a fresh code for the same one; the older code dies."""
        known = self.find(terms.mchid, terms.out_trade_no, now)
        if known is None:
            expires_at = now + ORDER_LIFE
            if terms.time_expire is not None:
                expires_at = max(terms.time_expire, now + timedelta(seconds=self._settings.order_life_min_s))
            order = Order(
                terms=terms,
                code=self._new_code(trade_type, now),
                code_made_at=now,
                created_at=now,
                expires_at=min(expires_at, now + ORDER_LIFE),
                trade_type=trade_type,
            )
            self._keep(order)
            return order
        if (known.terms, known.trade_type) != (terms, trade_type):
            raise WechatRefusedError(Refusals.NUMBER_USED)
        if known.is_paid:
            raise WechatRefusedError(Refusals.ORDER_PAID)
        if known.state == OrderState.CLOSED:
            raise WechatRefusedError(Refusals.ORDER_CLOSED)
        if now >= known.expires_at:
            raise WechatRefusedError(Refusals.ORDER_EXPIRED)
        order = replace(known, code=self._new_code(trade_type, now), code_made_at=now)
        self._keep(order)
        return order

    def find(self, mchid: str, out_trade_no: str, now: datetime) -> Order | None:
        """The order as it stands now; an unpaid one closes by itself after seven days."""
        order = self.orders.get(key_of(mchid, out_trade_no))
        if order and order.state == OrderState.NOTPAY and now >= order.created_at + ORDER_LIFE:
            order = replace(order, state=ORDER_MOVES.next(order.state, OrderEvent.CLOSE), closed_at=now)
            self._keep(order)
        return order

    def look_up(self, mchid: str, out_trade_no: str, now: datetime) -> Order:
        order = self.find(mchid, out_trade_no, now)
        if order is None:
            raise WechatRefusedError(Refusals.ORDER_NOT_EXIST)
        return order

    def look_up_transaction(self, mchid: str, transaction_id: str) -> Order:
        if not (transaction_id.isascii() and transaction_id.isdigit() and len(transaction_id) == 28):
            raise WechatRefusedError(Refusals.BAD_TRANSACTION_ID)
        order = self.orders.get(self._by_transaction.get(transaction_id, ""))
        if order is None or order.terms.mchid != mchid:
            raise WechatRefusedError(Refusals.ORDER_NOT_EXIST)
        return order

    def close(self, mchid: str, out_trade_no: str, now: datetime) -> Order:
        """Close an unpaid order; closing again is the same as closing once."""
        order = self.look_up(mchid, out_trade_no, now)
        if order.trade_type in CHARGED:
            raise WechatRefusedError(Refusals.ONLY_REVERSE)
        if order.is_paid:
            raise WechatRefusedError(Refusals.ORDER_PAID)
        if order.state == OrderState.CLOSED:
            return order
        closed = replace(order, state=ORDER_MOVES.next(order.state, OrderEvent.CLOSE), closed_at=now)
        self._keep(closed)
        return closed

    def refund(self, order: Order, asked: Refund, now: datetime) -> Refund:
        """Accept `asked`, which takes its money from the merchant's balance at once."""
        self.settle_payouts(now)
        merchant = self.merchants[order.terms.mchid]
        is_repetition = self.refunds.has(asked.key)
        frozen = self.sharing.of_payment(merchant.mchid, order.transaction_id, now)
        at_hand_fen = self.available_fen(merchant.mchid, now) + (frozen.frozen_fen if frozen else 0)
        refund = self.refunds.accept(order, asked, at_hand_fen, now)
        if not is_repetition:
            if not refund.waits_for_funds:
                self._move(merchant.mchid, -refund.net_fen, now)
                self.sharing.take_refund(order, refund.net_fen, now)
            if order.state != OrderState.REFUND:
                self._keep(replace(order, state=ORDER_MOVES.next(order.state, OrderEvent.REFUND)))
        return refund

    def fund_waiting(self, now: datetime) -> list[Refund]:
        """Refunds for which the money is there by now, oldest first; it leaves the merchant."""
        funded = []
        for mchid, merchant in list(self.merchants.items()):
            for refund in self.refunds.waiting(mchid):
                if refund.net_fen > self.available_fen(mchid, now):
                    break
                self._move(merchant.mchid, -refund.net_fen, now)
                funded.append(self.refunds.fund(refund, now))
        return funded

    def settle_due(self, now: datetime) -> list[Refund]:
        """Refunds that came to an end by `now`; a closed one returns its money to the merchant."""
        self.settle_payouts(now)
        settled = self.refunds.settle_due(now)
        for refund in settled:
            if refund.returns_money_to_merchant:
                self._move(refund.mchid, refund.net_fen, now)
        return settled

    # the buyer's deeds

    def order_of_code(self, code: str) -> Order | None:
        """The order that `code` leads to, or led to."""
        return self.orders.get(self._by_code.get(code, ""))

    def scan(self, code: str, payer: str, now: datetime, *, is_late: bool = False) -> Order:
        """`payer` opens `code`, and is from then on the only one who may pay the order."""
        order = self.order_of_code(code)
        if order is None:
            raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)
        order = self.look_up(order.terms.mchid, order.terms.out_trade_no, now)
        if reason := self._refusal_to_buyer(order, code, payer, None if is_late else now):
            raise BuyerRefusedError(reason)
        if not order.scanned_by:
            order = replace(order, scanned_by=payer)
            self._keep(order)
        return order

    def _refusal_to_buyer(self, order: Order, code: str, payer: str, now: datetime | None) -> BuyerRefusal | None:
        if order.is_paid:
            return BuyerRefusal.ALREADY_PAID
        if order.state == OrderState.CLOSED:
            return BuyerRefusal.ORDER_CLOSED
        is_for_another = order.terms.openid not in ("", openid_of(order.terms.appid, payer))
        if is_for_another or order.scanned_by not in ("", payer):
            return BuyerRefusal.OTHER_BUYER
        if now is not None and now >= order.expires_at:
            return BuyerRefusal.ORDER_EXPIRED
        if order.code != code or (now is not None and now >= self.code_ends_at(order)):
            return BuyerRefusal.CODE_DEAD
        return None

    def pay(self, code: str, payer: str, now: datetime, *, is_late: bool = False) -> Order:
        """Take the buyer's money into the merchant's balance. `is_late` overlooks the order's expiry, not its close."""
        return self.take(self.scan(code, payer, now, is_late=is_late), payer, now)

    def take(self, order: Order, payer: str, now: datetime) -> Order:
        """`payer`'s money comes into the merchant's balance."""
        self.settle_payouts(now)
        paid = replace(
            order,
            fee_basis_points=self.merchants[order.terms.mchid].fee_basis_points,
            state=ORDER_MOVES.next(order.state, OrderEvent.PAY),
            transaction_id=f"4200000000{now.astimezone(CHINA):%Y%m%d}{self._numbers.digits(10)}",
            payer=payer,
            paid_at=now,
        )
        self._keep(paid)
        self._move(order.terms.mchid, paid.net_fen, now)
        if order.terms.is_shared:
            self.sharing.freeze(paid, now)
        return paid

    def move(self, order: Order, event: OrderEvent) -> Order:
        """Keep `order` moved by the table, without any money."""
        moved = replace(order, state=ORDER_MOVES.next(order.state, event))
        self._keep(moved)
        return moved

    def give_back(self, order: Order, now: datetime) -> bool:
        """Take what the order brought from the merchant's balance; False when there is not enough."""
        self.settle_payouts(now)
        if self.available_fen(order.terms.mchid, now) < order.net_fen:
            return False
        self._move(order.terms.mchid, -order.net_fen, now)
        return True

    def open_orders(self, now: datetime) -> list[Order]:
        """Orders whose code on a screen can be paid now, newest first."""
        live = [
            order
            for order in self.orders.values()
            if order.trade_type == TradeType.NATIVE
            and order.state == OrderState.NOTPAY
            and now < order.expires_at
            and now < self.code_ends_at(order)
        ]
        return sorted(live, key=lambda order: order.code_made_at, reverse=True)

    def code_ends_at(self, order: Order) -> datetime:
        is_page = order.trade_type == TradeType.MWEB
        return order.code_made_at + timedelta(
            seconds=self._settings.wechat_page_life_s if is_page else self._settings.code_life_s
        )

    def _new_code(self, trade_type: TradeType, now: datetime) -> str:
        """What a screen shows; for a page the prepay id it is opened by."""
        while True:
            if trade_type == TradeType.NATIVE:
                code = f"{CODE_START}{self._numbers.text(9)}&groupid=00"
            else:
                code = f"wx{now.astimezone(CHINA):%Y%m%d%H%M%S}{self._numbers.hex(20)}"
            if code not in self._by_code:
                return code
