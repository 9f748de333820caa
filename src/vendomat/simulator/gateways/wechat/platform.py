"""The emulated WeChat Pay: its books with memory, clock and notices around them.

Every verb ends with the books saved, together with the notices they call for, before anything is answered or sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from vendomat.simulator.gateways import keys
from vendomat.simulator.gateways.context import Context
from vendomat.simulator.gateways.daily_bills import BillDesk
from vendomat.simulator.gateways.funds import Transfer
from vendomat.simulator.gateways.notices import KIND as NOTICE_KIND
from vendomat.simulator.gateways.notices import Guise, Notice
from vendomat.simulator.gateways.shown_codes import ShownCodes
from vendomat.simulator.gateways.store import Change
from vendomat.simulator.gateways.tls import TlsDoor
from vendomat.simulator.gateways.views import BillView, BuyerRefusal, BuyerRefusedError, CodeView, check_wallet
from vendomat.simulator.gateways.wechat import shapes, xml_notices
from vendomat.simulator.gateways.wechat.bill_counter import BillCounter
from vendomat.simulator.gateways.wechat.books import WechatBooks
from vendomat.simulator.gateways.wechat.charge_verbs import ChargeVerbs
from vendomat.simulator.gateways.wechat.charges import ChargeDesk
from vendomat.simulator.gateways.wechat.faces import FaceDesk
from vendomat.simulator.gateways.wechat.key_verbs import KeyVerbs
from vendomat.simulator.gateways.wechat.records import (
    ORDER_MOVES,
    Merchant,
    Order,
    OrderEvent,
    OrderState,
    Refund,
    RefundState,
    Terms,
    TradeType,
    openid_of,
)
from vendomat.simulator.gateways.wechat.score import Permission, ScoreBook, ScoreVerbs, Service, collected_order
from vendomat.simulator.gateways.wechat.seals import PlatformKeys, Seals, WechatDresser
from vendomat.simulator.gateways.wechat.sharing import (
    Frozen,
    Receiver,
    ShareReturn,
    Sharing,
    SharingBook,
    SharingVerbs,
)


class WechatPlatform(ChargeVerbs, KeyVerbs, ScoreVerbs, SharingVerbs):
    """One platform with any number of merchants."""

    name = "wechat"

    def __init__(self, context: Context) -> None:
        self._context = context
        self.limits_calls = context.settings.wechat_limits_calls
        self._now = context.clock.now
        self.books_now = WechatBooks(context.settings, context.numbers)
        codes = ShownCodes(context.numbers, prefixes=("10", "11", "12", "13", "14", "15"), length=18)
        self.faces = FaceDesk(context.numbers, context.settings.wechat_face_token_life_s)
        self.charges = ChargeDesk(self.books_now, codes, self.faces)
        self.score = ScoreBook(
            context.settings,
            context.numbers,
            keep=self.books_now.keep_beside,
            ask_wallet=codes.ask_wallet,
            take_money=lambda terms, payer, now: self.books_now.take(collected_order(terms, now), payer, now),
        )
        self.bill_desk = BillDesk(context.numbers, context.settings.wechat_bill_token_life_s, has_states=True)
        self.bill_counter = BillCounter(self.books_now, self.bill_desk, context.clock)
        self.platform_keys: PlatformKeys = self._kept_keys()
        self.seals = Seals(self.platform_keys, context.numbers)
        context.notices.register(self.name, WechatDresser(self.seals, self.books_now.merchants))
        first = self.platform_keys.certificates[0]
        server_key = keys.load_private(first.key_pem)
        certificate = keys.make_server_certificate(server_key, context.settings.host, like_pem=first.certificate_pem)
        self.door = TlsDoor(certificate, first.key_pem)

    def restore(self) -> None:
        """Read back what a former process kept. To be called with the event loop running."""
        load = self._context.store.load
        self.books_now.restore(
            (merchant for _, merchant in load(Merchant.KIND, Merchant)),
            (order for _, order in load(Order.KIND, Order)),
            (refund for _, refund in load(Refund.KIND, Refund)),
            (transfer for _, transfer in load(Transfer.KIND, Transfer)),
        )
        self.score.restore(
            (service for _, service in load(Service.KIND, Service)),
            (permission for _, permission in load(Permission.KIND, Permission)),
        )
        for service in self.score.services.values():
            self.await_collection(service)
        self.sharing.restore(frozen for _, frozen in load(Frozen.KIND, Frozen))
        self.sharing.restore(receiver for _, receiver in load(Receiver.KIND, Receiver))
        self.sharing.restore(sharing for _, sharing in load(Sharing.KIND, Sharing))
        self.sharing.restore(back for _, back in load(ShareReturn.KIND, ShareReturn))
        self.await_sharings()
        for merchant in self.books_now.merchants.values():
            self._let_in(merchant)
        for refund in self.books_now.refunds.all():
            self._await_settlement(refund)

    @property
    def sharing(self) -> SharingBook:
        return self.books_now.sharing

    def _kept_keys(self) -> PlatformKeys:
        for _, kept in self._context.store.load(PlatformKeys.KIND, PlatformKeys):
            return kept
        made = PlatformKeys.make(self._context.make_key, self._context.numbers, self._now())
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

    # the merchant's calls

    def register(self, merchant: Merchant) -> None:
        keys.load_public(merchant.public_key_pem)
        self.books_now.add_merchant(merchant)
        self._commit()
        self._let_in(merchant)

    def _let_in(self, merchant: Merchant) -> None:
        if merchant.certificate_pem:
            self.door.trust(merchant.certificate_pem)

    def create(self, terms: Terms, trade_type: TradeType = TradeType.NATIVE) -> Order:
        order = self.books_now.create(terms, self._now(), trade_type)
        self._commit()
        return order

    def look_up(self, mchid: str, number: str, *, is_transaction: bool = False) -> Order:
        if is_transaction:
            return self.books_now.look_up_transaction(mchid, number)
        order = self.books_now.look_up(mchid, number, self._now())
        self._commit()
        return order

    def close(self, mchid: str, out_trade_no: str) -> None:
        self.books_now.close(mchid, out_trade_no, self._now())
        self._commit()

    def refund(self, order: Order, asked: Refund) -> Refund:
        refund = self.books_now.refund(order, asked, self._now())
        self._commit()
        self._await_settlement(refund)
        return refund

    def look_up_refund(self, mchid: str, out_refund_no: str) -> Refund:
        self.advance()
        return self.books_now.refunds.look_up(mchid, out_refund_no)

    def _await_settlement(self, refund: Refund) -> None:
        if refund.state == RefundState.PROCESSING and refund.settles_at is not None:
            self._context.alarms.set(refund.settles_at, self.advance)

    def send_on(self, mchid: str, refund_id: str, out_refund_no: str, *, to: str) -> Refund:
        refund = self.books_now.refunds.send_on(mchid, refund_id, out_refund_no, to=to, now=self._now())
        self._commit()
        self._await_settlement(refund)
        return refund

    def take_next_refunds_on_credit(self, count: int) -> None:
        self.books_now.refunds.take_next_on_credit(count)

    def advance(self) -> None:
        now = self._now()
        settled = self.books_now.settle_due(now)
        for refund in self.books_now.fund_waiting(now):
            self._await_settlement(refund)
        notices = [self._refund_notice(refund, now) for refund in settled]
        self._commit([notice for notice in notices if notice.url])

    # the buyer's deeds

    def open_codes(self) -> list[CodeView]:
        return [self._view(order) for order in self.books_now.open_orders(self._now())]

    def code_of(self, number: str) -> str:
        return self._order_of(number).code

    def _order_of(self, number: str) -> Order:
        for order in reversed(self.books_now.orders.values()):
            if order.terms.out_trade_no == number:
                return order
        raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)

    def openid_of(self, account: str, payer: str) -> str:
        """What a page inside the wallet learns of `payer` when they let the merchant know who they are."""
        return openid_of(self.books_now.merchants[account].appid, payer)

    def open_page(self, parameters: Mapping[str, str], payer: str) -> CodeView:
        """`payer`'s wallet is handed `parameters` by a page inside it; raises `BuyerRefusedError`.

        The signature is the merchant's own, over what the page says; the order then is scanned like any code.
        """
        code = parameters.get("package", "").removeprefix("prepay_id=")
        order = self.books_now.order_of_code(code)
        said = [parameters.get(name, "") for name in ("appId", "timeStamp", "nonceStr", "package")]
        is_jsapi = order is not None and order.trade_type == TradeType.JSAPI and parameters.get("signType") == "RSA"
        if order is None or not is_jsapi or order.terms.appid != said[0]:
            raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)
        key = keys.load_public(self.books_now.merchants[order.terms.mchid].public_key_pem)
        if not keys.is_signed(key, "".join(f"{line}\n" for line in said).encode(), parameters.get("paySign", "")):
            raise BuyerRefusedError(BuyerRefusal.BAD_SIGNATURE)
        return self.scan(code, payer)

    def scan(self, code: str, payer: str) -> CodeView:
        order = self.books_now.scan(code, payer, self._now())
        self._commit()
        return self._view(order)

    def refuse(self, code: str, payer: str) -> CodeView:
        return self.scan(code, payer)

    def pay(self, code: str, payer: str, *, is_late: bool = False, is_notice_lost: bool = False) -> CodeView:
        now = self._now()
        scanned = self.books_now.scan(code, payer, now, is_late=is_late)
        self._commit()
        check_wallet(self.charges.codes, payer, scanned.terms.total_fen)
        order = self.books_now.pay(code, payer, now, is_late=is_late)
        self._commit([self._payment_notice(order, now, is_lost=is_notice_lost)])
        return self._view(order)

    # notices

    def _payment_notice(self, order: Order, now: datetime, *, is_lost: bool = False) -> Notice:
        content = self._sealed("TRANSACTION.SUCCESS", shapes.order_answer(order), order.terms.mchid, now)
        return self._context.notices.plan(
            Notice(
                notice_id=content.notice_id,
                platform=self.name,
                account=order.terms.mchid,
                number=order.terms.out_trade_no,
                kind="payment",
                url=order.terms.notify_url,
                content=content.body,
                created_at=now,
                due_at=now,
            ),
            is_lost=is_lost,
        )

    def _refund_notice(self, refund: Refund, now: datetime) -> Notice:
        order = self.books_now.look_up(refund.mchid, refund.out_trade_no, now)
        content = self._sealed(f"REFUND.{refund.state}", shapes.refund_notice(refund, order), refund.mchid, now)
        return self._context.notices.plan(
            Notice(
                notice_id=content.notice_id,
                platform=self.name,
                account=refund.mchid,
                number=refund.out_refund_no,
                kind="refund" if refund.notify_url else xml_notices.KIND,
                url=refund.notify_url or self.books_now.merchants[refund.mchid].portal_refund_url,
                content=content.body,
                created_at=now,
                due_at=now,
            )
        )

    def sealed_notice(self, event_type: str, plain: object, *, account: str, number: str, url: str) -> Notice:
        """A notice of a service, due now."""
        now = self._now()
        content = self._sealed(event_type, plain, account, now)
        return self._context.notices.plan(
            Notice(
                notice_id=content.notice_id,
                platform=self.name,
                account=account,
                number=number,
                kind="service",
                url=url,
                content=content.body,
                created_at=now,
                due_at=now,
            )
        )

    def _sealed(self, event_type: str, plain: object, mchid: str, now: datetime) -> shapes.SealedNotice:
        numbers = self._context.numbers
        return shapes.seal_notice(
            event_type,
            plain,
            key=self.books_now.merchants[mchid].apiv3_key.encode(),
            notice_id=numbers.uuid(),
            nonce=numbers.text(12),
            created_at=now,
        )

    async def forge_payment_notice(self, number: str) -> str:
        """Tell the merchant, signed by a stranger, that an unpaid order was paid; what it answered, in words."""
        now = self._now()
        order = self._order_of(number)
        claimed = replace(
            order,
            state=ORDER_MOVES.next(order.state, OrderEvent.PAY),
            transaction_id=f"4200000000{now:%Y%m%d}0000000000",
            paid_at=now,
            payer="forger",
        )
        return await self._context.notices.send_once(self._payment_notice(claimed, now), Guise.FORGED)

    # views

    def _view(self, order: Order) -> CodeView:
        ends_at = min(order.expires_at, self.books_now.code_ends_at(order)) if order.code else order.expires_at
        return CodeView(
            code=order.code,
            account=order.terms.mchid,
            payee=self.books_now.merchants[order.terms.mchid].name,
            number=order.terms.out_trade_no,
            description=order.terms.description,
            machine=order.terms.device_id,
            amount_fen=order.terms.total_fen,
            expires_at=ends_at,
            state=order.state.value,
        )

    def bills(self, payer: str) -> list[BillView]:
        self.advance()
        paid = [o for o in self.books_now.orders.values() if o.payer == payer and o.paid_at is not None]
        return [self._bill(order) for order in sorted(paid, key=lambda o: o.paid_at or o.created_at, reverse=True)]

    def _bill(self, order: Order) -> BillView:
        refunds = self.books_now.refunds.of(order)
        assert order.paid_at is not None, "only paid orders are in a bill"
        return BillView(
            payee=self.books_now.merchants[order.terms.mchid].name,
            description=order.terms.description,
            number=order.terms.out_trade_no,
            transaction_id=order.transaction_id,
            paid_fen=order.terms.total_fen,
            refunded_fen=order.terms.total_fen
            if order.state == OrderState.REVOKED
            else sum(r.amount_fen for r in refunds if r.state == RefundState.SUCCESS),
            refunding_fen=sum(r.amount_fen for r in refunds if r.state == RefundState.PROCESSING),
            paid_at=order.paid_at,
        )

    def notices(self) -> list[Notice]:
        return self._context.notices.of(self.name)

    def set_balance(self, account: str, balance_fen: int) -> None:
        self.books_now.set_balance(account, balance_fen, self._now())
        self.advance()

    def set_portal_refund_url(self, account: str, url: str) -> None:
        """Where the merchant's portal says that refunds are told, unless they name an address of their own."""
        self.books_now.add_merchant(replace(self.books_now.merchants[account], portal_refund_url=url))
        self._commit()

    def set_fee(self, account: str, basis_points: int) -> None:
        self.books_now.set_fee(account, basis_points)
        self._commit()

    def settle_next_refunds_as(self, outcome: str, count: int) -> None:
        self.books_now.refunds.settle_next_as(RefundState(outcome), count)

    def books(self) -> dict[str, object]:
        self.advance()
        return shapes.books_answer(self.books_now)
