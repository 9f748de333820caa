"""Profit sharing as people arrange it: who is paid by the platform, a plan once more, a number given up, money back.

Each method is one short transaction, its change noted in it; the platform is asked by the sweeps, but for the one look
before a number is given up. Refuses to pay an owner by two ways at once: what is on its way is not owed any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import asyncpg

from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.ledger import postings
from vendomat.cloud.merchants import Operator
from vendomat.cloud.payments import (
    ProfitSharing,
    Provider,
    ProviderBook,
    ReceiverKind,
    SharesProfit,
    SharingState,
    TakeBackState,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.sharing import store
from vendomat.cloud.sharing.model import RETURNABLE, SETTLED, Agreement, Duty, GivenUp, Share, ShareStage
from vendomat.cloud.sharing.plan import plan_take_back
from vendomat.cloud.sharing.wording import request_of, take_back_request_of
from vendomat.cloud.sharing.writing import Asked, apply_event, free_all, write_plan
from vendomat.cloud.sites import find_site, no_site
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

CHANNEL = "wechat"
"""The one platform that shares the money of a payment."""
SHARES_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class AgreementWish:
    """Who receives: a merchant by account and full name, or a person by the platform's id of them."""

    kind: ReceiverKind
    receiver: str
    name: str
    ceiling_bp: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How sharing with a site's owner stands."""

    may_share: bool
    agreement: Agreement | None
    currency: str
    on_its_way_minor: int
    owed_minor: int
    plans: Sequence[asyncpg.Record]
    sums: Sequence[asyncpg.Record]


