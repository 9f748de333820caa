"""The second factor: a code from a phone beside the password; enrolled, confirmed, used, switched off.

The phone's secret is sealed by the installation's master key. It counts only once a code of it was shown to be right. A
code is good once; each recovery code, too, and only its keyed hash is kept. Recovery codes stand in for a phone and for
passkeys alike, and end with the last of them.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import segno
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.merchants import second_factor_store as store
from vendomat.cloud.merchants.model import Operator
from vendomat.cloud.merchants.store import prove_session
from vendomat.cloud.merchants.totp import (
    RECOVERY_BYTES,
    RECOVERY_CODES,
    SECRET_BYTES,
    enrolment_uri,
    matching_step,
    recovery_hash,
    recovery_text,
    secret_text,
)
from vendomat.cloud.merchants.vault import MasterKey
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, VendomatError


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What is shown to the one who enrols, and to nobody else."""

    secret: str
    uri: str

    def drawing(self) -> str:
        """The address as one SVG element."""
        svg: str = segno.make(self.uri, error="m", micro=False).svg_inline(border=4, omitsize=True)
        return svg

    def __repr__(self) -> str:
        return "Enrolment()"


@dataclass(frozen=True, slots=True)
class Standing:
    """`since` is None while no phone counts."""

    since: datetime | None
    recovery_left: int


class SecondFactor:
    """Raises `VendomatError`; then nothing changed."""

    def __init__(
        self,
        database: Database,
        master_key: MasterKey,
        clock: Clock,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._database = database
        self._master_key = master_key
        self._recovery_key = master_key.derive("recovery_code")
        self._clock = clock
        self._randomness = randomness

    async def standing(self, operator: Operator) -> Standing:
        async with self._database.merchant(operator.merchant_id) as connection:
            kept = await store.find_secret(connection, operator.merchant_id, operator.operator_id)
            left = await store.count_recovery(connection, operator.operator_id)
        return Standing(None if kept is None else kept.confirmed_at, left)

    async def begin(self, operator: Operator) -> Enrolment:
        """A new secret, which counts from `confirm` on. Raises `VendomatError(conflict)` while one counts."""
        secret = self._randomness(SECRET_BYTES)
        value = {"secret": base64.b64encode(secret).decode()}
        sealed = self._master_key.seal(value, purpose=_purpose(operator.merchant_id, operator.operator_id))
        async with self._database.merchant(operator.merchant_id) as connection:
            if not await store.put_secret(connection, operator.merchant_id, operator.operator_id, sealed):
                raise VendomatError(ErrorCode.CONFLICT, "a second factor is on; switch it off first; nothing changed")
        return Enrolment(secret_text(secret), enrolment_uri(secret, email=operator.email))

    async def confirm(self, operator: Operator, code: str) -> list[str]:
        """From now on the code is asked for; the recovery codes, shown once. Raises `VendomatError` (not_found,
        conflict, forbidden for a wrong code)."""
        async with self._database.merchant(operator.merchant_id) as connection:
            kept = await store.find_secret(connection, operator.merchant_id, operator.operator_id, is_locking=True)
            if kept is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "begin again: there is no secret to confirm")
            if kept.confirmed_at is not None:
                raise VendomatError(ErrorCode.CONFLICT, "the second factor is on already")
            step = matching_step(
                self._secret(operator.merchant_id, kept), code, self._clock.now(), after=kept.last_step
            )
            if step is None:
                raise _wrong_code()
            await store.confirm_secret(connection, operator.operator_id, at=self._clock.now(), step=step)
            await prove_session(connection, operator.session_id, self._clock.now(), is_second_factor=True)
            codes = await self._new_recovery(connection, operator)
            await note_change(
                connection, self._change(operator, "second_factor.switched_on", {"recovery_codes": len(codes)})
            )
        return codes

    async def switch_off(self, operator: Operator, code: str) -> None:
        """Needs a code, or a recovery code. Raises `VendomatError` (not_found, forbidden)."""
        async with self._database.merchant(operator.merchant_id) as connection:
            kept = await store.find_secret(connection, operator.merchant_id, operator.operator_id, is_locking=True)
            if kept is None or kept.confirmed_at is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no second factor; nothing changed")
            if not await self.takes(connection, kept, code):
                raise _wrong_code()
            await store.forget_phone(connection, operator.operator_id)
            if not await store.has_factor(connection, operator.operator_id):
                await store.forget(connection, operator.operator_id)
            await note_change(connection, self._change(operator, "second_factor.switched_off", {}))

    async def renew_recovery(self, operator: Operator) -> list[str]:
        """Other recovery codes, shown once; those before end. Raises `VendomatError(conflict)` for one who has nothing
        that they could stand in for, or has given no second factor in this session."""
        if not operator.has_second_factor:
            raise VendomatError(
                ErrorCode.CONFLICT, "prove first who you are by your passkey or your phone's code; nothing changed"
            )
        async with self._database.merchant(operator.merchant_id) as connection:
            if not await store.has_factor(connection, operator.operator_id):
                raise VendomatError(ErrorCode.CONFLICT, "set up a passkey or a phone first; nothing changed")
            codes = await self._new_recovery(connection, operator)
            said = {"recovery_codes": len(codes)}
            await note_change(connection, self._change(operator, "recovery_codes.renewed", said))
        return codes

    async def takes(self, connection: AsyncConnection, kept: store.KeptSecret, code: str) -> bool:
        """Whether `code` is right, and uses it up. `kept` is locked by the caller's transaction."""
        step = matching_step(self._secret(kept.merchant_id, kept), code, self._clock.now(), after=kept.last_step)
        if step is not None:
            await store.use_step(connection, kept, step)
            return True
        return await self.takes_recovery(connection, kept.merchant_id, kept.operator_id, code)

    async def takes_recovery(self, connection: AsyncConnection, merchant_id: str, operator_id: str, code: str) -> bool:
        """As `takes`, of one without a phone."""
        return await store.use_recovery(connection, merchant_id, operator_id, recovery_hash(self._recovery_key, code))

    async def _new_recovery(self, connection: AsyncConnection, operator: Operator) -> list[str]:
        codes = [recovery_text(self._randomness(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
        hashes = [recovery_hash(self._recovery_key, code) for code in codes]
        await store.put_recovery(connection, operator.merchant_id, operator.operator_id, hashes)
        return codes

    def _secret(self, merchant_id: str, kept: store.KeptSecret) -> bytes:
        value = self._master_key.unseal(kept.sealed, purpose=_purpose(merchant_id, kept.operator_id))
        return base64.b64decode(str(value["secret"]))

    def _change(self, operator: Operator, action: str, after: State) -> Change:
        return Change(
            merchant_id=operator.merchant_id,
            actor=operator.operator_id,
            action=action,
            subject=operator.operator_id,
            at=self._clock.now(),
            after=after,
        )


def _purpose(merchant_id: str, operator_id: str) -> str:
    return f"operator_totp/{merchant_id}/{operator_id}"


def _wrong_code() -> VendomatError:
    return VendomatError(ErrorCode.FORBIDDEN, "this code is not right, or was used; wait for the next one")
