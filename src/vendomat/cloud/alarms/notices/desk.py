"""What people set: where notices go, which rules an alarm's kind has, and when it is quiet.

An endpoint goes in and never comes out; only its kind is shown. A new endpoint is read before it is kept, so that a
typing error is told at once. A test is one message, sent now, and its answer is the endpoint's own word. Every change
is in the change log, an endpoint only as a word that it changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.alarms.notices import store
from vendomat.cloud.alarms.notices.delivery import Delivered, Delivery, Message
from vendomat.cloud.alarms.notices.sealing import sealed_endpoint, unsealed_endpoint
from vendomat.cloud.alarms.notices.words import word
from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.merchants import MasterKey
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, VendomatError, derive_id

CHANNELS_MAX = 20
_LOGGED = ("name", "scheme", "language", "min_severity", "is_active")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelChange:
    """What is to be set; None leaves it as it is."""

    name: str | None = None
    endpoint: str | None = None
    language: str | None = None
    min_severity: str | None = None
    is_active: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a merchant wants alarms of one kind. `severity` empty: as raised. `is_auto_cleared`: once its cause is gone
    nobody has to look. `escalate_to` a channel, after so many minutes without acknowledgement."""

    kind: str
    severity: str = ""
    delay_s: int = 0
    is_silent: bool = False
    is_auto_cleared: bool = False
    escalate_after_min: int = 0
    escalate_to: str = ""


