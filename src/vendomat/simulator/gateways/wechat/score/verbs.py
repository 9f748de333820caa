"""What the emulated WeChat Pay does with service orders: a part of the platform, with the wallet's side of it.

Each verb ends with the books saved, together with the notices it calls for.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from vendomat.simulator.gateways.context import Context
from vendomat.simulator.gateways.notices import Notice
from vendomat.simulator.gateways.views import BuyerRefusal, BuyerRefusedError, ServiceView
from vendomat.simulator.gateways.wechat.books import WechatBooks
from vendomat.simulator.gateways.wechat.refusals import Refusals
from vendomat.simulator.gateways.wechat.score import wire
from vendomat.simulator.gateways.wechat.score.books import ScoreBook
from vendomat.simulator.gateways.wechat.score.records import Service, ServiceTerms

DISTRUST = {
    "risk": Refusals.SERVICE_RISK,
    "unpaid": Refusals.SERVICE_UNPAID,
    "minor": Refusals.SERVICE_MINOR,
    "": None,
}
"""Why the platform may not vouch for a buyer, by the control port's words; empty: it does."""


class _Office(Protocol):
    """What the part needs of the platform it is a part of."""

    name: str
    books_now: WechatBooks
    score: ScoreBook
    _context: Context
    _now: Callable[[], datetime]

    def _commit(self, notices: list[Notice] | None = None) -> None: ...

    def sealed_notice(self, event_type: str, plain: object, *, account: str, number: str, url: str) -> Notice: ...


if TYPE_CHECKING:
    _Base = _Office
else:
    _Base = object


class ScoreVerbs(_Base):
    """Service orders, and the buyers who agree to them."""

    def service_time(self) -> datetime:
        return self._now()

    def create_service(self, terms: ServiceTerms) -> Service:
        service = self.score.create(terms, self.books_now.merchants[terms.mchid], self._now())
        self._commit()
        return service

    def look_up_service(self, mchid: str, number: str) -> Service:
        self.collect()
        service = self.score.look_up(mchid, number, self._now())
        self._commit()
        return service

    def keep_service(self, service: Service) -> Service:
        """Save what a call changed; what is to be collected will be."""
        self._commit()
        self.await_collection(service)
        return service

    def await_collection(self, service: Service) -> None:
        if service.collects_at is not None:
            self._context.alarms.set(service.collects_at, self.collect)

    def collect(self) -> None:
        """Take the money of whatever is due, and tell the merchants."""
        now = self._now()
        tried = self.score.collect_due(now)
        self._commit([self._told("PAYSCORE.USER_PAID", one) for one in tried if one.paid_at is not None])
        for service in tried:
            self.await_collection(service)

    def _told(self, event_type: str, service: Service) -> Notice:
        terms = service.terms
        plain: dict[str, Any] = wire.order_answer(service)
        return self.sealed_notice(event_type, plain, account=terms.mchid, number=terms.number, url=terms.notify_url)

    # buyers

    def services(self) -> list[ServiceView]:
        return [
            ServiceView(
                number=one.terms.number,
                payee=self.books_now.merchants[one.terms.mchid].name,
                description=one.terms.introduction,
                machine=one.terms.device_id,
                ceiling_fen=one.terms.risk_fen,
            )
            for one in self.score.waiting(self._now())
        ]

    def agree(self, number: str, payer: str) -> None:
        """`payer` lets the door be opened, and will be charged for what is taken."""
        service = self.score.agree(number, payer, self._now())
        self._commit([self._told("PAYSCORE.USER_CONFIRM", service)])

    def permit(self, account: str, payer: str, url: str, *, is_open: bool = True) -> str:
        """`payer` lets the merchant open orders without asking, or no more; their id there. The merchant is told."""
        merchant, now = self.books_now.merchants[account], self._now()
        permission = self.score.permit(merchant, payer, is_open=is_open)
        event = "PAYSCORE.USER_OPEN_SERVICE" if is_open else "PAYSCORE.USER_CLOSE_SERVICE"
        plain = wire.permission_notice(permission, merchant.appid, merchant.service_id, now)
        notice = self.sealed_notice(event, plain, account=account, number=permission.openid, url=url)
        self._commit([notice] if url else [])
        return permission.openid

    def ask_permission(self, mchid: str, url: str) -> str:
        """A token by which a wallet asks its owner; good for one answer."""
        token = self._context.numbers.text(64)
        self.score.asked[token] = (mchid, url)
        return token

    def permit_asked(self, token: str, payer: str) -> str:
        """`payer`'s wallet was handed `token` and they agree; raises `BuyerRefusedError`."""
        if token not in self.score.asked:
            raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)
        account, url = self.score.asked.pop(token)
        return self.permit(account, payer, url)

    def distrust(self, payer: str, reason: str) -> None:
        self.score.distrust(payer, DISTRUST[reason])