class SharingDesk:
    """Each method raises `VendomatError`; nothing changed then."""

    def __init__(self, database: Database, book: ProviderBook, *, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._ids = ids

    async def look(self, merchant_id: str, site_id: str) -> Standing:
        may_share = await self._may_share(merchant_id)
        async with self._database.hot.acquire() as connection:
            if await find_site(connection, merchant_id, site_id) is None:
                raise no_site()
            return Standing(
                may_share=may_share,
                agreement=await store.find_agreement(connection, merchant_id, site_id),
                currency=await store.currency_of(connection, merchant_id),
                on_its_way_minor=await store.owed_minor(connection, merchant_id, postings.site_share(site_id)),
                owed_minor=await store.owed_minor(connection, merchant_id, postings.site_rent(site_id)),
                plans=await store.plans_of(connection, merchant_id, site_id),
                sums=await store.sums_of(connection, merchant_id, site_id),
            )

    async def shares(self, merchant_id: str, site_id: str, position: int) -> list[Share]:
        async with self._database.hot.acquire() as connection:
            if await find_site(connection, merchant_id, site_id) is None:
                raise no_site()
            return await store.shares_of(connection, merchant_id, site_id, position, limit=SHARES_SHOWN_MAX)

    async def agree(self, operator: Operator, site_id: str, wish: AgreementWish) -> None:
        """From the next statement on, this owner is paid by the platform. The same again changes nothing."""
        if (wish.kind is ReceiverKind.MERCHANT) != bool(wish.name):
            raise VendomatError(
                ErrorCode.INVALID_VALUE, "a merchant is named in full, and a person is not; nothing changed"
            )
        async with self._database.hot.acquire() as connection:
            if await find_site(connection, operator.merchant_id, site_id) is None:
                raise no_site()
        provider = await self._book.get(operator.merchant_id, CHANNEL)
        sharing_of(provider)

        async def write(connection: asyncpg.Connection) -> None:
            await _lock_site(connection, operator.merchant_id, site_id)
            now = self._clock.now()
            before = await store.find_agreement(connection, operator.merchant_id, site_id, is_locking=True)
            wanted = Agreement(
                merchant_id=operator.merchant_id,
                site_id=site_id,
                channel=CHANNEL,
                account=provider.account,
                kind=wish.kind,
                receiver=wish.receiver,
                name=wish.name,
                ceiling_bp=wish.ceiling_bp,
                since=before.since if before and before.is_sharing else now,
                changed_at=now,
                changed_by=operator.operator_id,
            )
            if before is not None and _is_same(before, wanted):
                return
            await store.put_agreement(connection, wanted, due_at=now)
            shown = _said(before) if before and before.is_sharing else None
            await self._note(connection, operator, "site.sharing_agreed", site_id, before=shown, after=_said(wanted))

        await self._database.write(write)

    async def stop(self, operator: Operator, site_id: str) -> int:
        """This owner is paid by hand again; what waits is set free. How many payments; what is on its way goes on."""

        async def write(connection: asyncpg.Connection) -> int:
            await _lock_site(connection, operator.merchant_id, site_id)
            one = await store.find_agreement(connection, operator.merchant_id, site_id, is_locking=True)
            if one is None or not one.is_sharing:
                return 0
            now = self._clock.now()
            off = replace(one, is_sharing=False, changed_at=now, changed_by=operator.operator_id)
            await store.put_agreement(connection, off, due_at=None)
            currency = await store.currency_of(connection, operator.merchant_id)
            freed = await free_all(connection, one, currency, Asked(now, operator.operator_id))
            await self._note(connection, operator, "site.sharing_stopped", site_id, before=_said(one))
            return freed

        return await self._database.write(write)

    async def plan_again(self, operator: Operator, site_id: str, position: int) -> None:
        """What of a statement found no payment, or did not arrive, is tried with the payments there are now."""

        async def write(connection: asyncpg.Connection) -> None:
            await _lock_site(connection, operator.merchant_id, site_id)
            one = await store.find_agreement(connection, operator.merchant_id, site_id)
            found = await store.find_stated(connection, operator.merchant_id, site_id, position)
            if found is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such statement; nothing changed")
            if one is None or not (one.is_sharing and one.is_added):
                raise VendomatError(
                    ErrorCode.CONFLICT, "this owner is not paid by the platform, or not yet; nothing changed"
                )
            stated, rounds = found
            asked = Asked(self._clock.now(), operator.operator_id)
            plan = await write_plan(connection, one, stated, rounds + 1, asked=asked, ids=self._ids)
            said = {"position": position, "given_minor": plan.given_minor, "missing_minor": plan.missing_minor}
            await self._note(connection, operator, "site.shares_planned", site_id, after=said)

        await self._database.write(write)

    async def give_up(self, operator: Operator, share_id: str) -> Share:
        """End a number that the platform refuses, after it said once more that it has none such."""
        key = (operator.merchant_id, share_id)
        async with self._database.hot.acquire() as connection:
            share = await store.load_share(connection, key, is_locking=False)
        if share is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such share; nothing changed")
        now = self._clock.now()
        is_young = share.changed_at is None or now - share.changed_at < SETTLED
        if share.stage is not ShareStage.REFUSED or is_young:
            raise VendomatError(
                ErrorCode.CONFLICT,
                "only a share that the platform refuses is given up, a minute after its last word; nothing changed",
            )
        if not await self._is_absent(share):
            raise VendomatError(
                ErrorCode.CONFLICT, "the platform does not say that it has none such; nothing changed, try later"
            )

        async def write(connection: asyncpg.Connection) -> Share:
            given_up = await apply_event(connection, key, GivenUp(operator.operator_id, now), ids=self._ids)
            said = {"share_id": share_id, "amount_minor": share.amount_minor}
            await self._note(connection, operator, "site.share_given_up", share.site_id, after=said)
            return given_up

        return await self._database.write(write)

    async def take_back(self, operator: Operator, site_id: str, amount_minor: int) -> None:
        """Have the owner, a merchant, give back what they were given too much: at most what they owe."""

        async def write(connection: asyncpg.Connection) -> None:
            await _lock_site(connection, operator.merchant_id, site_id)
            one = await store.find_agreement(connection, operator.merchant_id, site_id)
            owed = await store.owed_minor(connection, operator.merchant_id, postings.site_rent(site_id))
            coming = await store.coming_back_minor(connection, operator.merchant_id, site_id)
            if one is None or not 0 < amount_minor <= -owed - coming:
                raise VendomatError(
                    ErrorCode.CONFLICT,
                    "this is more than the owner was given too much; nothing changed",
                    too_much_minor=max(0, -owed - coming),
                )
            now = self._clock.now()
            given = {g.share_id: (g, share) for g, share in await store.find_given(connection, one, now)}
            parts = plan_take_back(amount_minor, [g for g, _ in given.values()])
            if sum(minor for _, minor in parts) < amount_minor:
                raise VendomatError(
                    ErrorCode.CONFLICT,
                    "not as much of the last half year's shares can be taken back: only what merchants were given; "
                    "nothing changed",
                )
            backs = [self._back(given[g.share_id][1], minor, operator) for g, minor in parts]
            await store.insert_shares(connection, backs)
            said = {"amount_minor": amount_minor}
            await self._note(connection, operator, "site.share_taken_back", site_id, after=said)

        await self._database.write(write)

    def _back(self, share: Share, amount_minor: int, operator: Operator) -> Share:
        return replace(
            share,
            share_id=self._ids.new("shr"),
            duty=Duty.TAKE_BACK,
            amount_minor=amount_minor,
            of_share=share.share_id,
            asked_at=self._clock.now(),
            asked_by=operator.operator_id,
            may_until=share.asked_at + RETURNABLE,
        )

    async def _note(
        self,
        connection: asyncpg.Connection,
        operator: Operator,
        action: str,
        site_id: str,
        *,
        before: State | None = None,
        after: State | None = None,
    ) -> None:
        change = Change(
            merchant_id=operator.merchant_id,
            actor=operator.operator_id,
            action=action,
            subject=site_id,
            at=self._clock.now(),
            before=before,
            after=after,
        )
        await note_change(connection, change)

    async def sharing_at(self, merchant_id: str, channel: str, account: str) -> ProfitSharing:
        """The account that something was begun with. Raises `VendomatError(method_unavailable)`; nothing was asked."""
        provider = await self._book.get(merchant_id, channel)
        if provider.account != account:
            raise VendomatError(
                ErrorCode.METHOD_UNAVAILABLE,
                f"this belongs to account {account}, not {provider.account}; nothing was asked. "
                "Restore that account until its shares have ended",
            )
        await self._book.pace(merchant_id, channel)
        return sharing_of(provider)

    async def _is_absent(self, share: Share) -> bool:
        sharing = await self.sharing_at(share.merchant_id, share.channel, share.account)
        if share.duty is Duty.TAKE_BACK:
            back = await sharing.look_up_take_back(take_back_request_of(share))
            return back.state is TakeBackState.NOT_FOUND
        request = request_of(share)
        return (await sharing.look_up(request.number, request.transaction_id)).state is SharingState.NOT_FOUND

    async def _may_share(self, merchant_id: str) -> bool:
        try:
            sharing_of(await self._book.get(merchant_id, CHANNEL))
        except VendomatError as error:
            if error.code is not ErrorCode.METHOD_UNAVAILABLE:
                raise
            return False
        return True


def sharing_of(provider: Provider) -> ProfitSharing:
    """Raises `VendomatError(method_unavailable)` for an account that shares no profit."""
    sharing = provider.profit_sharing if isinstance(provider, SharesProfit) else None
    if sharing is None:
        raise VendomatError(
            ErrorCode.METHOD_UNAVAILABLE,
            "this account shares no profit; nothing changed. Switch it on under Ways to pay first",
        )
    return sharing


async def _lock_site(connection: asyncpg.Connection, merchant_id: str, site_id: str) -> None:
    """As for a payout by hand: the two take turns."""
    if await find_site(connection, merchant_id, site_id, is_locking=True) is None:
        raise no_site()


def _said(one: Agreement) -> State:
    shown = ("account", "kind", "receiver", "name", "ceiling_bp")
    return {name: str(value) if isinstance(value := getattr(one, name), ReceiverKind) else value for name in shown}


def _is_same(before: Agreement, wanted: Agreement) -> bool:
    same = ("channel", "account", "kind", "receiver", "name", "ceiling_bp")
    return before.is_sharing and all(getattr(before, name) == getattr(wanted, name) for name in same)
