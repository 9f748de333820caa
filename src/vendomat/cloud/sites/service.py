"""Sites as people arrange them: create, rename, say who stands where from when, and what is agreed from when.

Each change stands in the merchant's change log, written with it.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import asyncpg

from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.merchants import Operator
from vendomat.cloud.platform.database import Database
from vendomat.cloud.sites import store
from vendomat.cloud.sites.model import Rule, Site, Stay
from vendomat.kernel import Clock, ErrorCode, VendomatError, derive_id

LOOK_BACK_MAX = timedelta(days=731)


class Sites:
    """One merchant's sites."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(self, operator: Operator, name: str, owner: str, *, request_key: str) -> Site:
        """The same request again gives the same site: its number follows from it."""
        site = Site(derive_id("sit", operator.merchant_id, request_key, name, owner), name, owner)
        async with self._database.hot.acquire() as connection, connection.transaction():
            if await store.find_site(connection, operator.merchant_id, site.site_id, is_locking=True) is not None:
                return site
            await store.put_site(connection, operator.merchant_id, site, self._clock.now())
            await self._note(connection, operator, "site.created", site.site_id, after=_said(site))
        return site

    async def change(self, operator: Operator, site: Site) -> Site:
        """Raises `VendomatError` (not_found, invalid_value)."""
        site = site.check()
        merchant_id = operator.merchant_id
        async with self._database.hot.acquire() as connection, connection.transaction():
            before = await store.find_site(connection, merchant_id, site.site_id, is_locking=True)
            if before is None:
                raise no_site()
            if site != before:
                await store.put_site(connection, merchant_id, site, self._clock.now())
                await self._note(
                    connection, operator, "site.changed", site.site_id, before=_said(before), after=_said(site)
                )
        return site

    async def site(self, merchant_id: str, site_id: str) -> Site:
        """Raises `VendomatError(not_found)`."""
        async with self._database.hot.acquire() as connection:
            found = await store.find_site(connection, merchant_id, site_id)
        if found is None:
            raise no_site()
        return found

    async def sites(self, merchant_id: str) -> list[asyncpg.Record]:
        async with self._database.hot.acquire() as connection:
            return await store.list_sites(connection, merchant_id)

    async def arrangement(self, merchant_id: str, site_id: str) -> tuple[Site, list[Stay], list[Rule]]:
        """The site, all stays of its machines, and its rules. Raises `VendomatError(not_found)`."""
        async with self._database.hot.acquire() as connection:
            found = await store.find_site(connection, merchant_id, site_id)
            if found is None:
                raise no_site()
            stays = await store.stays_of(connection, merchant_id, site_id)
            return found, stays, await store.rules_of(connection, merchant_id, site_id)

    async def stay(self, operator: Operator, stay: Stay) -> None:
        """From a day on the machine stands there. Raises `VendomatError(not_found)` for an unknown machine or site."""
        said = {"machine_id": stay.machine_id, "first_day": stay.first_day, "site_id": stay.site_id}
        try:
            async with self._database.hot.acquire() as connection, connection.transaction():
                await store.put_stay(connection, operator.merchant_id, stay)
                await self._note(
                    connection, operator, "site.machine_placed", stay.site_id or stay.machine_id, after=said
                )
        except asyncpg.ForeignKeyViolationError as error:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine or site; nothing changed") from error

    async def agree(self, operator: Operator, site_id: str, rule: Rule) -> None:
        """From a day on these terms hold. Raises `VendomatError` (not_found, invalid_value).

        Each month from the first terms on is stated, so a slip of the year would ask for hundreds of statements.
        """
        rule.terms.check()
        if rule.first_day < self._clock.now().date() - LOOK_BACK_MAX:
            raise VendomatError(
                ErrorCode.INVALID_VALUE,
                f"terms begin at most {LOOK_BACK_MAX.days} days back; nothing changed",
            )
        merchant_id = operator.merchant_id
        try:
            async with self._database.hot.acquire() as connection, connection.transaction():
                known = {one.first_day: one for one in await store.rules_of(connection, merchant_id, site_id)}
                before = known.get(rule.first_day)
                await store.put_rule(connection, merchant_id, site_id, rule)
                await self._note(
                    connection,
                    operator,
                    "site.terms_agreed",
                    site_id,
                    before=None if before is None else asdict(before),
                    after=asdict(rule),
                )
        except asyncpg.ForeignKeyViolationError as error:
            raise no_site() from error

    async def _note(
        self,
        connection: asyncpg.Connection,
        operator: Operator,
        action: str,
        subject: str,
        *,
        before: State | None = None,
        after: State,
    ) -> None:
        change = Change(
            merchant_id=operator.merchant_id,
            actor=operator.operator_id,
            action=action,
            subject=subject,
            at=self._clock.now(),
            before=before,
            after=after,
        )
        await note_change(connection, change)


def _said(site: Site) -> State:
    said = {"name": site.name, "owner": site.owner, "address": site.address, "opening": store.kept_of(site.opening)}
    return said | ({} if site.coordinates is None else {"coordinates": asdict(site.coordinates)})


def no_site() -> VendomatError:
    return VendomatError(ErrorCode.NOT_FOUND, "there is no such site; nothing changed")
