"""Passkeys: made by a person for themselves, named, used to sign in and to prove again who they are, removed.

A passkey is asked to know who holds it (a finger, a face, a number), so it is both factors at once. Each challenge is
kept here, for one purpose and person, good once and for five minutes. Wrong answers are counted with wrong sign-ins.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError

from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.merchants import passkey_store as store
from vendomat.cloud.merchants.model import Operator
from vendomat.cloud.merchants.passkey_store import Challenge, Passkey
from vendomat.cloud.merchants.passkey_wire import (
    Credential,
    Site,
    challenge_of,
    checked_new,
    checked_use,
    creation_options,
    credential_id_of,
    refusal,
    request_options,
)
from vendomat.cloud.merchants.second_factor_store import forget, has_factor
from vendomat.cloud.merchants.store import find_operator, prove_session
from vendomat.cloud.merchants.tries import Tries
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

CHALLENGE_BYTES = 32
CHALLENGE_LIFE = timedelta(minutes=5)
PASSKEYS_MAX = 10
_ANYBODY = Challenge("", "", "sign_in")


class Passkeys:
    """`site` is None where browsers refuse passkeys. Raises `VendomatError`; then nothing changed."""

    def __init__(
        self,
        database: Database,
        site: Site | None,
        *,
        ids: Ids,
        clock: Clock,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._database = database
        self._site_or_none = site
        self._ids = ids
        self._clock = clock
        self._randomness = randomness
        self._tries = Tries(database, clock)

    async def all_of(self, operator: Operator) -> list[Passkey]:
        async with self._database.merchant(operator.merchant_id) as connection:
            return await store.list_passkeys(connection, operator.operator_id)

    async def begin(self, operator: Operator) -> dict[str, Any]:
        """What the browser is asked for a new one. Raises `VendomatError` (unavailable, conflict for too many)."""
        known = await self.all_of(operator)
        if len(known) >= PASSKEYS_MAX:
            raise VendomatError(ErrorCode.CONFLICT, f"one has at most {PASSKEYS_MAX} passkeys; remove one first")
        challenge = await self._challenged(_of(operator, "add"))
        return creation_options(self._site, operator, challenge, [one.credential_id for one in known])

    async def add(self, operator: Operator, name: str, credential: Credential) -> Passkey:
        """Raises `VendomatError` (unavailable, forbidden, conflict for one that is known)."""
        challenge = await self._answered(_of(operator, "add"), credential)
        made = checked_new(self._site, credential, challenge)
        one = Passkey(
            merchant_id=operator.merchant_id,
            operator_id=operator.operator_id,
            passkey_id=self._ids.new("psk"),
            name=name,
            created_at=self._clock.now(),
            last_used_at=None,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
        )
        try:
            async with self._database.merchant(operator.merchant_id) as connection:
                await store.insert_passkey(connection, one)
                await prove_session(connection, operator.session_id, one.created_at, is_second_factor=True)
                await note_change(connection, self._change(operator, "passkey.added", {"name": name}))
        except IntegrityError as error:
            raise VendomatError(ErrorCode.CONFLICT, "this passkey is known already; nothing changed") from error
        return one

    async def remove(self, operator: Operator, passkey_id: str) -> None:
        """Raises `VendomatError(not_found)` for one that is not theirs."""
        async with self._database.merchant(operator.merchant_id) as connection:
            names = await store.delete_passkeys(connection, operator.operator_id, only=passkey_id)
            if not names:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such passkey; nothing changed")
            if not await has_factor(connection, operator.operator_id):
                await forget(connection, operator.operator_id)
            await note_change(connection, self._change(operator, "passkey.removed", {"name": names[0]}))

    async def begin_sign_in(self) -> dict[str, Any]:
        """What the browser is asked of whoever stands there."""
        return request_options(self._site, await self._challenged(_ANYBODY))

    async def begin_proof(self, operator: Operator) -> dict[str, Any]:
        """What the browser is asked of the session's person."""
        known = [one.credential_id for one in await self.all_of(operator)]
        if not known:
            raise VendomatError(ErrorCode.CONFLICT, "you have no passkey; prove it by the password")
        return request_options(self._site, await self._challenged(_of(operator, "prove")), known)

    async def who(self, credential: Credential, *, address: str) -> Operator:
        """Whoever answered to sign in. Raises `VendomatError` (rate_limited, forbidden, unavailable)."""
        return await self._used(_ANYBODY, "", credential, address)

    async def prove(self, operator: Operator, credential: Credential, *, address: str) -> None:
        """That the session's person is there. Raises as `who`; the session goes on."""
        found = await self._used(_of(operator, "prove"), operator.email, credential, address)
        if found.operator_id != operator.operator_id:
            raise refusal()

    async def _used(self, asked: Challenge, email: str, credential: Credential, address: str) -> Operator:
        one = await self._tries.count(email, address)
        try:
            operator = await self._found(asked, credential)
        except VendomatError:
            await self._tries.note_refusal(one, None)
            raise
        await self._tries.forgive(one)
        return operator

    async def _found(self, asked: Challenge, credential: Credential) -> Operator:
        challenge = await self._answered(asked, credential)
        async with self._database.auth() as connection:
            passkey = await store.lock_passkey(connection, credential_id_of(credential))
            if passkey is None:
                raise refusal()
            sign_count = checked_use(self._site, credential, challenge, passkey.credential)
            operator = await find_operator(connection, passkey.merchant_id, passkey.operator_id)
            if operator is None:
                raise refusal()
            await store.use_passkey(connection, passkey.credential_id, sign_count=sign_count, at=self._clock.now())
        return operator

    @property
    def _site(self) -> Site:
        if self._site_or_none is None:
            raise VendomatError(
                ErrorCode.UNAVAILABLE, "passkeys need HTTPS and a name instead of a number (VENDOMAT_PUBLIC_URL)"
            )
        return self._site_or_none

    async def _challenged(self, asked: Challenge) -> bytes:
        secret, now = self._randomness(CHALLENGE_BYTES), self._clock.now()
        async with self._database.auth() as connection:
            await store.delete_challenges(connection, now)
            await store.put_challenge(connection, asked, secret, expires_at=now + CHALLENGE_LIFE)
        return secret

    async def _answered(self, asked: Challenge, credential: Credential) -> bytes:
        """The challenge, which is used up whatever the answer is worth. Raises `VendomatError(forbidden)`."""
        secret = challenge_of(credential)
        async with self._database.auth() as connection:
            if not await store.take_challenge(connection, asked, secret, self._clock.now()):
                raise refusal()
        return secret

    def _change(self, operator: Operator, action: str, after: State) -> Change:
        return Change(
            merchant_id=operator.merchant_id,
            actor=operator.operator_id,
            action=action,
            subject=operator.operator_id,
            at=self._clock.now(),
            after=after,
        )


def _of(operator: Operator, purpose: str) -> Challenge:
    return Challenge(operator.merchant_id, operator.operator_id, purpose)
