"""Live events: nothing missed, nothing twice, nothing of others, even when transactions end out of order."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import asyncpg
import httpx
import pytest
import uvicorn

from tests.cloud.shop_stage import PASSWORD, Shop
from vendomat.cloud.app import PublicParts, build_public_app
from vendomat.cloud.reports import EventFeeds, StreamedEvent
from vendomat.cloud.reports.stream import Place
from vendomat.kernel import ErrorCode, SystemClock, VendomatError

pytestmark = pytest.mark.slow


@pytest.fixture
async def feeds(shop: Shop) -> AsyncIterator[EventFeeds]:
    opened = EventFeeds(shop.database, SystemClock())
    yield opened
    await opened.aclose()


async def tell(connection: asyncpg.Connection | asyncpg.Pool, merchant_id: str, subject: str) -> None:
    await connection.execute(
        "INSERT INTO outbox (merchant_id, kind, subject, data, at) VALUES ($1, 'order.paid', $2, $3, now())",
        merchant_id,
        subject,
        {"n": subject},
    )


async def hear(feeds: EventFeeds, shop: Shop, count: int, last: Place | None = None) -> list[StreamedEvent]:
    heard = []
    async with asyncio.timeout(40), aclosing(feeds.follow(shop.merchant_id, last)) as events:
        async for event in events:
            heard.append(event)
            if len(heard) == count:
                return heard
    raise AssertionError("the stream ended")


async def listening(feeds: EventFeeds, shop: Shop, count: int) -> asyncio.Task[list[StreamedEvent]]:
    task = asyncio.create_task(hear(feeds, shop, count))
    feed = None
    while feed is None or not feed.pages:
        await asyncio.sleep(0.01)
        feed = feeds._feeds.get(shop.merchant_id)
    return task


async def test_events_come_in_order_and_a_page_resumes_where_it_was(shop: Shop, feeds: EventFeeds) -> None:
    task = await listening(feeds, shop, 3)
    for number in range(3):
        await tell(shop.database.hot, shop.merchant_id, f"s{number}")
    first = await task
    assert [event.subject for event in first] == ["s0", "s1", "s2"]
    await tell(shop.database.hot, shop.merchant_id, "s3")
    resumed = await hear(feeds, shop, 3, first[0].place)
    assert [event.subject for event in resumed] == ["s1", "s2", "s3"]


async def test_an_event_committed_late_is_not_missed(shop: Shop, feeds: EventFeeds) -> None:
    """The slow transaction drew the smaller event number; a reader by number alone would step over it."""
    task = await listening(feeds, shop, 2)
    async with shop.database.hot.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await tell(slow, shop.merchant_id, "slow")
        await tell(shop.database.hot, shop.merchant_id, "fast")
        await asyncio.sleep(1.2)
        assert not task.done()
        await transaction.commit()
    assert [event.subject for event in await task] == ["slow", "fast"]


async def test_many_writers_at_once_lose_nothing(shop: Shop, feeds: EventFeeds) -> None:
    task = await listening(feeds, shop, 40)

    async def write(number: int) -> None:
        async with shop.database.hot.acquire() as connection, connection.transaction():
            await tell(connection, shop.merchant_id, f"w{number}a")
            await asyncio.sleep(0.02 * (number % 5))
            await tell(connection, shop.merchant_id, f"w{number}b")

    await asyncio.gather(*(write(number) for number in range(20)))
    heard = await task
    assert len({event.subject for event in heard}) == 40
    assert [event.place for event in heard] == sorted(event.place for event in heard)


async def test_two_pages_share_one_reader_and_hear_the_same(shop: Shop, feeds: EventFeeds) -> None:
    first = await listening(feeds, shop, 2)
    second = asyncio.create_task(hear(feeds, shop, 2))
    await asyncio.sleep(0.1)
    assert len(feeds._feeds) == 1 and len(feeds._feeds[shop.merchant_id].pages) == 2
    for subject in ("a", "b"):
        await tell(shop.database.hot, shop.merchant_id, subject)
    assert [e.place for e in await first] == [e.place for e in await second]
    assert feeds._feeds == {}


async def test_another_merchants_events_are_not_heard(shop: Shop, feeds: EventFeeds) -> None:
    task = await listening(feeds, shop, 1)
    await tell(shop.database.hot, "mer_other", "theirs")
    await tell(shop.database.hot, shop.merchant_id, "ours")
    assert [event.subject for event in await task] == ["ours"]


@pytest.mark.parametrize("text", ["", "1", "1-", "-1-1", "1-1-1", "a-b", "9" * 19 + "-1", "1-" + "9" * 19, "１-１"])
def test_a_place_we_did_not_give_is_refused(text: str) -> None:
    with pytest.raises(VendomatError) as caught:
        Place.from_text(text)
    assert caught.value.code is ErrorCode.INVALID_VALUE


def test_a_place_is_read_as_it_was_written() -> None:
    assert Place.from_text(str(Place(123, 45))) == Place(123, 45)


@asynccontextmanager
async def served(shop: Shop, feeds: EventFeeds) -> AsyncIterator[str]:
    """The application on a real port: only there do streams stream."""
    app = build_public_app(
        PublicParts(
            database=shop.database,
            master_key=shop.master_key,
            passwords=shop.passwords,
            ids=shop.ids,
            clock=shop.clock,
            post_ledger=lambda _connection, _postings: asyncio.sleep(0),
            feeds=feeds,
        )
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await feeds.aclose()
            server.should_exit = True
            await serving


async def test_a_browser_hears_events_and_resumes_by_last_event_id(shop: Shop, feeds: EventFeeds) -> None:
    async with (
        served(shop, feeds) as url,
        httpx.AsyncClient(base_url=url, headers={"Origin": url}, timeout=20) as client,
    ):
        await client.post("/api/v1/session", json={"email": shop.seeded.email, "password": PASSWORD})
        await tell(shop.database.hot, shop.merchant_id, "before")
        first = await _blocks(client, {"Last-Event-ID": "1-1"}, 1)
        assert "event" not in first[0]  # by names a browser would hear only those that it asked for
        body = json.loads(first[0]["data"])
        assert (body["type"], body["subject"], body["data"]) == ("order.paid", "before", {"n": "before"})
        await tell(shop.database.hot, shop.merchant_id, "after")
        (second,) = await _blocks(client, {"Last-Event-ID": first[0]["id"]}, 1)
        assert json.loads(second["data"])["subject"] == "after"
        refused = await client.get("/api/v1/events/stream", headers={"Last-Event-ID": "nonsense"})
        assert refused.status_code == 422


async def test_an_open_page_does_not_keep_the_server_from_stopping(shop: Shop, feeds: EventFeeds) -> None:
    async with httpx.AsyncClient(timeout=20) as client:
        async with served(shop, feeds) as url:
            log_in = {"email": shop.seeded.email, "password": PASSWORD}
            await client.post(f"{url}/api/v1/session", json=log_in, headers={"Origin": url})
            answer = await client.send(client.build_request("GET", f"{url}/api/v1/events/stream"), stream=True)
            assert answer.status_code == 200
            stopping = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - stopping < 5
        await answer.aclose()


async def _blocks(client: httpx.AsyncClient, headers: dict[str, str], count: int) -> list[dict[str, str]]:
    """The first `count` events of the stream, as `{id, data}`."""
    found: list[dict[str, str]] = []
    block: dict[str, str] = {}
    async with client.stream("GET", "/api/v1/events/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                block[name] = value
            elif "data" in block:
                found.append(block)
                block = {}
                if len(found) == count:
                    break
            else:
                block = {}
    return found
