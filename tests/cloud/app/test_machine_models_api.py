"""Machine models over HTTP: kept by one person at a time, said of machines, begun with and compared with."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cloud.app.test_planograms_api import Desk, desk
from tests.cloud.app.test_products_api import made, quoting
from tests.cloud.shop_stage import PASSWORD, Shop
from vendomat.cloud.app import SeedPlan, seed_demo
from vendomat.cloud.machine_models import models_of
from vendomat.cloud.planograms.model import misfits
from vendomat.cloud.planograms.store import planned_slots

__all__ = ["desk"]
pytestmark = pytest.mark.slow

MODELS = "/api/v1/machine-models"
S_60: dict[str, Any] = {
    "name": "S-60",
    "maker": "Fuji",
    "mechanism": "belt",
    "is_cooled": True,
    "slots": [{"slot": slot, "capacity": 6} for slot in ("A10", "B1", "A2", "A1")],
}


async def kept(browser: httpx.AsyncClient, **changed: object) -> dict[str, Any]:
    answer = await browser.post(MODELS, json=S_60 | changed)
    assert answer.status_code == 201, answer.text
    return dict(answer.json()) | {"etag": answer.headers["etag"]}


async def say(browser: httpx.AsyncClient, model_id: str | None, *machine_ids: str) -> httpx.Response:
    return await browser.post("/api/v1/machines/models", json={"machine_ids": machine_ids, "model_id": model_id})


async def odd_in_drafts(browser: httpx.AsyncClient) -> dict[str, int]:
    listed = (await browser.get("/api/v1/planograms")).json()["data"]
    return {one["number"]: one["misfits"] for one in listed}


async def log(browser: httpx.AsyncClient, what: str) -> list[tuple[str, str]]:
    """What the change log says of it, the newest first: what was done to what."""
    changes = (await browser.get("/api/v1/changes", params={"what": what})).json()["data"]
    return [(one["action"], one["subject"]) for one in changes]


async def test_a_model_is_kept_changed_by_one_at_a_time_and_dropped(browser: httpx.AsyncClient) -> None:
    model = await kept(browser)
    assert [one["slot"] for one in model["slots"]] == ["A1", "A2", "A10", "B1"], "in the order of the machine"
    assert (model["version"], model["machines"]) == (1, 0)
    address = f"{MODELS}/{model['id']}"
    body = S_60 | {"name": "S-61", "slots": [{"slot": "A1", "capacity": 9}]}
    changed = await browser.put(address, json=body, headers=quoting(model["etag"]))
    assert (changed.status_code, changed.json()["version"], changed.json()["name"]) == (200, 2, "S-61")
    assert (await browser.get(address)).json() == changed.json()
    for late in (
        await browser.put(address, json=S_60, headers=quoting(model["etag"])),
        await browser.delete(address, headers=quoting(model["etag"])),
    ):
        assert (late.status_code, late.json()["code"]) == (412, "version_stale")
    assert (await browser.put(address, json=S_60)).status_code == 428
    assert (await browser.delete(address, headers=quoting(changed.headers["etag"]))).status_code == 204
    assert (await browser.get(address)).status_code == 404
    did = ["machine_model.deleted", "machine_model.changed", "machine_model.created"]
    assert await log(browser, "machine_model") == [(one, model["id"]) for one in did]


async def test_a_makers_model_is_kept_once_and_what_is_none_is_refused(browser: httpx.AsyncClient) -> None:
    await kept(browser)
    await kept(browser, maker="Sanden")
    again = await browser.post(MODELS, json=S_60)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    twice = {"slots": [{"slot": "A1", "capacity": 1}, {"slot": "A1", "capacity": 2}]}
    wrong: tuple[dict[str, Any], ...] = (
        twice,
        {"slots": []},
        {"slots": [{"slot": "a1", "capacity": 1}]},
        {"mechanism": "x"},
        {"name": " "},
    )
    for part in wrong:
        refused = await browser.post(MODELS, json=S_60 | {"name": "S-70"} | part)
        assert refused.status_code == 422, part


async def test_models_are_listed_page_by_page(browser: httpx.AsyncClient, shop: Shop) -> None:
    names = []
    for number in range(5):
        await kept(browser, name=f"S-{number}")
        await shop.clock.advance(1)
    cursor: str | None = None
    while True:
        page = (await browser.get(MODELS, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        names += [one["name"] for one in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == ["S-4", "S-3", "S-2", "S-1", "S-0"]


async def test_machines_are_of_a_model_all_or_none_and_are_found_by_it(browser: httpx.AsyncClient, desk: Desk) -> None:
    model = await kept(browser)
    stranger = "mch_" + "0" * 26
    assert (await say(browser, model["id"], desk.machines[0], stranger)).status_code == 404
    assert (await say(browser, "mdl_" + "0" * 26, desk.machines[0])).status_code == 404
    assert await log(browser, "machine") == []
    assert (await say(browser, model["id"], *desk.machines)).status_code == 204
    assert (await say(browser, model["id"], desk.machines[0])).status_code == 204, "it is already"
    assert sorted(await log(browser, "machine")) == [("machine.model_set", one) for one in sorted(desk.machines)]
    assert (await say(browser, None, desk.machines[1])).status_code == 204
    listed = (await browser.get("/api/v1/machines", params={"model": model["id"]})).json()["data"]
    assert [(one["number"], one["model"]) for one in listed] == [
        ("SH-001", {"id": model["id"], "maker": "Fuji", "name": "S-60"})
    ]
    everyone = (await browser.get("/api/v1/machines")).json()["data"]
    assert {one["number"]: one["model"] is None for one in everyone} == {"SH-001": False, "SH-002": True}
    assert (await browser.get(f"{MODELS}/{model['id']}")).json()["machines"] == 1
    used = await browser.delete(f"{MODELS}/{model['id']}", headers=quoting(model["etag"]))
    assert used.status_code == 409
    assert "SH-001" in used.json()["detail"]


async def test_a_new_machine_is_of_a_model_from_the_beginning(browser: httpx.AsyncClient, desk: Desk) -> None:
    model = await kept(browser)
    new = {"number": "SH-100", "name_zh": "新", "name_en": "New", "model_id": model["id"]}
    machine = (await browser.post("/api/v1/machines", json=new)).json()
    read = (await browser.get(f"/api/v1/machines/{machine['id']}/planogram")).json()
    assert (read["slots"], read["model"]["id"]) == ([], model["id"])
    assert read["model"]["slots"][0] == {"slot": "A1", "capacity": 6}
    missing = await browser.post("/api/v1/machines", json=new | {"number": "SH-101", "model_id": "mdl_" + "0" * 26})
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_a_machines_plan_becomes_a_model(browser: httpx.AsyncClient, desk: Desk) -> None:
    answer = await browser.post(f"/api/v1/machines/{desk.machines[0]}/model", json={"name": "Like SH-001"})
    assert answer.status_code == 201, answer.text
    model, plan = answer.json(), await desk.read()
    assert [(one["slot"], one["capacity"]) for one in model["slots"]] == [
        (one["slot"], one["capacity"]) for one in plan["slots"]
    ]
    assert (plan["model"]["id"], model["machines"], plan["misfits"]) == (model["id"], 1, [])
    new = await browser.post("/api/v1/machines", json={"number": "SH-100", "name_zh": "新", "name_en": "New"})
    empty = await browser.post(f"/api/v1/machines/{new.json()['id']}/model", json={"name": "Empty"})
    assert (empty.status_code, empty.json()["code"]) == (409, "conflict")
    assert [one["name"] for one in (await browser.get(MODELS)).json()["data"]] == ["Like SH-001"]


async def test_a_plan_that_does_not_fit_its_model_is_told_and_published_all_the_same(
    browser: httpx.AsyncClient, desk: Desk
) -> None:
    slots = await desk.slots()
    rooms = [{"slot": one["slot"], "capacity": one["capacity"]} for one in slots]
    model = await kept(browser, slots=rooms, is_cooled=False)
    await say(browser, model["id"], desk.machines[0])
    milk = await made(browser, sku="fresh-milk", barcode="", is_perishable=True)
    assert (await desk.read())["misfits"] == []
    odd = [
        slots[0] | {"capacity": slots[0]["capacity"] + 1},
        slots[1] | {"product_id": milk["id"]},
        *slots[2:],
        slots[0] | {"slot": "Z1", "product_id": milk["id"]},
    ]
    drafted = (await desk.draft(odd)).json()
    assert {(one["slot"], one["kind"]) for one in drafted["misfits"]} == {
        (slots[0]["slot"], "too_many"),
        (slots[1]["slot"], "not_cooled"),
        ("Z1", "no_slot"),
        ("Z1", "not_cooled"),
    }
    assert await odd_in_drafts(browser) == {"SH-001": 3, "SH-002": 0}, "slots of the draft, each once"
    published = await desk.publish({slots[1]["slot"]: 0, "Z1": 0})
    assert published.status_code == 200, published.text
    assert await odd_in_drafts(browser) == {"SH-001": 0, "SH-002": 0}


async def test_the_machines_of_a_demo_are_of_a_model_that_their_plan_fits(shop: Shop) -> None:
    plan = SeedPlan(password=PASSWORD, machines=2, email="models@vendomat.example", has_model=True)
    seeded = await seed_demo(
        shop.database, shop.master_key, ids=shop.ids, clock=shop.clock, passwords=shop.passwords, plan=plan
    )
    async with shop.database.merchant(seeded.merchant_id) as connection:
        models = await models_of(connection, [one.machine_id for one in seeded.machines])
        slots = await planned_slots(connection, models)
    assert len(models) == 2
    for machine_id, model in models.items():
        assert len(slots[machine_id]) == 12
        assert misfits(slots[machine_id], model.data, ()) == []
