"""A town at rest: waiting until nothing is open any more, and what it then leaves behind for an audit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from vendomat.kernel import SystemClock
from vendomat.simulator.town.town import Town

REST_S = 180.0
HEARD_BEFORE_S = 15.0

_OPEN = """
SELECT (SELECT count(*) FROM sale_order WHERE state NOT IN ('settled', 'expired', 'cancelled'))
     + (SELECT count(*) FROM payment WHERE state NOT IN ('paid', 'closed'))
     + (SELECT count(*) FROM refund WHERE state NOT IN ('succeeded', 'failed'))
     + (SELECT count(*) FROM command WHERE state <> 'done')
     + (SELECT coalesce(sum(facts_waiting), 0) FROM machine_live)
     + (SELECT count(*) FROM machine WHERE state = 'enrolled' AND NOT EXISTS (SELECT FROM machine_live l
        WHERE l.machine_id = machine.machine_id AND l.seen_at > greatest($1, now() - interval '15 s')))
"""


@dataclass(frozen=True)
class LeftBehind:
    """What a town at rest leaves for an audit: its database, its machines' folder, the platforms' books by channel."""

    database_url: str
    machines: Path
    books: Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """What an audit found."""

    violations: int
    breaches: Sequence[str]
    not_checked: Sequence[str]


Judge = Callable[[LeftBehind], Awaitable[Verdict]]
"""The audit, handed in from above: a world must not choose its own judge."""


async def come_to_rest(
    town: Town, waiting: Callable[[int], None] = lambda _: None, *, heard_before_s: float = HEARD_BEFORE_S
) -> int:
    """Wait until nothing is open any more; how much still is when patience ends.

    Each machine must have been heard lately: at most `heard_before_s` before the rest began.
    """
    clock = SystemClock()
    until = clock.elapsed() + REST_S
    connection = await connect(town)
    try:
        began_at = await connection.fetchval("SELECT now() - $1::float8 * interval '1 s'", heard_before_s)
        while True:
            still_open = int(await connection.fetchval(_OPEN, began_at))
            if still_open == 0 or clock.elapsed() > until:
                return still_open
            waiting(still_open)
            await clock.sleep(1.0)
    finally:
        await connection.close()


async def connect(town: Town) -> asyncpg.Connection:
    """The town's database, as the sale sees it."""
    return await asyncpg.connect(town.engines.database_url, server_settings={"role": "vendomat_hot"})


def left_behind(town: Town) -> LeftBehind:
    """What an audit of this town needs to know."""
    books = {platform: f"{town.control_url}/control/{platform}/books" for platform in ("wechat", "alipay", "stripe")}
    postgres = town.engines.postgres
    assert postgres is not None, "a town has a database server of its own"
    return LeftBehind(postgres.address.superuser_url, town.plan.folder / "machines", books)
