"""Requests that may be repeated: the same `Idempotency-Key` with the same body gives the first answer again.

The key row is written in the transaction of the effect, so an effect without its remembered answer cannot exist. The
same key with another body is refused (422). Two requests at once take turns on the key. A secret in an answer (a new
pickup code) is sealed by the caller before it comes here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.kernel import Clock, ErrorCode, VendomatError

KEPT = timedelta(hours=24)

_KEYS = sa.table(
    "idempotency_key",
    sa.column("merchant_id"),
    sa.column("key"),
    sa.column("request_hash"),
    sa.column("status"),
    sa.column("answer"),
    sa.column("created_at"),
)


@dataclass(frozen=True, slots=True)
class RepeatKey:
    """What makes two requests the same: who asks, where, the key they chose, and the exact body."""

    merchant_id: str
    path: str
    key: str
    body: bytes

    @property
    def request_hash(self) -> bytes:
        return hashlib.sha256(self.path.encode() + b"\n" + self.body).digest()


class Repeats:
    """Runs an effect once per key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def once(
        self, connection: AsyncConnection, key: RepeatKey, effect: Callable[[], Awaitable[bytes]]
    ) -> tuple[bytes, bool]:
        """`(answer, is_repeat)`. Raises `VendomatError(idempotency_mismatch)` for a known key with another body."""
        await connection.execute(
            sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))"),
            {"subject": f"idempotency {key.merchant_id} {key.key}"},
        )
        now = self._clock.now()
        known = await self._find(connection, key, now)
        if known is not None:
            return known, True
        answer = await effect()
        row = {"request_hash": key.request_hash, "status": 200, "answer": answer, "created_at": now}
        updated = await connection.execute(
            sa.update(_KEYS)
            .where(_KEYS.c.merchant_id == key.merchant_id, _KEYS.c.key == key.key)
            .values(**row)  # an answer older than its day gives way
        )
        if updated.rowcount == 0:
            await connection.execute(sa.insert(_KEYS).values(merchant_id=key.merchant_id, key=key.key, **row))
        return answer, False

    async def _find(self, connection: AsyncConnection, key: RepeatKey, now: datetime) -> bytes | None:
        found = await connection.execute(
            sa.select(_KEYS.c.request_hash, _KEYS.c.answer).where(
                _KEYS.c.merchant_id == key.merchant_id, _KEYS.c.key == key.key, _KEYS.c.created_at > now - KEPT
            )
        )
        row = found.one_or_none()
        if row is None:
            return None
        if bytes(row.request_hash) != key.request_hash:
            raise VendomatError(
                ErrorCode.IDEMPOTENCY_MISMATCH,
                "this Idempotency-Key was used for another request; nothing was done, use a new key",
            )
        return bytes(row.answer)
