"""`Idempotency-Key`: done once, answered alike for a day, whatever happens between the work and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
import sqlalchemy as sa
from starlette.types import Receive, Scope, Send

from tests.cloud.app.conftest import HOST
from tests.cloud.shop_stage import PASSWORD, Shop
from vendomat.cloud.app.repeats import KeepsAnswers
from vendomat.cloud.merchants import Merchants, NewOperator, Role, SignIns
from vendomat.cloud.platform.http import KeptAnswers, forget_answers
from vendomat.cloud.platform.http.idempotency import KEPT
from vendomat.cloud.platform.http.kept import TURN_LIFE

pytestmark = pytest.mark.slow

SITE = {"name": "Airport", "owner": "Ann"}
KEY = {"Idempotency-Key": "one-wish"}
Post = Callable[[], Awaitable[httpx.Response]]


async def sites(browser: httpx.AsyncClient) -> list[str]:
    return sorted(one["id"] for one in (await browser.get("/api/v1/sites")).json())


async def rows(shop: Shop) -> list[tuple[str, int | None]]:
    async with shop.database.merchant(shop.merchant_id) as connection:
        found = await connection.execute(sa.text("SELECT key, status FROM kept_answer ORDER BY key"))
        return [(row.key, row.status) for row in found]


async def lose_answers(shop: Shop) -> None:
    """As if each worker had been killed between its work and its answer."""
    async with shop.database.merchant(shop.merchant_id) as connection:
        await connection.execute(sa.text("UPDATE kept_answer SET status = NULL, media_type = NULL, sealed = NULL"))


async def test_the_same_again_gets_the_same_bytes_and_makes_nothing_new(browser: httpx.AsyncClient) -> None:
    first = await browser.post("/api/v1/sites", json=SITE, headers=KEY)
    again = await browser.post("/api/v1/sites", json=SITE, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201), first.text
    assert (again.content, again.headers["content-type"]) == (first.content, first.headers["content-type"])
    assert await sites(browser) == [first.json()["id"]]
    other = await browser.post("/api/v1/sites", json=SITE, headers={"Idempotency-Key": "another-wish"})
    assert other.json()["id"] != first.json()["id"]


@pytest.mark.parametrize("other", [{"json": SITE | {"owner": "Bob"}}, {"json": SITE, "params": {"x": "1"}}])
async def test_a_key_is_good_for_one_request(browser: httpx.AsyncClient, other: dict[str, object]) -> None:
    made = (await browser.post("/api/v1/sites", json=SITE, headers=KEY)).json()["id"]
    refused = await browser.post("/api/v1/sites", headers=KEY, **other)  # type: ignore[arg-type]
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_mismatch")
    assert refused.headers["content-type"] == "application/problem+json"
    assert await sites(browser) == [made]


async def test_nobody_gets_another_persons_answer(browser: httpx.AsyncClient, shop: Shop) -> None:
    people = Merchants(shop.database, shop.passwords, shop.ids, shop.clock)
    email = f"manager.{shop.seeded.email}"
    await people.add_operator(shop.merchant_id, NewOperator(email, "Mia", PASSWORD, Role.MANAGER))
    assert (await browser.post("/api/v1/sites", json=SITE, headers=KEY)).status_code == 201
    await browser.post("/api/v1/session", json={"email": email, "password": PASSWORD})
    assert (await browser.post("/api/v1/sites", json=SITE, headers=KEY)).status_code == 422


@pytest.mark.parametrize(
    "headers", [{"Idempotency-Key": ""}, {"Idempotency-Key": "x" * 101}, {"Idempotency-Key": "a b"}]
)
async def test_without_a_good_key_nothing_is_made(browser: httpx.AsyncClient, headers: dict[str, str]) -> None:
    refused = await browser.post("/api/v1/sites", json=SITE, headers=headers)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "header.idempotency-key")
    assert await sites(browser) == []


async def test_a_refusal_leaves_the_key_free(browser: httpx.AsyncClient, shop: Shop) -> None:
    path = f"/api/v1/members/mbr_{'0' * 26}/link"
    assert (await browser.post(path, headers=KEY)).status_code == 404
    assert await rows(shop) == []
    assert (await browser.post("/api/v1/sites", json=SITE, headers=KEY)).status_code == 201


async def test_signing_in_is_never_answered_from_memory(browser: httpx.AsyncClient, shop: Shop) -> None:
    body = {"email": shop.seeded.email, "password": PASSWORD}
    for _ in range(2):
        answer = await browser.post("/api/v1/session", json=body, headers=KEY)
        assert answer.status_code == 200 and "set-cookie" in answer.headers
    assert await rows(shop) == []


def new_codes(shop: Shop) -> dict[str, object]:
    machine = shop.seeded.machines[0]
    return {"machine_id": machine.machine_id, "product_id": "", "kind": "gift", "count": 2}


async def test_killed_before_the_answer_it_is_done_once(browser: httpx.AsyncClient, shop: Shop) -> None:
    detail = (await browser.get(f"/api/v1/machines/{shop.machine_id}")).json()
    codes = new_codes(shop) | {"product_id": detail["planogram"][0]["product_id"]}
    wishes = {
        "/api/v1/sites": SITE,
        "/api/v1/codes": codes,
        "/api/v1/members": {"request_id": "a-new-member", "name": "Mo"},
    }
    first = {}
    for path, body in wishes.items():
        first[path] = await browser.post(path, json=body, headers={"Idempotency-Key": path})
        assert first[path].status_code == 201, first[path].text
    await lose_answers(shop)
    for path, body in wishes.items():
        early = await browser.post(path, json=body, headers={"Idempotency-Key": path})
        assert (early.status_code, early.json()["code"]) == (409, "in_progress")
        assert early.headers["retry-after"] == "1"
    await shop.clock.advance(TURN_LIFE.total_seconds())
    for path, body in wishes.items():
        again = await browser.post(path, json=body, headers={"Idempotency-Key": path})
        assert again.status_code == 201, again.text
    assert await sites(browser) == [first["/api/v1/sites"].json()["id"]]
    issued = (await browser.get("/api/v1/codes")).json()["data"]
    assert sorted(one["id"] for one in issued) == sorted(one["id"] for one in first["/api/v1/codes"].json()["data"])
    members = (await browser.get("/api/v1/members")).json()["data"]
    assert [one["id"] for one in members] == [first["/api/v1/members"].json()["member"]["id"]]


async def test_a_secret_in_an_answer_lies_sealed_and_a_day_at_most(browser: httpx.AsyncClient, shop: Shop) -> None:
    body = {"request_id": "a-new-member", "name": "Mo"}
    link = (await browser.post("/api/v1/members", json=body, headers=KEY)).json()["link"]
    key = link.partition("#")[2]
    async with shop.database.merchant(shop.merchant_id) as connection:
        (sealed,) = (await connection.execute(sa.text("SELECT sealed FROM kept_answer"))).scalars()
    assert len(key) > 20 and key.encode() not in bytes(sealed)
    assert (await browser.post("/api/v1/members", json=body, headers=KEY)).json()["link"] == link
    await shop.clock.advance(KEPT.total_seconds())
    async with shop.database.hot.acquire() as connection:
        await forget_answers(connection, before=shop.clock.now() - KEPT)
        assert await rows(shop) == [(KEY["Idempotency-Key"], 201)], "kept for a whole day"
        await shop.clock.advance(1)
        await forget_answers(connection, before=shop.clock.now() - KEPT)
    assert await rows(shop) == []


class Office:
    """An application that takes its time: each request waits until it may go on, and says its number."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.done = 0
        self.breaks = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun.set()
        await self.may_go_on.wait()
        if self.breaks:
            raise RuntimeError("broken")
        self.done += 1
        body = b'{"number":%d}' % self.done
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body[:4], "more_body": True})
        await send({"type": "http.response.body", "body": body[4:]})


