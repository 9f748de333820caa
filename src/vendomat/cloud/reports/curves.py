"""A machine's last hours as curves: how warm it was, how much of the time it was heard, what it sold in each hour.

Read from the samples of its days and the sums of its sales; what nobody looked at stays empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from vendomat.cloud.machines import SAMPLES_A_DAY, SAMPLES_STEP
from vendomat.cloud.platform.database import Database
from vendomat.cloud.reports.machine_views import CurvesView, HourSalesView
from vendomat.kernel import Clock, ErrorCode, VendomatError

FINE_HOURS = 24
_MACHINE = (
    "SELECT r.currency FROM machine m JOIN merchant r USING (merchant_id) "
    "WHERE m.merchant_id = :merchant_id AND m.machine_id = :machine_id"
)
_DAYS = (
    "SELECT day, decidegrees, heard_percent FROM machine_day "
    "WHERE merchant_id = :merchant_id AND machine_id = :machine_id AND day >= CAST(:since AS date)"
)
_SALES = """
SELECT s.hour AT TIME ZONE r.time_zone AS at, sum(s.units_sold) AS units, sum(s.gross_minor) AS gross_minor
FROM merchant r JOIN sale_hour s ON s.merchant_id = r.merchant_id AND s.currency = r.currency
WHERE r.merchant_id = :merchant_id AND s.machine_id = :machine_id
    AND s.hour >= CAST(:since AS timestamptz) AT TIME ZONE r.time_zone
GROUP BY 1 ORDER BY 1
"""

Samples = Sequence[int | None]
Days = Mapping[date, tuple[Samples, Samples]]
"""By day of UTC: tenths of degrees, and percent heard."""


class CurveReport:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def of_machine(self, merchant_id: str, machine_id: str, *, hours: int) -> CurvesView:
        """The last `hours`, of a day in full detail, of more by the hour. Raises `VendomatError(not_found)`."""
        step = SAMPLES_STEP if hours <= FINE_HOURS else timedelta(hours=1)
        newest = self._clock.now() - SAMPLES_STEP
        began = _floor(newest, step) + step - timedelta(hours=hours)
        values = {"merchant_id": merchant_id, "machine_id": machine_id, "since": began}
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            currency = (await connection.execute(sa.text(_MACHINE), values)).scalar_one_or_none()
            if currency is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine")
            rows = (await connection.execute(sa.text(_DAYS), values | {"since": began.date()})).all()
            sales = (await connection.execute(sa.text(_SALES), values)).all()
        days: Days = {row.day: (row.decidegrees, row.heard_percent) for row in rows}
        steps = [began + n * step for n in range(timedelta(hours=hours) // step)]
        warmth = [list(_said(days, 0, at, step)) for at in steps]
        heard = [list(_said(days, 1, at, step)) for at in steps]
        return CurvesView(
            starts_at=began,
            step_s=int(step.total_seconds()),
            low_c=[min(found) / 10 if found else None for found in warmth],
            high_c=[max(found) / 10 if found else None for found in warmth],
            heard_percent=[round(sum(found) / len(found)) if found else None for found in heard],
            sales=[HourSalesView(at=row.at, units=row.units, gross_minor=int(row.gross_minor)) for row in sales],
            currency=currency,
        )


def _floor(moment: datetime, step: timedelta) -> datetime:
    return moment - (moment - datetime.min.replace(tzinfo=UTC)) % step


def _said(days: Days, which: int, begins: datetime, step: timedelta) -> Iterator[int]:
    """The samples that were taken within a step; one that nobody took is left out."""
    for n in range(step // SAMPLES_STEP):
        at = begins + n * SAMPLES_STEP
        samples = days.get(at.date(), ((), ()))[which]
        place = (at - datetime.combine(at.date(), datetime.min.time(), UTC)) // SAMPLES_STEP
        assert place < SAMPLES_A_DAY, "a day has no more samples"
        value = samples[place] if place < len(samples) else None
        if value is not None:
            yield value
