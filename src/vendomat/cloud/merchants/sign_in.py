"""Signing in: who may try, who gets a session, whose session it is.

A session is 32 random bytes that only the browser keeps; the database knows their SHA-256. Every try is counted before
the password is looked at, and every refusal reads the same. Signing in proves who one is; once `proof_life` is over,
the session goes on, and what needs a fresh proof asks for another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vendomat.cloud.merchants import store
from vendomat.cloud.merchants.model import (
    PASSWORD_CHARACTERS_MAX,
    PROOF_LIFE,
    SESSION_LIFE,
    SIGN_IN_WINDOW,
    Operator,
    network_of,
)
from vendomat.cloud.merchants.passwords import Passwords
from vendomat.cloud.merchants.permissions import Permission, may
from vendomat.cloud.merchants.second_factor import SecondFactor
from vendomat.cloud.merchants.second_factor_store import find_secret
from vendomat.cloud.merchants.tries import Tries, Try
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, VendomatError

_SESSION_BYTES = 32
AGENT_CHARACTERS_MAX = 200
WRONG_CODE = "this code is not right, or was used; wait for the next one"


@dataclass(frozen=True, slots=True)
class Session:
    """`token` goes into the cookie and nowhere else."""

    token: str
    operator: Operator
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ByProvider:
    """An identity provider vouches for them; `proved_at` is when they last showed it who they are, if it says so."""

    proved_at: datetime | None


class SignIns:
    """Sign-in, session look-up and sign-out."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        clock: Clock,
        *,
        second_factor: SecondFactor | None = None,
        proof_life: timedelta = PROOF_LIFE,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Without `second_factor` nobody who has one signs in here."""
        self._database = database
        self._second_factor = second_factor
        self._passwords = passwords
        self._clock = clock
        self._proof_life = proof_life
        self._randomness = randomness
        self._tries = Tries(database, clock)

    async def sign_in(self, email: str, password: str, *, address: str, agent: str = "", code: str = "") -> Session:
        """Raises `VendomatError`: rate_limited with `retry_after_s`, not_signed_in without saying why, or
        second_factor_required where both are right and `code` is missing or wrong."""
        one = await self._tries.count(email, address)
        operator = await self._known(one, email, password)
        has_second = await self._check_code(one, operator, code)
        await self._tries.forgive(one)
        return await self.open(operator, address=address, agent=agent, has_second_factor=has_second)

    async def _known(self, one: Try, email: str, password: str) -> Operator:
        async with self._database.auth() as connection:
            found = await store.find_operator_by_email(connection, email.strip().lower())
        is_right = await self._passwords.is_right(
            password[: PASSWORD_CHARACTERS_MAX + 1], found[1] if found is not None else None
        )
        if found is None or not is_right:
            await self._tries.note_refusal(one, found[0] if found else None)
            raise VendomatError(ErrorCode.NOT_SIGNED_IN, "this e-mail and password do not belong together")
        return found[0]

    async def _check_code(self, one: Try, operator: Operator, code: str) -> bool:
        """Whether a second factor was given; not where this person has none."""
        is_right = await self._is_code_right(operator, code)
        if is_right is None or is_right:
            return bool(is_right)
        if not code:
            raise VendomatError(ErrorCode.SECOND_FACTOR_REQUIRED, "type the code that your phone shows now")
        await self._tries.note_refusal(one, operator)
        raise VendomatError(ErrorCode.SECOND_FACTOR_REQUIRED, WRONG_CODE)

    async def _is_code_right(self, operator: Operator, code: str) -> bool | None:
        """None where this person has no phone and gave no code. A code that was right is used up."""
        merchant_id, operator_id = operator.merchant_id, operator.operator_id
        async with self._database.auth() as connection:
            kept = await find_secret(connection, merchant_id, operator_id, is_locking=True)
            has_phone = kept is not None and kept.confirmed_at is not None
            if not has_phone and not code:
                return None
            if self._second_factor is None:
                raise VendomatError(ErrorCode.UNAVAILABLE, "the second factor cannot be checked here; nobody signed in")
            if kept is not None and has_phone:
                return bool(code) and await self._second_factor.takes(connection, kept, code)
            return await self._second_factor.takes_recovery(connection, merchant_id, operator_id, code)

    async def prove_by_password(self, operator: Operator, password: str, *, address: str) -> None:
        """That whoever sits there knows the password of the session's person; counted like a try to sign in.

        Raises `VendomatError` (rate_limited, forbidden); the session goes on.
        """
        one = await self._tries.count(operator.email, address)
        try:
            await self._known(one, operator.email, password)
        except VendomatError as error:
            raise VendomatError(ErrorCode.FORBIDDEN, "this is not your password; nothing changed") from error
        await self._tries.forgive(one)

    async def prove_by_code(self, operator: Operator, code: str, *, address: str) -> None:
        """That they hold the phone of the session's person. Raises as `prove_by_password`."""
        one = await self._tries.count(operator.email, address)
        if not await self._is_code_right(operator, code):
            await self._tries.note_refusal(one, operator)
            raise VendomatError(ErrorCode.FORBIDDEN, WRONG_CODE)
        await self._tries.forgive(one)

    async def operator_of(self, token: str) -> Operator:
        """The person behind a session. Raises `VendomatError(not_signed_in)`."""
        session_hash = _hash_of(token)
        if session_hash is not None:
            async with self._database.auth() as connection:
                operator = await store.find_operator_by_session(
                    connection, session_hash, self._clock.now(), self._proof_life
                )
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

    async def open(
        self,
        operator: Operator,
        *,
        address: str,
        agent: str = "",
        has_second_factor: bool,
        by_provider: ByProvider | None = None,
    ) -> Session:
        """A session for somebody who has proved who they are: just now, unless a provider says so."""
        secret, now = self._randomness(_SESSION_BYTES), self._clock.now()
        expires_at = now + SESSION_LIFE
        row = {
            "merchant_id": operator.merchant_id,
            "operator_id": operator.operator_id,
            "session_hash": hashlib.sha256(secret).digest(),
            "started_at": now,
            "proved_at": now if by_provider is None else by_provider.proved_at,
            "is_by_provider": by_provider is not None,
            "has_second_factor": has_second_factor,
            "expires_at": expires_at,
            "source": network_of(address),
            "agent": agent[:AGENT_CHARACTERS_MAX],
        }
        async with self._database.auth() as connection:
            await store.insert_session(connection, row)
        token = base64.urlsafe_b64encode(secret).decode().rstrip("=")
        arrived = replace(operator, has_second_factor=has_second_factor, is_by_provider=by_provider is not None)
        return Session(token=token, operator=arrived, expires_at=expires_at)


async def may_now(database: Database, merchant_id: str, operator_id: str, permission: Permission) -> bool:
    """Whether this person works here and has a right, whoever asks and without a session of theirs."""
    async with database.auth() as connection:
        operator = await store.find_operator(connection, merchant_id, operator_id)
    return operator is not None and may(operator.role, permission)


def _hash_of(token: str) -> bytes | None:
    """SHA-256 of the session's bytes; None for anything that cannot be a session."""
    try:
        secret = base64.b64decode(token.encode("ascii") + b"=", altchars=b"-_", validate=True)
    except (UnicodeError, binascii.Error):
        return None
    return hashlib.sha256(secret).digest() if len(secret) == _SESSION_BYTES else None
