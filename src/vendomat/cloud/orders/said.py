"""What a person said in an order's evidence stands in the merchant's change log too, written in the same transaction.

Takes only words with a name to them (`by` or `operator_id`): what merely follows from a person's word is no change of
theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from vendomat.cloud.changes import Change, note_changes

_OF_A_PERSON = "operator"
_NAMES = ("by", "operator_id")


async def note_said(connection: asyncpg.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """`rows` are those of `append_evidence`. Call it last: other changes of the merchant wait for the transaction."""
    said = [change for row in rows if (change := _change_of(row)) is not None]
    if said:
        await note_changes(connection, said)


def _change_of(row: tuple[object, ...]) -> Change | None:
    merchant_id, order_id, at, source, kind, data = row
    if source != _OF_A_PERSON or not isinstance(data, Mapping):
        return None
    actor = next((str(data[name]) for name in _NAMES if data.get(name)), "")
    if not actor:
        return None
    rest = {name: value for name, value in data.items() if name not in (*_NAMES, "reason")}
    assert isinstance(at, datetime), "evidence has its moment"
    return Change(
        merchant_id=str(merchant_id),
        actor=actor,
        action=str(kind),
        subject=str(order_id),
        at=at,
        reason=str(data.get("reason", "")),
        after=rest,
    )
