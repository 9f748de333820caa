"""Signing in: who may try, who gets a session, whose session it is.

A session is 32 random bytes that only the browser keeps; the database knows their SHA-256. Tries are counted in the
database before the password is looked at, so that many workers share one count and a crash forgets none. Every refusal
reads the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from vendomat.cloud.merchants import store
from vendomat.cloud.merchants.model import (
    PASSWORD_CHARACTERS_MAX,
    SESSION_LIFE,
    SIGN_IN_TRIES,
    SIGN_IN_WINDOW,
    Operator,
    network_of,
    sign_in_subjects,
)
from vendomat.cloud.merchants.passwords import Passwords
from vendomat.cloud.merchants.second_factor import SecondFactor
from vendomat.cloud.merchants.second_factor_store import find_secret
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, VendomatError

_SESSION_BYTES = 32
AGENT_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Session:
    """`token` goes into the cookie and nowhere else."""

    token: str
    operator: Operator
    expires_at: datetime


class SignIns:
    """Sign-in, session look-up and sign-out."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        clock: Clock,
        *,
        second_factor: SecondFactor | None = None,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Without `second_factor` nobody who has one signs in here."""
        self._database = database
        self._second_factor = second_factor
        self._passwords = passwords
        self._clock = clock
        self._randomness = randomness

    async def sign_in(self, email: str, password: str, *, address: str, agent: str = "", code: str = "") -> Session:
        """Raises `VendomatError`: rate_limited with `retry_after_s`, not_signed_in without saying why, or
        second_factor_required where both are right and `code` is missing or wrong."""
        operator, subjects, at = await self._known(email, password, address)
        await self._check_code(operator, code, address)
        async with self._database.auth() as connection:
            await store.forgive(connection, subjects, at)
        return await self._open(operator, address, agent)

    async def check(self, email: str, password: str, *, address: str) -> Operator:
        """Whose they are. Counts the try, and forgets it when both are right. Raises as `sign_in`."""
        operator, subjects, at = await self._known(email, password, address)
        async with self._database.auth() as connection:
            await store.forgive(connection, subjects, at)
        return operator

    async def _known(self, email: str, password: str, address: str) -> tuple[Operator, list[str], datetime]:
        """The person, and the try that was counted."""
        now = self._clock.now()
        subjects = sign_in_subjects(email, address)
        async with self._database.auth() as connection:
            await store.lock_subjects(connection, subjects)
            tries = await store.tries_since(connection, subjects, now - SIGN_IN_WINDOW)
            oldest = [at for count, at in tries.values() if count >= SIGN_IN_TRIES]
            if oldest:
                _refuse_for_now(min(oldest), now)
            await store.insert_tries(connection, subjects, now)
            found = await store.find_operator_by_email(connection, email.strip().lower())
        is_right = await self._passwords.is_right(
            password[: PASSWORD_CHARACTERS_MAX + 1], found[1] if found is not None else None
        )
        if found is None or not is_right:
            await self._note_refusal(found[0] if found else None, address, now)
            raise VendomatError(ErrorCode.NOT_SIGNED_IN, "this e-mail and password do not belong together")
        return found[0], subjects, now

    async def _check_code(self, operator: Operator, code: str, address: str) -> None:
        async with self._database.auth() as connection:
            kept = await find_secret(connection, operator.merchant_id, operator.operator_id, is_locking=True)
            if kept is None or kept.confirmed_at is None:
                return
            if self._second_factor is None:
                raise VendomatError(ErrorCode.UNAVAILABLE, "the second factor cannot be checked here; nobody signed in")
            if code and await self._second_factor.takes(connection, kept, code):
                return
        if not code:
            raise VendomatError(ErrorCode.SECOND_FACTOR_REQUIRED, "type the code that your phone shows now")
        await self._note_refusal(operator, address, self._clock.now())
        raise VendomatError(
            ErrorCode.SECOND_FACTOR_REQUIRED, "this code is not right, or was used; wait for the next one"
        )

    async def prove(self, operator: Operator, password: str, *, address: str) -> None:
        """That whoever sits there knows the password of the session's person; counted like a try to sign in.

        Raises `VendomatError` (rate_limited, forbidden); the session goes on.
        """
        try:
            await self.check(operator.email, password, address=address)
        except VendomatError as error:
            if error.code is not ErrorCode.NOT_SIGNED_IN:
                raise
            raise VendomatError(ErrorCode.FORBIDDEN, "this is not your password; nothing changed") from error

    async def operator_of(self, token: str) -> Operator:
        """The person behind a session. Raises `VendomatError(not_signed_in)`."""
        session_hash = _hash_of(token)
        if session_hash is not None:
            async with self._database.auth() as connection:
                operator = await store.find_operator_by_session(connection, session_hash, self._clock.now())
            if operator is not None:
                return operator
        raise VendomatError(ErrorCode.NOT_SIGNED_IN, "you are not signed in, or your session has ended")

    async def sign_out(self, token: str) -> None:
        """End the session; harmless when there is none."""
        session_hash = _hash_of(token)
        if session_hash is not None:
            async with self._database.auth() as connection:
                await store.delete_session(connection, session_hash)

    async def purge(self) -> None:
        """Forget ended sessions and old tries; for a job."""
        now = self._clock.now()
        async with self._database.auth() as connection:
            await store.delete_expired(connection, sessions_until=now, tries_until=now - SIGN_IN_WINDOW)

    async def _open(self, operator: Operator, address: str, agent: str) -> Session:
        secret, now = self._randomness(_SESSION_BYTES), self._clock.now()
        expires_at = now + SESSION_LIFE
        row = {
            "merchant_id": operator.merchant_id,
            "operator_id": operator.operator_id,
            "session_hash": hashlib.sha256(secret).digest(),
            "started_at": now,
            "expires_at": expires_at,
            "source": network_of(address),
            "agent": agent[:AGENT_CHARACTERS_MAX],
        }
        async with self._database.auth() as connection:
            await store.insert_session(connection, row)
        token = base64.urlsafe_b64encode(secret).decode().rstrip("=")
        return Session(token=token, operator=operator, expires_at=expires_at)

    async def _note_refusal(self, operator: Operator | None, address: str, now: datetime) -> None:
        async with self._database.auth() as connection:
            await store.note_security_event(
                connection,
                "sign_in.refused",
                now,
                merchant_id=operator.merchant_id if operator else "",
                source=network_of(address),
                detail={"operator_id": operator.operator_id if operator else ""},
            )


def _refuse_for_now(oldest: datetime, now: datetime) -> None:
    retry_after_s = max(1, int((oldest + SIGN_IN_WINDOW - now).total_seconds()) + 1)
    raise VendomatError(
        ErrorCode.RATE_LIMITED, "too many tries to sign in; wait and try again", retry_after_s=retry_after_s
    )


def _hash_of(token: str) -> bytes | None:
    """SHA-256 of the session's bytes; None for anything that cannot be a session."""
    try:
        secret = base64.b64decode(token.encode("ascii") + b"=", altchars=b"-_", validate=True)
    except (UnicodeError, binascii.Error):
        return None
    return hashlib.sha256(secret).digest() if len(secret) == _SESSION_BYTES else None
