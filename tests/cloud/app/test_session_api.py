"""The session over HTTP: cookie, origin, form, and what every answer carries."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from tests.cloud.shop_stage import PASSWORD, Shop
from vendomat.cloud.merchants import Merchants, NewOperator, Role

pytestmark = pytest.mark.slow
SESSION = "/api/v1/session"


def log_in(shop: Shop, password: str = PASSWORD) -> dict[str, str]:
    return {"email": shop.seeded.email, "password": password}


async def test_signing_in_sets_a_cookie_no_script_reads(shop: Shop, stranger: httpx.AsyncClient) -> None:
    answer = await stranger.post(SESSION, json=log_in(shop))
    cookie = answer.headers["set-cookie"].lower()
    for part in ("httponly", "samesite=strict", "path=/", "max-age=43200"):
        assert part in cookie
    assert answer.json()["merchant"]["id"] == shop.merchant_id
    assert answer.json()["expires_at"].endswith("Z")
    me = await stranger.get(SESSION)
    assert me.json()["operator"]["role"] == "owner"
    assert (await stranger.delete(SESSION)).status_code == 204
    assert (await stranger.get(SESSION)).status_code == 401


async def test_wrong_and_unknown_get_the_same_problem(shop: Shop, stranger: httpx.AsyncClient) -> None:
    wrong = await stranger.post(SESSION, json=log_in(shop, "wrong password"))
    unknown = await stranger.post(SESSION, json={"email": "x@y.example", "password": PASSWORD})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in wrong.headers


async def test_too_many_tries_say_when_to_come_back(shop: Shop, stranger: httpx.AsyncClient) -> None:
    for _ in range(5):
        await stranger.post(SESSION, json=log_in(shop, "wrong password"))
    answer = await stranger.post(SESSION, json=log_in(shop))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "901"


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://console.example.evil.example"])
async def test_other_sites_change_nothing(shop: Shop, public_app: FastAPI, origin: str | None) -> None:
    transport = httpx.ASGITransport(public_app, client=(shop.address, 1))
    headers = {} if origin is None else {"Origin": origin}
    async with httpx.AsyncClient(transport=transport, base_url="http://console.example", headers=headers) as client:
        answer = await client.post(SESSION, json=log_in(shop))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_form_of_another_kind_is_refused(shop: Shop, stranger: httpx.AsyncClient) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = await stranger.post(SESSION, content=b"{}", headers={"Content-Type": content_type})
        assert answer.status_code == 415


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"[]", 422),
        (b'{"email": "a@b.c"}', 422),
        (b'{"email": 1, "password": true}', 422),
        (b'{"email": "a@b.c", "password": "x", "role": "owner"}', 422),
        (b'{"email": "a@b.c\\u0000", "password": "x"}', 400),
        (b'{"email": "a@b.c", "password": "\\ud800"}', 422),
        (b"\xff\xfe", 400),
        (b'{"email": "' + b"a" * 300 + b'", "password": "x"}', 422),
        (b" " * 70_000, 413),
    ],
)
async def test_what_is_not_understood_is_a_problem(stranger: httpx.AsyncClient, content: bytes, status: int) -> None:
    answer = await stranger.post(SESSION, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) >= {"type", "title", "status", "detail", "instance", "code"}


async def test_a_problem_never_repeats_a_password(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.post(SESSION, json={"email": "a@b.c", "password": ["my secret password"]})
    assert answer.status_code == 422 and "my secret" not in answer.text


async def test_a_read_only_role_looks_and_changes_nothing(shop: Shop, stranger: httpx.AsyncClient) -> None:
    await Merchants(shop.database, shop.passwords, shop.ids, shop.clock).add_operator(
        shop.merchant_id,
        NewOperator(email=f"r{shop.seeded.email}", name="r", password=PASSWORD, role=Role.READ_ONLY),
    )
    await stranger.post(SESSION, json={"email": f"r{shop.seeded.email}", "password": PASSWORD})
    assert (await stranger.get("/api/v1/machines")).status_code == 200
    body = {"machine_id": shop.machine_id, "product_id": shop.seeded.products["cola"], "kind": "gift"}
    answer = await stranger.post("/api/v1/codes", json=body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 403
    assert (await stranger.post(f"/api/v1/alarms/alm_{'0' * 26}/clear")).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/session",
        "/api/v1/machines",
        f"/api/v1/machines/mch_{'0' * 26}",
        "/api/v1/orders",
        f"/api/v1/orders/ord_{'0' * 26}",
        "/api/v1/alarms",
        "/api/v1/codes",
        "/api/v1/events/stream",
    ],
)
async def test_nothing_is_shown_to_a_stranger(stranger: httpx.AsyncClient, path: str) -> None:
    answer = await stranger.get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


async def test_every_answer_carries_the_guards_headers(stranger: httpx.AsyncClient) -> None:
    for path in ("/api/v1/health", "/api/v1/machines", "/console/", "/nowhere"):
        headers = (await stranger.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_the_frame_around_the_console(stranger: httpx.AsyncClient) -> None:
    home = await stranger.get("/")
    assert (home.status_code, home.headers["location"]) == (307, "/console/")
    health = await stranger.get("/api/v1/health")
    assert health.json() == {"status": "ok", "checks": {"database": True}}
    assert (await stranger.get("/metrics")).status_code == 200
    for path in ("/docs", "/redoc", "/openapi.json", "/api/v1/nothing"):
        missing = await stranger.get(path)
        assert missing.status_code == 404 and missing.headers["content-type"] == "application/problem+json"
    assert (await stranger.put("/api/v1/machines", json={})).status_code == 405
