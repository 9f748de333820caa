"""Standing alarms: what is wrong for as long as rows say so. Raised and cleared by looking, not by events.

A round compares what is wrong now with the alarms that are open: new ones are raised once, and those whose cause is
gone are cleared after they have stood for a while, so that a machine that comes and goes makes one alarm and no storm.
Many machines of a merchant away at once are one alarm. Decides nothing about money or goods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog

from vendomat.cloud.alarms import AlarmRow, OpenAlarm, Severity, clear_alarms, find_open_alarms, raise_alarms
from vendomat.cloud.platform.connection import MachineWire
from vendomat.cloud.platform.database import QUERY_FAILURES, Database
from vendomat.cloud.platform.locks import Lock, takes
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import Clock, Ids

ROUND_S = 10.0
PAYMENT_UNKNOWN_S = 600.0
REFUND_OPEN_S = 3600.0
BEATS_MISSED_MAX = 3
MACHINES_NAMED_MAX = 20
"""More machines of one merchant away at once are told in one alarm."""

_OFFLINE, _MANY_OFFLINE = "machine.offline", "machines.offline"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Watch:
    """`query` gives (merchant_id, machine_id, order_id, detail) of what has been wrong since before its $1, which lies
    `age_s` back. `is_raised_here` false: a fact raises it, and only its end is found here. `stays_s`: it is not cleared
    sooner."""

    kind: str
    severity: Severity
    query: str
    age_s: Callable[[CloudSettings], float] = lambda _: 0.0
    is_raised_here: bool = True
    stays_s: float = 0.0


_OF_ORDER = "JOIN sale_order o ON (o.merchant_id, o.order_id) = (x.merchant_id, x.order_id)"
_BY_MACHINE = "GROUP BY x.merchant_id, o.machine_id"
_WATCHES = (
    _Watch(
        "payment_unknown",
        Severity.WARNING,
        "SELECT x.merchant_id, o.machine_id, min(x.order_id), count(*) || ' payments: paid or not is not known' "
        f"FROM payment x {_OF_ORDER} WHERE x.next_try_at IS NOT NULL AND x.state <> 'held' AND x.expires_at < $1 "
        f"{_BY_MACHINE}",
        age_s=lambda settings: PAYMENT_UNKNOWN_S + settings.platform_expiry_margin_s,
    ),
    _Watch(
        "hold_open",
        Severity.CRITICAL,
        "SELECT x.merchant_id, o.machine_id, min(x.order_id), count(*) || ' holds: neither taken nor given up' "
        f"FROM payment x {_OF_ORDER} WHERE x.next_try_at IS NOT NULL AND x.state = 'held' AND x.expires_at < $1 "
        f"{_BY_MACHINE}",
        age_s=lambda _: PAYMENT_UNKNOWN_S,
    ),
    _Watch(
        "refund_open",
        Severity.CRITICAL,
        "SELECT x.merchant_id, o.machine_id, min(x.order_id), count(*) || ' refunds under way' FROM refund x "
        f"{_OF_ORDER} WHERE x.state NOT IN ('succeeded', 'failed') AND x.requested_at < $1 {_BY_MACHINE}",
        age_s=lambda _: REFUND_OPEN_S,
    ),
    _Watch(
        "refund_stuck",
        Severity.WARNING,
        f"SELECT x.merchant_id, o.machine_id, min(x.order_id), '' FROM refund x {_OF_ORDER} "
        "WHERE x.requested_at <= $1 AND x.state <> 'succeeded' AND x.error <> '' AND (x.state <> 'failed' "
        "OR x.asked_by = '' AND NOT EXISTS (SELECT FROM refund n WHERE n.merchant_id = x.merchant_id "
        "AND n.payment_id = x.payment_id "
        f"AND n.asked_by = '' AND (n.ordinal > x.ordinal OR n.state <> 'failed'))) {_BY_MACHINE}",
        is_raised_here=False,
    ),
    _Watch(
        "refund_held",
        Severity.CRITICAL,
        f"SELECT x.merchant_id, o.machine_id, min(x.order_id), '' FROM refund x {_OF_ORDER} "
        f"WHERE x.requested_at <= $1 AND x.state = 'held' {_BY_MACHINE}",
        is_raised_here=False,
    ),
    _Watch(
        "payment_mismatch",
        Severity.CRITICAL,
        f"SELECT x.merchant_id, o.machine_id, min(x.order_id), '' FROM payment x {_OF_ORDER} WHERE x.paid_at <= $1 "
        f"AND x.is_frozen AND x.captured_minor > 0 AND x.verdict NOT IN ('given_back', 'kept') {_BY_MACHINE}",
        is_raised_here=False,
    ),
    _Watch(
        "channel_away",
        Severity.CRITICAL,
        "SELECT merchant_id, '', '', string_agg(channel, ', ' ORDER BY channel) FROM payment_account "
        "WHERE is_active AND away_since <= $1 GROUP BY merchant_id",
    ),
    _Watch(
        _OFFLINE,
        Severity.WARNING,
        "SELECT merchant_id, machine_id, '', coalesce('not heard of since ' || to_char(seen_at AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD HH24:MI:SS') || ' UTC', 'not heard of') FROM machine m LEFT JOIN machine_live l "
        "USING (merchant_id, machine_id) WHERE m.state = 'enrolled' AND m.epoch > 0 "
        "AND (l.seen_at IS NULL OR l.seen_at < $1)",
        age_s=lambda settings: BEATS_MISSED_MAX * settings.heartbeat_s,
        stays_s=60.0,
    ),
    _Watch(
        "machine.temperature",
        Severity.CRITICAL,
        "SELECT merchant_id, machine_id, '', coalesce(round(CAST(l.temperature_c AS numeric), 1) || ' °C', '? °C') "
        "|| ' (' || m.temperature_low_c || ' … ' || m.temperature_high_c || ' °C)' FROM machine m "
        "JOIN machine_live l USING (merchant_id, machine_id) WHERE m.state = 'enrolled' "
        "AND m.temperature_high_c IS NOT NULL "
        "AND l.off_band_since <= $1::timestamptz - make_interval(secs => m.temperature_after_s)",
        stays_s=60.0,
    ),
)
_KINDS = {watch.kind: watch for watch in _WATCHES} | {
    _MANY_OFFLINE: _Watch(_MANY_OFFLINE, Severity.CRITICAL, "", stays_s=60.0)
}


class StandingAlarms:
    """One per worker; only one of them looks at a time."""

    def __init__(
        self, database: Database, wire: MachineWire, *, settings: CloudSettings, clock: Clock, ids: Ids
    ) -> None:
        self._database = database
        self._wire = wire
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._listening_since_s: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(ROUND_S)
            try:
                await self.look()
            except QUERY_FAILURES as error:
                _log.warning("standing alarms could not be looked at; trying again", error=repr(error))

    async def look(self) -> None:
        """One round."""
        await self._database.write(self._look)

    async def _look(self, connection: asyncpg.Connection) -> None:
        if not await takes(connection, Lock.STANDING_ALARMS):
            return
        now = self._clock.now()
        may_judge_machines = self._may_judge_machines()
        wrong: dict[tuple[str, str, str], AlarmRow] = {}
        for watch in _WATCHES:
            if watch.kind != _OFFLINE or may_judge_machines:
                found = await connection.fetch(watch.query, now - timedelta(seconds=watch.age_s(self._settings)))
                rows = [AlarmRow(row[0], row[1], watch.kind, watch.severity, now, "", row[2], row[3]) for row in found]
                wrong |= {(row.merchant_id, row.machine_id, row.kind): row for row in _gathered(rows)}
        standing = await find_open_alarms(connection, sorted(_KINDS))
        known = {alarm.key for alarm in standing}
        new = [row for key, row in wrong.items() if key not in known and _KINDS[row.kind].is_raised_here]
        await raise_alarms(connection, new, ids=self._ids)
        gone = [a for a in standing if a.key not in wrong and _may_clear(a, now, may_judge_machines=may_judge_machines)]
        await clear_alarms(connection, gone, at=now)

    def _may_judge_machines(self) -> bool:
        """Whether silence is the machines' own: this worker has been able to hear them for long enough."""
        elapsed_s = self._clock.elapsed()
        if not self._wire.is_connected:
            self._listening_since_s = None
            return False
        if self._listening_since_s is None:
            self._listening_since_s = elapsed_s
        return elapsed_s - self._listening_since_s >= BEATS_MISSED_MAX * self._settings.heartbeat_s


def _gathered(rows: Sequence[AlarmRow]) -> list[AlarmRow]:
    """Machines away, one by one, or as one when they are many of a merchant."""
    counts: dict[str, list[AlarmRow]] = {}
    for row in rows:
        counts.setdefault(row.merchant_id, []).append(row)
    gathered: list[AlarmRow] = []
    for merchant_id, mine in counts.items():
        if mine[0].kind == _OFFLINE and len(mine) > MACHINES_NAMED_MAX:
            said = f"{len(mine)} machines are not heard of"
            gathered.append(AlarmRow(merchant_id, "", _MANY_OFFLINE, Severity.CRITICAL, mine[0].at, detail=said))
        else:
            gathered += mine
    return gathered


def _may_clear(alarm: OpenAlarm, now: datetime, *, may_judge_machines: bool) -> bool:
    if alarm.kind in (_OFFLINE, _MANY_OFFLINE) and not may_judge_machines:
        return False
    return now >= alarm.raised_at + timedelta(seconds=_KINDS[alarm.kind].stays_s)
