"""Planograms over HTTP: drafted, published all or nothing, counted where goods change, compared with what is shown."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests.cloud.app.test_products_api import made
from tests.cloud.shop_stage import Shop, key_of
from vendomat.cloud.catalog import catalogue_for
from vendomat.cloud.machines import HeartbeatItem, apply_heartbeats
from vendomat.cloud.planograms import DuePlanograms, PlanogramDesk
from vendomat.protocol import Catalogue

pytestmark = pytest.mark.slow


class Desk:
    """One operator at the planogram of the shop's machines."""

    def __init__(self, browser: httpx.AsyncClient, shop: Shop) -> None:
        self.browser = browser
        self.shop = shop
        self.machines = [one.machine_id for one in shop.seeded.machines]
        self.products = shop.seeded.products
        self._etag: dict[int, str] = {}
        self._seq = 0

    async def read(self, machine: int = 0) -> dict[str, Any]:
        answer = await self.browser.get(f"/api/v1/machines/{self.machines[machine]}/planogram")
        assert answer.status_code == 200, answer.text
        self._etag[machine] = answer.headers["etag"]
        return dict(answer.json())

    async def slots(self, machine: int = 0) -> list[dict[str, Any]]:
        """What is sold, as a draft says it."""
        kept = ("slot", "product_id", "price_minor", "capacity")
        return [{name: one[name] for name in kept} for one in (await self.read(machine))["slots"]]

    async def draft(self, slots: list[dict[str, Any]], machine: int = 0) -> httpx.Response:
        return await self._send("PUT", "draft", {"slots": slots}, machine)

    async def publish(
        self, counts: dict[str, int] | None = None, machine: int = 0, *, in_s: float | None = None
    ) -> httpx.Response:
        """Now, or by itself in `in_s` seconds."""
        body: dict[str, object] = {"counts": counts or {}}
        if in_s is not None:
            body["at"] = self.moment(in_s)
        return await self._send("POST", "publish", body, machine)

    def moment(self, in_s: float) -> str:
        return (self.shop.clock.now() + timedelta(seconds=in_s)).isoformat()

    async def round(self) -> int:
        """One round over what is due, as a worker does it."""
        planograms = PlanogramDesk(self.shop.database, self.shop.clock)
        return await DuePlanograms(self.shop.database, planograms, self.shop.clock).once()

    async def said(self, action: str) -> list[dict[str, Any]]:
        """What the change log says happened, the newest first."""
        changes = (await self.browser.get("/api/v1/changes", params={"what": "planogram"})).json()["data"]
        return [one for one in changes if one["action"] == f"planogram.{action}"]

    async def _send(self, method: str, what: str, body: object, machine: int) -> httpx.Response:
        answer = await self.browser.request(
            method,
            f"/api/v1/machines/{self.machines[machine]}/planogram/{what}",
            json=body,
            headers={"If-Match": self._etag[machine]},
        )
        if answer.status_code == 200:
            self._etag[machine] = answer.headers["etag"]
        return answer

    async def told(self, machine: int = 0) -> Catalogue:
        async with self.shop.database.hot.acquire() as connection:
            return await catalogue_for(connection, self.shop.merchant_id, self.machines[machine])

    async def stock(self, slot: str) -> tuple[int | None, int]:
        """On hand, and the sum of all moves."""
        row = await self.shop.database.hot.fetchrow(
            "SELECT (SELECT on_hand FROM stock_slot WHERE machine_id = $1 AND slot = $2) AS on_hand, "
            "(SELECT coalesce(sum(quantity), 0) FROM stock_move WHERE machine_id = $1 AND slot = $2)::int AS moved",
            self.machines[0],
            slot,
        )
        assert row is not None
        return row["on_hand"], row["moved"]

    async def show(self, version: int, machine: int = 0) -> None:
        """The machine says which catalogue its screen shows."""
        self._seq += 1
        machine_id = self.machines[machine]
        item = HeartbeatItem(
            self.shop.merchant_id, machine_id, 1, "nonce-of-a-heartbeat", self.shop.clock.now(), is_ready=True,
            seq=self._seq, public_key=key_of(machine_id).public, catalogue_version=version,
        )  # fmt: skip
        async with self.shop.database.hot.acquire() as connection:
            (answer,) = await apply_heartbeats(connection, [item])
        assert not isinstance(answer, Exception), answer


