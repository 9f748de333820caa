"""Arbitrary input never breaks the API: it is answered, refused as a problem, and never a fault of ours."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
PATHS = st.sampled_from(
    ["session", "machines", "machines/", "orders", "orders/", "alarms", "alarms/x/clear", "codes", "codes/x/withdraw"]
)
TEXT = st.text(max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
CODE_BODIES = st.fixed_dictionaries(
    {},
    optional={
        "machine_id": st.just("mch_" + "0" * 26) | VALUES,
        "product_id": st.just("prd_" + "0" * 26) | VALUES,
        "kind": st.sampled_from(["gift", "prize", "prepaid"]) | VALUES,
        "count": st.integers() | VALUES,
        "valid_hours": st.integers() | VALUES,
    },
)


def check(answer: httpx.Response) -> None:
    assert answer.status_code < 500, (answer.request.url, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = json.loads(answer.content)
        assert problem["status"] == answer.status_code and problem["code"]


async def test_any_query_is_answered(browser: httpx.AsyncClient) -> None:
    loop = asyncio.get_running_loop()

    @QUIET
    @given(
        PATHS,
        st.dictionaries(st.sampled_from(["limit", "cursor", "machine", "state", "x"]), TEXT, max_size=3),
    )
    def ask(path: str, query: dict[str, str]) -> None:
        asyncio.run_coroutine_threadsafe(_get(browser, path, query), loop).result()

    await asyncio.to_thread(ask)


async def _get(browser: httpx.AsyncClient, path: str, query: dict[str, str]) -> None:
    clean = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
    check(await browser.get(f"/api/v1/{path}", params=clean))


async def test_any_path_is_answered(browser: httpx.AsyncClient) -> None:
    loop = asyncio.get_running_loop()

    @QUIET
    @given(st.sampled_from(["api/v1/orders/", "api/v1/machines/", "media/", "console/", "api/v1/alarms/", ""]), TEXT)
    def ask(prefix: str, rest: str) -> None:
        asyncio.run_coroutine_threadsafe(_path(browser, prefix, rest), loop).result()

    await asyncio.to_thread(ask)


async def _path(browser: httpx.AsyncClient, prefix: str, rest: str) -> None:
    answer = await browser.get(f"/{prefix}{quote(rest, safe='', errors='replace')}")
    assert answer.status_code < 500 or answer.status_code == 503, answer.text  # 503: the console is not built


async def test_any_order_for_codes_is_answered(browser: httpx.AsyncClient) -> None:
    loop = asyncio.get_running_loop()

    @QUIET
    @given(CODE_BODIES | VALUES, st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=110))
    def ask(body: object, key: str) -> None:
        asyncio.run_coroutine_threadsafe(_issue(browser, body, key), loop).result()

    await asyncio.to_thread(ask)


async def _issue(browser: httpx.AsyncClient, body: object, key: str) -> None:
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    check(await browser.post("/api/v1/codes", content=content, headers=headers))


async def test_any_body_is_answered_by_enrolment(machine_side: httpx.AsyncClient) -> None:
    loop = asyncio.get_running_loop()
    bodies = st.binary(max_size=100) | st.fixed_dictionaries(
        {
            "token": TEXT | st.just("t" * 20),
            "public_key": TEXT | st.just("U" + "A" * 55),
            "proof": TEXT | st.just("AAAA"),
            "machine_id": TEXT,
            "at": st.integers(),
        }
    ).map(lambda body: json.dumps(body).encode())

    @QUIET
    @given(st.sampled_from(["/enrol", "/enrol/renew"]), bodies)
    def ask(path: str, body: bytes) -> None:
        asyncio.run_coroutine_threadsafe(_enrol(machine_side, path, body), loop).result()

    await asyncio.to_thread(ask)


async def _enrol(machine_side: httpx.AsyncClient, path: str, body: bytes) -> None:
    answer = await machine_side.post(path, content=body)
    check(answer)
    assert answer.status_code in (400, 403, 429)


@pytest.mark.parametrize("cursor", ["x", "====", "W10", "WyIyMDI2IiwgIngiXQ", "A" * 200, "WzEsMl0", "\u00fc"])
async def test_a_cursor_we_did_not_give_is_refused(browser: httpx.AsyncClient, cursor: str) -> None:
    for path in ("machines", "orders", "alarms", "codes"):
        answer = await browser.get(f"/api/v1/{path}", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_value")


@pytest.mark.parametrize("limit", ["0", "-1", "201", "1e3", "99999999999999999999", "x"])
async def test_a_limit_out_of_bounds_is_refused(browser: httpx.AsyncClient, limit: str) -> None:
    for path in ("machines", "orders", "alarms", "codes"):
        assert (await browser.get(f"/api/v1/{path}", params={"limit": limit})).status_code == 422
