"""The change log on a real database: one chain per merchant whoever writes, all or nothing, and only ever added to."""

from __future__ import annotations

import asyncio

import asyncpg
import httpx
import pytest

from tests.cloud.app.conftest import browser, public_app, stranger
from tests.cloud.shop_stage import Shop
from vendomat.cloud.changes import Change, ChangeLog, note_change, note_changes
from vendomat.cloud.changes.store import ChangeFilter

__all__ = ["browser", "public_app", "stranger"]
pytestmark = pytest.mark.slow


def change(shop: Shop, subject: str = "sit_1", merchant_id: str = "") -> Change:
    return Change(
        merchant_id=merchant_id or shop.merchant_id,
        actor=shop.seeded.operator_id,
        action="site.changed",
        subject=subject,
        at=shop.clock.now(),
        reason="it moved",
        before={"name": "Lobby"},
        after={"name": "Hall"},
    )


async def subjects(shop: Shop) -> list[tuple[int, str]]:
    rows = await ChangeLog(shop.database).find(shop.merchant_id, ChangeFilter(), limit=50)
    return [(row["seq"], row["subject"]) for row in reversed(rows)]


async def test_both_ways_into_the_database_write_one_chain(shop: Shop) -> None:
    async with shop.database.merchant(shop.merchant_id) as connection:
        await note_change(connection, change(shop, "by_people"))
    async with shop.database.hot.acquire() as hot, hot.transaction():
        await note_changes(hot, [change(shop, "by_the_sale"), change(shop, "again")])
    assert await subjects(shop) == [(1, "by_people"), (2, "by_the_sale"), (3, "again")]
    seal = await ChangeLog(shop.database).seal(shop.merchant_id)
    assert (seal.head.seq, seal.broken_at) == (3, None)


async def test_what_is_rolled_back_was_never_noted(shop: Shop) -> None:
    with pytest.raises(RuntimeError):
        async with shop.database.merchant(shop.merchant_id) as connection:
            await note_change(connection, change(shop, "never"))
            raise RuntimeError
    async with shop.database.merchant(shop.merchant_id) as connection:
        await note_change(connection, change(shop, "kept"))
    assert await subjects(shop) == [(1, "kept")]


async def test_writers_at_once_take_turns(shop: Shop) -> None:
    async def write(number: int) -> None:
        async with shop.database.merchant(shop.merchant_id) as connection:
            await note_change(connection, change(shop, f"s{number}"))

    await asyncio.gather(*(write(number) for number in range(12)))
    assert [seq for seq, _ in await subjects(shop)] == list(range(1, 13))
    assert (await ChangeLog(shop.database).seal(shop.merchant_id)).broken_at is None


async def test_nobody_writes_into_the_log_of_another_merchant(shop: Shop) -> None:
    async with shop.database.merchant(shop.merchant_id) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await note_change(connection, change(shop, merchant_id="mer_other"))


async def test_people_find_their_changes(shop: Shop, browser: httpx.AsyncClient) -> None:
    async with shop.database.merchant(shop.merchant_id) as connection:
        for number in range(3):
            await note_change(connection, change(shop, f"sit_{number}"))
    page = (await browser.get("/api/v1/changes", params={"limit": 2})).json()
    assert [(one["seq"], one["actor_name"], one["reason"]) for one in page["data"]] == [
        (3, "Demo", "it moved"),
        (2, "Demo", "it moved"),
    ]
    assert (page["data"][0]["before"], page["data"][0]["after"]) == ({"name": "Lobby"}, {"name": "Hall"})
    rest = (await browser.get("/api/v1/changes", params={"cursor": page["next_cursor"]})).json()
    assert ([one["seq"] for one in rest["data"]], rest["has_more"]) == ([1], False)
    for query, found in (
        ({"subject": "sit_1"}, [2]),
        ({"what": "site"}, [3, 2, 1]),
        ({"what": "code"}, []),
        ({"actor": "opr_nobody"}, []),
        ({"since": "2999-01-01T00:00:00Z"}, []),
        ({"until": "2999-01-01T00:00:00Z"}, [3, 2, 1]),
    ):
        listed = (await browser.get("/api/v1/changes", params=query)).json()["data"]
        assert [one["seq"] for one in listed] == found, query
    assert (await browser.get("/api/v1/changes", params={"since": "2026-01-01T00:00:00"})).status_code == 422
    seal = (await browser.get("/api/v1/changes/seal")).json()
    assert (seal["seq"], seal["is_whole"], seal["link"]) == (3, True, page["data"][0]["link"])


async def test_a_site_says_who_named_it(shop: Shop, browser: httpx.AsyncClient) -> None:
    made = await browser.post("/api/v1/sites", json={"name": "Lobby", "owner": "Wang"})
    await browser.put(f"/api/v1/sites/{made.json()['id']}", json={"name": "Hall", "owner": "Wang"})
    await browser.put(f"/api/v1/sites/{made.json()['id']}", json={"name": "Hall", "owner": "Wang"})
    listed = (await browser.get("/api/v1/changes")).json()["data"]
    site = {"owner": "Wang", "address": "", "opening": []}
    assert [(one["action"], one["before"], one["after"]) for one in listed] == [
        ("site.changed", site | {"name": "Lobby"}, site | {"name": "Hall"}),
        ("site.created", None, site | {"name": "Lobby"}),
    ], "what changed nothing is no change"
