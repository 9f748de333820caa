"""The books of WeChat Pay Score: rules over calls, buyers' deeds and a given time.

An order is collected as soon as its buyer can pay and is tried again for ever; nothing here closes one that is owed.
How often it is tried the documents leave open ("at a certain frequency"): here after a set time, each time the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.settings import GatewaySettings
from vendomat.simulator.gateways.shown_codes import WalletAnswer
from vendomat.simulator.gateways.views import BuyerRefusal, BuyerRefusedError
from vendomat.simulator.gateways.wechat.records import Merchant, Order, Terms, TradeType, key_of, openid_of
from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError
from vendomat.simulator.gateways.wechat.score.records import (
    SERVICE_MOVES,
    Permission,
    Service,
    ServiceBill,
    ServiceEvent,
    ServiceState,
    ServiceTerms,
)

AGREEABLE = timedelta(days=30)
CANNOT_PAY = frozenset({WalletAnswer.NOT_ENOUGH, WalletAnswer.CARD_REFUSED, WalletAnswer.BANK_TROUBLE})

AskWallet = Callable[[str, int], WalletAnswer]
TakeMoney = Callable[[Terms, str, datetime], Order]
Keep = Callable[[Service | Permission], None]


class ScoreBook:
    """Service orders by (mchid, out_order_no)."""

    def __init__(
        self, settings: GatewaySettings, numbers: Numbers, *, keep: Keep, ask_wallet: AskWallet, take_money: TakeMoney
    ) -> None:
        self._settings = settings
        self._numbers = numbers
        self._keep_record = keep
        self._ask_wallet = ask_wallet
        self._take_money = take_money
        self.services: dict[str, Service] = {}
        self.permissions: dict[str, Permission] = {}
        self.asked: dict[str, tuple[str, str]] = {}
        """Merchant and notify address by the token of a permission that was asked for; forgotten with the process."""
        self._distrusted: dict[str, Refusals] = {}

    def restore(self, services: Iterable[Service], permissions: Iterable[Permission]) -> None:
        self.services = {service.key: service for service in services}
        self.permissions = {permission.key: permission for permission in permissions}

    def _keep(self, service: Service) -> Service:
        self.services[service.key] = service
        self._keep_record(service)
        return service

    def distrust(self, payer: str, refusal: Refusals | None) -> None:
        """The platform does not vouch for `payer` any more, for that reason; None: it does again."""
        if refusal is None:
            self._distrusted.pop(payer, None)
        else:
            self._distrusted[payer] = refusal

    def permit(self, merchant: Merchant, payer: str, *, is_open: bool) -> Permission:
        permission = Permission(
            mchid=merchant.mchid, openid=openid_of(merchant.appid, payer), payer=payer, is_open=is_open
        )
        self.permissions[permission.key] = permission
        self._keep_record(permission)
        return permission

    def permission_of(self, mchid: str, openid: str) -> Permission:
        permission = self.permissions.get(f"{mchid}/{openid}")
        if permission is None:
            raise WechatRefusedError(Refusals.PERMISSION_NOT_EXISTS)
        return permission

    # the merchant's calls

    def create(self, terms: ServiceTerms, merchant: Merchant, now: datetime) -> Service:
        """An order; with an openid it is agreed to at once, by the permission given before."""
        known = self.find(terms.mchid, terms.number, now)
        if known is not None:
            if known.terms != terms:
                raise WechatRefusedError(Refusals.NUMBER_USED)
            return known
        if terms.risk_fen > merchant.service_ceiling_fen:
            raise WechatRefusedError(Refusals.WRONG_PARAMETER, field="/risk_fund/amount", issue="above the ceiling")
        service = Service(terms=terms, order_id=f"1000{self._numbers.digits(28)}", created_at=now)
        if terms.openid:
            permission = self.permissions.get(f"{terms.mchid}/{terms.openid}")
            if permission is None or not permission.is_open:
                raise WechatRefusedError(Refusals.SERVICE_NOT_PERMITTED)
            if refusal := self._refusal_of(permission.payer):
                raise WechatRefusedError(refusal)
            service = self._agreed(service, permission.payer, now)
        return self._keep(service)

    def find(self, mchid: str, number: str, now: datetime) -> Service | None:
        """The order as it stands; one that nobody agreed to is over after thirty days."""
        service = self.services.get(key_of(mchid, number))
        if service and service.state is ServiceState.CREATED and now >= service.created_at + AGREEABLE:
            return self._keep(self._moved(service, ServiceEvent.EXPIRE))
        return service

    def look_up(self, mchid: str, number: str, now: datetime) -> Service:
        service = self.find(mchid, number, now)
        if service is None:
            raise WechatRefusedError(Refusals.SERVICE_NOT_EXIST)
        return service

    def complete(self, service: Service, bill: ServiceBill, ended_at: str, now: datetime) -> Service:
        if service.state is not ServiceState.CONFIRMED:
            if (service.bill, service.ended_at) == (bill, ended_at):
                return service
            raise WechatRefusedError(Refusals.SERVICE_STATE)
        if bill.total_fen > service.terms.risk_fen:
            raise WechatRefusedError(Refusals.SERVICE_TOTAL)
        service = replace(service, bill=bill, ended_at=ended_at)
        if bill.total_fen == 0:
            return self._keep(self._moved(service, ServiceEvent.COMPLETE_FREE))
        collects_at = now + timedelta(seconds=self._settings.wechat_collection_delay_s)
        return self._keep(replace(self._moved(service, ServiceEvent.COMPLETE), collects_at=collects_at))

    def cancel(self, service: Service) -> Service:
        if service.state is ServiceState.REVOKED:
            return service
        if service.bill is not None:
            raise WechatRefusedError(Refusals.SERVICE_COMPLETED)
        if not SERVICE_MOVES.may(service.state, ServiceEvent.CANCEL):
            raise WechatRefusedError(Refusals.SERVICE_STATE)
        return self._keep(self._moved(service, ServiceEvent.CANCEL))

    def modify(self, service: Service, bill: ServiceBill) -> Service:
        """A lower bill, while it is owed."""
        if service.bill == bill:
            return service
        if service.state is not ServiceState.COMPLETED:
            raise WechatRefusedError(Refusals.SERVICE_STATE)
        if bill.total_fen >= service.total_fen:
            raise WechatRefusedError(Refusals.SERVICE_NOT_LOWER)
        service = replace(service, bill=bill)
        settled = replace(self._moved(service, ServiceEvent.SETTLE), collects_at=None)
        return self._keep(settled if bill.total_fen == 0 else service)

    def settle_otherwise(self, service: Service, paid_at: datetime) -> Service:
        if service.is_paid_otherwise:
            return service
        if service.state is not ServiceState.COMPLETED:
            raise WechatRefusedError(Refusals.SERVICE_STATE)
        settled = self._moved(service, ServiceEvent.SETTLE)
        return self._keep(replace(settled, is_paid_otherwise=True, paid_at=paid_at, collects_at=None))

    # the buyer, and time

    def waiting(self, now: datetime) -> list[Service]:
        """Orders that wait for somebody to agree, newest first."""
        found = [self.find(service.terms.mchid, service.terms.number, now) for service in list(self.services.values())]
        return [one for one in reversed(found) if one is not None and one.state is ServiceState.CREATED]

    def agree(self, number: str, payer: str, now: datetime) -> Service:
        """Raises `BuyerRefusedError` when the platform does not vouch for `payer`, or it is too late."""
        service = next((one for one in self.waiting(now) if one.terms.number == number), None)
        if service is None:
            raise BuyerRefusedError(BuyerRefusal.ORDER_CLOSED)
        if self._refusal_of(payer) is not None:
            raise BuyerRefusedError(BuyerRefusal.NOT_TRUSTED)
        return self._keep(self._agreed(service, payer, now))

    def _agreed(self, service: Service, payer: str, now: datetime) -> Service:
        return replace(self._moved(service, ServiceEvent.AGREE), payer=payer, agreed_at=now)

    def _refusal_of(self, payer: str) -> Refusals | None:
        if payer in self._distrusted:
            return self._distrusted[payer]
        owes = any(one.payer == payer and one.state is ServiceState.COMPLETED for one in self.services.values())
        return Refusals.SERVICE_UNPAID if owes else None

    def collect_due(self, now: datetime) -> list[Service]:
        """Try whatever is due by `now`: the orders as they are then, paid or to be tried again."""
        due = [one for one in self.services.values() if one.collects_at is not None and one.collects_at <= now]
        return [self._collect(service, now) for service in due if service.state is ServiceState.COMPLETED]

    def _collect(self, service: Service, now: datetime) -> Service:
        if self._ask_wallet(service.payer, service.total_fen) in CANNOT_PAY:
            again_at = now + timedelta(seconds=self._settings.wechat_collection_retry_s)
            return self._keep(replace(service, tries=service.tries + 1, collects_at=again_at))
        terms = service.terms
        made = Terms(
            mchid=terms.mchid,
            appid=terms.appid,
            out_trade_no=self._numbers.digits(30),
            description=terms.introduction,
            total_fen=service.total_fen,
            notify_url="",
            attach=f"wxzff|{service.order_id}|{terms.number}",
            device_id=terms.device_id,
        )
        order = self._take_money(made, service.payer, now)
        settled = self._moved(service, ServiceEvent.SETTLE)
        return self._keep(
            replace(
                settled,
                transaction_id=order.transaction_id,
                paid_at=now,
                collects_at=None,
                tries=service.tries + 1,
            )
        )

    @staticmethod
    def _moved(service: Service, event: ServiceEvent) -> Service:
        return replace(service, state=SERVICE_MOVES.next(service.state, event))


def collected_order(terms: Terms, now: datetime) -> Order:
    """The payment that a collection makes, not taken yet: its number is the platform's, ours is in its `attach`."""
    return Order(terms=terms, code="", code_made_at=now, created_at=now, expires_at=now, trade_type=TradeType.AUTH)
