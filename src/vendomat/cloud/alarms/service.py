"""What people do with alarms: look, acknowledge, clear, give to somebody, put off, say something.

Clearing the last alarm of a slot reopens the slot: somebody says that the cause is gone. A repeated request changes
nothing and is no error. Every move is a line of the alarm's timeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.alarms import store
from vendomat.cloud.alarms.entries import Entry
from vendomat.cloud.alarms.model import (
    ACTIVE,
    MOVES,
    SLOT_LOCKED,
    Alarm,
    AlarmEntry,
    AlarmEvent,
    AlarmState,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor
from vendomat.kernel import Clock, ErrorCode, VendomatError

SNOOZED_MAX = timedelta(days=30)


class Alarms:
    """One merchant's alarms."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def list_alarms(
        self,
        merchant_id: str,
        wanted: store.AlarmFilter | None = None,
        *,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> list[Alarm]:
        """Newest first, at most `limit` of them."""
        async with self._database.merchant(merchant_id) as connection:
            return await store.list_alarms(connection, wanted or store.AlarmFilter(), after=after, limit=limit)

    async def move(self, merchant_id: str, alarm_id: str, event: AlarmEvent, *, operator_id: str) -> Alarm:
        """Acknowledge or clear. Raises `VendomatError` (not_found, illegal_move)."""
        async with self._database.merchant(merchant_id) as connection:
            return await self._move(connection, alarm_id, event, operator_id)

    async def acknowledge_all(self, merchant_id: str, alarm_ids: Sequence[str], *, operator_id: str) -> list[Alarm]:
        """All of them or none; what was cleared already stays so. Raises `VendomatError(not_found)`."""
        async with self._database.merchant(merchant_id) as connection:
            moved = []
            for alarm_id in sorted(set(alarm_ids)):
                alarm = await _locked(connection, alarm_id)
                is_over = alarm.state is AlarmState.CLEARED
                moved.append(
                    alarm if is_over else await self._move(connection, alarm_id, AlarmEvent.ACKNOWLEDGE, operator_id)
                )
        return moved

    async def assign(self, merchant_id: str, alarm_id: str, to: str, *, operator_id: str) -> Alarm:
        """Give it to one of the people, or to nobody (''). Raises `VendomatError` (not_found, invalid_value)."""
        async with self._database.merchant(merchant_id) as connection:
            alarm = await _locked(connection, alarm_id)
            people = dict(await store.list_people(connection, merchant_id))
            if to and to not in people:
                raise VendomatError(ErrorCode.INVALID_VALUE, "there is no such person; nothing changed")
            if alarm.assigned_to == to:
                return alarm
            await store.change(connection, alarm, assigned_to=to)
            return await self._noted(connection, alarm, "assigned", by=operator_id, said=people.get(to, ""))

    async def snooze(self, merchant_id: str, alarm_id: str, until: datetime | None, *, operator_id: str) -> Alarm:
        """Put it off until a moment, or take it up again (None). Raises `VendomatError` (not_found, invalid_value)."""
        now = self._clock.now()
        if until is not None and not now < until <= now + SNOOZED_MAX:
            raise VendomatError(ErrorCode.INVALID_VALUE, "put it off for thirty days at most; nothing changed")
        async with self._database.merchant(merchant_id) as connection:
            alarm = await _locked(connection, alarm_id)
            await store.change(connection, alarm, snoozed_until=until)
            said = "" if until is None else until.isoformat()
            return await self._noted(connection, alarm, "snoozed", by=operator_id, said=said)

    async def comment(self, merchant_id: str, alarm_id: str, text: str, *, operator_id: str) -> Alarm:
        """Say something about it. Raises `VendomatError(not_found)`."""
        async with self._database.merchant(merchant_id) as connection:
            alarm = await _locked(connection, alarm_id)
            return await self._noted(connection, alarm, "comment", by=operator_id, said=text)

    async def timeline(self, merchant_id: str, alarm_id: str) -> tuple[Alarm, list[AlarmEntry]]:
        """All that happened to it, the oldest first. Raises `VendomatError(not_found)`."""
        async with self._database.merchant(merchant_id) as connection:
            return await _locked(connection, alarm_id), await store.timeline(connection, merchant_id, alarm_id)

    async def people(self, merchant_id: str) -> list[tuple[str, str]]:
        """`(operator_id, name)` of everybody an alarm may be given to."""
        async with self._database.merchant(merchant_id) as connection:
            return await store.list_people(connection, merchant_id)

    async def _move(self, connection: AsyncConnection, alarm_id: str, event: AlarmEvent, operator_id: str) -> Alarm:
        now = self._clock.now()
        alarm = await _locked(connection, alarm_id)
        if _is_done(alarm.state, event):
            return alarm
        state = MOVES.next(alarm.state, event)
        if state is AlarmState.CLEARED and alarm.kind == SLOT_LOCKED:
            raise VendomatError(ErrorCode.CONFLICT, "unlock the slot, with a reason; nothing changed")
        is_cleared_now = state is AlarmState.CLEARED and alarm.state in ACTIVE
        await store.set_state(connection, alarm, state, cleared_at=now if is_cleared_now else alarm.cleared_at)
        is_reopened = (
            is_cleared_now
            and alarm.slot != ""
            and not await store.has_open_slot_alarm(connection, alarm)
            and await store.reopen_slot(connection, alarm)
        )
        what = "acknowledged" if event is AlarmEvent.ACKNOWLEDGE else "cleared"
        await store.append_event(
            connection,
            alarm,
            f"alarm.{what}",
            at=now,
            data={
                "alarm_id": alarm_id,
                "machine_id": alarm.machine_id,
                "slot": alarm.slot,
                "kind": alarm.kind,
                "operator_id": operator_id,
                "is_slot_reopened": is_reopened,
            },
        )
        await store.append_entry(connection, Entry(alarm.merchant_id, alarm_id, now, what, operator_id))
        return await _locked(connection, alarm_id)

    async def _noted(self, connection: AsyncConnection, alarm: Alarm, what: str, *, by: str, said: str) -> Alarm:
        """A line of the timeline, and word to the open pages."""
        now = self._clock.now()
        entry = Entry(alarm.merchant_id, alarm.alarm_id, now, what, by, said)
        await store.append_entry(connection, entry)
        data: dict[str, object] = {"alarm_id": alarm.alarm_id, "machine_id": alarm.machine_id, "kind": alarm.kind}
        await store.append_event(connection, alarm, f"alarm.{what}", at=now, data=data | {"operator_id": by})
        return await _locked(connection, alarm.alarm_id)


def _is_done(state: AlarmState, event: AlarmEvent) -> bool:
    if event is AlarmEvent.ACKNOWLEDGE:
        return state is AlarmState.ACKNOWLEDGED
    return state is AlarmState.CLEARED


async def _locked(connection: AsyncConnection, alarm_id: str) -> Alarm:
    alarm = await store.lock_alarm(connection, alarm_id)
    if alarm is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such alarm")
    return alarm
