"""Registering machines for a merchant, and giving out the one-time token that lets a machine enrol."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.exc import IntegrityError

from vendomat.cloud.machines import store
from vendomat.cloud.machines.model import MOVES, TOKEN_LIFE, MachineEvent, MachineState, NewMachine, token_hash
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError


class Machines:
    """The merchant's side: machines and their tokens."""

    def __init__(
        self,
        database: Database,
        ids: Ids,
        clock: Clock,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self._database = database
        self._ids = ids
        self._clock = clock
        self._new_token = new_token

    async def create(self, merchant_id: str, new: NewMachine) -> str:
        """The id of a new machine. Raises `VendomatError` (conflict for a known number, invalid_value)."""
        try:
            ZoneInfo(new.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"{new.time_zone!r} is not an IANA time zone") from error
        machine_id = self._ids.new("mch")
        try:
            async with self._database.merchant(merchant_id) as connection:
                await store.insert_machine(connection, merchant_id, machine_id, new, at=self._clock.now())
        except IntegrityError as error:
            raise VendomatError(
                ErrorCode.CONFLICT, f"a machine with number {new.number!r} exists already; nothing was created"
            ) from error
        return machine_id

    async def issue_token(self, merchant_id: str, machine_id: str) -> str:
        """A token good for one enrolment within a day; earlier unused ones end. Shown once, kept only as a hash."""
        token = self._new_token()
        now = self._clock.now()
        async with self._database.merchant(merchant_id) as connection:
            if not await store.machine_exists(connection, merchant_id, machine_id):
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine")
            await store.replace_token(
                connection, merchant_id, machine_id, token_hash(token), now=now, expires_at=now + TOKEN_LIFE
            )
        return token

    async def move(self, merchant_id: str, machine_id: str, event: MachineEvent) -> MachineState:
        """Quarantine, release or retire. Raises `VendomatError` (not_found, illegal_move)."""
        assert event is not MachineEvent.ENROL, "a machine enrols itself"
        async with self._database.merchant(merchant_id) as connection:
            row = await store.lock_machine(connection, machine_id)
            if row is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine")
            state = MOVES.next(row.state, event)
            await store.set_state(connection, row, state)
        return state
