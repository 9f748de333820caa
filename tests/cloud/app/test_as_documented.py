"""Whatever a route is sent, it answers what its document promises: a status that is listed, in the form that is listed.

Good requests, and such as no page sends: ids that are none, bodies of another shape, values out of every bound.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from tests.cloud.app.test_every_route import BODIES, ENDLESS, ESTATE, IDS, _routes, _signed_in, merchants, whole_app
from tests.cloud.claims.conftest import PASSWORD, Counter, counter
from tests.cloud.sales.conftest import MERCHANT, world
from vendomat.cloud.app.document import document_of
from vendomat.cloud.merchants import Merchants, NewOperator, Role

__all__ = ["counter", "merchants", "whole_app", "world"]
pytestmark = pytest.mark.slow

SIGNS_OUT = {"session.delete", "session.create", "account.end_others", "account.end_session"}
PROBLEM = "application/problem+json"
ODD_IDS = ("x", "mch_" + "0" * 400, "%F0%9F%A5%A4", "-", "0")
ODD_BODIES: tuple[Any, ...] = ([], {}, "text", 7, {"x": 1}, [{"reason": 1}], {"reason": {"a": []}, "version": True})
ODD_VALUES: tuple[Any, ...] = (None, -1, 10**30, 0.5, "", "x" * 5_000, "\ud7ff", [], {}, [None] * 300, True)
ODD_QUERIES = ("limit=0", "limit=x", "cursor=zzz", "state=x", "machine=x", "first=2026-02-30", "lang=xx", "before=0")


def documented(app: FastAPI) -> dict[str, dict[str, Any]]:
    """The answers of each operation, references followed."""
    document = document_of(app)
    named = document["components"]["responses"]
    return {
        one["operationId"]: {
            status: named[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
            for status, answer in one["responses"].items()
        }
        for methods in document["paths"].values()
        for one in methods.values()
    }


def requests_for(route: APIRoute, chance: random.Random) -> Iterator[tuple[str, Any]]:
    """Paths and bodies: a good one first, then odd ones."""
    good, body = route.path.format(**IDS), BODIES.get(str(route.operation_id))
    yield good, body
    names = [name for name in IDS if "{" + name + "}" in route.path]
    for name in names:
        yield route.path.format(**(IDS | {name: chance.choice(ODD_IDS)})), body
    if "GET" in route.methods:
        yield f"{good}?{'&'.join(chance.sample(ODD_QUERIES, 3))}", None
        return
    for odd in chance.sample(ODD_BODIES, 3):
        yield good, odd
    for field in body or ():
        yield good, body | {field: chance.choice(ODD_VALUES)}


def breach(answers: dict[str, Any], answer: httpx.Response) -> str:
    """What of this answer nobody was told; empty when all is as promised."""
    promised = answers.get(str(answer.status_code))
    if promised is None:
        return "a status that is not listed"
    if answer.status_code == 500:
        return "a fault of ours"
    if answer.status_code == 204:
        return "a body where none is promised" if answer.content else ""
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if media_type not in promised.get("content", {"": None}):
        return f"{media_type or 'no content'} is not listed"
    if media_type == PROBLEM and answer.json()["status"] != answer.status_code:
        return "a problem about another status"
    return ""


async def test_every_answer_is_as_documented(counter: Counter, whole_app: FastAPI, merchants: Merchants) -> None:
    await counter.stage.world.superuser.execute(ESTATE)
    await counter.stage.world.superuser.execute(
        "DELETE FROM coupon_batch; DELETE FROM promotion"
    )  # that one has a rule nobody can have made
    token = await counter.sell(1, "delivered")
    async with counter.visitor() as buyer:
        await counter.say(buyer, token)
    promised, chance = documented(whole_app), random.Random(7)
    routes = [one for one in _routes(whole_app) if one.operation_id in promised]
    assert len(routes) > 90
    await merchants.add_operator(MERCHANT, NewOperator("owner@documents.example", "Ann", PASSWORD, Role.OWNER))
    client = await _signed_in(whole_app, "owner@documents.example", "10.8.2.1")
    found, asked = [], 0
    for route in routes:
        if route.operation_id in ENDLESS | SIGNS_OUT:
            continue
        for path, body in requests_for(route, chance):
            (method,) = route.methods
            answer = await client.request(method, path, json=body)
            asked += 1
            if answer.status_code == 404 and answer.json()["detail"] == "Not Found":
                continue  # the path is another one's, or nobody's
            what = breach(promised[str(route.operation_id)], answer)
            if what:
                found.append((route.operation_id, path, body, answer.status_code, what, answer.text[:200]))
    assert found == [], "\n".join(map(str, found))
    assert asked > 400
    await client.aclose()


async def test_a_stranger_is_told_to_sign_in_wherever_the_document_says_so(whole_app: FastAPI) -> None:
    document = document_of(whole_app)
    transport = httpx.ASGITransport(whole_app, client=("10.8.2.2", 1), raise_app_exceptions=False)
    host = "http://console.example"
    async with httpx.AsyncClient(transport=transport, base_url=host, headers={"Origin": host}) as stranger:
        for path, methods in document["paths"].items():
            for method, one in methods.items():
                is_secured = one.get("security") == [{"session": []}]
                if one["operationId"] in SIGNS_OUT or not (is_secured or path.startswith("/api/v1/")):
                    continue
                answer = await stranger.request(method, path.format(**(IDS | {"token": "x"})))
                if is_secured:
                    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in"), one["operationId"]
                elif not one.get("security"):
                    assert answer.status_code != 401, one["operationId"]
