"""Sites as people arrange them: create, rename, say who stands where from when, and what is agreed from when."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from vendomat.cloud.platform.database import Database
from vendomat.cloud.sites import store
from vendomat.cloud.sites.model import Rule, Site, Stay
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

LOOK_BACK_MAX = timedelta(days=731)


class Sites:
    """One merchant's sites."""

    def __init__(self, database: Database, ids: Ids, clock: Clock) -> None:
        self._database = database
        self._ids = ids
        self._clock = clock

    async def create(self, merchant_id: str, name: str, owner: str) -> Site:
        site = Site(self._ids.new("sit"), name, owner)
        await self._put(merchant_id, site)
        return site

    async def change(self, merchant_id: str, site: Site) -> Site:
        """Raises `VendomatError(not_found)`."""
        await self.site(merchant_id, site.site_id)
        await self._put(merchant_id, site)
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

    async def stay(self, merchant_id: str, stay: Stay) -> None:
        """From a day on the machine stands there. Raises `VendomatError(not_found)` for an unknown machine or site."""
        try:
            async with self._database.hot.acquire() as connection:
                await store.put_stay(connection, merchant_id, stay)
        except asyncpg.ForeignKeyViolationError as error:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine or site; nothing changed") from error

    async def agree(self, merchant_id: str, site_id: str, rule: Rule) -> None:
        """From a day on these terms hold. Raises `VendomatError` (not_found, invalid_value).

        Each month from the first terms on is stated, so a slip of the year would ask for hundreds of statements.
        """
        rule.terms.check()
        if rule.first_day < self._clock.now().date() - LOOK_BACK_MAX:
            raise VendomatError(
                ErrorCode.INVALID_VALUE,
                f"terms begin at most {LOOK_BACK_MAX.days} days back; nothing changed",
            )
        try:
            async with self._database.hot.acquire() as connection:
                await store.put_rule(connection, merchant_id, site_id, rule)
        except asyncpg.ForeignKeyViolationError as error:
            raise no_site() from error

    async def _put(self, merchant_id: str, site: Site) -> None:
        async with self._database.hot.acquire() as connection:
            await store.put_site(connection, merchant_id, site, self._clock.now())


def no_site() -> VendomatError:
    return VendomatError(ErrorCode.NOT_FOUND, "there is no such site; nothing changed")