@pytest.fixture
async def desk(browser: httpx.AsyncClient, shop: Shop) -> Desk:
    await shop.enrol_all()
    return Desk(browser, shop)


def repriced(slots: list[dict[str, Any]], slot: str, price_minor: int) -> list[dict[str, Any]]:
    return [one | {"price_minor": price_minor} if one["slot"] == slot else one for one in slots]


def swapped(slots: list[dict[str, Any]], slot: str, product_id: str) -> list[dict[str, Any]]:
    return [one | {"product_id": product_id} if one["slot"] == slot else one for one in slots]


async def test_a_draft_sells_nothing_and_a_published_one_does(desk: Desk) -> None:
    slots = repriced(await desk.slots(), "A1", 450)
    drafted = (await desk.draft(slots)).json()
    assert [(one["slot"], one["kind"], one["before"]["price_minor"]) for one in drafted["unpublished"]] == [
        ("A1", "changed", 400)
    ]
    assert (await desk.told()).slots[0].price_minor == 400 and drafted["machine"]["version"] == 0
    published = (await desk.publish()).json()
    assert (published["machine"]["version"], published["draft"], published["unpublished"]) == (1, None, [])
    assert published["machine"]["published_by_name"] == "Demo"
    told = await desk.told()
    assert (told.slots[0].price_minor, told.version) == (450, 3)
    again = await desk.draft(slots)
    assert again.json()["draft"] is None, "a draft like what is sold is none"
    refused = await desk.publish()
    assert refused.status_code == 409 and "no draft" in refused.json()["detail"]


async def test_two_people_at_one_planogram_take_turns(desk: Desk, browser: httpx.AsyncClient, shop: Shop) -> None:
    other = Desk(browser, shop)
    slots = await desk.slots()
    await other.read()
    assert (await other.draft(repriced(slots, "A1", 460))).status_code == 200
    for late in (await desk.draft(repriced(slots, "A1", 470)), await desk.publish()):
        assert (late.status_code, late.json()["code"]) == (412, "version_stale")
    assert (await other.publish()).status_code == 200
    assert (await desk.told()).slots[0].price_minor == 460
    unquoted = await browser.put(f"/api/v1/machines/{desk.machines[0]}/planogram/draft", json={"slots": slots})
    assert (unquoted.status_code, unquoted.json()["code"]) == (428, "version_missing")


async def test_goods_change_their_name_only_with_a_count_and_the_difference_is_booked(desk: Desk) -> None:
    slots = await desk.slots()
    held, moved = await desk.stock("A1")
    assert held == moved == 8
    kept = [one for one in swapped(slots, "A1", desk.products["yoghurt"]) if one["slot"] != "A2"]
    kept.append({"slot": "D1", "product_id": desk.products["cola"], "price_minor": 500, "capacity": 6})
    drafted = (await desk.draft(kept)).json()
    assert {(one["slot"], one["kind"], one["asks_count"]) for one in drafted["unpublished"]} == {
        ("A1", "swapped", True),
        ("A2", "removed", True),
        ("D1", "added", False),
    }
    refused = await desk.publish()
    assert refused.status_code == 409 and "A1, A2" in refused.json()["detail"]
    assert await desk.stock("A1") == (8, 8), "nothing was changed"
    published = await desk.publish({"A1": 3, "A2": 0, "D1": 6})
    assert published.status_code == 200, published.text
    assert [await desk.stock(slot) for slot in ("A1", "A2", "D1")] == [(3, 3), (None, 0), (6, 6)]
    told = {one.slot: (one.product_id, one.available) for one in (await desk.told()).slots}
    assert told["A1"] == (desk.products["yoghurt"], 3) and told["D1"][1] == 6 and "A2" not in told


