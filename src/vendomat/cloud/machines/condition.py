"""What machines say of themselves beside their heartbeats, many at once: only the newest word of each is kept.

On the hot connection. A word of an older run, or one that a newer has overtaken, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec

from vendomat.cloud.machines.liveness import known_machines
from vendomat.cloud.machines.model import Sender, replayed, unknown_machine
from vendomat.kernel import VendomatError
from vendomat.protocol import Condition, ConditionReply

_KEEP = """
INSERT INTO machine_condition AS c (merchant_id, machine_id, epoch, seq, at, condition)
SELECT n.merchant_id, n.machine_id, n.epoch, n.seq, n.at, n.condition::jsonb
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::text[])
    AS n(merchant_id, machine_id, public_key, epoch, seq, at, condition)
JOIN machine m ON (m.merchant_id, m.machine_id) = (n.merchant_id, n.machine_id)
WHERE m.state IN ('enrolled', 'quarantined') AND m.public_key = n.public_key AND m.epoch <= n.epoch
ORDER BY 1, 2
ON CONFLICT (merchant_id, machine_id) DO UPDATE SET
    epoch = excluded.epoch, seq = excluded.seq, at = excluded.at, condition = excluded.condition
WHERE (c.epoch, c.seq) < (excluded.epoch, excluded.seq)
RETURNING merchant_id, machine_id
"""


@dataclass(frozen=True, slots=True)
class ConditionItem:
    """One condition as it came in."""

    sender: Sender
    condition: Condition
    at: datetime


async def apply_conditions(
    connection: asyncpg.Connection, items: Sequence[ConditionItem]
) -> list[ConditionReply | VendomatError]:
    """One answer per item, in order; the caller's transaction commits them."""
    newest: dict[tuple[str, str], ConditionItem] = {}
    for item in items:
        kept = newest.get(item.sender.key)
        if kept is None or (item.sender.epoch, item.sender.seq) > (kept.sender.epoch, kept.sender.seq):
            newest[item.sender.key] = item
    said = list(newest.values())
    rows = await connection.fetch(
        _KEEP,
        [one.sender.merchant_id for one in said],
        [one.sender.machine_id for one in said],
        [one.sender.public_key for one in said],
        [one.sender.epoch for one in said],
        [one.sender.seq for one in said],
        [one.at for one in said],
        [msgspec.json.encode(one.condition).decode() for one in said],
    )
    is_kept = {(row["merchant_id"], row["machine_id"]) for row in rows}
    refused = [item for item in items if item.sender.key not in is_kept or newest[item.sender.key] is not item]
    known = await known_machines(connection, (item.sender.key for item in refused)) if refused else {}
    why: dict[int, VendomatError] = {}
    for item in refused:
        try:
            machine = known.get(item.sender.key)
            if machine is None:
                raise unknown_machine()
            machine.check(item.sender)
            raise replayed()
        except VendomatError as error:
            why[id(item)] = error
    return [why.get(id(item), ConditionReply()) for item in items]
