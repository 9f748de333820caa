"""A machine is registered, and let in by the link that was made for it: through the console's API and the machines'."""

from __future__ import annotations

import httpx
import msgspec

from tests.cloud.app.conftest import AUTHORITY, MACHINES
from tests.cloud.shop_stage import MachineKey, Shop
from vendomat.protocol import AUTHORITY_PATH, read_enrolment_link

NEW = {"number": "VM 7", "name_zh": "大堂", "name_en": "Lobby", "site": "North"}


async def made(browser: httpx.AsyncClient) -> str:
    answer = await browser.post("/api/v1/machines", json=NEW)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def link_of(browser: httpx.AsyncClient, machine_id: str) -> dict[str, object]:
    answer = await browser.post(f"/api/v1/machines/{machine_id}/enrolment")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.json())


async def enrol(machine_side: httpx.AsyncClient, token: str, key: MachineKey) -> httpx.Response:
    return await machine_side.post("/enrol", content=msgspec.json.encode(key.enrol_request(token)))


async def test_a_registered_machine_enrols_by_its_link(
    browser: httpx.AsyncClient, machine_side: httpx.AsyncClient, shop: Shop
) -> None:
    machine_id = await made(browser)
    listed = (await browser.get(f"/api/v1/machines/{machine_id}")).json()
    assert (listed["number"], listed["state"], listed["time_zone"]) == ("VM 7", "new", "Asia/Shanghai")
    shown = await link_of(browser, machine_id)
    link = read_enrolment_link(str(shown["link"]))
    assert link.cloud_url == MACHINES
    assert link.vouches_for((await machine_side.get(AUTHORITY_PATH)).content)
    assert not link.vouches_for(AUTHORITY + b"\n")
    assert str(shown["link"]) in str(shown["commands"])
    assert str(shown["qr"]).startswith("<svg")
    answer = await enrol(machine_side, link.token, MachineKey())
    assert answer.json()["machine_id"] == machine_id
    changes = (await browser.get("/api/v1/changes", params={"subject": machine_id})).json()["data"]
    assert [one["action"] for one in changes] == ["machine.link_made", "machine.created"]
    assert link.token not in str(changes)


async def test_a_new_link_ends_the_one_before(browser: httpx.AsyncClient, machine_side: httpx.AsyncClient) -> None:
    machine_id = await made(browser)
    first = read_enrolment_link(str((await link_of(browser, machine_id))["link"]))
    second = read_enrolment_link(str((await link_of(browser, machine_id))["link"]))
    assert (await enrol(machine_side, first.token, MachineKey())).status_code == 403
    assert (await enrol(machine_side, second.token, MachineKey())).status_code == 200


async def test_a_link_ends_after_a_day(browser: httpx.AsyncClient, machine_side: httpx.AsyncClient, shop: Shop) -> None:
    link = read_enrolment_link(str((await link_of(browser, await made(browser)))["link"]))
    await shop.clock.advance(24 * 3600)
    assert (await enrol(machine_side, link.token, MachineKey())).status_code == 403


async def test_a_number_is_given_once(browser: httpx.AsyncClient) -> None:
    await made(browser)
    again = await browser.post("/api/v1/machines", json=NEW)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


async def test_a_machine_has_a_name_and_a_number(browser: httpx.AsyncClient) -> None:
    for wrong in ({"number": " "}, {"name_en": ""}, {"number": "a\nb"}, {"site": "s" * 121}, {"time_zone": "UTC"}):
        assert (await browser.post("/api/v1/machines", json=NEW | wrong)).status_code == 422, wrong


async def test_a_retired_machine_gets_no_link(browser: httpx.AsyncClient, shop: Shop) -> None:
    machine_id = await made(browser)
    await shop.as_hot_owner("UPDATE machine SET state = 'retired' WHERE machine_id = $1", machine_id)
    assert (await browser.post(f"/api/v1/machines/{machine_id}/enrolment")).status_code == 409
