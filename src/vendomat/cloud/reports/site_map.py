"""Sites on a map: where each is, and the worst known of the machines that stand there today. Changes nothing."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel

from vendomat.cloud.machines import MachineState, offline_before
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.database import Database
from vendomat.cloud.reports.views import ConnectionState
from vendomat.cloud.sites import CoordinatesBody
from vendomat.kernel import Clock, ErrorCode, VendomatError

_MACHINES = f"""
SELECT k.site_id, m.machine_id, m.number, m.name_zh, m.name_en, coalesce(a.open, 0) AS open,
    coalesce(a.is_critical, false) AS is_critical,
    CASE WHEN m.state = '{MachineState.NEW.value}' THEN 'new'
        WHEN coalesce(l.seen_at < :offline_before, true) THEN 'offline'
        WHEN l.is_ready AND a.open IS NULL AND c.machine_id IS NULL AND m.state = '{MachineState.ENROLLED.value}'
            THEN 'online' ELSE 'attention' END AS state
FROM site_machine k JOIN merchant r USING (merchant_id) JOIN machine m USING (merchant_id, machine_id)
LEFT JOIN machine_live l USING (merchant_id, machine_id)
LEFT JOIN (SELECT machine_id, count(*) AS open, bool_or(severity = 'critical') AS is_critical FROM alarm
    WHERE merchant_id = :merchant_id AND state IN ('raised', 'acknowledged') GROUP BY 1) a USING (machine_id)
LEFT JOIN (SELECT DISTINCT machine_id FROM stock_slot
    WHERE merchant_id = :merchant_id AND closed_reason <> '') c USING (machine_id)
WHERE k.merchant_id = :merchant_id AND k.first_day <= (CAST(:now AS timestamptz) AT TIME ZONE r.time_zone)::date
    AND coalesce(k.last_day >= (CAST(:now AS timestamptz) AT TIME ZONE r.time_zone)::date, true)
"""
_SITES = f"""
WITH standing AS ({_MACHINES})
SELECT s.site_id AS id, s.name, s.address, s.latitude, s.longitude, count(k.machine_id) AS machines,
    count(*) FILTER (WHERE k.state = 'offline') AS offline, count(*) FILTER (WHERE k.state = 'attention') AS attention,
    coalesce(sum(k.open), 0)::bigint AS open_alarms, coalesce(bool_or(k.is_critical), false) AS is_critical
FROM site s LEFT JOIN standing k USING (site_id)
WHERE s.merchant_id = :merchant_id GROUP BY s.merchant_id, s.site_id ORDER BY s.name, s.site_id
"""
_ONE = "SELECT EXISTS (SELECT FROM site WHERE merchant_id = :merchant_id AND site_id = :site_id)"
_AT_SITE = f"{_MACHINES} AND k.site_id = :site_id ORDER BY m.number"


class MappedSiteView(BaseModel):
    """`machines` stand there today; of these `offline` are not heard and `attention` need somebody. `is_critical`: an
    open alarm is. Without `coordinates` the site is on no map yet."""

    id: str
    name: str
    address: str
    coordinates: CoordinatesBody | None
    machines: int
    offline: int
    attention: int
    open_alarms: int
    is_critical: bool


class SiteMapView(BaseModel):
    data: list[MappedSiteView]


class MappedMachineView(BaseModel):
    """A machine at a site; `state` as in the list of machines."""

    id: str
    number: str
    name_zh: str
    name_en: str
    state: ConnectionState
    open_alarms: int


class MappedMachinesView(BaseModel):
    data: list[MappedMachineView]


class SiteMap:
    """One merchant's sites. `heartbeat_s` decides what counts as online."""

    def __init__(self, database: Database, clock: Clock, *, heartbeat_s: float) -> None:
        self._database = database
        self._clock = clock
        self._heartbeat_s = heartbeat_s

    async def sites(self, merchant_id: str) -> list[MappedSiteView]:
        """By name."""
        async with self._database.merchant(merchant_id) as connection:
            found = (await connection.execute(sa.text(_SITES), self._values(merchant_id))).mappings().all()
        return [_site(row) for row in found]

    async def machines(self, merchant_id: str, site_id: str) -> list[MappedMachineView]:
        """By number. Raises `VendomatError(not_found)`."""
        values = self._values(merchant_id) | {"site_id": site_id}
        async with self._database.merchant(merchant_id) as connection:
            if not (await connection.execute(sa.text(_ONE), values)).scalar_one():
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such site")
            rows = (await connection.execute(sa.text(_AT_SITE), values)).mappings().all()
        return [
            MappedMachineView.model_validate({**row, "id": row["machine_id"], "open_alarms": row["open"]})
            for row in rows
        ]

    def _values(self, merchant_id: str) -> dict[str, object]:
        now = self._clock.now()
        return {"merchant_id": merchant_id, "now": now, "offline_before": offline_before(now, self._heartbeat_s)}


def _site(row: sa.RowMapping) -> MappedSiteView:
    where = {"latitude": row["latitude"], "longitude": row["longitude"]}
    return MappedSiteView.model_validate({**row, "coordinates": None if row["latitude"] is None else where})


def site_map_router(sites: SiteMap, current: CurrentOperator) -> APIRouter:
    """`/api/v1/site-map`: the sites, and the machines of one of them."""
    router = APIRouter(prefix="/api/v1/site-map", tags=["reports"])
    reading = permitted(current, Permission.FLEET_READ)

    @router.get("", operation_id="site_map.get")
    async def site_map(operator: Annotated[Operator, Depends(reading)]) -> SiteMapView:
        return SiteMapView(data=await sites.sites(operator.merchant_id))

    @router.get("/{site_id}", operation_id="site_map.machines")
    async def machines(
        site_id: Annotated[str, Path(pattern=r"^sit_[0-9a-z]{26}$")], operator: Annotated[Operator, Depends(reading)]
    ) -> MappedMachinesView:
        return MappedMachinesView(data=await sites.machines(operator.merchant_id, site_id))

    return router
