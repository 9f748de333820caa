"""What only one worker of a database does at a time: the numbers of its advisory locks, each used once."""

from __future__ import annotations

from enum import IntEnum, unique

import asyncpg


@unique
class Lock(IntEnum):
    """Two programs that hold the same number wait for each other, whatever they do: so they all stand here."""

    ROLES = 7261001
    PARTITIONS = 7261002
    STANDING_ALARMS = 7261003
    TALLY = 7261004
    CLAIMS = 7261005
    DAY_SUMS = 7261012
    SALE_SUMS = 7261025
    SLOT_WATCH = 7261026
    SAMPLES = 7261045
    FIRST_RUN = 7261046


async def takes(connection: asyncpg.Connection, lock: Lock) -> bool:
    """Whether this database transaction has it now, until it ends; not: another worker is at it."""
    taken: bool = await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", lock)
    return taken
