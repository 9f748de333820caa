"""How the time in which products could be sold is read, beside what they sold in it."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.statistics.model import Wanted
from vendomat.cloud.statistics.store import NEWER

_BOUNDS = """
SELECT greatest(CAST(:begins AS timestamp), date_trunc('hour', CAST(:first_at AS timestamptz) AT TIME ZONE m.time_zone)
        + interval '1 hour') AS begins,
    least(CAST(:ends AS timestamp), date_trunc('hour', w.at AT TIME ZONE m.time_zone)) AS ends
FROM merchant m, slot_watch w WHERE m.merchant_id = :merchant_id
"""
_FIRST_LOOK = "SELECT min(since) FROM slot_span WHERE merchant_id = :merchant_id"
_TIMES = """
SELECT k.product_id, k.state, CAST(extract(epoch FROM sum(least(coalesce(k.until, b.ends_at), b.ends_at)
    - greatest(k.since, b.begins_at))) AS double precision) AS seconds
FROM slot_span k, (SELECT CAST(:begins AS timestamp) AT TIME ZONE m.time_zone AS begins_at,
    CAST(:ends AS timestamp) AT TIME ZONE m.time_zone AS ends_at FROM merchant m WHERE m.merchant_id = :merchant_id) b
WHERE k.merchant_id = :merchant_id AND coalesce(k.until, b.ends_at) > b.begins_at AND k.since < b.ends_at {where}
GROUP BY 1, 2
"""
_SOLD = f"""
SELECT s.product_id, CAST(sum(s.units_sold) AS bigint) AS units FROM (
    SELECT machine_id, product_id, units_sold FROM sale_hour
    WHERE merchant_id = :merchant_id AND hour >= :begins AND hour < :days {{of_machine}}
    UNION ALL
    SELECT '', key, units_sold FROM sale_sum WHERE merchant_id = :merchant_id AND span = 'day' AND by = 'product'
        AND starts_at >= :days AND starts_at < :after_days
    UNION ALL
    SELECT machine_id, product_id, units_sold FROM sale_hour
    WHERE merchant_id = :merchant_id AND hour >= :after_days AND hour < :ends {{of_machine}}
    UNION ALL
    SELECT machine_id, product_id, units_sold FROM {NEWER} WHERE hour >= :begins AND hour < :ends {{of_machine}}
) s GROUP BY 1
"""
"""Whole days from their sums, and the hours before and after them; of one machine, hours alone."""
_PRICES = "SELECT product_id, name_zh, name_en, price_minor FROM product WHERE merchant_id = :merchant_id"


async def read_first_look(connection: AsyncConnection, merchant_id: str) -> datetime | None:
    """When a slot of the merchant's was first looked at."""
    found: datetime | None = (await connection.execute(sa.text(_FIRST_LOOK), {"merchant_id": merchant_id})).scalar()
    return found


async def read_bounds(
    connection: AsyncConnection, merchant_id: str, wanted: Wanted, first_at: datetime
) -> sa.RowMapping | None:
    """The whole hours of `wanted`, not before `first_at`, in which slots were looked at, by the merchant's clock; None
    before any look."""
    values = {"merchant_id": merchant_id, "begins": wanted.begins, "ends": wanted.ends, "first_at": first_at}
    return (await connection.execute(sa.text(_BOUNDS), values)).mappings().one_or_none()


async def read_times(
    connection: AsyncConnection, merchant_id: str, begins: datetime, ends: datetime, *, machine_id: str | None
) -> list[sa.RowMapping]:
    """Seconds by product and state of its slots."""
    where = "AND k.machine_id = :machine_id" if machine_id is not None else ""
    values = {"merchant_id": merchant_id, "begins": begins, "ends": ends}
    if machine_id is not None:
        values["machine_id"] = machine_id
    return list((await connection.execute(sa.text(_TIMES.replace("{where}", where)), values)).mappings())


async def read_sold(
    connection: AsyncConnection,
    merchant_id: str,
    begins: datetime,
    ends: datetime,
    *,
    machine_id: str | None,
    newer: str,
) -> dict[str, int]:
    """Units sold by product."""
    days, after_days = _midnight_from(begins), ends.replace(hour=0)
    if machine_id is not None or days >= after_days:
        days = after_days = ends
    values = {"merchant_id": merchant_id, "begins": begins, "ends": ends, "newer": newer}
    values |= {"days": days, "after_days": after_days}
    if machine_id is not None:
        values["machine_id"] = machine_id
    of_machine = "AND machine_id = :machine_id" if machine_id is not None else ""
    rows = await connection.execute(sa.text(_SOLD.format(of_machine=of_machine)), values)
    return {row["product_id"]: row["units"] for row in rows.mappings()}


def _midnight_from(at: datetime) -> datetime:
    """The first midnight at `at`, a whole hour, or after."""
    return at if at.hour == 0 else at.replace(hour=0) + timedelta(days=1)


async def read_products(connection: AsyncConnection, merchant_id: str) -> dict[str, sa.RowMapping]:
    """Names and list prices by product."""
    rows = await connection.execute(sa.text(_PRICES), {"merchant_id": merchant_id})
    return {row["product_id"]: row for row in rows.mappings()}
