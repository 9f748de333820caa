"""Sites on a map over HTTP: a position is kept as it was said, and a site is as bad as the worst of its machines."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from tests.cloud.shop_stage import PASSWORD, Shop, open_shop

pytestmark = pytest.mark.slow

PLACE = {"latitude": 31.230416, "longitude": 121.473701}


async def _site(browser: httpx.AsyncClient, name: str = "Lobby") -> str:
    made = await browser.post("/api/v1/sites", json={"name": name, "owner": "Wang"})
    assert made.json()["coordinates"] is None
    return str(made.json()["id"])


async def _put(browser: httpx.AsyncClient, site_id: str, **coordinates: object) -> httpx.Response:
    wish = {"name": "Lobby", "owner": "Wang", "coordinates": coordinates}
    return await browser.put(f"/api/v1/sites/{site_id}", json=wish)


async def _hear(shop: Shop, machine: int, *, seconds_ago: float = 0, is_ready: bool = True) -> None:
    machine_id = shop.seeded.machines[machine].machine_id
    await shop.as_hot_owner(
        "INSERT INTO machine_live (merchant_id, machine_id, epoch, nonce, nonce_at, seen_at, is_ready, reasons) "
        "VALUES ($1, $2, 1, 'n', $3, $3, $4, '{}') ON CONFLICT (merchant_id, machine_id) DO UPDATE SET "
        "seen_at = excluded.seen_at, is_ready = excluded.is_ready",
        shop.merchant_id,
        machine_id,
        shop.clock.now() - timedelta(seconds=seconds_ago),
        is_ready,
    )


async def _mapped(browser: httpx.AsyncClient, site_id: str) -> dict[str, object]:
    found = (await browser.get("/api/v1/site-map")).json()["data"]
    return next(one for one in found if one["id"] == site_id)


async def test_a_position_is_kept_to_a_tenth_of_a_metre_logged_and_taken_away(browser: httpx.AsyncClient) -> None:
    site_id = await _site(browser)
    assert (await _put(browser, site_id, latitude=31.2304161234, longitude=121.4737009)).json()["coordinates"] == {
        "latitude": 31.230416,
        "longitude": 121.473701,
    }
    assert (await _mapped(browser, site_id))["coordinates"] == PLACE
    (entry, *_) = (await browser.get("/api/v1/changes", params={"what": "site"})).json()["data"]
    assert entry["after"]["coordinates"] == PLACE and "coordinates" not in entry["before"]
    gone = await browser.put(f"/api/v1/sites/{site_id}", json={"name": "Lobby", "owner": "Wang"})
    assert gone.json()["coordinates"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"latitude": 90.0001, "longitude": 0},
        {"latitude": 0, "longitude": -180.5},
        {"latitude": 31.2},
        {"latitude": "north", "longitude": 0},
        {"latitude": 121.47, "longitude": 31.23},  # exchanged
        {"latitude": 0, "longitude": 0, "height": 3},
    ],
)
async def test_no_position_on_earth_is_refused(browser: httpx.AsyncClient, wrong: dict[str, object]) -> None:
    site_id = await _site(browser)
    assert (await _put(browser, site_id, **PLACE)).status_code == 200
    assert (await _put(browser, site_id, **wrong)).status_code == 422
    assert (await _mapped(browser, site_id))["coordinates"] == PLACE


async def test_a_site_is_as_bad_as_its_machines_are_today(browser: httpx.AsyncClient, shop: Shop) -> None:
    await shop.enrol_all()
    site_id, other = await _site(browser), await _site(browser, "Yard")
    first, second = shop.seeded.machines[:2]
    for machine in (first, second):
        stays = f"/api/v1/sites/{site_id}/machines/{machine.machine_id}"
        assert (await browser.put(stays, json={"first_day": "2025-01-01"})).status_code == 200
    await _hear(shop, 0)
    await _hear(shop, 1, seconds_ago=3_600)

    def of(found: dict[str, object]) -> list[object]:
        return [found[name] for name in ("machines", "offline", "attention", "open_alarms", "is_critical")]

    assert of(await _mapped(browser, site_id)) == [2, 1, 0, 0, False]
    assert of(await _mapped(browser, other)) == [0, 0, 0, 0, False]
    await _hear(shop, 0, is_ready=False)
    assert of(await _mapped(browser, site_id)) == [2, 1, 1, 0, False]
    for number, severity in enumerate(("warning", "critical")):
        await shop.as_hot_owner(
            "INSERT INTO alarm (merchant_id, alarm_id, machine_id, kind, severity, state, raised_at) "
            "VALUES ($1, $2, $3, 'k' || $2, $4, 'raised', now())",
            shop.merchant_id,
            f"alm_{number}",
            first.machine_id,
            severity,
        )
        assert of(await _mapped(browser, site_id)) == [2, 1, 1, number + 1, severity == "critical"]
    machines = (await browser.get(f"/api/v1/site-map/{site_id}")).json()["data"]
    assert [(one["number"], one["state"], one["open_alarms"]) for one in machines] == [
        (first.number, "attention", 2),
        (second.number, "offline", 0),
    ]
    listed = (await browser.get("/api/v1/machines")).json()["data"]
    assert {one["number"]: one["state"] for one in listed} == {one["number"]: one["state"] for one in machines}
    leaving = {"first_day": f"{shop.clock.now():%Y-%m-%d}", "is_leaving": True}
    await browser.put(f"/api/v1/sites/{site_id}/machines/{first.machine_id}", json=leaving)
    assert of(await _mapped(browser, site_id)) == [1, 1, 0, 0, False]


async def test_another_merchants_sites_are_on_no_map(browser: httpx.AsyncClient, database_url: str) -> None:
    site_id = await _site(browser)
    async with open_shop(database_url) as other:
        await browser.post("/api/v1/session", json={"email": other.seeded.email, "password": PASSWORD})
        assert (await browser.get("/api/v1/site-map")).json()["data"] == []
        assert (await browser.get(f"/api/v1/site-map/{site_id}")).status_code == 404
