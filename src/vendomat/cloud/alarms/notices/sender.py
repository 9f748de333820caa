"""Sends what is due, channel by channel, and marks it afterwards: a message may come twice, and none is lost.

Browsers of people are channels, too. They are told as long as their person may see alarms, and apart from the others,
so that a push service that does not answer keeps nobody else waiting.

A worker claims a channel for a while, judges its due notices, sends one message about all of them, and writes what
became of them. Killed in between, the claim runs out and another worker does it again. At most one message a minute
and channel; what an endpoint refuses is tried again for a day, and the channel says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from vendomat.cloud.alarms.model import AlarmState, Severity
from vendomat.cloud.alarms.notices.delivery import Delivered, Delivery, Message
from vendomat.cloud.alarms.notices.model import (
    BETWEEN_MESSAGES,
    MOVES,
    WEB_PUSH,
    Notice,
    NoticeEvent,
    NoticeKey,
    NoticeState,
    QuietHours,
    Step,
    Verdict,
    after_failure,
    judged,
    message_of,
    push_of,
)
from vendomat.cloud.alarms.notices.push_delivery import WebPush
from vendomat.cloud.alarms.notices.push_wire import Subscription
from vendomat.cloud.alarms.notices.sealing import unsealed_endpoint
from vendomat.cloud.merchants import MasterKey, Permission, may_now
from vendomat.cloud.platform.database import QUERY_FAILURES, Database
from vendomat.cloud.platform.rows import execute_rows
from vendomat.kernel import Clock, VendomatError

PAUSE_S = 1.0
CLAIMED = timedelta(seconds=60)
NOTICES_MAX = 500
ERROR_CHARACTERS_MAX = 300

_CLAIM = """
UPDATE notify_channel c SET claimed_until = $2 FROM (
    SELECT c.merchant_id, c.channel_id FROM notify_channel c
    WHERE c.is_active AND c.next_send_at <= $1 AND c.claimed_until <= $1 AND (c.merchant_id, c.channel_id) IN (
        SELECT n.merchant_id, n.channel_id FROM alarm_notice n WHERE n.state = 'waiting' AND n.next_try_at <= $1)
        AND (c.operator_id IS NOT NULL) = $4
    ORDER BY c.next_send_at LIMIT $3 FOR UPDATE SKIP LOCKED
) d JOIN merchant m USING (merchant_id) LEFT JOIN notify_quiet q USING (merchant_id)
WHERE (c.merchant_id, c.channel_id) = (d.merchant_id, d.channel_id)
RETURNING c.merchant_id, c.channel_id, c.scheme, c.endpoint_sealed, c.language, q.from_minute, q.until_minute,
    m.time_zone, c.operator_id
"""
_DUE = """
SELECT n.alarm_id, n.step, n.raise_id, n.tries, a.kind, a.severity, a.state, a.slot, a.raised_at, a.snoozed_until,
    a.raise_id = n.raise_id AS is_same_raise, coalesce(m.number, '') AS machine_number
FROM alarm_notice n
JOIN alarm a ON (a.merchant_id, a.alarm_id) = (n.merchant_id, n.alarm_id)
LEFT JOIN machine m ON (m.merchant_id, m.machine_id) = (a.merchant_id, a.machine_id)
WHERE n.merchant_id = $1 AND n.channel_id = $2 AND n.state = 'waiting' AND n.next_try_at <= $3
ORDER BY n.next_try_at LIMIT $4
"""
_KEEP = """
UPDATE alarm_notice n SET state = k.state, next_try_at = coalesce(k.next_try_at, n.next_try_at),
    tries = n.tries + k.tries, error = k.error, ended_at = k.ended_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
    $8::int[], $9::text[], $10::timestamptz[])
    AS k(merchant_id, alarm_id, channel_id, step, raise_id, state, next_try_at, tries, error, ended_at)
WHERE (n.merchant_id, n.alarm_id, n.channel_id, n.step, n.raise_id)
    = (k.merchant_id, k.alarm_id, k.channel_id, k.step, k.raise_id) AND n.state = 'waiting'
"""
_FREE = """
UPDATE notify_channel SET claimed_until = $3, next_send_at = $4, error = coalesce($5, error),
    last_sent_at = coalesce($6, last_sent_at) WHERE (merchant_id, channel_id) = ($1, $2)