@pytest.fixture
async def office() -> Office:
    return Office()


@pytest.fixture
async def ask(browser: httpx.AsyncClient, shop: Shop, office: Office) -> Post:
    """The same request to the slow office, as the signed-in owner."""
    kept = KeptAnswers(shop.database, shop.ids, shop.clock)
    sign_ins = SignIns(shop.database, shop.passwords, shop.clock)
    app = KeepsAnswers(office, sign_ins=sign_ins, kept=kept, master_key=shop.master_key)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    client = httpx.AsyncClient(transport=transport, base_url=HOST, cookies=browser.cookies, headers=KEY)
    return lambda: client.post("/api/v1/anything", json={})


async def test_while_it_is_under_way_the_same_request_waits_for_nothing(ask: Post, office: Office) -> None:
    first = asyncio.create_task(ask())
    await asyncio.wait_for(office.begun.wait(), 30)
    meanwhile = await ask()
    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "in_progress")
    office.may_go_on.set()
    assert (await first).content == (await ask()).content == b'{"number":1}'
    assert office.done == 1


async def test_one_that_takes_over_is_the_one_whose_answer_is_kept(ask: Post, office: Office, shop: Shop) -> None:
    slow = asyncio.create_task(ask())
    await asyncio.wait_for(office.begun.wait(), 30)
    office.begun.clear()
    await shop.clock.advance(TURN_LIFE.total_seconds())
    second = asyncio.create_task(ask())
    await asyncio.wait_for(office.begun.wait(), 30)
    office.may_go_on.set()
    answers = {(await slow).content, (await second).content}
    assert answers == {b'{"number":1}', b'{"number":2}'}
    assert (await ask()).content == (await second).content


async def test_what_broke_may_be_asked_again(ask: Post, office: Office, shop: Shop) -> None:
    office.may_go_on.set()
    office.breaks = True
    with pytest.raises(RuntimeError):
        await ask()
    assert await rows(shop) == []
    office.breaks = False
    assert (await ask()).content == b'{"number":1}'
