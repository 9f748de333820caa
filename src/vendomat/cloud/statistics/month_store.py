"""How closed months are kept, and how the living sums of months are read."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.statistics.closing import Close, Figures, LineKey, Lines
from vendomat.cloud.statistics.store import NEWER, read_newer
from vendomat.cloud.statistics.sums import AMOUNTS, CLOSED_BYS, SPREAD

_NAMES = ", ".join(AMOUNTS)
_LIVING = f"""
SELECT to_char(s.starts_at, 'YYYY-MM') AS month, s.by, s.key, s.currency,
    {", ".join(f"CAST(sum(s.{name}) AS bigint) AS {name}" for name in AMOUNTS)}
FROM (
    SELECT starts_at, by, key, currency, {_NAMES} FROM sale_sum
    WHERE merchant_id = :merchant_id AND span = 'month' AND by = ANY(CAST(:bys AS text[]))
    UNION ALL
    SELECT date_trunc(g.span, d.hour), g.by, g.key, d.currency, {_NAMES} FROM {NEWER} {SPREAD} WHERE g.span = 'month'
) s WHERE to_char(s.starts_at, 'YYYY-MM') = ANY(CAST(:months AS text[])) AND s.by = ANY(CAST(:bys AS text[]))
GROUP BY 1, 2, 3, 4
"""
_HEADS = """
SELECT month, position, content_sha256, previous, link, closed_at, closed_by FROM month_close
WHERE merchant_id = :merchant_id ORDER BY position
"""
_CONTENTS = """
SELECT content FROM month_close WHERE merchant_id = :merchant_id AND month = ANY(CAST(:months AS text[]))
ORDER BY position
"""


@dataclass(frozen=True, slots=True)
class CloseHead:
    """A close as its row has it, but for its content, which may be long."""

    month: str
    position: int
    content_sha256: str
    previous: str
    link: str
    closed_at: datetime
    closed_by: str


async def read_heads(connection: AsyncConnection, merchant_id: str) -> list[CloseHead]:
    """In their order."""
    rows = await connection.execute(sa.text(_HEADS), {"merchant_id": merchant_id})
    return [CloseHead(**row) for row in rows.mappings()]


async def read_closes(connection: AsyncConnection, merchant_id: str, months: Sequence[str]) -> list[Close]:
    """Those of `months` with every line, in their order. Read aside: a large merchant's month is half a megabyte."""
    rows = await connection.execute(sa.text(_CONTENTS), {"merchant_id": merchant_id, "months": list(months)})
    return await asyncio.to_thread(lambda contents: [Close.from_content(one) for one in contents], rows.scalars().all())


async def read_living(
    connection: AsyncConnection, merchant_id: str, months: Sequence[str], *, is_detailed: bool = True
) -> dict[str, Lines]:
    """The sums of `months` as they stand now, by month; without detail only those of everything. In one snapshot."""
    values = {
        "merchant_id": merchant_id,
        "months": list(months),
        "bys": list(CLOSED_BYS if is_detailed else CLOSED_BYS[:1]),
    }
    values |= {"newer": await read_newer(connection, merchant_id)}
    rows = await connection.execute(sa.text(_LIVING), values)
    living: dict[str, dict[LineKey, Figures]] = defaultdict(dict)
    for row in rows.mappings():
        living[row["month"]][row["by"], row["key"], row["currency"]] = tuple(row[name] for name in AMOUNTS)
    return dict(living)


async def insert_close(connection: AsyncConnection, merchant_id: str, close: CloseHead, content: str) -> bool:
    """False when its place is taken: somebody else has closed a month meanwhile."""
    done = await connection.execute(
        sa.text(
            "INSERT INTO month_close (merchant_id, position, month, content, content_sha256, previous, link, "
            "closed_at, closed_by) VALUES (:merchant_id, :position, :month, :content, :content_sha256, :previous, "
            ":link, :closed_at, :closed_by) ON CONFLICT DO NOTHING"
        ),
        {"merchant_id": merchant_id, "content": content, **asdict(close)},
    )
    return done.rowcount == 1
