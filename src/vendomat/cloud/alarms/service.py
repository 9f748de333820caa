"""What people do with alarms: look, acknowledge, clear.

Clearing the last alarm of a slot reopens the slot: somebody says that the cause is gone. A repeated request changes
nothing and is no error.
"""

from __future__ import annotations

from vendomat.cloud.alarms import store
from vendomat.cloud.alarms.model import MOVES, SLOT_LOCKED, Alarm, AlarmEvent, AlarmState
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor
from vendomat.kernel import Clock, ErrorCode, VendomatError

_REACHED = {AlarmEvent.ACKNOWLEDGE: AlarmState.ACKNOWLEDGED, AlarmEvent.CLEAR: AlarmState.CLEARED}


class Alarms:
    """One merchant's alarms."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def list_alarms(
        self,
        merchant_id: str,
        *,
        is_open: bool | None = None,
        machine_id: str | None = None,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> list[Alarm]:
        """Newest first, at most `limit` of them."""
        async with self._database.merchant(merchant_id) as connection:
            return await store.list_alarms(connection, is_open=is_open, machine_id=machine_id, after=after, limit=limit)

    async def move(self, merchant_id: str, alarm_id: str, event: AlarmEvent, *, operator_id: str) -> Alarm:
        """Acknowledge or clear. Raises `VendomatError` (not_found, illegal_move)."""
        now = self._clock.now()
        async with self._database.merchant(merchant_id) as connection:
            alarm = await store.lock_alarm(connection, alarm_id)
            if alarm is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such alarm")
            if alarm.state is _REACHED[event]:
                return alarm
            state = MOVES.next(alarm.state, event)
            if state is AlarmState.CLEARED and alarm.kind == SLOT_LOCKED:
                raise VendomatError(ErrorCode.CONFLICT, "unlock the slot, with a reason; nothing changed")
            cleared_at = now if state is AlarmState.CLEARED else None
            await store.set_state(connection, alarm, state, cleared_at=cleared_at)
            is_reopened = (
                state is AlarmState.CLEARED
                and alarm.slot != ""
                and not await store.has_open_slot_alarm(connection, alarm)
                and await store.reopen_slot(connection, alarm)
            )
            await store.append_event(
                connection,
                alarm,
                f"alarm.{state.value}",
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
            moved = await store.lock_alarm(connection, alarm_id)
        assert moved is not None, "the row is locked by us"
        return moved
