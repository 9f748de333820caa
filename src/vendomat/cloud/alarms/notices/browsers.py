"""What people set for themselves: which of their browsers are told of alarms.

A browser belongs to the person who turned it on last, and to the session they did it in: when that session is ended by
somebody, it is told nothing more; when it runs out by itself, it still is. Its endpoint and keys go in and never come
out. Turning on and removing stand in the change log; that a browser was seen again does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.alarms.notices import browser_store as store
from vendomat.cloud.alarms.notices.delivery import Delivered
from vendomat.cloud.alarms.notices.model import WEB_PUSH, trial_push
from vendomat.cloud.alarms.notices.push_delivery import WebPush
from vendomat.cloud.alarms.notices.push_wire import Subscription
from vendomat.cloud.alarms.notices.sealing import sealed_endpoint, unsealed_endpoint
from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.merchants import MasterKey, Operator
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, VendomatError, derive_id

BROWSERS_MAX = 10
AGENT_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserWish:
    """What a person wants this browser to be told, and in which language; `agent` is what it calls itself."""

    subscription: Subscription
    agent: str
    language: str
    min_severity: str


class BrowserDesk:
    """One person's browsers. Raises `VendomatError`; then nothing changed."""

    def __init__(self, database: Database, master_key: MasterKey, push: WebPush, clock: Clock) -> None:
        self._database = database
        self._master_key = master_key
        self._push = push
        self._clock = clock

    @property
    def public_key(self) -> str:
        return self._push.public_key

    async def browsers(self, operator: Operator) -> list[sa.RowMapping]:
        async with self._database.merchant(operator.merchant_id) as connection:
            return list(await store.list_browsers(connection, operator.merchant_id, operator.operator_id))

    async def turn_on(self, operator: Operator, wish: BrowserWish) -> sa.RowMapping:
        """One subscription is one browser, however often it is told; so this also says that it was seen.

        Raises `VendomatError` (invalid_value for what is no subscription, conflict for too many).
        """
        self._push.check(wish.subscription)
        merchant_id, now = operator.merchant_id, self._clock.now()
        url = wish.subscription.url
        channel_id = derive_id("ntc", merchant_id, WEB_PUSH, url)
        endpoint = {"url": url, "p256dh": wish.subscription.p256dh, "auth": wish.subscription.auth}
        row: dict[str, object] = {
            "merchant_id": merchant_id,
            "channel_id": channel_id,
            "operator_id": operator.operator_id,
            "session_hash": bytes.fromhex(operator.session_id),
            "name": wish.agent[:AGENT_CHARACTERS_MAX],
            "scheme": WEB_PUSH,
            "endpoint_sealed": sealed_endpoint(self._master_key, merchant_id, channel_id, endpoint),
            "language": wish.language,
            "min_severity": wish.min_severity,
            "at": now,
        }
        async with self._database.merchant(merchant_id) as connection:
            await store.lock_person(connection, operator.operator_id)
            theirs = {one["channel_id"]: one for one in await store.list_browsers(connection, *_whose(operator))}
            known = theirs.get(channel_id)
            if known is None and len(theirs) >= BROWSERS_MAX:
                raise VendomatError(
                    ErrorCode.CONFLICT, f"one has at most {BROWSERS_MAX} browsers that are told; remove one first"
                )
            await store.put_browser(connection, row)
            after = _logged(row)
            before = None if known is None or not known["is_active"] else _logged(known)
            if before != after:
                action = "notification.browser_added" if before is None else "notification.browser_changed"
                await note_change(connection, self._change(operator, action, channel_id, before=before, after=after))
            return await _browser(connection, operator, channel_id)

    async def remove(self, operator: Operator, channel_id: str) -> None:
        """It is told nothing more, from now. Raises `VendomatError(not_found)` for one that is not theirs."""
        async with self._database.merchant(operator.merchant_id) as connection:
            known = await _browser(connection, operator, channel_id)
            await store.delete_browser(connection, channel_id)
            change = self._change(operator, "notification.browser_removed", channel_id, before=_logged(known))
            await note_change(connection, change)

    async def test(self, operator: Operator, channel_id: str) -> Delivered:
        """Send one now. Raises `VendomatError` (not_found; conflict for one that its browser has ended)."""
        async with self._database.merchant(operator.merchant_id) as connection:
            row = await _browser(connection, operator, channel_id)
        if not row["is_active"]:
            raise VendomatError(ErrorCode.CONFLICT, "this browser ended it itself; turn it on there again")
        endpoint = unsealed_endpoint(self._master_key, row)
        return await self._push.send(Subscription(**endpoint), trial_push(row["language"]))

    def _change(
        self, operator: Operator, action: str, subject: str, *, before: State | None = None, after: State | None = None
    ) -> Change:
        return Change(
            merchant_id=operator.merchant_id,
            actor=operator.operator_id,
            action=action,
            subject=subject,
            at=self._clock.now(),
            before=before,
            after=after,
        )


def _logged(row: Mapping[str, object] | sa.RowMapping) -> dict[str, object]:
    return {name: row[name] for name in ("language", "min_severity")}


def _whose(operator: Operator) -> tuple[str, str]:
    return operator.merchant_id, operator.operator_id


async def _browser(connection: AsyncConnection, operator: Operator, channel_id: str) -> sa.RowMapping:
    row = await store.find_browser(connection, operator.merchant_id, channel_id)
    if row is None or row["operator_id"] != operator.operator_id:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such browser of yours; nothing changed")
    return row
