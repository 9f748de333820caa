"""What a machine's page asks for: how it is, tags, the wanted temperature, its curves and all that happened to it."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from tests.cloud.app.test_console_api import add_order
from tests.cloud.shop_stage import PASSWORD, Shop, key_of
from vendomat.cloud.alarms import AlarmRow, Severity, raise_alarms
from vendomat.cloud.machines import ConditionItem, Sender, apply_conditions
from vendomat.cloud.merchants import Merchants, NewOperator, Role
from vendomat.kernel import TimeOrderedIds
from vendomat.protocol import CashLevels, Condition, Signal, Tube

pytestmark = pytest.mark.slow
BAND = {"low_c": 2.0, "high_c": 8.0, "after_s": 600}


async def test_a_machine_shows_what_it_said_of_itself(shop: Shop, browser: httpx.AsyncClient) -> None:
    await shop.enrol_all()
    path = f"/api/v1/machines/{shop.machine_id}"
    assert (await browser.get(path)).json()["condition"] is None
    cash = CashLevels(currency="CNY", tubes=(Tube(value_minor=100, count=40, is_full=True),), notes=3)
    said = Condition(program="p/1", protocol=1, temperatures_c={"cabinet": 6.5}, cash=cash, signal=Signal(way="wired"))
    sender = Sender(shop.merchant_id, shop.machine_id, key_of(shop.machine_id).public, 1, 1)
    async with shop.database.hot.acquire() as connection:
        await apply_conditions(connection, [ConditionItem(sender, said, shop.clock.now())])
    shown = (await browser.get(path)).json()["condition"]
    assert (shown["program"], shown["protocol"], shown["is_door_shut"]) == ("p/1", 1, None)
    assert shown["cash"]["tubes"] == [{"value_minor": 100, "count": 40, "is_full": True}]
    assert (shown["temperatures_c"], shown["signal"]) == ({"cabinet": 6.5}, {"way": "wired", "dbm": None})


async def test_tags_are_given_taken_and_asked_for(shop: Shop, browser: httpx.AsyncClient) -> None:
    first, second = (machine.machine_id for machine in shop.seeded.machines)

    async def tag(**body: object) -> int:
        return (await browser.post("/api/v1/machines/tags", json=body)).status_code

    assert await tag(machine_ids=[first, second], add=["地铁", " north hall "]) == 204
    assert await tag(machine_ids=[second], remove=["地铁", "never given"]) == 204
    listed = {one["id"]: one["tags"] for one in (await browser.get("/api/v1/machines")).json()["data"]}
    assert listed == {first: ["north hall", "地铁"], second: ["north hall"]}
    found = (await browser.get("/api/v1/machines", params={"tag": "地铁"})).json()["data"]
    assert [one["id"] for one in found] == [first]
    assert await tag(machine_ids=[first, "mch_" + "9" * 26], add=["x"]) == 404
    for wrong in ("", "a,b", "two  blanks", "t" * 33, "line\nbreak"):
        assert await tag(machine_ids=[first], add=[wrong]) == 422, wrong
    assert (await browser.get(f"/api/v1/machines/{first}")).json()["tags"] == ["north hall", "地铁"]
    log = (await browser.get("/api/v1/changes", params={"subject": second})).json()["data"]
    assert [one["action"] for one in log] == ["machine.tagged"] * 2
    assert (log[0]["before"], log[0]["after"]) == ({"tags": ["north hall", "地铁"]}, {"tags": ["north hall"]})


async def test_the_wanted_temperature_is_set_and_taken_back(shop: Shop, browser: httpx.AsyncClient) -> None:
    path = f"/api/v1/machines/{shop.machine_id}"
    assert (await browser.get(path)).json()["band"] is None
    for _ in range(2):
        assert (await browser.put(f"{path}/climate", json={"band": BAND})).status_code == 204
    assert (await browser.get(path)).json()["band"] == BAND
    for wrong in ({"low_c": 8.0}, {"low_c": -61}, {"after_s": -1}, {"high_c": "warm"}):
        assert (await browser.put(f"{path}/climate", json={"band": BAND | wrong})).status_code == 422, wrong
    assert (await browser.put(f"{path}/climate", json={"band": None})).status_code == 204
    assert (await browser.get(path)).json()["band"] is None
    log = (await browser.get("/api/v1/changes", params={"subject": shop.machine_id})).json()["data"]
    assert [(one["action"], one["after"]) for one in log] == [
        ("machine.climate_set", None),
        ("machine.climate_set", BAND),
    ]


async def test_curves_have_gaps_where_nobody_looked(shop: Shop, browser: httpx.AsyncClient) -> None:
    now = shop.clock.now()
    assert (now.hour, now.minute) == (0, 0)
    yesterday = [None] * 138 + [50, 60, 70, 80, None, 90]
    await shop.as_hot_owner(
        "INSERT INTO machine_day VALUES ($1, $2, $3, $4, $5)",
        shop.merchant_id,
        shop.machine_id,
        (now - timedelta(days=1)).date(),
        yesterday,
        [100] * 100,
    )
    await shop.as_hot_owner(
        "INSERT INTO sale_hour VALUES ($1, $2, $3, 'A1', 'p', 'wechat', 'CNY', 3, 0, 0, 0, 900, 0)",
        shop.merchant_id,
        (now + timedelta(hours=7)).replace(tzinfo=None),  # an hour ago, by the merchant's clock
        shop.machine_id,
    )
    path = f"/api/v1/machines/{shop.machine_id}/curves"
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    fine = answer.json()
    assert (fine["step_s"], len(fine["low_c"]), len(fine["heard_percent"])) == (600, 144, 144)
    assert fine["low_c"][-6:] == fine["high_c"][-6:] == [5.0, 6.0, 7.0, 8.0, None, 9.0]
    assert fine["heard_percent"][99:101] == [100, None]
    (sold,) = fine["sales"]
    assert (sold["units"], sold["gross_minor"]) == (3, 900)
    assert sold["at"] == (now - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    coarse = (await browser.get(path, params={"hours": 168})).json()
    assert (coarse["step_s"], len(coarse["low_c"])) == (3600, 168)
    assert (coarse["low_c"][-2:], coarse["high_c"][-2:]) == ([None, 5.0], [None, 9.0])
    assert (await browser.get(path, params={"hours": 5})).status_code == 422
    assert (await browser.get(f"/api/v1/machines/mch_{'9' * 26}/curves")).status_code == 404


async def test_everything_that_happened_to_a_machine_newest_first(shop: Shop, browser: httpx.AsyncClient) -> None:
    path = f"/api/v1/machines/{shop.machine_id}"
    await shop.as_hot_owner(
        "INSERT INTO machine_fact VALUES ($1, $2, 7, 1, 'd', 'boot', $3), ($1, $2, 7, 2, 'd', 'stock', $3)",
        shop.merchant_id,
        shop.machine_id,
        shop.clock.now(),
    )
    await shop.clock.advance(1)
    await add_order(shop, 1)
    await shop.clock.advance(1)
    async with shop.database.hot.acquire() as connection:
        row = AlarmRow(shop.merchant_id, shop.machine_id, "vend_failed", Severity.WARNING, shop.clock.now(), "A1")
        (alarm_id,) = await raise_alarms(connection, [row], ids=TimeOrderedIds(shop.clock))
    await shop.clock.advance(1)
    await browser.post(f"/api/v1/alarms/{alarm_id}/acknowledge")
    await shop.clock.advance(1)
    await browser.put(f"{path}/climate", json={"band": BAND})
    every = (await browser.get(f"{path}/timeline")).json()["data"]
    assert [(one["source"], one["kind"]) for one in every] == [
        ("change", "machine.climate_set"),
        ("alarm", "acknowledged"),
        ("alarm", "raised"),
        ("sale", "settled"),
        ("start", "started"),
    ]
    assert (every[1]["who"], every[1]["subject"], every[1]["slot"], every[1]["ref"]) == (
        "Demo",
        "vend_failed",
        "A1",
        alarm_id,
    )
    assert (every[3]["amount_minor"], every[4]["subject"]) == (800, "7")
    paged, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await browser.get(f"{path}/timeline", params=query)).json()
        paged += page["data"]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert paged == every
    some = (await browser.get(f"{path}/timeline", params={"source": ["sale", "start"]})).json()["data"]
    assert [one["source"] for one in some] == ["sale", "start"]
    assert (await browser.get(f"/api/v1/machines/mch_{'9' * 26}/timeline")).status_code == 404


async def test_who_may_not_read_orders_finds_none_in_a_timeline(
    shop: Shop, browser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    await add_order(shop, 1)
    await browser.put(f"/api/v1/machines/{shop.machine_id}/climate", json={"band": BAND})
    merchants = Merchants(shop.database, shop.passwords, shop.ids, shop.clock)
    person = NewOperator(email="fills@vendomat.example", name="Fills", password=PASSWORD, role=Role.RESTOCKER)
    await merchants.add_operator(shop.merchant_id, person)
    await stranger.post("/api/v1/session", json={"email": person.email, "password": person.password})
    seen = await stranger.get(f"/api/v1/machines/{shop.machine_id}/timeline")
    assert (seen.status_code, seen.json()["data"]) == (200, [])
