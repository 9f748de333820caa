"""A fresh proof of who one is: asked for once the last is old, given in the session, counted like a sign-in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.cloud.app.conftest import browser, public_app, stranger
from tests.cloud.merchants.test_people import Office
from tests.cloud.merchants.test_second_factor import Phone, phone
from tests.cloud.shop_stage import PASSWORD, Shop

__all__ = ["browser", "phone", "public_app", "stranger"]
pytestmark = pytest.mark.slow

PROOF = "/api/v1/session/proof"
PROOF_S = 15 * 60
KEY = {"Idempotency-Key": "one-wish"}


@pytest.fixture
async def idle(browser: httpx.AsyncClient, shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which the owner signed in so long ago that it could be anybody's by now."""
    await shop.clock.advance(PROOF_S)
    yield browser


def ann(shop: Shop) -> dict[str, str]:
    return {"email": f"ann.{shop.seeded.email}", "name": "Ann", "role": "manager"}


def refusal(asked: httpx.Response) -> tuple[int, str]:
    return asked.status_code, asked.json().get("code", "")


async def test_signing_in_is_a_proof_until_it_is_old(browser: httpx.AsyncClient, shop: Shop) -> None:
    await shop.clock.advance(PROOF_S - 1)
    fresh = (await browser.get(PROOF)).json()
    assert fresh["ways"] == ["password"] and fresh["proven_until"] is not None
    await shop.clock.advance(1)
    assert (await browser.get(PROOF)).json()["proven_until"] is None
    assert (await browser.get("/api/v1/people")).status_code == 200, "looking needs no new proof"


async def test_the_same_request_is_done_after_the_proof_and_was_not_before(idle: httpx.AsyncClient, shop: Shop) -> None:
    assert refusal(await idle.post("/api/v1/people", json=ann(shop), headers=KEY)) == (403, "proof_required")
    assert len((await idle.get("/api/v1/people")).json()["data"]) == 1
    proven = await idle.put(PROOF, json={"password": PASSWORD})
    assert proven.status_code == 200, proven.text
    assert proven.json()["proven_until"] == (await idle.get(PROOF)).json()["proven_until"]
    done = await idle.post("/api/v1/people", json=ann(shop), headers=KEY)
    assert done.status_code == 201, done.text
    assert await Office(shop).told() == ["session.proven", "person.invited"]
    await shop.clock.advance(PROOF_S)
    again = await idle.post("/api/v1/people", json=ann(shop), headers=KEY)
    assert again.content == done.content, "what was done is answered again without a proof"


async def test_wrong_proofs_are_counted_with_wrong_sign_ins(idle: httpx.AsyncClient, shop: Shop) -> None:
    for _ in range(5):
        assert refusal(await idle.put(PROOF, json={"password": "wrong"})) == (403, "forbidden")
    refused = await idle.put(PROOF, json={"password": PASSWORD})
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
    again = await idle.post("/api/v1/session", json={"email": shop.seeded.email, "password": PASSWORD})
    assert again.status_code == 429
    assert (await idle.get(PROOF)).json()["proven_until"] is None
    assert (await idle.get("/api/v1/session")).status_code == 200, "the session goes on"


async def test_a_code_of_the_phone_proves_once(idle: httpx.AsyncClient, phone: Phone) -> None:
    assert refusal(await idle.put(PROOF, json={"code": "000000"})) == (403, "forbidden")
    recovery = await phone.enrol()
    assert (await idle.get(PROOF)).json()["ways"] == ["password", "code"]
    code = await phone.next_code()
    assert (await idle.put(PROOF, json={"code": code})).status_code == 200
    assert (await idle.put(PROOF, json={"code": code})).status_code == 403
    assert (await idle.put(PROOF, json={"code": recovery[0]})).status_code == 200


@pytest.mark.parametrize("body", [{}, {"password": PASSWORD, "code": "000000"}])
async def test_a_proof_is_one_thing(idle: httpx.AsyncClient, body: dict[str, str]) -> None:
    assert (await idle.put(PROOF, json=body)).status_code == 422


async def test_a_proof_is_of_one_session(idle: httpx.AsyncClient, shop: Shop) -> None:
    old = idle.cookies["vendomat_session"]
    await idle.post("/api/v1/session", json={"email": shop.seeded.email, "password": PASSWORD})
    assert (await idle.post("/api/v1/people", json=ann(shop))).status_code == 201
    idle.cookies.clear()
    idle.cookies.set("vendomat_session", old)
    assert (await idle.post("/api/v1/people", json=ann(shop))).json()["code"] == "proof_required"


async def test_a_session_from_before_there_were_proofs_needs_one(browser: httpx.AsyncClient, shop: Shop) -> None:
    await shop.as_merchant("UPDATE operator_session SET proved_at = NULL")
    assert (await browser.post("/api/v1/people", json=ann(shop))).json()["code"] == "proof_required"


async def test_a_thief_of_a_session_enrols_no_phone_of_theirs(idle: httpx.AsyncClient) -> None:
    refused = await idle.post("/api/v1/account/second-factor")
    assert refusal(refused) == (403, "proof_required")