async def test_a_slot_with_an_open_order_keeps_its_product_and_may_change_its_price(desk: Desk, shop: Shop) -> None:
    await shop.as_hot_owner("UPDATE stock_slot SET reserved = 1 WHERE machine_id = $1 AND slot = 'A1'", shop.machine_id)
    slots = await desk.slots()
    await desk.draft(swapped(slots, "A1", desk.products["yoghurt"]))
    refused = await desk.publish({"A1": 1})
    assert refused.status_code == 409 and "order is open for A1" in refused.json()["detail"]
    await desk.draft(repriced(slots, "A1", 480))
    assert (await desk.publish()).status_code == 200


async def test_a_plan_of_goods_that_are_not_there_is_not_kept(desk: Desk, browser: httpx.AsyncClient) -> None:
    product = await made(browser)
    slots = await desk.slots()
    twice = await desk.draft([*slots, slots[0]])
    nobody = await desk.draft(swapped(slots, "A1", "prd_" + "0" * 26))
    await browser.post(f"/api/v1/products/{product['id']}/archive", headers={"If-Match": product["etag"]})
    away = await desk.draft(swapped(slots, "A1", product["id"]))
    assert [one.status_code for one in (twice, nobody, away)] == [422, 409, 409]
    assert (await desk.read())["draft"] is None


async def test_a_drafted_product_is_not_put_away(desk: Desk, browser: httpx.AsyncClient) -> None:
    product = await made(browser)
    await desk.draft(swapped(await desk.slots(), "A1", product["id"]))
    refused = await browser.post(f"/api/v1/products/{product['id']}/archive", headers={"If-Match": product["etag"]})
    assert refused.status_code == 409 and "SH-001 A1 (draft)" in refused.json()["detail"]


async def test_one_price_at_many_machines_all_or_none(desk: Desk, browser: httpx.AsyncClient) -> None:
    cola = desk.products["cola"]
    drafted = repriced(await desk.slots(1), "A2", 999)
    await desk.draft(drafted, 1)
    address = f"/api/v1/products/{cola}"
    places = (await browser.get(f"{address}/places")).json()["data"]
    assert [(one["number"], one["slot"], one["price_minor"], one["has_draft"]) for one in places] == [
        ("SH-001", "A1", 400, False),
        ("SH-002", "A1", 400, True),
    ]
    wishes = [{"machine_id": one["machine_id"], "edit": one["edit"]} for one in places]
    stale = [wishes[0], wishes[1] | {"edit": wishes[1]["edit"] - 1}]
    refused = await browser.post(f"{address}/price", json={"price_minor": 520, "machines": stale})
    assert refused.status_code == 412 and "SH-002" in refused.json()["detail"]
    assert (await desk.told()).slots[0].price_minor == 400
    done = await browser.post(f"{address}/price", json={"price_minor": 520, "machines": wishes})
    assert done.json() == {"machines": 2}
    assert [(await desk.told(one)).slots[0].price_minor for one in (0, 1)] == [520, 520]
    second = await desk.read(1)
    assert {one["slot"]: one["price_minor"] for one in second["draft"]} | {} == {
        one["slot"]: {"A1": 520, "A2": 999}.get(one["slot"], one["price_minor"]) for one in drafted
    }, "a draft that left the price alone follows"
    (change,) = second["unpublished"]
    assert (change["slot"], change["after"]["price_minor"]) == ("A2", 999)


async def test_what_a_screen_shows_is_compared_with_what_is_wanted(desk: Desk, browser: httpx.AsyncClient) -> None:
    listed = "/api/v1/planograms"
    await desk.show(2)
    for price in (450, 460):
        await desk.draft(repriced(await desk.slots(), "A1", price))
        await desk.publish()
        await desk.shop.clock.advance(60)
    (one,) = (await browser.get(listed, params={"state": "differs"})).json()["data"]
    assert (one["number"], one["shown"], one["shown_plan"], one["version"], one["is_online"]) == (
        "SH-001", "older", 0, 2, False,
    )  # fmt: skip
    first = (await desk.read())["machine"]["since"]
    await desk.show(3)
    read = await desk.read()
    assert (read["machine"]["shown_plan"], read["machine"]["is_online"]) == (1, True)
    assert read["machine"]["since"] > first, "since the first version that it does not show"
    assert [(c["before"]["price_minor"], c["after"]["price_minor"]) for c in read["unshown"]] == [(450, 460)]
    await desk.show(4)
    assert (await browser.get(listed, params={"state": "differs"})).json()["data"] == []
    assert (await desk.read())["machine"]["shown"] == "as_wanted"
    states = {one["number"]: one["shown"] for one in (await browser.get(listed)).json()["data"]}
    assert states == {"SH-001": "as_wanted", "SH-002": "not_known"}, "silence is not known"


