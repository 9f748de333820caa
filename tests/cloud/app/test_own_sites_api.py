"""A site's owner over HTTP: invited for some sites, sees what stood there and sold there, checks what was stated, and
finds nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

from tests.cloud.app.conftest import HOST
from tests.cloud.app.test_site_statements_api import TENTH, _issue, _sell, _site
from tests.cloud.one_key_each import ONE_KEY_EACH
from tests.cloud.shop_stage import PASSWORD, Shop, open_shop

pytestmark = pytest.mark.slow

OWN = "/api/v1/own-sites"
NOON = datetime(2025, 11, 10, 4, tzinfo=UTC)
SPAN = {"first": "2025-11-01", "last": "2025-12-31"}


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@asynccontextmanager
async def _guest(app: FastAPI, shop: Shop, browser: httpx.AsyncClient, *paths: str) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of somebody who was invited as the owner of these sites."""
    site_ids = [path.rpartition("/")[2] for path in paths]
    email = f"site.{len(paths)}.{site_ids[0][-6:]}.{shop.seeded.email}"
    wish = {"email": email, "name": "Wang", "role": "site_owner", "site_ids": site_ids}
    made = await browser.post("/api/v1/people", json=wish)
    assert made.status_code == 201, made.text
    token = made.json()["link"].partition("#")[2]
    transport = httpx.ASGITransport(app, client=("10.9.9.9", 1), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url=HOST, headers={"Origin": HOST}, event_hooks=ONE_KEY_EACH
    ) as client:
        joined = await client.post("/api/v1/invitation/accept", json={"token": token, "password": PASSWORD})
        assert joined.status_code == 200, joined.text
        session = await client.post("/api/v1/session", json={"email": email, "password": PASSWORD})
        assert session.json()["operator"]["permissions"] == ["own_sites.read"]
        yield client


async def _count(shop: Shop, machine: int, hour: str, units: int) -> None:
    """What the round of sums would have counted."""
    await shop.database.hot.execute(
        "INSERT INTO sale_hour (merchant_id, hour, machine_id, slot, product_id, channel, currency, units_sold, "
        "units_failed, units_unknown, units_lost, gross_minor, refunded_minor) "
        "VALUES ($1, $2, $3, 'A1', 'p', 'wechat', 'CNY', $4::bigint, 0, 0, 0, $4::bigint * 350, 0)",
        shop.merchant_id,
        datetime.fromisoformat(hour),
        shop.seeded.machines[machine].machine_id,
        units,
    )


async def test_sales_are_those_of_the_days_on_which_a_machine_stood_there(
    public_app: FastAPI, browser: httpx.AsyncClient, shop: Shop, stack: AsyncExitStack
) -> None:
    here, there = [await _site(browser, shop, TENTH, machines=0) for _ in range(2)]
    first, second = (machine.machine_id for machine in shop.seeded.machines[:2])
    await browser.put(f"{there}/machines/{first}", json={"first_day": "2025-12-03"})  # said before the days before it
    await browser.put(f"{here}/machines/{first}", json={"first_day": "2025-11-30"})
    await browser.put(f"{there}/machines/{first}", json={"first_day": "2025-11-01"})
    await browser.put(f"{here}/machines/{second}", json={"first_day": "2025-12-02"})
    hours = ("2025-11-29 23:00", "2025-11-30 00:00", "2025-12-02 23:00", "2025-12-03 00:00")
    for n, hour in enumerate(hours):
        await _count(shop, 0, hour, 10**n)
    await _count(shop, 1, "2025-12-02 23:00", 5)
    guest = await stack.enter_async_context(_guest(public_app, shop, browser, here))
    path = f"{OWN}/{here.rpartition('/')[2]}"
    by = {
        one: (await guest.get(f"{path}/sales", params=SPAN | {"by": one})).json() for one in ("day", "month", "machine")
    }
    assert {one: (found["units"], found["gross_minor"]) for one, found in by.items()} == dict.fromkeys(
        by, (115, 115 * 350)
    )
    assert [(row["at"][:10], row["units"]) for row in by["day"]["rows"]] == [("2025-11-30", 10), ("2025-12-02", 105)]
    assert [(row["at"][:7], row["units"]) for row in by["month"]["rows"]] == [("2025-11", 10), ("2025-12", 105)]
    numbers = [machine.number for machine in shop.seeded.machines[:2]]
    assert [(row["number"], row["units"]) for row in by["machine"]["rows"]] == [(numbers[0], 110), (numbers[1], 5)]
    fleet = (await guest.get(path)).json()["fleet"]
    assert [(one["number"], one["first_day"]) for one in fleet] == [(numbers[1], "2025-12-02")]  # the first has left


async def test_a_machine_sells_does_not_sell_or_is_not_heard(
    public_app: FastAPI, browser: httpx.AsyncClient, shop: Shop, stack: AsyncExitStack
) -> None:
    path = await _site(browser, shop, TENTH)
    guest = await stack.enter_async_context(_guest(public_app, shop, browser, path))
    own = f"{OWN}/{path.rpartition('/')[2]}"
    now = shop.clock.now()
    for machine, seen_at, is_ready in ((0, now, True), (1, now - timedelta(hours=1), True)):
        await shop.as_hot_owner(
            "INSERT INTO machine_live (merchant_id, machine_id, epoch, nonce, nonce_at, seen_at, is_ready, reasons) "
            "VALUES ($1, $2, 1, 'n', $3, $3, $4, '{}')",
            shop.merchant_id,
            shop.seeded.machines[machine].machine_id,
            seen_at,
            is_ready,
        )
    found = (await guest.get(own)).json()
    assert [one["state"] for one in found["fleet"]] == ["selling", "offline"]
    assert (found["machines"], found["selling"]) == (2, 1)
    await shop.as_hot_owner("UPDATE machine_live SET is_ready = false WHERE merchant_id = $1", shop.merchant_id)
    assert [one["state"] for one in (await guest.get(own)).json()["fleet"]] == ["not_selling", "offline"]


