"""A worker that dies while a wallet pays: before each statement, and by SIGKILL around the commit.

Never goods without the charge, never the charge without goods or money back, and the same scan again ends it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.cloud.sales.conftest import MERCHANT, World
from tests.cloud.sales.selling_stage import DiedError, Stage, open_stage
from tests.cloud.sales.test_wallet_payments import PRICE, STORED, assert_in_order, order, scan, show, taken
from vendomat.cloud.members import Member
from vendomat.cloud.platform.database import Database, KeptConnection

pytestmark = pytest.mark.slow

STATEMENTS_MAX = 80


class Death:
    """The worker dies before its `nth` statement, the commit among them; 0: it lives."""

    nth = 0
    seen = 0

    def before(self) -> None:
        self.seen += 1
        if self.seen == self.nth:
            raise DiedError


def mortal(death: Death) -> type[KeptConnection]:
    class MortalConnection(KeptConnection):
        async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
            death.before()
            return await super().fetch(query, *args, **options)

        async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
            death.before()
            return await super().fetchval(query, *args, **options)

        async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
            death.before()
            return await super().fetchrow(query, *args, **options)

        async def execute(self, query: str, *args: Any, **options: Any) -> Any:
            if not query.startswith(("BEGIN", "ROLLBACK")):
                death.before()
            return await super().execute(query, *args, **options)

    return MortalConnection


@asynccontextmanager
async def mortal_stage(world: World, death: Death) -> AsyncIterator[Stage]:
    database = await Database.open(world.database.url, connection_class=mortal(death))
    try:
        async with open_stage(World(database, world.hot, world.superuser, world.settings), is_following=False) as stage:
            yield stage
    finally:
        await database.aclose()


async def assert_whole(stage: Stage, member: Member, order_id: str) -> bool:
    """Paid with its command and its charge, or none of the three; whether it is paid."""
    is_paid = await stage.one("SELECT state FROM sale_order WHERE order_id = $1", order_id) == "paid"
    commands = await stage.one("SELECT count(*) FROM command WHERE order_id = $1", order_id)
    used = await stage.one("SELECT count(*) FROM member_code WHERE payment_id <> ''")
    told = (await taken(stage), commands, used, await stage.stored(member))
    assert told == ((1, 1, 1, STORED - PRICE) if is_paid else (0, 0, 0, STORED))
    return is_paid


async def test_killed_before_any_statement_nothing_has_happened(world: World) -> None:
    death = Death()
    async with mortal_stage(world, death) as stage:
        ann = await stage.join(stored_minor=STORED)
        order_id, code = await order(stage), await show(stage, ann)
        died = 0
        for nth in range(1, STATEMENTS_MAX):
            death.nth, death.seen = nth, 0
            try:
                kind, status = await scan(stage, order_id, code)
            except DiedError:
                died += 1
                death.nth = 0
                assert not await assert_whole(stage, ann, order_id)
                continue
            assert (kind, status["state"]) == ("scan.reply", "paid")
            break
        assert 10 < died < STATEMENTS_MAX - 2, "every statement of it was tried, and then it went through"
        assert await assert_whole(stage, ann, order_id)
        await assert_in_order(stage)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_sigkill_around_the_commit(world: World, moment: str) -> None:
    async with open_stage(world, is_following=False) as stage:
        ann = await stage.join(stored_minor=STORED)
        order_id, code = await order(stage), await show(stage, ann)
        command = [sys.executable, "-m", "tests.cloud.sales.wallet_victim", world.database.url, moment, order_id, code]
        ended = await asyncio.to_thread(subprocess.run, command, timeout=120, check=False, env=dict(os.environ))
        assert ended.returncode == -signal.SIGKILL
        assert await assert_whole(stage, ann, order_id) == (moment == "after")
        kind, status = await scan(stage, order_id, code)  # the machine asks again, as it does without an answer
        assert (kind, status["state"]) == ("scan.reply", "paid")
        assert await assert_whole(stage, ann, order_id)
        assert await stage.one("SELECT count(*) FROM payment WHERE merchant_id = $1", MERCHANT) == 3
        await assert_in_order(stage)
