"""What a site's owner is shown. Each answer is one moment, read with rights to the person's own sites only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg

from vendomat.cloud.commission import (
    SiteStatementView,
    VerifiedView,
    file_of,
    issued_month,
    issued_to,
    owed_to,
    payouts_to,
    verified,
)
from vendomat.cloud.machines import is_online, offline_before
from vendomat.cloud.merchants import Operator
from vendomat.cloud.own_sites import store
from vendomat.cloud.own_sites.views import (
    MachineStanding,
    OwnMachineView,
    OwnSalesRowView,
    OwnSalesView,
    OwnSiteDetailView,
    OwnSitesView,
    OwnSiteView,
    OwnStatementView,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.sites import no_site
from vendomat.cloud.statistics import By, Wanted
from vendomat.kernel import Clock, ErrorCode, VendomatError

BYS = (By.DAY, By.MONTH, By.MACHINE)


class OwnSites:
    """One person's sites. `heartbeat_s` decides which machines count as there."""

    def __init__(self, database: Database, clock: Clock, *, heartbeat_s: float) -> None:
        self._database = database
        self._clock = clock
        self._heartbeat_s = heartbeat_s

    async def sites(self, person: Operator) -> OwnSitesView:
        async with self._opened(person) as connection:
            frame = await store.frame_of(connection, person.merchant_id, self._clock.now())
            rows = await self._rows(connection, person, frame)
            data = [await _site(connection, person, row) for row in rows]
        return OwnSitesView(**dict(frame), data=data)

    async def site(self, person: Operator, site_id: str) -> OwnSiteDetailView:
        """Raises `VendomatError(not_found)` for any that is not their own, as do all below."""
        now, merchant_id = self._clock.now(), person.merchant_id
        async with self._opened(person, site_id) as connection:
            frame = await store.frame_of(connection, merchant_id, now)
            (row,) = await self._rows(connection, person, frame, only=site_id)
            site = await _site(connection, person, row)
            fleet = await store.fleet_at(connection, (merchant_id, site_id), frame["today"])
            issued = await issued_to(connection, merchant_id, site_id)
            return OwnSiteDetailView(
                **site.model_dump(),
                **{name: frame[name] for name in ("currency", "time_zone", "today")},
                fleet=[
                    OwnMachineView(number=one["number"], first_day=one["first_day"], state=self._standing(one, now))
                    for one in fleet
                ],
                statements=[OwnStatementView.model_validate(one.model_dump()) for one in issued],
                payouts=await payouts_to(connection, merchant_id, site_id),
            )

    async def sales(self, person: Operator, wanted: Wanted) -> OwnSalesView:
        """`wanted` names a site, and days, months or machines."""
        site_id = wanted.site_id or ""
        if wanted.by not in BYS:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"sales of a site are told by {', '.join(BYS)}")
        async with self._opened(person, site_id) as connection:
            frame = await store.frame_of(connection, person.merchant_id, self._clock.now())
            rows = await store.sales_at(connection, (person.merchant_id, site_id), wanted)
        ours = [row for row in rows if row["currency"] == frame["currency"]]
        return OwnSalesView.model_validate(
            {
                "first": wanted.first,
                "last": wanted.last,
                "by": wanted.by.value,
                "currency": frame["currency"],
                "units": sum(row["units"] for row in ours),
                "gross_minor": sum(row["gross_minor"] for row in ours),
                "rows": [OwnSalesRowView(**dict(row)) for row in rows],
            }
        )

    async def statement(self, person: Operator, site_id: str, month: str) -> SiteStatementView:
        """What was issued; a preview is nobody's promise, and is not shown."""
        async with self._opened(person, site_id) as connection:
            return await issued_month(connection, (person.merchant_id, site_id), month)

    async def file(self, person: Operator, site_id: str, month: str, form: str) -> bytes:
        async with self._opened(person, site_id) as connection:
            return await file_of(connection, (person.merchant_id, site_id), month, form)

    async def verify(self, person: Operator, site_id: str, sha256: str) -> VerifiedView:
        """Which statement of this site a file belongs to."""
        async with self._opened(person, site_id) as connection:
            found = await verified(connection, person.merchant_id, sha256)
        if found.site_id != site_id:
            raise VendomatError(ErrorCode.NOT_FOUND, "this belongs to no statement that was issued to this site")
        return found

    @asynccontextmanager
    async def _opened(self, person: Operator, site_id: str | None = None) -> AsyncIterator[asyncpg.Connection]:
        """The database as this person sees it, once the site is known to be theirs."""
        async with self._database.site_owner(person.merchant_id, person.operator_id) as connection:
            if site_id is not None and not await store.is_own(connection, _key(person), site_id):
                raise no_site()
            yield connection

    async def _rows(
        self, connection: asyncpg.Connection, person: Operator, frame: asyncpg.Record, *, only: str = ""
    ) -> list[asyncpg.Record]:
        heard_since = offline_before(self._clock.now(), self._heartbeat_s)
        return await store.list_sites(
            connection, _key(person), today=frame["today"], heard_since=heard_since, only=only
        )

    def _standing(self, row: asyncpg.Record, now: datetime) -> MachineStanding:
        if not is_online(row["seen_at"], now, self._heartbeat_s):
            return "offline"
        return "selling" if row["is_ready"] else "not_selling"


def _key(person: Operator) -> tuple[str, str]:
    return person.merchant_id, person.operator_id


async def _site(connection: asyncpg.Connection, person: Operator, row: asyncpg.Record) -> OwnSiteView:
    return OwnSiteView(**dict(row), owed_minor=await owed_to(connection, person.merchant_id, row["id"]))