async def test_a_template_becomes_the_draft_of_many_and_they_are_published_together(
    desk: Desk, browser: httpx.AsyncClient
) -> None:
    templates = "/api/v1/planogram-templates"
    slots = repriced(await desk.slots(), "B1", 777)
    new = await browser.post(templates, json={"name": "Summer", "slots": slots})
    assert new.status_code == 201, new.text
    assert (await browser.post(templates, json={"name": "Summer", "slots": slots})).status_code == 409
    edits = [(await desk.read(one))["machine"]["edit"] for one in (0, 1)]
    wishes = [{"machine_id": machine, "edit": edit} for machine, edit in zip(desk.machines, edits, strict=True)]
    applied = await browser.post(f"{templates}/{new.json()['id']}/apply", json={"machines": wishes})
    assert applied.json() == {"machines": 2}
    late = await browser.post("/api/v1/planograms/publish", json={"machines": wishes})
    assert late.status_code == 412, "they were read before the drafts were made"
    drafts = (await browser.get("/api/v1/planograms", params={"state": "drafts"})).json()["data"]
    wishes = [{"machine_id": one["id"], "edit": one["edit"]} for one in drafts]
    assert (await browser.post("/api/v1/planograms/publish", json={"machines": wishes})).json() == {"machines": 2}
    assert [(await desk.told(one)).slots[4].price_minor for one in (0, 1)] == [777, 777]
    quoted = {"If-Match": new.headers["etag"]}
    changed = await browser.put(
        f"{templates}/{new.json()['id']}", json={"name": "Late summer", "slots": slots}, headers=quoted
    )
    assert changed.json()["version"] == 2
    assert (await browser.delete(f"{templates}/{new.json()['id']}", headers=quoted)).status_code == 412
    gone = await browser.delete(f"{templates}/{new.json()['id']}", headers={"If-Match": changed.headers["etag"]})
    assert gone.status_code == 204 and (await browser.get(templates)).json()["data"] == []
    changes = (await browser.get("/api/v1/changes", params={"what": "planogram"})).json()["data"]
    told = [one for one in changes if one["subject"] == new.json()["id"]]
    assert [one["action"].removeprefix("planogram.template_") for one in told] == ["deleted", "changed", "created"]
    names = [[side and side["name"] for side in (one["before"], one["after"])] for one in told]
    assert names == [["Late summer", None], ["Summer", "Late summer"], [None, "Summer"]]


async def test_many_are_published_together_or_not_at_all(desk: Desk, browser: httpx.AsyncClient) -> None:
    wishes = []
    for machine, change in ((0, {"price_minor": 555}), (1, {"product_id": desk.products["yoghurt"]})):
        slots = await desk.slots(machine)
        drafted = await desk.draft([slots[0] | change, *slots[1:]], machine)
        wishes.append({"machine_id": desk.machines[machine], "edit": drafted.json()["machine"]["edit"]})
    refused = await browser.post("/api/v1/planograms/publish", json={"machines": wishes})
    assert refused.status_code == 409 and "SH-002" in refused.json()["detail"]
    assert (await desk.told()).slots[0].price_minor == 400
    done = await browser.post(
        "/api/v1/planograms/publish", json={"machines": [wishes[0], wishes[1] | {"counts": {"A1": 2}}]}
    )
    assert done.status_code == 200, done.text
    assert (await desk.told()).slots[0].price_minor == 555