"""
_TOLD = """
INSERT INTO alarm_entry (merchant_id, alarm_id, at, what, said)
SELECT k.m, k.a, $4, k.what, coalesce(o.name, c.name) FROM unnest($1::text[], $2::text[], $5::text[]) AS k(m, a, what)
JOIN notify_channel c ON c.merchant_id = k.m AND c.channel_id = $3
LEFT JOIN operator o ON (o.merchant_id, o.operator_id) = (c.merchant_id, c.operator_id)
"""
_END = """
UPDATE notify_channel SET is_active = false, endpoint_sealed = '' WHERE (merchant_id, channel_id) = ($1, $2)
"""
_DROP = """
UPDATE alarm_notice SET state = 'dropped', ended_at = $3, error = $4
WHERE (merchant_id, channel_id) = ($1, $2) AND state = 'waiting'
"""


@dataclass(frozen=True, slots=True)
class _Lane:
    """Channels of one kind, and how many are served at once."""

    is_of_people: bool
    at_once: int


_CHANNELS, _BROWSERS = _Lane(is_of_people=False, at_once=4), _Lane(is_of_people=True, at_once=16)
_log = structlog.get_logger(__name__)


class NoticeSender:
    """One per worker. `console_url` is where a message leads its reader."""

    def __init__(
        self,
        database: Database,
        master_key: MasterKey,
        delivery: Delivery,
        clock: Clock,
        *,
        push: WebPush,
        console_url: str,
    ) -> None:
        self._database = database
        self._master_key = master_key
        self._delivery = delivery
        self._push = push
        self._clock = clock
        self._console_url = console_url

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.gather(self._run(_CHANNELS), self._run(_BROWSERS))

    async def once(self) -> int:
        """Serve the channels that are due; how many there were."""
        return sum(await asyncio.gather(self._once(_CHANNELS), self._once(_BROWSERS)))

    async def _run(self, lane: _Lane) -> None:
        while True:
            try:
                await self._once(lane)
            except (*QUERY_FAILURES, SQLAlchemyError) as error:
                _log.warning("notices could not be sent; trying again", error=repr(error))
            await self._clock.sleep(PAUSE_S)

    async def _once(self, lane: _Lane) -> int:
        now = self._clock.now()

        async def claim(connection: asyncpg.Connection) -> list[asyncpg.Record]:
            rows: list[asyncpg.Record] = await connection.fetch(
                _CLAIM, now, now + CLAIMED, lane.at_once, lane.is_of_people
            )
            return rows

        channels = await self._database.write(claim)
        await asyncio.gather(*(self._serve(channel) for channel in channels))
        return len(channels)

    async def _serve(self, channel: asyncpg.Record) -> None:
        now = self._clock.now()
        key = (channel["merchant_id"], channel["channel_id"])
        rows = await self._database.hot.fetch(_DUE, *key, now, NOTICES_MAX)
        due = [_notice(key, row) for row in rows]
        quiet, may_see = _quiet(channel), await self._may_see(channel)
        verdicts = {notice.key: judged(notice, now, quiet, may_see=may_see) for notice in due}
        telling = [notice for notice in due if verdicts[notice.key].event is NoticeEvent.SEND]
        delivered = None if not telling else await self._send(channel, telling)
        if delivered is not None and not delivered.is_sent:
            wait_s, is_hopeless = delivered.wait_s, delivered.is_hopeless
            verdicts |= {n.key: after_failure(n, now, wait_s=wait_s, is_hopeless=is_hopeless) for n in telling}
        await self._keep(key, verdicts, telling, delivered)

    async def _may_see(self, channel: asyncpg.Record) -> bool:
        """A person's browser is told while that person has an account, and a role that sees alarms."""
        if channel["operator_id"] is None:
            return True
        return await may_now(self._database, channel["merchant_id"], channel["operator_id"], Permission.FLEET_READ)

    async def _send(self, channel: asyncpg.Record, telling: Sequence[Notice]) -> Delivered:
        try:
            endpoint = unsealed_endpoint(self._master_key, channel)
        except VendomatError as error:
            return Delivered(is_sent=False, reason=error.message)
        if channel["scheme"] == WEB_PUSH:
            return await self._push.send(Subscription(**endpoint), push_of(telling, channel["language"]))
        title, text = message_of(telling, channel["language"], self._console_url)
        return await self._delivery.send(Message(endpoint["url"], title, text))

    async def _keep(
        self,
        key: tuple[str, str],
        verdicts: dict[NoticeKey, Verdict],
        telling: Sequence[Notice],
        delivered: Delivered | None,
    ) -> None:
        now = self._clock.now()
        reason = delivered.reason[:ERROR_CHARACTERS_MAX] if delivered is not None else None
        tried = {notice.key for notice in telling}
        rows = [
            (*_ended(one, verdict), int(one in tried), reason or verdict.reason, _ended_at(verdict, now))
            for one, verdict in sorted(verdicts.items())
        ]
        is_sent = delivered is not None and delivered.is_sent

        async def write(connection: asyncpg.Connection) -> None:
            await execute_rows(connection, _KEEP, rows)
            wait = timedelta(seconds=delivered.wait_s) if delivered is not None else timedelta()
            next_send_at = now + (BETWEEN_MESSAGES if is_sent else wait)
            await connection.execute(_FREE, *key, now, next_send_at, reason, now if is_sent else None)
            if is_sent:
                told = [(n.key[0], n.key[1], f"told_{n.step.value}") for n in telling]
                merchants, alarms, whats = (list(column) for column in zip(*told, strict=True))
                await connection.execute(_TOLD, merchants, alarms, key[1], now, whats)
            if delivered is not None and delivered.is_gone:
                await connection.execute(_END, *key)
                await connection.execute(_DROP, *key, now, reason)

        await self._database.write(write)


def _notice(key: tuple[str, str], row: asyncpg.Record) -> Notice:
    merchant_id, channel_id = key
    return Notice(
        key=(merchant_id, row["alarm_id"], channel_id, row["step"], row["raise_id"]),
        step=Step(row["step"]),
        kind=row["kind"],
        severity=Severity(row["severity"]),
        alarm_state=AlarmState(row["state"]),
        machine_number=row["machine_number"],
        slot=row["slot"],
        raised_at=row["raised_at"],
        is_same_raise=row["is_same_raise"],
        snoozed_until=row["snoozed_until"],
        tries=row["tries"],
    )


def _quiet(channel: asyncpg.Record) -> QuietHours | None:
    if channel["from_minute"] is None:
        return None
    return QuietHours(channel["from_minute"], channel["until_minute"], channel["time_zone"])


def _ended(key: NoticeKey, verdict: Verdict) -> tuple[object, ...]:
    state = NoticeState.WAITING if verdict.event is None else MOVES.next(NoticeState.WAITING, verdict.event)
    return (*key, state.value, verdict.until)


def _ended_at(verdict: Verdict, now: datetime) -> datetime | None:
    return None if verdict.event is None else now