class NoticeDesk:
    """One merchant's notices."""

    def __init__(self, database: Database, master_key: MasterKey, delivery: Delivery, clock: Clock) -> None:
        self._database = database
        self._master_key = master_key
        self._delivery = delivery
        self._clock = clock

    async def channels(self, merchant_id: str) -> list[sa.RowMapping]:
        async with self._database.merchant(merchant_id) as connection:
            return list(await store.list_channels(connection, merchant_id))

    async def add(self, merchant_id: str, change: ChannelChange, *, by: str, request_key: str) -> sa.RowMapping:
        """Once for each `request_key` and content; again, it is the same channel.

        Raises `VendomatError` (invalid_value for an endpoint that is none, conflict for too many).
        """
        assert change.endpoint is not None
        scheme = await self._read(change.endpoint)
        channel_id = derive_id("ntc", merchant_id, request_key, change.name or "", scheme)
        async with self._database.merchant(merchant_id) as connection:
            known = await store.find_channel(connection, merchant_id, channel_id)
            if known is not None:
                return known
            if len(await store.list_channels(connection, merchant_id)) >= CHANNELS_MAX:
                raise VendomatError(ErrorCode.CONFLICT, f"there are {CHANNELS_MAX} channels already; nothing was added")
            row: dict[str, object] = {
                "merchant_id": merchant_id,
                "channel_id": channel_id,
                "name": change.name,
                "scheme": scheme,
                "endpoint_sealed": sealed_endpoint(self._master_key, merchant_id, channel_id, {"url": change.endpoint}),
                "language": change.language,
                "min_severity": change.min_severity,
            }
            await store.add_channel(connection, row, self._clock.now())
            after = {name: row[name] for name in _LOGGED if name in row}
            await self._note(connection, merchant_id, by, "notification.added", channel_id, None, after)
            return await _channel(connection, merchant_id, channel_id)

    async def change(self, merchant_id: str, channel_id: str, change: ChannelChange, *, by: str) -> sa.RowMapping:
        """Raises `VendomatError` (not_found, invalid_value)."""
        named = ("name", "language", "min_severity", "is_active")
        changes = {name: getattr(change, name) for name in named if getattr(change, name) is not None}
        if change.endpoint is not None:
            changes["scheme"] = await self._read(change.endpoint)
            endpoint = {"url": change.endpoint}
            changes["endpoint_sealed"] = sealed_endpoint(self._master_key, merchant_id, channel_id, endpoint)
            changes["error"] = ""
        async with self._database.merchant(merchant_id) as connection:
            known = await _channel(connection, merchant_id, channel_id)
            if changes:
                await store.change_channel(connection, merchant_id, channel_id, changes)
                told = [name for name in _LOGGED if name in changes]
                before: dict[str, object] = {name: known[name] for name in told}
                after = {name: changes[name] for name in told}
                if change.endpoint is not None:
                    after["endpoint"] = "changed"
                await self._note(connection, merchant_id, by, "notification.changed", channel_id, before, after)
            return await _channel(connection, merchant_id, channel_id)

    async def test(self, merchant_id: str, channel_id: str) -> Delivered:
        """Send one message now. Raises `VendomatError(not_found)`."""
        async with self._database.merchant(merchant_id) as connection:
            row = await _channel(connection, merchant_id, channel_id)
        language = row["language"]
        title, text = f"Vendomat: {word('test', language)}", word("test_text", language)
        return await self._delivery.send(Message(unsealed_endpoint(self._master_key, row)["url"], title, text))

    async def rules(self, merchant_id: str) -> list[Rule]:
        async with self._database.merchant(merchant_id) as connection:
            rows = await store.list_rules(connection, merchant_id)
        return [Rule(**{name: row[name] for name in Rule.__slots__}) for row in rows]

    async def put_rule(self, merchant_id: str, rule: Rule, *, by: str) -> Rule:
        """Raises `VendomatError(invalid_value)` for a channel that is not there."""
        if (rule.escalate_after_min > 0) != (rule.escalate_to != ""):
            raise VendomatError(ErrorCode.INVALID_VALUE, "an escalation has minutes and a channel; nothing changed")
        async with self._database.merchant(merchant_id) as connection:
            if rule.escalate_to and await store.find_channel(connection, merchant_id, rule.escalate_to) is None:
                raise VendomatError(ErrorCode.INVALID_VALUE, "there is no such channel; nothing changed")
            row: dict[str, object] = {name: getattr(rule, name) for name in Rule.__slots__}
            rules = {one["kind"]: one for one in await store.list_rules(connection, merchant_id)}
            known = rules.get(rule.kind)
            await store.put_rule(connection, row | {"merchant_id": merchant_id})
            before = None if known is None else {name: known[name] for name in row}
            await self._note(connection, merchant_id, by, "notification.rule_changed", rule.kind, before, row)
        return rule

    async def quiet_hours(self, merchant_id: str) -> sa.RowMapping:
        async with self._database.merchant(merchant_id) as connection:
            return await store.quiet_hours(connection, merchant_id)

    async def put_quiet_hours(self, merchant_id: str, hours: tuple[int, int] | None, *, by: str) -> sa.RowMapping:
        async with self._database.merchant(merchant_id) as connection:
            known = await store.quiet_hours(connection, merchant_id)
            await store.put_quiet_hours(connection, merchant_id, hours)
            row = await store.quiet_hours(connection, merchant_id)
            before, after = ({n: one[n] for n in ("from_minute", "until_minute")} for one in (known, row))
            await self._note(connection, merchant_id, by, "notification.quiet_changed", merchant_id, before, after)
            return row

    async def _note(  # noqa: PLR0913, PLR0917 - a line of the change log has as many parts
        self,
        connection: AsyncConnection,
        merchant_id: str,
        by: str,
        action: str,
        subject: str,
        before: dict[str, object] | None,
        after: dict[str, object],
    ) -> None:
        change = Change(
            merchant_id=merchant_id,
            actor=by,
            action=action,
            subject=subject,
            at=self._clock.now(),
            before=before,
            after=after,
        )
        await note_change(connection, change)

    async def _read(self, endpoint: str) -> str:
        read = await self._delivery.check(endpoint)
        if not read.is_sent:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"{read.reason}; nothing changed")
        return read.scheme


async def _channel(connection: AsyncConnection, merchant_id: str, channel_id: str) -> sa.RowMapping:
    row = await store.find_channel(connection, merchant_id, channel_id)
    if row is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such channel")
    return row
