"""Answers kept by `Idempotency-Key`, so that a request that is repeated gets the answer of the first one.

A key takes its turn before the work, and the answer is kept after it. Whoever repeats the request meanwhile is told
so (409); who uses the key for another request is refused (422). A turn whose worker died is taken over after
`TURN_LIFE`: the work is then done a second time, which every use case has to bear by itself (see `Repeats` for one that
cannot). Knows no HTTP: an answer is a status, a media type and bytes, which the caller seals before they come here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import asyncpg
import sqlalchemy as sa
from fastapi import Depends, Header

from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http.idempotency import KEPT, RepeatKey
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

TURN_LIFE = timedelta(seconds=60)
KEY_CHARACTERS_MAX = 100
KEY_PATTERN = r"^[\x21-\x7e]+$"

_BEGIN = sa.text(
    "INSERT INTO kept_answer AS k (merchant_id, key, request_hash, turn_id, begun_at) "
    "VALUES (:merchant_id, :key, :request_hash, :turn_id, :now) "
    "ON CONFLICT (merchant_id, key) DO UPDATE SET request_hash = excluded.request_hash, turn_id = excluded.turn_id, "
    "begun_at = excluded.begun_at, status = NULL, media_type = NULL, sealed = NULL "
    "WHERE k.begun_at <= :forgotten "
    "OR (k.status IS NULL AND k.request_hash = excluded.request_hash AND k.begun_at <= :abandoned) "
    "RETURNING turn_id"
)
_FIND = sa.text(
    "SELECT request_hash, status, media_type, sealed FROM kept_answer WHERE merchant_id = :merchant_id AND key = :key"
)
_OWN = "WHERE merchant_id = :merchant_id AND key = :key AND turn_id = :turn_id AND status IS NULL"
_KEEP = sa.text(f"UPDATE kept_answer SET status = :status, media_type = :media_type, sealed = :sealed {_OWN}")
_RELEASE = sa.text(f"DELETE FROM kept_answer {_OWN}")


def _key_is_said(
    idempotency_key: Annotated[
        str,
        Header(
            min_length=1,
            max_length=KEY_CHARACTERS_MAX,
            pattern=KEY_PATTERN,
            description="Chosen by you, one for each thing you want done. The answer is kept for 24 hours: the same "
            "request with the same key gets it again, byte for byte.",
        ),
    ],
) -> None:
    """The route asks for the key; what it is good for happens around all routes."""


ASKED_ONCE = Depends(_key_is_said)
"""For the `dependencies` of each route that moves money or goods or makes something: it needs a key."""


def is_good_key(key: str) -> bool:
    """Whether a route would take it."""
    return len(key) <= KEY_CHARACTERS_MAX and re.fullmatch(KEY_PATTERN, key) is not None


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to do the work of one request, now."""

    key: RepeatKey
    turn_id: str


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    status: int
    media_type: str
    sealed: bytes


class KeptAnswers:
    """The keys of all merchants, each seen by its own."""

    def __init__(self, database: Database, ids: Ids, clock: Clock) -> None:
        self._database = database
        self._ids = ids
        self._clock = clock

    async def begin(self, key: RepeatKey) -> Turn | KeptAnswer:
        """The right to do it now, or the answer that was given.

        Raises `VendomatError` (in_progress, idempotency_mismatch).
        """
        now, turn_id = self._clock.now(), self._ids.new("trn")
        values = {
            "merchant_id": key.merchant_id,
            "key": key.key,
            "request_hash": key.request_hash,
            "turn_id": turn_id,
            "now": now,
            "forgotten": now - KEPT,
            "abandoned": now - TURN_LIFE,
        }
        async with self._database.merchant(key.merchant_id) as connection:
            if (await connection.execute(_BEGIN, values)).scalar() is not None:
                return Turn(key, turn_id)
            row = (await connection.execute(_FIND, {"merchant_id": key.merchant_id, "key": key.key})).one_or_none()
        if row is not None and bytes(row.request_hash) != key.request_hash:
            raise VendomatError(
                ErrorCode.IDEMPOTENCY_MISMATCH,
                "this Idempotency-Key was used for another request; nothing was done, use a new key",
            )
        if row is None or row.status is None:
            raise VendomatError(
                ErrorCode.IN_PROGRESS,
                "a request with this Idempotency-Key is under way; ask again with the same key",
                retry_after_s=1,
            )
        return KeptAnswer(row.status, row.media_type, bytes(row.sealed))

    async def keep(self, turn: Turn, answer: KeptAnswer) -> None:
        """The answer of the work; of a turn that somebody else took over nothing is kept."""
        values = {"status": answer.status, "media_type": answer.media_type, "sealed": answer.sealed}
        async with self._database.merchant(turn.key.merchant_id) as connection:
            await connection.execute(_KEEP, self._own(turn) | values)

    async def release(self, turn: Turn) -> None:
        """The work was refused or failed: the key is free."""
        async with self._database.merchant(turn.key.merchant_id) as connection:
            await connection.execute(_RELEASE, self._own(turn))

    def _own(self, turn: Turn) -> dict[str, object]:
        return {"merchant_id": turn.key.merchant_id, "key": turn.key.key, "turn_id": turn.turn_id}


async def forget_answers(connection: asyncpg.Connection, *, before: datetime) -> None:
    """For a job, under the hot role: keys of all merchants whose day is over."""
    await connection.execute("DELETE FROM kept_answer WHERE begun_at < $1", before)
