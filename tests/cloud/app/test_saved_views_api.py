"""Saved views over HTTP: kept by name, each person their own, and nothing but filters."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from tests.cloud.app.conftest import HOST
from tests.cloud.one_key_each import ONE_KEY_EACH
from tests.cloud.shop_stage import PASSWORD, Shop
from vendomat.cloud.merchants import Merchants, NewOperator, Role

pytestmark = pytest.mark.slow
VIEWS = "/api/v1/saved-views"


async def kept(browser: httpx.AsyncClient, page: str = "orders") -> list[tuple[str, str]]:
    answer = await browser.get(VIEWS, params={"page": page})
    assert answer.status_code == 200, answer.text
    return [(one["name"], one["query"]) for one in answer.json()["data"]]


async def keep(browser: httpx.AsyncClient, name: str, query: str, page: str = "orders") -> httpx.Response:
    return await browser.put(VIEWS, json={"page": page, "name": name, "query": query})


async def test_a_view_is_kept_renewed_by_its_name_and_removed(browser: httpx.AsyncClient) -> None:
    first = (await keep(browser, "Open", "state=paid")).json()
    assert (await keep(browser, "门口", "machine=mch_1&state=settled")).status_code == 200
    assert (await keep(browser, "Gone", "state=offline", "machines")).status_code == 200
    again = await keep(browser, " Open ", "state=dispensing")
    assert again.json() == first | {"query": "state=dispensing"}
    assert await kept(browser) == [("Open", "state=dispensing"), ("门口", "machine=mch_1&state=settled")]
    assert (await browser.delete(f"{VIEWS}/{first['id']}")).status_code == 204
    assert [name for name, _ in await kept(browser)] == ["门口"]
    assert (await browser.delete(f"{VIEWS}/{first['id']}")).status_code == 404


async def test_nobody_sees_or_takes_the_views_of_others(
    browser: httpx.AsyncClient, public_app: FastAPI, shop: Shop
) -> None:
    mine = (await keep(browser, "Mine", "state=paid")).json()
    people, email = Merchants(shop.database, shop.passwords, shop.ids, shop.clock), f"ann.{shop.seeded.email}"
    await people.add_operator(shop.merchant_id, NewOperator(email, "Ann", PASSWORD, Role.RESTOCKER))
    transport = httpx.ASGITransport(public_app, client=(shop.address, 2), raise_app_exceptions=False)
    headers = {"Origin": HOST}
    async with httpx.AsyncClient(
        transport=transport, base_url=HOST, headers=headers, event_hooks=ONE_KEY_EACH
    ) as colleague:
        await colleague.post("/api/v1/session", json={"email": email, "password": PASSWORD})
        assert await kept(colleague) == []
        assert (await colleague.delete(f"{VIEWS}/{mine['id']}")).status_code == 404
        assert (await keep(colleague, "Mine", "state=settled")).status_code == 200
    assert await kept(browser) == [("Mine", "state=paid")]


@pytest.mark.parametrize("query", ["https://elsewhere.example/?a=b", "a=b#c", "a b", "A=b", "state", "a=" + "b" * 500])
async def test_what_is_no_filter_is_not_kept(browser: httpx.AsyncClient, query: str) -> None:
    assert (await keep(browser, "x", query)).status_code == 422
    assert (await keep(browser, "x", "", "people")).status_code == 422
    assert (await keep(browser, " ", "a=b")).status_code == 422
    assert await kept(browser) == []


async def test_there_are_not_too_many(browser: httpx.AsyncClient) -> None:
    for number in range(20):
        assert (await keep(browser, f"{number:02}", "a=b")).status_code == 200
    assert (await keep(browser, "one more", "a=b")).status_code == 409
    assert (await keep(browser, "07", "c=d")).status_code == 200, "a known name is no further view"
    assert len(await kept(browser)) == 20
    assert (await keep(browser, "one more", "a=b", "alarms")).status_code == 200
