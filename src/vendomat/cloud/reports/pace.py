"""The pace: what machines take in an hour like this one, from the sums of their own last four weeks.

A machine's pace is what it took in this hour of the day and the ones before and after it, over the days it is known,
by its own clock. One that is known for less than a week goes at the mean pace of its merchant's machines, and where
that is not known either, at one article of mean price an hour. Reads sums only, never sales: an expectation, no book.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.reports.causes import WHOLE_PPM, Basis, Expected

LOOKED_BACK = timedelta(days=28)
KNOWN_AFTER = timedelta(days=7)
HOURS_AROUND = 3
OWN: Final = "own"
OF_MERCHANT: Final = "merchant"
OF_PRICE: Final = "price"

_PACES = """
SELECT z.machine_id, min(h.hour) AS since, coalesce(sum(h.delivered_minor) FILTER (WHERE
    CAST(extract(hour FROM h.hour AT TIME ZONE z.zone)
        - extract(hour FROM CAST(:now AS timestamptz) AT TIME ZONE z.zone) + 25 AS integer) % 24 <= 2), 0)
    AS amount_minor
FROM (
    SELECT machine_id, time_zone AS zone FROM machine WHERE merchant_id = :merchant_id AND machine_id = ANY(:machines)
    UNION ALL SELECT '', time_zone FROM merchant WHERE merchant_id = :merchant_id
) z
JOIN vend_hour h ON h.merchant_id = :merchant_id AND h.machine_id = z.machine_id AND h.hour > :since
GROUP BY z.machine_id
"""
_PRICES = """
SELECT CAST(avg(price_minor) AS bigint) AS price_minor FROM product WHERE merchant_id = :merchant_id
"""
_SHARES = f"""
WITH place AS (
    SELECT p.machine_id, p.slot, p.product_id, count(*) OVER (PARTITION BY p.machine_id) AS slots,
        count(*) OVER (PARTITION BY p.machine_id, p.product_id) AS same
    FROM planogram_slot p WHERE p.merchant_id = :merchant_id AND p.machine_id = ANY(:machines)
), sold AS (
    SELECT machine_id, product_id, sum(greatest(amount_minor, 0)) AS amount_minor,
        sum(sum(greatest(amount_minor, 0))) OVER (PARTITION BY machine_id) AS machine_minor
    FROM sales_day WHERE merchant_id = :merchant_id AND machine_id = ANY(:machines) AND day > :since AND kind = 'sold'
    GROUP BY machine_id, product_id
)
SELECT p.machine_id, p.slot,
    CAST(CASE WHEN t.machine_minor > 0 THEN {WHOLE_PPM} * coalesce(s.amount_minor, 0) / t.machine_minor / p.same
        ELSE {WHOLE_PPM} / p.slots END AS bigint) AS share_ppm
FROM place p
LEFT JOIN sold s ON s.machine_id = p.machine_id AND s.product_id = p.product_id
LEFT JOIN (SELECT DISTINCT machine_id, machine_minor FROM sold) t ON t.machine_id = p.machine_id
"""
_STOPPED = """
SELECT machine_id, slot, closed_reason <> '' AS is_closed FROM stock_slot
WHERE merchant_id = :merchant_id AND machine_id = ANY(:machines) AND (closed_reason <> '' OR on_hand <= reserved)
"""
Shares = Mapping[str, Mapping[str, int]]
"""By machine and slot, the part of the machine's takings in millionths."""


async def expected_takings(
    connection: AsyncConnection, merchant_id: str, machine_ids: Iterable[str], *, machines: int, now: datetime
) -> dict[str, Expected]:
    """By machine; '' is the whole merchant with its `machines`."""
    wanted = sorted(set(machine_ids))
    values = {"merchant_id": merchant_id, "machines": wanted, "now": now, "since": now - LOOKED_BACK}
    rows = (await connection.execute(sa.text(_PACES), values)).mappings().all()
    known = {row["machine_id"]: _pace(row, now) for row in rows if now - row["since"] >= KNOWN_AFTER}
    whole = known.get("")
    if whole is not None:
        each = Expected(whole // max(1, machines), OF_MERCHANT)
        basis: Basis = OWN
    else:
        price = await connection.execute(sa.text(_PRICES), {"merchant_id": merchant_id})
        each = Expected(int(price.scalar() or 0), OF_PRICE)
        whole, basis = each.minor_per_hour * machines, OF_PRICE
    paces = {one: Expected(known[one], OWN) if one in known else each for one in wanted}
    return paces | {"": Expected(whole, basis)}


async def slot_shares(
    connection: AsyncConnection, merchant_id: str, machine_ids: Iterable[str], *, now: datetime
) -> dict[str, dict[str, int]]:
    """What each slot of these machines is of its machine's takings. Without sales of its own a machine's slots share
    alike."""
    shares: dict[str, dict[str, int]] = {machine_id: {} for machine_id in machine_ids}
    values = {"merchant_id": merchant_id, "machines": sorted(shares), "since": (now - LOOKED_BACK).date()}
    for machine_id, slot, share_ppm in await connection.execute(sa.text(_SHARES), values):
        shares[machine_id][slot] = share_ppm
    return shares


async def stopped_shares(connection: AsyncConnection, merchant_id: str, shares: Shares) -> dict[tuple[str, str], int]:
    """Of each slot of these machines that sells nothing because it is closed, its share; under (machine, ''), that of
    all its slots that are only empty."""
    stopped: dict[tuple[str, str], int] = {}
    values = {"merchant_id": merchant_id, "machines": sorted(shares)}
    for machine_id, slot, is_closed in await connection.execute(sa.text(_STOPPED), values):
        if slot in shares[machine_id]:
            place = (machine_id, slot if is_closed else "")
            stopped[place] = stopped.get(place, 0) + shares[machine_id][slot]
    return stopped


def _pace(row: sa.RowMapping, now: datetime) -> int:
    """Minor units an hour, over the days it is known, the begun ones whole."""
    days: int = max(1, -(-(now - row["since"]) // timedelta(days=1)))
    return int(row["amount_minor"]) // (HOURS_AROUND * min(days, LOOKED_BACK.days))