async def test_what_was_stated_is_read_checked_and_owed_by_the_ledger(
    public_app: FastAPI, browser: httpx.AsyncClient, shop: Shop, stack: AsyncExitStack
) -> None:
    path = await _site(browser, shop, TENTH)
    await _sell(shop, 0, NOON)
    guest = await stack.enter_async_context(_guest(public_app, shop, browser, path))
    own = f"{OWN}/{path.rpartition('/')[2]}"
    assert (await guest.get(f"{own}/statements/2025-11")).status_code == 404  # a preview is nobody's promise
    issued = (await _issue(browser, path, "2025-11")).json()
    assert (await guest.get(f"{own}/statements/2025-11")).json() == issued
    pay = {"amount_minor": 15, "paid_on": "2025-12-05", "reference": "bank 1"}
    assert (await browser.post(f"{path}/payouts", json=pay)).status_code == 200
    found = (await guest.get(own)).json()
    assert found["owed_minor"] == 20
    assert [(one["month"], one["total_minor"]) for one in found["statements"]] == [("2025-11", 35)]
    assert [one["reference"] for one in found["payouts"]] == ["bank 1"]
    assert "issued_by" not in found["statements"][0]
    for name in ("csv", "pdf?lang=zh", "pdf?lang=en"):
        file = await guest.get(f"{own}/statements/2025-11/statement.{name}")
        assert file.content == (await browser.get(f"{path}/statements/2025-11/statement.{name}")).content
        checked = (await guest.get(f"{own}/verify/{hashlib.sha256(file.content).hexdigest()}")).json()
        assert (checked["position"], checked["month"], checked["is_intact"]) == (1, "2025-11", True)


async def test_another_site_is_not_found_by_any_way(
    public_app: FastAPI, browser: httpx.AsyncClient, shop: Shop, stack: AsyncExitStack, database_url: str
) -> None:
    mine, also_mine, others = [await _site(browser, shop, {"fixed_minor": 1_000}, machines=0) for _ in range(3)]
    links = {path: (await _issue(browser, path, "2025-11")).json()["link"] for path in (mine, others)}
    guest = await stack.enter_async_context(_guest(public_app, shop, browser, mine, also_mine))
    ids = [path.rpartition("/")[2] for path in (mine, also_mine, others)]
    assert {one["id"] for one in (await guest.get(OWN)).json()["data"]} == set(ids[:2])
    places = (
        "",
        "/sales",
        "/statements/2025-11",
        "/statements/2025-11/statement.csv",
        "/statements/2025-11/statement.pdf",
    )
    for place in (*places, f"/verify/{links[others]}"):
        assert (await guest.get(f"{OWN}/{ids[2]}{place}", params=SPAN)).status_code == 404, place
    assert (await guest.get(f"{OWN}/{ids[0]}/verify/{links[mine]}")).status_code == 200
    assert (await guest.get(f"{OWN}/{ids[1]}/verify/{links[mine]}")).status_code == 404  # of another one of their own
    assert (await guest.get(f"{OWN}/{ids[0]}/verify/{links[others]}")).status_code == 404
    async with open_shop(database_url) as elsewhere:
        await browser.post("/api/v1/session", json={"email": elsewhere.seeded.email, "password": PASSWORD})
        other_guest = await stack.enter_async_context(
            _guest(public_app, elsewhere, browser, await _site(browser, elsewhere, TENTH, machines=0))
        )
        for path in ids:
            assert (await other_guest.get(f"{OWN}/{path}")).status_code == 404
        assert len((await other_guest.get(OWN)).json()["data"]) == 1


async def test_sites_that_are_taken_away_are_gone_at_once(
    public_app: FastAPI, browser: httpx.AsyncClient, shop: Shop, stack: AsyncExitStack
) -> None:
    first, second = [await _site(browser, shop, TENTH, machines=0) for _ in range(2)]
    guest = await stack.enter_async_context(_guest(public_app, shop, browser, first))
    me = (await guest.get("/api/v1/session")).json()["operator"]["id"]
    ids = [path.rpartition("/")[2] for path in (first, second)]
    person = {"name": "Wang", "role": "site_owner", "site_ids": [ids[1]]}
    changed = await browser.put(f"/api/v1/people/{me}", json=person)
    assert (changed.status_code, changed.json()["site_ids"]) == (200, [ids[1]])
    assert [(await guest.get(f"{OWN}/{site_id}")).status_code for site_id in ids] == [404, 200]
    assert (await browser.put(f"/api/v1/people/{me}", json=person | {"site_ids": []})).status_code == 422
    (entry, *_) = (await browser.get("/api/v1/changes", params={"what": "person"})).json()["data"]
    assert (entry["before"]["site_ids"], entry["after"]["site_ids"]) == ([ids[0]], [ids[1]])
    answer = await browser.get("/api/v1/alarms/people")
    assert me not in {one["id"] for one in answer.json()["data"]}  # an alarm is given to who may see it
    await browser.put(f"/api/v1/people/{me}", json={"name": "Wang", "role": "read_only"})
    assert (await guest.get(OWN)).status_code == 403
    assert (await guest.get("/api/v1/sites")).status_code == 200
