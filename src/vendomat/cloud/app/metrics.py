"""`GET /metrics`: how this worker and the whole estate are doing, in Prometheus' text form.

What stands in rows is counted when it is asked for (at most every few seconds), each by an index of its own; no label
names a machine or a merchant. Refuses to guess: figures that could not be read are absent, and `vendomat_sampled` is 0.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import structlog
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, Histogram, generate_latest

from vendomat.cloud.platform.database import QUERY_FAILURES, Database
from vendomat.kernel import Clock

SAMPLED_EVERY = timedelta(seconds=5)
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
BATCH_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

Sample = Callable[[], Awaitable[None]]
log = structlog.get_logger("metrics")

_ONE_ROW = """
SELECT (SELECT count(*) FROM sale_order WHERE state = 'awaiting_payment' AND closing = '') AS awaiting_payment,
    r.refunds, coalesce(extract(epoch FROM $1::timestamptz - r.oldest), 0) AS refund_age_s,
    a.unresolved, a.unresolved_minor, l.facts_waiting, l.facts_waiting_max, s.in_time, s.late, s.missed
FROM (SELECT count(*) AS refunds, min(requested_at) AS oldest FROM refund WHERE next_try_at IS NOT NULL) r,
    (SELECT count(*) AS unresolved, coalesce(sum(price_minor), 0) AS unresolved_minor FROM ambiguity
        WHERE finding = 'none') a,
    (SELECT coalesce(sum(facts_waiting), 0) AS facts_waiting, coalesce(max(facts_waiting), 0) AS facts_waiting_max
        FROM machine_live) l,
    (SELECT coalesce(sum(in_time), 0) AS in_time, coalesce(sum(late), 0) AS late, coalesce(sum(missed), 0) AS missed
        FROM settlement_slot WHERE slot_at > $1::timestamptz - interval '24 hours') s
"""
_PAID = """
SELECT o.state, count(*) FROM settlement_order s JOIN sale_order o USING (merchant_id, order_id)
WHERE s.settled_at IS NULL AND o.ended_at IS NULL GROUP BY o.state
"""
_COMMANDS = "SELECT state, count(*) FROM command WHERE state <> 'done' GROUP BY state"


class Metrics:
    """The worker's figures. `batch(name)` gives what a batcher tells its batches to."""

    def __init__(self, registry: CollectorRegistry, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._sampled_at = clock.now() - SAMPLED_EVERY

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"vendomat_{name}", text, labels, registry=registry)

        self._sampled = gauge("sampled", "1 when the figures of the database are fresh, 0 when they could not be read")
        self._orders = gauge("orders_open", "Orders that have not ended, by state", "state")
        self._commands = gauge("commands_in_flight", "Commands that are not done, by state", "state")
        self._plain = {
            "refunds": gauge("refunds_open", "Refunds under way"),
            "refund_age_s": gauge("refund_oldest_age_seconds", "Age of the oldest refund under way"),
            "unresolved": gauge("ambiguous_units_unresolved", "Ambiguous units nobody has judged"),
            "unresolved_minor": gauge("ambiguous_minor_unresolved", "Their prices, in minor units of any currency"),
            "facts_waiting": gauge("facts_waiting", "Facts that machines have not yet handed over, as they said last"),
            "facts_waiting_max": gauge("facts_waiting_max", "The most that one machine has waiting"),
        }
        self._unknown = gauge("units_unknown_open", "Units nobody can say anything about yet")
        self._settled = gauge("settlement_orders_24h", "Orders of the last 24 hours by the objective", "verdict")
        self._pool = gauge("database_connections", "Connections of the sale's pool", "use")
        self._sizes = Histogram(
            "vendomat_batch_items", "Items written at once", ("batch",), buckets=BATCH_SIZES, registry=registry
        )
        self._seconds = Histogram(
            "vendomat_batch_seconds", "Time a batch took", ("batch",), buckets=BATCH_SECONDS, registry=registry
        )

    def batch(self, name: str) -> Callable[[int, float], None]:
        """`told(items, seconds)` for the batcher of this name."""
        sizes, seconds = self._sizes.labels(name), self._seconds.labels(name)

        def told(items: int, took_s: float) -> None:
            sizes.observe(items)
            seconds.observe(took_s)

        return told

    async def sample(self) -> None:
        """Read the rows' figures, unless that was done a moment ago."""
        pool, now = self._database.hot, self._clock.now()
        self._pool.labels("idle").set(pool.get_idle_size())
        self._pool.labels("busy").set(pool.get_size() - pool.get_idle_size())
        if now < self._sampled_at + SAMPLED_EVERY:
            return
        self._sampled_at = now
        try:
            async with pool.acquire(timeout=3) as connection:
                row = await connection.fetchrow(_ONE_ROW, now)
                paid = dict(await connection.fetch(_PAID))
                commands = dict(await connection.fetch(_COMMANDS))
        except QUERY_FAILURES as error:
            log.warning("metrics.not_sampled", error=repr(error))
            self._sampled.set(0)
            return
        self._set(row, paid, commands)

    def _set(self, row: asyncpg.Record, paid: dict[str, int], commands: dict[str, int]) -> None:
        for state, count in {"awaiting_payment": row["awaiting_payment"], "paid": 0, "dispensing": 0, **paid}.items():
            self._orders.labels(state).set(count)
        for state, count in {"queued": 0, "fencing": 0, "waiting": 0, **commands}.items():
            self._commands.labels(state).set(count)
        for name, one in self._plain.items():
            one.set(float(row[name]))
        self._unknown.set(commands.get("fencing", 0) + commands.get("waiting", 0))
        for verdict in ("in_time", "late", "missed"):
            self._settled.labels(verdict).set(row[verdict])
        self._sampled.set(1)


def metrics_router(registry: CollectorRegistry, sample: Sample | None = None) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        if sample is not None:
            await sample()
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
