"""The first run over the API: one token, one merchant, and then never again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from tests.cloud.app.conftest import HOST, _no_ledger
from tests.cloud.one_key_each import ONE_KEY_EACH
from vendomat.cloud.app import PublicParts, build_public_app
from vendomat.cloud.merchants import TOKEN_NAME, FirstRun, MasterKey, Merchants, Passwords
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.engines import PostgresEngine
from vendomat.cloud.reports import EventFeeds
from vendomat.kernel import ManualClock, TimeOrderedIds

PASSWORD = "a long enough word"
_numbers = itertools.count()


class NewCloud:
    """A cloud that nobody has set up, over a database of its own."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.clock = ManualClock()
        self.passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))

    @asynccontextmanager
    async def worker(self, name: str = "one", address: str = "10.1.1.1") -> AsyncIterator[httpx.AsyncClient]:
        """A worker with a data folder of its own, and a browser before it."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        ids = TimeOrderedIds(self.clock)
        merchants = Merchants(self.database, self.passwords, ids, self.clock)
        first_run = FirstRun(self.database, merchants, folder, self.clock)
        await first_run.prepare()
        app = build_public_app(
            PublicParts(
                database=self.database,
                master_key=MasterKey(b"k" * 32),
                passwords=self.passwords,
                ids=ids,
                clock=self.clock,
                post_ledger=_no_ledger,
                feeds=EventFeeds(self.database, self.clock),
                first_run=first_run,
            )
        )
        transport = httpx.ASGITransport(app, client=(address, 1), raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url=HOST, headers={"Origin": HOST}, event_hooks=ONE_KEY_EACH
        ) as client:
            yield client

    def token(self, name: str = "one") -> str:
        return (self.folder / name / TOKEN_NAME).read_text().strip()

    def wish(self, worker: str = "one", **business: str) -> dict[str, Any]:
        merchant = {"name": "Sunshine", "currency": "EUR", "time_zone": "Europe/Berlin", "service_phone": "0800"}
        owner = {"name": "Ann", "email": f"ann.{worker}@vendomat.example", "password": PASSWORD}
        return {"token": self.token(worker), "merchant": merchant | business, "owner": owner}


@pytest.fixture
async def new_cloud(postgres: PostgresEngine, tmp_path: Path) -> AsyncIterator[NewCloud]:
    url = postgres.create_database(f"vendomat_setup_{next(_numbers)}", template="vendomat_template")
    database = await Database.open(url, hot_connections=4)
    cloud = NewCloud(database, tmp_path)
    yield cloud
    cloud.passwords.close()
    await database.aclose()


async def test_whoever_has_the_token_sets_the_cloud_up_once(new_cloud: NewCloud) -> None:
    async with new_cloud.worker() as browser:
        standing = (await browser.get("/api/v1/setup")).json()
        assert standing["is_open"] is True
        assert "EUR" in standing["currencies"]
        wish = new_cloud.wish()
        assert (await browser.post("/api/v1/setup/look", json={"token": wish["token"]})).status_code == 204
        made = await browser.post("/api/v1/setup", json=wish)
        assert (made.status_code, made.json()["email"]) == (201, "ann.one@vendomat.example"), made.text
        assert not (new_cloud.folder / "one" / TOKEN_NAME).exists()
        session = await browser.post("/api/v1/session", json={"email": made.json()["email"], "password": PASSWORD})
        assert session.json()["operator"]["role"] == "owner"
        assert session.json()["merchant"]["currency"] == "EUR"
        assert (await browser.get("/api/v1/setup")).json()["is_open"] is False
        for path, body in (("", wish), ("/look", {"token": wish["token"]})):
            assert (await browser.post(f"/api/v1/setup{path}", json=body)).status_code == 409
        steps = (await browser.get("/api/v1/first-steps")).json()
        assert steps == dict.fromkeys(("machine", "products", "planogram", "way_to_pay", "sale"), False)


async def test_a_wrong_token_opens_nothing_and_is_stopped(new_cloud: NewCloud) -> None:
    async with new_cloud.worker() as browser:
        wish = new_cloud.wish() | {"token": "guess"}
        for _ in range(10):
            assert (await browser.post("/api/v1/setup", json=wish)).status_code == 403
        assert (await browser.post("/api/v1/setup/look", json={"token": new_cloud.token()})).status_code == 429
        assert await new_cloud.database.hot.fetchval("SELECT count(*) FROM merchant") == 0
    async with new_cloud.worker(address="10.1.1.2") as elsewhere:
        assert (await elsewhere.post("/api/v1/setup", json=new_cloud.wish())).status_code == 201


async def test_the_token_stays_over_a_restart_and_is_the_owners_alone(new_cloud: NewCloud) -> None:
    async with new_cloud.worker():
        first = new_cloud.token()
    async with new_cloud.worker():
        assert new_cloud.token() == first
    assert (new_cloud.folder / "one" / TOKEN_NAME).stat().st_mode & 0o77 == 0
    assert len(first) >= 32


async def test_two_at_once_at_two_workers_make_one_merchant(new_cloud: NewCloud) -> None:
    async with new_cloud.worker("one") as left, new_cloud.worker("two") as right:
        answers = await asyncio.gather(
            left.post("/api/v1/setup", json=new_cloud.wish("one")),
            right.post("/api/v1/setup", json=new_cloud.wish("two")),
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert await new_cloud.database.hot.fetchval("SELECT count(*) FROM merchant") == 1
    async with new_cloud.worker("one"), new_cloud.worker("two"):
        assert list(new_cloud.folder.rglob(TOKEN_NAME)) == []


@pytest.mark.parametrize("wrong", [{"currency": "XXX"}, {"time_zone": "Mars/Crater"}, {"name": " "}])
async def test_what_is_wrong_is_said_and_nothing_is_made(new_cloud: NewCloud, wrong: dict[str, str]) -> None:
    async with new_cloud.worker() as browser:
        assert (await browser.post("/api/v1/setup", json=new_cloud.wish(**wrong))).status_code == 422
        short = new_cloud.wish()
        short["owner"]["password"] = "short"
        assert (await browser.post("/api/v1/setup", json=short)).status_code == 422
        assert await new_cloud.database.hot.fetchval("SELECT count(*) FROM merchant") == 0
        assert (await browser.post("/api/v1/setup", json=new_cloud.wish())).status_code == 201
