"""A visit over HTTP: a buyer's page begins and watches it, a merchant's people see it with its evidence."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
from fastapi import FastAPI, Request

from tests.cloud.coolers.cooler_stage import CoolerStage
from tests.cloud.one_key_each import ONE_KEY_EACH
from tests.cloud.sales.conftest import MACHINE, MERCHANT
from vendomat.cloud.app.problems import install_problems
from vendomat.cloud.coolers import VisitState, buyer_router, buyer_throttle, visits_router
from vendomat.cloud.merchants import Operator, Role


async def _owner(_: Request) -> Operator:
    proven_until = datetime.max.replace(tzinfo=UTC)
    return Operator(MERCHANT, "opr_1", "ann@example.com", "Ann", Role.OWNER, "Test", "CNY", proven_until=proven_until)


def _client(shop: CoolerStage) -> httpx.AsyncClient:
    assert shop.parts is not None
    app, visits, database = FastAPI(), shop.parts.visits, shop.world.database
    install_problems(app)
    app.include_router(buyer_router(visits, database, buyer_throttle(shop.clock)))
    app.include_router(visits_router(visits, database, _owner))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cooler", event_hooks=ONE_KEY_EACH)


async def test_a_visit_is_begun_watched_and_seen(shop: CoolerStage):
    async with _client(shop) as client:
        body = {"request_id": "request-of-a-page"}
        begun = (await client.post(f"/cooler/{MACHINE}/visits", json=body)).json()
        again = (await client.post(f"/cooler/{MACHINE}/visits", json=body)).json()
        assert (begun["state"], begun["id"], bool(begun["agreement"])) == ("offered", again["id"], True)
        refused = await client.post(f"/cooler/{MACHINE}/visits", json=body | {"payer": "somebody"})
        assert refused.status_code == 422
        shop.server.wechat.agree(begun["id"], "ann")
        await shop.until(shop.cooler.pull)
        await shop.breathe()
        shop.cooler.take("A2")
        shop.cooler.shut()
        visit = await shop.row_of(begun["id"])
        await shop.comes_to(visit, VisitState.PAID)
        seen = (await client.get(f"/cooler/{MACHINE}/visits/{begun['id']}")).json()
        assert (seen["state"], seen["paid_minor"], seen["goods"][0]["slot"]) == ("paid", 200, "A2")
        listed = (await client.get("/api/v1/visits")).json()["data"]
        assert [(row["id"], row["pieces"], row["door"]) for row in listed] == [(begun["id"], 1, "door_shut")]
        detail = (await client.get(f"/api/v1/visits/{begun['id']}")).json()
        kinds = [entry["kind"] for entry in detail["timeline"]]
        assert kinds == ["visit.vouched", "door.started", "door.taken", "visit.completed", "visit.paid"]
        late = await client.post(f"/api/v1/visits/{begun['id']}/write-off", json={"reason": "gone"})
        assert (late.status_code, late.json()["code"]) == (409, "conflict")
        other = "mch_" + "1" * 26
        assert (await client.post(f"/cooler/{other}/visits", json=body)).status_code == 404
        assert (await client.get(f"/cooler/{other}/visits/{begun['id']}")).status_code == 404
        off = await client.put(f"/api/v1/coolers/{MACHINE}", json={"ceiling_minor": 5_000, "is_active": False})
        assert off.status_code == 204
        closed = await client.post(f"/cooler/{MACHINE}/visits", json={"request_id": "another-request"})
        assert closed.status_code == 404
