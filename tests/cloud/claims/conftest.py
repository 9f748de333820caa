"""The sale's world, and a stage with a console on which a buyer, a manager and a second manager act."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.cloud.one_key_each import ONE_KEY_EACH
from tests.cloud.sales.conftest import MERCHANT, World, world
from tests.cloud.sales.selling_stage import MASTER, Stage, fact, open_stage
from tests.cloud.sales.test_use_cases import AT, create, new_order, paid
from vendomat.cloud.app import PublicParts, build_public_app
from vendomat.cloud.claims import ClaimRounds
from vendomat.cloud.codes import CodePosting
from vendomat.cloud.merchants import Merchants, NewOperator, Passwords, Role
from vendomat.cloud.orders import BuyerLinks
from vendomat.cloud.reports import EventFeeds
from vendomat.cloud.sales import buyers_key
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import TimeOrderedIds, derive_id
from vendomat.protocol import FactKind

__all__ = ["world"]

HOST = "http://console.example"
PASSWORD = "correct horse battery"
LINKS = BuyerLinks(buyers_key(MASTER), HOST)


async def _no_ledger(_connection: AsyncConnection, _postings: Sequence[CodePosting]) -> None:
    """No code is issued here."""


@dataclass
class Counter:
    """Everybody at the counter: the sale's stage, the app, and how people reach it."""

    stage: Stage
    app: FastAPI
    rounds: ClaimRounds
    said: int = 0
    facts: int = 0
    tokens: dict[int, str] = field(default_factory=dict)

    @asynccontextmanager
    async def visitor(self, address: str = "10.9.9.9") -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.app, client=(address, 1), raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url=HOST, headers={"Origin": HOST}, event_hooks=ONE_KEY_EACH
        ) as client:
            yield client

    @asynccontextmanager
    async def operator(self, who: str = "manager") -> AsyncIterator[httpx.AsyncClient]:
        async with self.visitor() as client:
            body = {"email": f"{who}@vendomat.example", "password": PASSWORD}
            assert (await client.post("/api/v1/session", json=body)).status_code == 200
            yield client

    async def sell(self, n: int, *results: str, slots: tuple[tuple[str, int, int], ...] = (("A1", 1, 350),)) -> str:
        """Order `n`, paid, each unit with its result (`delivered`, `jam`); the token of its link."""
        stage, order_id = self.stage, derive_id("ord", n)
        await create(stage.world, new_order(n, slots))
        amount = sum(count * price for _, count, price in slots)
        await stage.writer.apply(paid(n, amount))
        stage.platform.take_money(derive_id("pay", n), amount)
        for unit, result in enumerate(results, start=1):
            self.facts += 1
            slot = next(s for s, count, _ in slots for _ in range(count)) if len(slots) == 1 else slots[unit - 1][0]
            body = {"cmd_id": command_number(order_id, unit), "order_id": order_id, "unit": unit, "slot": slot}
            done = fact(FactKind.OUTCOME, body | {"result": result}, seq=self.facts)
            await stage.say("facts", {"facts": [done]})
        return LINKS.token_of(MERCHANT, order_id)

    async def see(self, client: httpx.AsyncClient, token: str) -> httpx.Response:
        return await client.get("/api/v1/order", headers={"Authorization": f"Bearer {token}"})

    async def say(self, client: httpx.AsyncClient, token: str, **body: object) -> httpx.Response:
        self.said += 1
        whole = {"request_id": f"request-{self.said}", "what": "nothing_came"} | body
        return await client.post("/api/v1/order/claim", json=whole, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
async def counter(world: World) -> AsyncIterator[Counter]:
    async with open_stage(world, is_following=False) as stage:
        database, clock = world.database, stage.clock
        ids, passwords = TimeOrderedIds(clock), Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        merchants = Merchants(database, passwords, ids, clock)
        for who, role in (("manager", Role.MANAGER), ("second", Role.MANAGER), ("reader", Role.READ_ONLY)):
            await merchants.add_operator(
                MERCHANT, NewOperator(email=f"{who}@vendomat.example", name=who, password=PASSWORD, role=role)
            )
        app = build_public_app(
            PublicParts(
                database=database,
                master_key=MASTER,
                passwords=passwords,
                ids=ids,
                clock=clock,
                post_ledger=_no_ledger,
                feeds=EventFeeds(database, clock),
                refunds=stage.refunds,
            )
        )
        yield Counter(stage, app, ClaimRounds(database, settings=stage.settings, clock=clock, ids=ids))
        passwords.close()


__all__ += ["AT", "HOST", "LINKS", "Counter", "counter"]
