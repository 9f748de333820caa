"""Registering machines for a merchant, and giving out the one-time token that lets a machine enrol.

What a person does stands in the change log, written with it; what a program does (`by` left out) does not.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.machines import store
from vendomat.cloud.machines.model import MOVES, TOKEN_LIFE, Band, MachineEvent, MachineState, NewMachine, token_hash
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """`text` is kept only as a hash."""

    text: str
    number: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"IssuedToken({self.number})"


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

    async def create(self, merchant_id: str, new: NewMachine, *, by: str = "") -> str:
        """The id of a new machine. Raises `VendomatError`: conflict for a known number, invalid_value,
        not_found for its model."""
        try:
            ZoneInfo(new.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"{new.time_zone!r} is not an IANA time zone") from error
        machine_id = self._ids.new("mch")
        try:
            async with self._database.merchant(merchant_id) as connection:
                await store.insert_machine(connection, merchant_id, machine_id, new, at=self._clock.now())
                change = self._change(merchant_id, by, "machine.created", machine_id)
                await self._note(connection, replace(change, after=asdict(new)))
        except IntegrityError as error:
            if "machine_model_of" in str(error):
                raise VendomatError(
                    ErrorCode.NOT_FOUND, "there is no such machine model; nothing was created"
                ) from error
            raise VendomatError(
                ErrorCode.CONFLICT, f"a machine with number {new.number!r} exists already; nothing was created"
            ) from error
        return machine_id

    async def create_at_home(self, merchant_id: str, new: NewMachine, *, by: str) -> str:
        """As `create`, in the time zone of the merchant."""
        async with self._database.merchant(merchant_id) as connection:
            time_zone = await store.time_zone_of(connection, merchant_id)
        return await self.create(merchant_id, replace(new, time_zone=time_zone), by=by)

    async def issue_token(self, merchant_id: str, machine_id: str, *, by: str = "") -> IssuedToken:
        """A token good for one enrolment within a day; earlier unused ones end. Shown once, kept only as a hash.

        Raises `VendomatError` (not_found, conflict for a machine that is retired).
        """
        token = self._new_token()
        now = self._clock.now()
        expires_at = now + TOKEN_LIFE
        async with self._database.merchant(merchant_id) as connection:
            known = await store.standing_of(connection, merchant_id, machine_id)
            if known is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine")
            if not MOVES.may(known.state, MachineEvent.ENROL):
                raise VendomatError(ErrorCode.CONFLICT, "this machine is retired; it enrols no more")
            await store.replace_token(
                connection, merchant_id, machine_id, token_hash(token), now=now, expires_at=expires_at
            )
            said = {"number": known.number, "state": known.state.value, "expires_at": expires_at.isoformat()}
            change = self._change(merchant_id, by, "machine.link_made", machine_id)
            await self._note(connection, replace(change, after=said))
        return IssuedToken(token, known.number, expires_at)

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

    async def set_band(self, merchant_id: str, machine_id: str, band: Band | None, *, by: str) -> None:
        """Which temperatures are wanted; None: any. Raises `VendomatError` (not_found, invalid_value)."""
        if band is not None:
            band.check()
        async with self._database.merchant(merchant_id) as connection:
            before = await store.lock_band(connection, machine_id)
            if before == band:
                return
            await store.set_band(connection, merchant_id, machine_id, band)
            change = self._change(merchant_id, by, "machine.climate_set", machine_id)
            was, is_now = (asdict(one) if one is not None else None for one in (before, band))
            await self._note(connection, replace(change, before=was, after=is_now))

    async def tag(
        self, merchant_id: str, machine_ids: Collection[str], *, add: Collection[str], remove: Collection[str], by: str
    ) -> None:
        """Give `machine_ids` the tags of `add` and take those of `remove`: all of them or none.

        Raises `VendomatError(not_found)`.
        """
        wanted = sorted(set(machine_ids))
        async with self._database.merchant(merchant_id) as connection:
            before = await store.lock_tags(connection, wanted)
            if len(before) < len(wanted):
                raise VendomatError(ErrorCode.NOT_FOUND, "one of these machines is not there; nothing changed")
            after = {machine_id: sorted({*tags, *add} - set(remove)) for machine_id, tags in before.items()}
            changed = [machine_id for machine_id in wanted if after[machine_id] != before[machine_id]]
            await store.put_tags(connection, merchant_id, {machine_id: after[machine_id] for machine_id in changed})
            for machine_id in changed:
                change = self._change(merchant_id, by, "machine.tagged", machine_id)
                was, is_now = {"tags": before[machine_id]}, {"tags": after[machine_id]}
                await self._note(connection, replace(change, before=was, after=is_now))

    async def _note(self, connection: AsyncConnection, change: Change) -> None:
        if change.actor:
            await note_change(connection, change)

    def _change(self, merchant_id: str, by: str, action: str, machine_id: str) -> Change:
        return Change(merchant_id=merchant_id, actor=by, action=action, subject=machine_id, at=self._clock.now())
