"""A real cloud worker whose database, wire and platforms tell a trap where they are.

It does what the worker does and adds nothing but the end: the trap may kill the process at any named point.
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg

from vendomat.cloud.app import run_cloud
from vendomat.cloud.payments import CallThreads, Notice, NoticeAnswer, OpenProvider, Provider, open_provider
from vendomat.cloud.platform.connection import Handle, Wire
from vendomat.cloud.platform.database import Database, KeptConnection
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import Clock
from vendomat.simulator.doomed.trap import Trap
from vendomat.wire import taken_up

_VERBS = ("start", "look_up", "cancel", "refund", "look_up_refund")
_COMMITS = {
    "INSERT INTO sale_order": "order",
    "UPDATE payment p SET code_url": "code",
    "UPDATE coupon c SET taken = c.taken +": "coupon",
    "UPDATE coupon c SET taken = c.taken -": "coupon given back",
    "INSERT INTO command": "command",
    "INSERT INTO refund": "refund",
    "UPDATE refund r SET state": "refund answer",
    "UPDATE refund r SET tries": "refund claim",
    "UPDATE payment p SET tries": "payment claim",
}
_PAYMENT_STATES = re.compile(r"UPDATE payment p SET state.*?FROM unnest\(\$\d+::text\[\], \$\d+::text\[\], \$(\d+)::")
"""Where the new states stand among the values: other statements may be sent together with this one."""


def commits_of(statement: str, values: tuple[object, ...]) -> set[str]:
    """What a transaction that contains this statement commits, by the names of the kill points."""
    found = {name for text, name in _COMMITS.items() if text in statement}
    if "INSERT INTO machine_fact" in statement:
        kinds = values[5]
        assert isinstance(kinds, list)
        found |= {str(kind) for kind in kinds}
    if place := _PAYMENT_STATES.search(statement):
        states = values[int(place[1]) - 1]
        assert isinstance(states, list)
        found |= {{"paid": "payment", "closed": "closed payment"}[str(state)] for state in states if state in _ENDED}
    return found


_ENDED = ("paid", "closed")


def doomed_connection(trap: Trap) -> type[KeptConnection]:
    """A connection class that knows what its transaction has written when it comes to the commit."""

    class DoomedConnection(KeptConnection):
        commits: frozenset[str] = frozenset()

        async def fetch(self, query: str, *args: Any, **options: Any) -> list[asyncpg.Record]:
            rows: list[asyncpg.Record] = await super().fetch(query, *args, **options)
            if rows or "tries" not in query:  # a sweep that found nothing has claimed nothing
                self.commits |= commits_of(query, args)
            return rows

        async def execute(self, query: str, *args: Any, **options: Any) -> str:
            if query != "COMMIT;":
                self.commits = frozenset() if query.startswith(("BEGIN", "ROLLBACK")) else self.commits
                self.commits |= commits_of(query, args)
                return str(await super().execute(query, *args, **options))
            for name in sorted(self.commits):
                trap.reach(f"before commit of {name}")
            status = str(await super().execute(query, *args, **options))
            for name in sorted(self.commits):
                trap.reach(f"after commit of {name}")
            self.commits = frozenset()
            return status

    return DoomedConnection


class DoomedWire(Wire):
    """Made by `DoomedWire.open(...)`; `trap` is set by a subclass of one process."""

    trap: Trap

    async def ask(self, machine_id: str, kind: str, data: bytes, *, timeout_s: float) -> bytes | None:
        self.trap.reach(f"before publish of {kind}")
        asking = asyncio.create_task(super().ask(machine_id, kind, data, timeout_s=timeout_s))
        await asyncio.sleep(0)  # it has been handed to the client
        if self.is_connected:
            await taken_up(self._client)
        self.trap.reach(f"after publish of {kind}")
        reply = await asking
        if reply is not None:
            self.trap.reach(f"after answer to {kind}")
        return reply

    async def serve(self, handle: Handle, *others: Any, **named: Any) -> None:
        async def handle_and_reach(machine_id: str, kind: str, data: bytes) -> bytes | None:
            reply = await handle(machine_id, kind, data)
            self.trap.reach(f"before reply to {kind}")
            return reply

        await super().serve(handle_and_reach, *others, **named)


class DoomedProvider:
    """A provider whose verbs tell the trap when they begin and when they have their answer."""

    def __init__(self, provider: Provider, trap: Trap) -> None:
        self._provider = provider
        self._trap = trap
        self.channel, self.account = provider.channel, provider.account
        for verb in _VERBS:
            setattr(self, verb, self._around(verb))

    def _around(self, verb: str) -> Any:
        async def call(request: Any) -> Any:
            self._trap.reach(f"before platform {verb}")
            answer = await getattr(self._provider, verb)(request)
            self._trap.reach(f"after platform {verb}")
            return answer

        return call

    async def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        self._trap.reach("before platform read_notice")
        notice = await self._provider.read_notice(headers, body)
        self._trap.reach("after platform read_notice")
        return notice

    def answer_notice(self, *, accepted: bool) -> NoticeAnswer:
        self._trap.reach("before answer to notice")
        return self._provider.answer_notice(accepted=accepted)

    async def aclose(self) -> None:
        await self._provider.aclose()


def doomed_provider(trap: Trap) -> OpenProvider:
    """Opens providers as ever, each under the trap's eye."""

    def open_doomed(channel: str, settings: Mapping[str, object], *, clock: Clock, threads: CallThreads) -> Any:
        return DoomedProvider(open_provider(channel, settings, clock=clock, threads=threads), trap)

    return open_doomed


def run_doomed_cloud(data: Path, *, http_port: int, https_port: int) -> None:
    """The cloud as a program, under `data/trap`."""
    trap = Trap(data / "trap")

    class ThisWire(DoomedWire):
        pass

    ThisWire.trap = trap
    run_cloud(
        CloudSettings(data_dir=data, http_port=http_port, https_port=https_port),
        open_provider=doomed_provider(trap),
        open_database=functools.partial(Database.open, connection_class=doomed_connection(trap)),
        open_wire=ThisWire.open,
    )
