"""What people do about themselves: another password, and where they are signed in.

A new password needs the old one, and ends every other session. Each change stands in the change log.
"""

from __future__ import annotations

from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.merchants import people_store as store
from vendomat.cloud.merchants.model import Operator, StandingSession, checked_password
from vendomat.cloud.merchants.passwords import Passwords
from vendomat.cloud.merchants.sign_in import SignIns
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, VendomatError


class OwnAccount:
    """Raises `VendomatError`; then nothing changed."""

    def __init__(self, database: Database, passwords: Passwords, sign_ins: SignIns, clock: Clock) -> None:
        self._database = database
        self._passwords = passwords
        self._sign_ins = sign_ins
        self._clock = clock

    async def change_password(self, operator: Operator, old: str, new: str, *, address: str) -> int:
        """How many other sessions ended. Raises `VendomatError` (invalid_value, rate_limited, forbidden for a wrong old
        password)."""
        checked_password(new)
        await self._sign_ins.prove_by_password(operator, old, address=address)
        password_hash = await self._passwords.hash(new)
        async with self._database.merchant(operator.merchant_id) as connection:
            await store.set_password(connection, operator.operator_id, password_hash)
            ended = await store.end_sessions(connection, operator.operator_id, but=[operator.session_id])
            await note_change(connection, self._change(operator, "password.changed", {"sessions_ended": ended}))
        return ended

    async def sessions(self, operator: Operator) -> list[StandingSession]:
        async with self._database.merchant(operator.merchant_id) as connection:
            return await store.list_sessions(connection, operator.operator_id, self._clock.now())

    async def end_session(self, operator: Operator, session_id: str) -> None:
        """Raises `VendomatError(not_found)` for one that is not theirs, or has ended."""
        async with self._database.merchant(operator.merchant_id) as connection:
            if not await store.end_sessions(connection, operator.operator_id, only=session_id):
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such session; nothing changed")
            await note_change(connection, self._change(operator, "session.ended", {"sessions_ended": 1}))

    async def end_others(self, operator: Operator) -> int:
        """All sessions but the one this is said in; how many there were."""
        async with self._database.merchant(operator.merchant_id) as connection:
            ended = await store.end_sessions(connection, operator.operator_id, but=[operator.session_id])
            if ended:
                await note_change(connection, self._change(operator, "session.ended", {"sessions_ended": ended}))
        return ended

    def _change(self, operator: Operator, action: str, after: State) -> Change:
        return Change(
            merchant_id=operator.merchant_id,
            actor=operator.operator_id,
            action=action,
            subject=operator.operator_id,
            at=self._clock.now(),
            after=after,
        )
