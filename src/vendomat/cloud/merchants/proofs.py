"""Proving again who one is, in a session that goes on: what a stolen session alone cannot do.

A proof is the password, a code of the second factor, a passkey, or another sign-in at the merchant's identity provider,
good for `proof_life`. What needs one says so at its
route (`permitted(…, is_proven=True)`). Wrong proofs are counted with wrong sign-ins. Each proof is in the change log.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.merchants import store
from vendomat.cloud.merchants.model import PROOF_LIFE, Operator, check_second_factor
from vendomat.cloud.merchants.passkey_wire import Credential
from vendomat.cloud.merchants.passkeys import Passkeys
from vendomat.cloud.merchants.second_factor import SecondFactor
from vendomat.cloud.merchants.sign_in import SignIns
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, VendomatError


class ProofWay(StrEnum):
    PASSWORD = "password"  # noqa: S105 - a name, not one
    CODE = "code"  # of the phone, or a recovery code
    PASSKEY = "passkey"
    PROVIDER = "provider"  # signing in again at the merchant's identity provider


class Proofs:
    """Raises `VendomatError` (rate_limited, forbidden for a wrong proof); the session goes on as it was."""

    def __init__(
        self,
        database: Database,
        sign_ins: SignIns,
        second_factor: SecondFactor,
        passkeys: Passkeys,
        *,
        clock: Clock,
        proof_life: timedelta = PROOF_LIFE,
    ) -> None:
        self._database = database
        self._sign_ins = sign_ins
        self._second_factor = second_factor
        self._passkeys = passkeys
        self._clock = clock
        self._proof_life = proof_life

    async def ways(self, operator: Operator) -> list[ProofWay]:
        """How this person can prove who they are."""
        standing = await self._second_factor.standing(operator)
        async with self._database.merchant(operator.merchant_id) as connection:
            has_password, has_provider = await store.ways_in(connection, operator.operator_id)
        has = {
            ProofWay.PASSWORD: has_password,
            ProofWay.CODE: standing.since is not None or standing.recovery_left > 0,
            ProofWay.PASSKEY: bool(await self._passkeys.all_of(operator)),
            ProofWay.PROVIDER: has_provider,
        }
        return [way for way, is_there in has.items() if is_there]

    async def check_may_enrol(self, operator: Operator) -> None:
        """A password alone adds no factor to those of a person who has one, where one is required. Raises
        `VendomatError(second_factor_missing)`."""
        if await self._factors(operator):
            check_second_factor(operator)

    async def check_may_drop(self, operator: Operator) -> None:
        """Raises `VendomatError(conflict)` for the last factor where the merchant requires one."""
        if operator.is_second_factor_required and await self._factors(operator) == 1:
            raise VendomatError(
                ErrorCode.CONFLICT, "your merchant requires a second factor: set up another first; nothing changed"
            )

    async def _factors(self, operator: Operator) -> int:
        standing = await self._second_factor.standing(operator)
        return len(await self._passkeys.all_of(operator)) + (standing.since is not None)

    async def by_password(self, operator: Operator, password: str, *, address: str) -> datetime:
        """Until when the session is proven."""
        await self._sign_ins.prove_by_password(operator, password, address=address)
        return await self._proven(operator, ProofWay.PASSWORD, is_second_factor=False)

    async def by_code(self, operator: Operator, code: str, *, address: str) -> datetime:
        """As `by_password`."""
        await self._sign_ins.prove_by_code(operator, code, address=address)
        return await self._proven(operator, ProofWay.CODE)

    async def by_passkey(self, operator: Operator, credential: Credential, *, address: str) -> datetime:
        """As `by_password`; `credential` answers what `Passkeys.begin_proof` asked."""
        await self._passkeys.prove(operator, credential, address=address)
        return await self._proven(operator, ProofWay.PASSKEY)

    async def by_provider(self, operator: Operator, *, is_second_factor: bool) -> datetime:
        """As `by_password`; they have just signed in again at the provider, which says whether by two factors."""
        return await self._proven(operator, ProofWay.PROVIDER, is_second_factor=is_second_factor)

    async def _proven(self, operator: Operator, way: ProofWay, *, is_second_factor: bool = True) -> datetime:
        now = self._clock.now()
        change = Change(
            merchant_id=operator.merchant_id,
            actor=operator.operator_id,
            action="session.proven",
            subject=operator.operator_id,
            at=now,
            after={"by": way.value},
        )
        async with self._database.merchant(operator.merchant_id) as connection:
            await store.prove_session(connection, operator.session_id, now, is_second_factor=is_second_factor)
            await note_change(connection, change)
        return now + self._proof_life
