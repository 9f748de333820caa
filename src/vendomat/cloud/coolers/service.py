"""Visits as they are begun, moved and looked at: the platform is asked under a number that is kept before.

A visit is begun only at a cooler that is ready now. Refuses to open anything: that is the step's, on a verified word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog

from vendomat.cloud.coolers import store
from vendomat.cloud.coolers.model import NotVouched, OrderSeen, Visit, VisitEvent, VisitKey, WriteOffAsked
from vendomat.cloud.coolers.writing import apply_event
from vendomat.cloud.payments import (
    NoticeAnswer,
    NoticeRefusedError,
    Provider,
    ProviderBook,
    SellsOnTrust,
    ServiceAnswer,
    ServiceOrders,
    ServiceOutcome,
    ServiceRefusal,
    ServiceRequest,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import Clock, ErrorCode, Ids, Money, VendomatError

log = structlog.get_logger(__name__)

AGREE_S = 120.0
WAITING_MAX = 10
"""Buyers who may be asked at one cooler at the same time; the first who agrees opens it."""
INTRODUCTION = "开门柜购物"


@dataclass(frozen=True, slots=True)
class VisitRequest:
    """The same `request_id` again is the same visit. `payer` only where it is known whose it is: it is charged."""

    merchant_id: str
    machine_id: str
    request_id: str
    channel: str
    payer: str = ""


class Visits:
    """`follow` hears of each visit after its commit; it must not block."""

    def __init__(
        self, *, database: Database, book: ProviderBook, settings: CloudSettings, clock: Clock, ids: Ids
    ) -> None:
        self._database = database
        self._book = book
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._public_url = settings.base_url
        self.follow: Callable[[Visit], None] = lambda _: None

    async def begin(self, request: VisitRequest) -> Visit:
        """The visit, after the platform was asked once to vouch for its buyer.

        Raises `VendomatError` (not_found, machine_not_ready, method_unavailable, rate_limited); nothing was asked then.
        """
        provider = await self._book.offering(request.merchant_id, request.channel)
        orders_of(provider)
        now = self._clock.now()
        key = await self._database.write(lambda c: self._kept(c, request, provider.account, now))
        visit = await self.find(key)
        try:
            return await self.create(visit)
        except VendomatError as error:
            log.warning("visit.not_asked", visit=visit.visit_id, error=repr(error))
            return visit

    async def _kept(
        self, connection: asyncpg.Connection, request: VisitRequest, account: str, now: datetime
    ) -> VisitKey:
        merchant_id, machine_id = request.merchant_id, request.machine_id
        known = await store.find_request(connection, merchant_id, machine_id, request.request_id)
        if known is not None:
            return known
        fresh_s = self._settings.lease_s - self._settings.clock_margin_s
        place = await store.find_place(connection, merchant_id, machine_id, now=now, fresh_s=fresh_s)
        if place is None or not place.is_active:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no open-door cooler here; nothing was charged")
        if not place.is_ready or place.is_shopping:
            raise VendomatError(
                ErrorCode.MACHINE_NOT_READY, "the cooler cannot open now; nothing was charged, try again in a minute"
            )
        if place.waiting >= WAITING_MAX:
            raise VendomatError(ErrorCode.RATE_LIMITED, "too many are asked at this cooler; nothing was charged")
        currency, goods = await store.goods_of(connection, merchant_id, machine_id)
        if not goods or not currency:
            raise VendomatError(ErrorCode.MACHINE_NOT_READY, "this cooler has nothing to sell; nothing was charged")
        visit = Visit(
            merchant_id=merchant_id,
            visit_id=self._ids.new("vis"),
            machine_id=machine_id,
            request_id=request.request_id,
            channel=request.channel,
            account=account,
            currency=currency,
            ceiling_minor=place.ceiling_minor,
            created_at=now,
            agree_by=now + timedelta(seconds=AGREE_S),
            goods=goods,
            payer=request.payer,
        )
        if not await store.insert_visit(connection, visit):  # the same request came twice at once
            found = await store.find_request(connection, merchant_id, machine_id, request.request_id)
            assert found is not None
            return found
        return visit.key

    async def find(self, key: VisitKey) -> Visit:
        """Raises `VendomatError(not_found)`."""
        async with self._database.hot.acquire() as connection:
            visit = await store.load_visit(connection, key, is_locking=False)
        if visit is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such visit")
        return visit

    async def apply(self, key: VisitKey, event: VisitEvent) -> Visit:
        """Raises `VendomatError` (not_found, conflict)."""
        visit = await self._database.write(lambda c: apply_event(c, key, event, settings=self._settings, ids=self._ids))
        self.follow(visit)
        return visit

    async def write_off(self, key: VisitKey, by: str, why: str) -> Visit:
        """A person does not expect the money any more. Raises `VendomatError` (not_found, conflict)."""
        return await self.apply(key, WriteOffAsked(by, why, self._clock.now()))

    # --- the platform ------------------------------------------------------------------------------------------------

    async def create(self, visit: Visit) -> Visit:
        """Have the order made; the same again is the same order."""
        orders = await self.orders(visit)
        request = ServiceRequest(
            visit.visit_id,
            INTRODUCTION,
            Money(visit.ceiling_minor, visit.currency),
            self.notify_url(visit.merchant_id, visit.channel),
            visit.machine_id,
            payer=visit.payer,
            attach=visit.visit_id,
        )
        return await self.answered(visit, "create", await orders.create(request))

    async def answered(self, visit: Visit, verb: str, answer: ServiceAnswer) -> Visit:
        """Apply what the platform said to a change; an answer that is not definite changes nothing."""
        if answer.order is not None and answer.outcome is not ServiceOutcome.UNKNOWN:
            visit = await self.apply(visit.key, OrderSeen(answer.order, verb, self._clock.now()))
        if answer.outcome is ServiceOutcome.REFUSED and verb == "create":
            reason = answer.reason or ServiceRefusal.REFUSED
            return await self.apply(visit.key, NotVouched(reason, answer.error, self._clock.now()))
        return visit

    async def orders(self, visit: Visit) -> ServiceOrders:
        """The account the visit was begun with. Raises `VendomatError(method_unavailable)`; the row stays due."""
        provider = await self._book.get(visit.merchant_id, visit.channel)
        if provider.account != visit.account:
            raise VendomatError(
                ErrorCode.METHOD_UNAVAILABLE, f"{visit.visit_id} belongs to account {visit.account}; nothing was asked"
            )
        await self._book.pace(visit.merchant_id, visit.channel)
        return orders_of(provider)

    async def take_notice(
        self, merchant_id: str, channel: str, headers: dict[str, str], body: bytes
    ) -> NoticeAnswer | None:
        """A platform's notice of a service order: verified, applied, then answered. None: there is no such channel."""
        try:
            provider = await self._book.get(merchant_id, channel)
            orders = orders_of(provider)
        except VendomatError:
            return None
        try:
            notice = await orders.read_notice(headers, body)
        except NoticeRefusedError as refused:
            log.warning("visit.notice_refused", merchant=merchant_id, channel=channel, reason=refused.reason)
            return provider.answer_notice(accepted=False)
        if notice.order is not None:
            await self._apply_notice(
                (merchant_id, notice.order.number), provider, OrderSeen(notice.order, "notice", self._clock.now())
            )
        return provider.answer_notice(accepted=True)

    async def _apply_notice(self, key: VisitKey, provider: Provider, event: OrderSeen) -> None:
        try:
            visit = await self.find(key)
            if visit.account == provider.account:
                await self.apply(key, event)
        except VendomatError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            log.warning("visit.notice_of_unknown_number", merchant=key[0], number=key[1])

    def notify_url(self, merchant_id: str, channel: str) -> str:
        return f"{self._public_url}/notify/{merchant_id}/{channel}/visits"


def orders_of(provider: Provider) -> ServiceOrders:
    """Raises `VendomatError(method_unavailable)` for an account that vouches for nobody."""
    orders = provider.service_orders if isinstance(provider, SellsOnTrust) else None
    if orders is None:
        raise VendomatError(
            ErrorCode.METHOD_UNAVAILABLE, "this way to pay opens no cooler; no money was taken, choose another"
        )
    return orders
