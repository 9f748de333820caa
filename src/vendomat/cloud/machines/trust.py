"""Which of the cloud's keys machines have confirmed, as their last hellos said."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg


@dataclass(frozen=True, slots=True)
class KeySpread:
    """How many of the `machines` that may speak trust a key; `missing` names some that do not, by their numbers."""

    machines: int
    trusting: int
    missing: tuple[str, ...]

    @property
    def is_everywhere(self) -> bool:
        return self.trusting == self.machines


async def spread_of(connection: asyncpg.Connection, key_id: str, *, names_max: int = 10) -> KeySpread:
    """How far `key_id` has come."""
    row = await connection.fetchrow(
        "SELECT count(*) AS machines, count(*) FILTER (WHERE has) AS trusting, "
        "(array_agg(number ORDER BY number) FILTER (WHERE NOT has))[1:$2] AS missing "
        "FROM (SELECT number, $1 = ANY(string_to_array(trusted_keys, ' ')) AS has FROM machine "
        "WHERE state IN ('enrolled', 'quarantined')) m",
        key_id,
        names_max,
    )
    assert row is not None
    return KeySpread(row["machines"], row["trusting"], tuple(row["missing"] or ()))