async def test_a_price_starts_at_its_moment(desk: Desk, browser: httpx.AsyncClient) -> None:
    await desk.draft(repriced(await desk.slots(), "A1", 450))
    for refused, code in ((await desk.publish(in_s=-1), 422), (await desk.publish({"A1": 1}, in_s=60), 422)):
        assert refused.status_code == code, refused.text
    waiting = (await desk.publish(in_s=60)).json()["machine"]
    assert (waiting["version"], waiting["due_by_name"], waiting["draft_by_name"]) == (0, "Demo", "Demo")
    (listed,) = (await browser.get("/api/v1/planograms", params={"state": "due"})).json()["data"]
    assert (listed["number"], listed["due_at"]) == ("SH-001", waiting["due_at"])
    await desk.shop.clock.advance(59)
    assert await desk.round() == 0 and (await desk.told()).slots[0].price_minor == 400
    await desk.shop.clock.advance(1)
    assert await desk.round() == 1 and (await desk.told()).slots[0].price_minor == 450
    assert await desk.round() == 0
    read = await desk.read()
    assert (read["machine"]["version"], read["machine"]["due_at"], read["draft"]) == (1, None, None)
    assert read["machine"]["published_by_name"] == "Demo"
    (put_off,), (published,) = await desk.said("put_off"), await desk.said("published")
    assert put_off["after"]["slots"] == published["after"]["slots"]
    assert datetime.fromisoformat(put_off["after"]["at"]) == datetime.fromisoformat(waiting["due_at"])


async def test_a_draft_that_is_changed_waits_no_more_and_goods_never_do(desk: Desk) -> None:
    slots = await desk.slots()
    await desk.draft(repriced(slots, "A1", 450))
    await desk.publish(in_s=60)
    assert (await desk.draft(repriced(slots, "A1", 460))).json()["machine"]["due_at"] is None
    await desk.draft(swapped(slots, "A1", desk.products["yoghurt"]))
    refused = await desk.publish(in_s=60)
    assert refused.status_code == 409 and "the goods in A1 change" in refused.json()["detail"]
    await desk.shop.clock.advance(120)
    assert await desk.round() == 0 and (await desk.told()).slots[0].price_minor == 400


async def test_one_price_from_a_moment_on_at_machines_without_a_draft(desk: Desk, browser: httpx.AsyncClient) -> None:
    address = f"/api/v1/products/{desk.products['cola']}/price"
    await desk.draft(repriced(await desk.slots(1), "B1", 999), 1)
    wishes = [
        {"machine_id": machine, "edit": (await desk.read(n))["machine"]["edit"]}
        for n, machine in enumerate(desk.machines)
    ]
    body = {"price_minor": 520, "at": desk.moment(60)}
    refused = await browser.post(address, json=body | {"machines": wishes})
    assert refused.status_code == 409 and "SH-002: there is a draft" in refused.json()["detail"]
    assert (await desk.read())["draft"] is None, "all or none"
    assert (await browser.post(address, json=body | {"machines": wishes[:1]})).json() == {"machines": 1}
    now = await browser.post(address, json={"price_minor": 510, "machines": [{**wishes[1]}]})
    assert now.status_code == 200, now.text
    await desk.shop.clock.advance(60)
    assert await desk.round() == 1
    assert [(await desk.told(one)).slots[0].price_minor for one in (0, 1)] == [520, 510]


async def test_what_cannot_be_published_at_its_moment_keeps_nobody_waiting(desk: Desk) -> None:
    """A product that is gone is what the rules never let happen; the round lives through it all the same."""
    for machine in (0, 1):
        await desk.draft(repriced(await desk.slots(machine), "A1", 450), machine)
        await desk.publish(machine=machine, in_s=60)
    async with desk.shop.database.merchant(desk.shop.merchant_id) as connection:
        gone = "jsonb_set(draft, '{1,product_id}', '\"prd_gone\"')"
        spoil = sa.text(f"UPDATE planogram SET draft = {gone} WHERE machine_id = :id")
        await connection.execute(spoil, {"id": desk.machines[0]})
    await desk.shop.clock.advance(60)
    assert await desk.round() == 2
    assert [(await desk.told(one)).slots[0].price_minor for one in (0, 1)] == [400, 450]
    read = await desk.read()
    assert read["machine"]["due_at"] is None and read["draft"] is not None
    (why,) = await desk.said("not_published")
    assert "does not exist" in why["after"]["why"]
    assert await desk.round() == 0


async def test_another_merchants_machine_is_not_there(desk: Desk, browser: httpx.AsyncClient) -> None:
    for path in ("/api/v1/machines/mch_" + "0" * 26 + "/planogram",):
        assert (await browser.get(path)).status_code == 404
