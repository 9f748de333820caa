"""Tries to prove who one is: counted before the proof is looked at, forgotten when it was right, noted when it was not.

They are counted in the database, so that many workers share one count and a crash forgets none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vendomat.cloud.merchants import store
from vendomat.cloud.merchants.model import SIGN_IN_TRIES, SIGN_IN_WINDOW, Operator, network_of, sign_in_subjects
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, VendomatError


@dataclass(frozen=True, slots=True)
class Try:
    """One that was counted; `source` is the network it came from."""

    subjects: list[str]
    source: str
    at: datetime


class Tries:
    """One count for all ways to prove who one is."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def count(self, email: str, address: str) -> Try:
        """Raises `VendomatError(rate_limited)` with `retry_after_s` after too many; then nothing was counted."""
        one = Try(sign_in_subjects(email, address), network_of(address), self._clock.now())
        async with self._database.auth() as connection:
            await store.lock_subjects(connection, one.subjects)
            tries = await store.tries_since(connection, one.subjects, one.at - SIGN_IN_WINDOW)
            oldest = [at for count, at in tries.values() if count >= SIGN_IN_TRIES]
            if oldest:
                _refuse_for_now(min(oldest), one.at)
            await store.insert_tries(connection, one.subjects, one.at)
        return one

    async def forgive(self, one: Try) -> None:
        """It was right: the tries of its e-mail before it are forgotten, too."""
        async with self._database.auth() as connection:
            await store.forgive(connection, one.subjects, one.at)

    async def note_refusal(self, one: Try, operator: Operator | None) -> None:
        async with self._database.auth() as connection:
            await store.note_security_event(
                connection,
                "sign_in.refused",
                one.at,
                merchant_id=operator.merchant_id if operator else "",
                source=one.source,
                detail={"operator_id": operator.operator_id if operator else ""},
            )


def _refuse_for_now(oldest: datetime, now: datetime) -> None:
    wait_s = int((oldest + SIGN_IN_WINDOW - now).total_seconds()) + 1
    raise VendomatError(
        ErrorCode.RATE_LIMITED, f"too many tries; wait {wait_s} s and try again", retry_after_s=max(1, wait_s)
    )
