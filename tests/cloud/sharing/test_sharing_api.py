"""Profit sharing over HTTP: only an owner says where the money goes; all see what became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import httpx
import pytest
from fastapi import FastAPI, Request

from tests.cloud.one_key_each import ONE_KEY_EACH
from tests.cloud.sharing.sharing_stage import OWNER, SharingStage
from vendomat.cloud.app.problems import install_problems
from vendomat.cloud.merchants import Operator, Role
from vendomat.cloud.sharing import sharing_router

pytestmark = pytest.mark.slow


def client_of(firm: SharingStage, role: Role) -> httpx.AsyncClient:
    async def who(_: Request) -> Operator:
        return replace(OWNER, role=role, proven_until=datetime.max.replace(tzinfo=UTC))

    app = FastAPI()
    install_problems(app)
    app.include_router(sharing_router(firm.parts.sharing, who))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://firm", event_hooks=ONE_KEY_EACH)


async def test_a_statement_is_followed_from_the_switch_to_the_last_share(firm: SharingStage) -> None:
    path = f"/api/v1/sites/{firm.site_id}/sharing"
    body = {"kind": "merchant", "receiver": firm.partner.mchid, "name": " 伙伴公司 "}
    async with client_of(firm, Role.OWNER) as owner, client_of(firm, Role.MANAGER) as manager:
        before = (await manager.get(path)).json()
        assert (before["may_share"], before["agreement"], before["plans"]) == (True, None, [])
        assert (await manager.put(path, json=body)).status_code == 403
        assert (await owner.put(path, json=body | {"receiver": "a b"})).status_code == 422
        assert (await owner.put(path, json=body | {"name": ""})).status_code == 422
        agreed = (await owner.put(path, json=body)).json()["agreement"]
        assert (agreed["name"], agreed["ceiling_bp"], agreed["is_added"]) == ("伙伴公司", 3_000, False)
        await firm.sweep()
        assert (await owner.put(path, json=body)).json()["agreement"]["is_added"], "the same again asks for nothing"
        await firm.until_day(date(2026, 1, 15))
        await firm.sell(4)
        await firm.until_day(date(2026, 2, 2))
        assert (await owner.post(f"{path}/plans", json={"position": 1})).status_code == 404
        await firm.issue()
        await firm.settle()
        after = (await manager.get(path)).json()
        assert [(plan["month"], plan["given_minor"], plan["missing_minor"]) for plan in after["plans"]] == [
            ("2026-01", 140, 0)
        ]
        assert (after["on_its_way_minor"], after["too_much_minor"]) == (0, 0)
        shares = (await manager.get(f"{path}/shares/1")).json()
        assert [(one["duty"], one["stage"]) for one in shares] == [("give", "succeeded")] * 2
        assert sum(one["amount_minor"] for one in shares) == 140
        refused = await owner.post(f"/api/v1/shares/{shares[0]['id']}/give-up")
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
        assert (await manager.post(f"{path}/take-backs", json={"amount_minor": 1})).status_code == 403
        assert (await owner.post(f"{path}/take-backs", json={"amount_minor": 1})).status_code == 409
        assert (await owner.post(f"{path}/stop")).json()["agreement"]["is_sharing"] is False
        assert (await owner.get(f"/api/v1/sites/sit_{'0' * 26}/sharing")).status_code == 404
    noted = await firm.world.superuser.fetch(
        "SELECT action FROM change_entry WHERE action LIKE 'site.shar%' ORDER BY seq"
    )
    assert [row[0] for row in noted] == ["site.sharing_agreed", "site.sharing_stopped"], (
        "and nothing for what was refused"
    )
