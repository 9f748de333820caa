"""Versions quoted in `If-Match`, and bodies read up to a limit, as a caller meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from vendomat.cloud.app.problems import install_problems
from vendomat.cloud.platform.http import IfMatch, check_version, etag_of, read_body, set_version

BYTES_MAX = 10


@pytest.fixture
async def caller() -> AsyncIterator[httpx.AsyncClient]:
    """Of an application with one thing in version 3, and one place that reads a body."""
    app = FastAPI()
    install_problems(app)

    @app.get("/thing")
    async def read(response: Response) -> str:
        set_version(response, 3)
        return "as it is"

    @app.put("/thing")
    async def change(if_match: IfMatch = None) -> str:
        check_version(if_match, 3)
        return "changed"

    @app.post("/body")
    async def take(request: Request) -> int:
        return len(await read_body(request, BYTES_MAX))

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here.example") as client:
        yield client


async def test_what_was_read_may_be_changed(caller: httpx.AsyncClient) -> None:
    read = await caller.get("/thing")
    assert (read.headers["etag"], read.headers["cache-control"]) == ('"v3"', "no-cache")
    assert (await caller.put("/thing", headers={"If-Match": read.headers["etag"]})).json() == "changed"


@pytest.mark.parametrize("quoted", ["*", '"v2", "v3"', '"v3","x"'])
async def test_one_of_several_tags_is_enough(caller: httpx.AsyncClient, quoted: str) -> None:
    assert (await caller.put("/thing", headers={"If-Match": quoted})).status_code == 200


@pytest.mark.parametrize("quoted", ['"v2"', 'W/"v3"', "v3", '"v33"', ","])
async def test_another_version_changes_nothing(caller: httpx.AsyncClient, quoted: str) -> None:
    answer = await caller.put("/thing", headers={"If-Match": quoted})
    assert (answer.status_code, answer.json()["code"]) == (412, "version_stale")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("headers", [{}, {"If-Match": " "}])
async def test_who_quotes_nothing_is_told_to(caller: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await caller.put("/thing", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (428, "version_missing")


def test_tags_of_two_versions_differ() -> None:
    assert etag_of(1) != etag_of(11)


@pytest.mark.parametrize(("size", "status"), [(0, 200), (BYTES_MAX, 200), (BYTES_MAX + 1, 413), (5 * BYTES_MAX, 413)])
async def test_a_body_has_a_limit(caller: httpx.AsyncClient, size: int, status: int) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(size):
            yield b"x"

    answer = await caller.post("/body", content=parts())
    assert answer.status_code == status, answer.text
