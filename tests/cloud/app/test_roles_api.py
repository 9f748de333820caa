"""Custom roles over HTTP: made, given, changed under open sessions, and never more than whoever gives them has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.cloud.app.conftest import HOST
from tests.cloud.one_key_each import ONE_KEY_EACH
from tests.cloud.shop_stage import PASSWORD, Shop, open_shop
from vendomat.cloud.merchants import GRANTED, Role

pytestmark = pytest.mark.slow
ROLES, PEOPLE, CHANGES = "/api/v1/roles", "/api/v1/people", "/api/v1/changes"
BASE = ["fleet.read", "catalog.read"]
Join = Callable[[str, str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def join(browser: httpx.AsyncClient, public_app: FastAPI, shop: Shop) -> AsyncIterator[Join]:
    """Somebody is invited with a role, and signs in by a browser of their own."""
    async with AsyncExitStack() as stack:

        async def joined(name: str, role: str) -> httpx.AsyncClient:
            email = f"{name.lower()}.{shop.seeded.email}"
            made = await browser.post(PEOPLE, json={"email": email, "name": name, "role": role})
            assert made.status_code == 201, made.text
            transport = httpx.ASGITransport(public_app, client=(shop.address, 2), raise_app_exceptions=False)
            client = await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=transport, base_url=HOST, headers={"Origin": HOST}, event_hooks=ONE_KEY_EACH
                )
            )
            token = made.json()["link"].partition("#")[2]
            await client.post("/api/v1/invitation/accept", json={"token": token, "password": PASSWORD})
            answer = await client.post("/api/v1/session", json={"email": email, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            return client

        yield joined


async def make(browser: httpx.AsyncClient, name: str, *permissions: str) -> dict[str, Any]:
    answer = await browser.post(ROLES, json={"name": name, "permissions": permissions})
    assert answer.status_code == 201, answer.text
    assert answer.headers["ETag"] == '"v1"'
    made: dict[str, Any] = answer.json()
    return made


async def change(
    browser: httpx.AsyncClient, role: dict[str, Any], *permissions: str, version: int | None = None
) -> httpx.Response:
    tag = f'"v{role["version"] if version is None else version}"'
    body = {"name": role["name"], "permissions": permissions}
    return await browser.put(f"{ROLES}/{role['role']}", json=body, headers={"If-Match": tag})


async def session_of(client: httpx.AsyncClient) -> dict[str, Any]:
    operator: dict[str, Any] = (await client.get("/api/v1/session")).json()["operator"]
    return operator


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_role_holds_at_once_in_sessions_that_are_open(browser: httpx.AsyncClient, join: Join) -> None:
    role = await make(browser, " Clerk ", "keys.try")
    assert role == {
        "role": role["role"],
        "name": "Clerk",
        "permissions": [*BASE, "keys.read", "keys.try"],
        "version": 1,
    }
    ann = await join("Ann", role["role"])
    assert (await session_of(ann))["permissions"] == sorted(role["permissions"])
    assert (await ann.get("/api/v1/payment-accounts")).status_code == 200
    assert code_of(await ann.get("/api/v1/codes")) == (403, "forbidden")
    changed = await change(browser, role, "code.read")
    assert (changed.json()["version"], changed.headers["ETag"]) == (2, '"v2"')
    assert code_of(await ann.get("/api/v1/payment-accounts")) == (403, "forbidden")
    assert (await ann.get("/api/v1/codes")).status_code == 200
    told = await session_of(ann)
    assert (told["role"], told["role_name"], told["permissions"]) == (
        role["role"],
        "Clerk",
        ["catalog.read", "code.read", "fleet.read"],
    )


async def test_every_change_is_in_the_log_with_before_and_after(browser: httpx.AsyncClient, join: Join) -> None:
    role = await make(browser, "Clerk", "code.read")
    await join("Ann", role["role"])
    assert (await change(browser, role, "code.read")).json()["version"] == 1, "nothing new, nothing noted"
    await change(browser, role, "member.read")
    await make(browser, "Unused")
    unused = (await browser.get(ROLES)).json()["roles"][-1]
    gone = await browser.delete(f"{ROLES}/{unused['role']}", headers={"If-Match": '"v1"'})
    assert gone.status_code == 204
    log = (await browser.get(CHANGES, params={"what": "role"})).json()["data"]
    was, now = ({"name": "Clerk", "permissions": sorted([*BASE, one])} for one in ("code.read", "member.read"))
    nothing = {"name": "Unused", "permissions": sorted(BASE)}
    assert [(one["action"], one["before"], one["after"]) for one in reversed(log)] == [
        ("role.created", None, was),
        ("role.changed", was, now),
        ("role.created", None, nothing),
        ("role.removed", nothing, None),
    ]
    invited = (await browser.get(CHANGES, params={"what": "person"})).json()["data"][-1]["after"]
    assert (invited["role"], invited["role_name"]) == (role["role"], "Clerk")


async def test_the_table_says_what_each_role_may_and_what_a_right_brings(browser: httpx.AsyncClient) -> None:
    role = await make(browser, "Clerk", "refund.ask")
    table = (await browser.get(ROLES)).json()
    assert [one["role"] for one in table["roles"]] == [*Role, role["role"]]
    assert {one["role"]: set(one["permissions"]) for one in table["roles"][:-1]} == {
        one.value: {*GRANTED[one]} for one in Role
    }
    assert table["roles"][-1] == role
    assert (table["base"], table["needs"]["refund.ask"]) == (BASE, "order.read")


async def test_a_role_that_somebody_has_stays_and_says_who(browser: httpx.AsyncClient, join: Join) -> None:
    role = await make(browser, "Clerk")
    await join("Ann", role["role"])
    at, tag = f"{ROLES}/{role['role']}", {"If-Match": '"v1"'}
    answer = await browser.delete(at, headers=tag)
    assert code_of(answer) == (409, "conflict") and "has this role: Ann;" in answer.json()["detail"]
    (ann,) = [one for one in (await browser.get(PEOPLE)).json()["data"] if one["name"] == "Ann"]
    assert (ann["role"], ann["role_name"]) == (role["role"], "Clerk")
    moved = await browser.put(f"{PEOPLE}/{ann['id']}", json={"name": "Ann", "role": "read_only"})
    assert (moved.json()["role"], moved.json()["role_name"]) == ("read_only", "")
    assert (await browser.delete(at, headers=tag)).status_code == 204
    assert code_of(await browser.delete(at, headers=tag)) == (404, "not_found")
    again = await browser.put(f"{PEOPLE}/{ann['id']}", json={"name": "Ann", "role": role["role"]})
    assert code_of(again) == (404, "not_found")


async def test_of_two_who_change_a_role_one_reads_again(browser: httpx.AsyncClient) -> None:
    role = await make(browser, "Clerk")
    assert (await change(browser, role, "code.read")).status_code == 200
    assert code_of(await change(browser, role, "member.read")) == (412, "version_stale")
    unsaid = await browser.put(f"{ROLES}/{role['role']}", json={"name": "Clerk", "permissions": []})
    assert code_of(unsaid) == (428, "version_missing")
    assert code_of(await browser.delete(f"{ROLES}/{role['role']}", headers={"If-Match": '"v1"'}))[0] == 412
    assert (await browser.get(ROLES)).json()["roles"][-1]["permissions"] == [*BASE, "code.read"]


async def test_a_name_stands_once_and_nonsense_is_refused(browser: httpx.AsyncClient) -> None:
    await make(browser, "Clerk")
    other = await make(browser, "Other")
    assert (await browser.post(ROLES, json={"name": "clerk", "permissions": []})).status_code == 409
    renamed = {"name": "CLERK", "permissions": []}
    tag = {"If-Match": '"v1"'}
    assert (await browser.put(f"{ROLES}/{other['role']}", json=renamed, headers=tag)).status_code == 409
    for body in ({"name": " ", "permissions": []}, {"name": "n", "permissions": ["fly"]}, {"name": "n"}):
        assert (await browser.post(ROLES, json=body)).status_code == 422
    guest = await browser.post(ROLES, json={"name": "n", "permissions": ["own_sites.read"]})
    assert code_of(guest) == (422, "invalid_value")


async def test_nobody_gives_or_takes_what_they_lack(browser: httpx.AsyncClient, join: Join, shop: Shop) -> None:
    """Ann may change people, and nothing with money: no way leads her, or a friend of hers, to more."""
    less = await make(browser, "Less", "people.change", "code.read")
    more = await make(browser, "More", "people.change", "refund.ask")
    plain = await make(browser, "Plain", "code.read")
    ann = await join("Ann", less["role"])
    await join("Bo", more["role"])
    await join("Cy", plain["role"])
    ids = {one["name"]: one["id"] for one in (await ann.get(PEOPLE)).json()["data"]}
    owner = next(one["id"] for one in (await ann.get(PEOPLE)).json()["data"] if one["role"] == "owner")

    def person(role: str) -> dict[str, str]:
        return {"name": "n", "role": role}

    new = {"email": f"new.{shop.seeded.email}", "name": "New"}
    refused = [
        await ann.post(PEOPLE, json=new | {"role": "owner"}),
        await ann.post(PEOPLE, json=new | {"role": "manager"}),
        await ann.post(PEOPLE, json=new | {"role": more["role"]}),
        await ann.put(f"{PEOPLE}/{ids['Ann']}", json=person("owner")),
        await ann.put(f"{PEOPLE}/{ids['Cy']}", json=person(more["role"])),
        await ann.put(f"{PEOPLE}/{ids['Bo']}", json=person(plain["role"])),
        await ann.put(f"{PEOPLE}/{owner}", json=person(plain["role"])),
        *[await ann.post(f"{PEOPLE}/{one}/{verb}") for one in (owner, ids["Bo"]) for verb in ("invite", "deactivate")],
        await ann.post(ROLES, json={"name": "Mine", "permissions": ["refund.ask"]}),
        await change(ann, less, "people.change", "refund.ask"),
        await change(ann, more),
        await ann.delete(f"{ROLES}/{more['role']}", headers={"If-Match": '"v1"'}),
        await ann.put(
            "/api/v1/identity-provider",
            json={
                "name": "Mine",
                "issuer": "https://mine.example",
                "client_id": "c",
                "client_secret": "s",
                "email_domains": ["mine.example"],
                "new_role": "manager",
            },
        ),
    ]
    assert [code_of(one) for one in refused] == [(403, "forbidden")] * len(refused)
    assert "(code.read" not in refused[2].json()["detail"] and "(order.read, refund.ask)" in refused[2].json()["detail"]
    assert (await ann.post(PEOPLE, json=new | {"role": plain["role"]})).status_code == 201
    assert (await ann.put(f"{PEOPLE}/{ids['Cy']}", json=person(less["role"]))).status_code == 200
    assert (await change(ann, plain, "member.read")).status_code == 403
    assert (await change(ann, plain, "code.issue")).status_code == 403
    assert (await change(ann, plain)).status_code == 200


async def test_an_alarm_goes_to_whoever_may_see_it(browser: httpx.AsyncClient, join: Join) -> None:
    role = await make(browser, "Clerk")
    await join("Ann", role["role"])
    people = (await browser.get("/api/v1/alarms/people")).json()["data"]
    assert "Ann" in [one["name"] for one in people]


async def test_another_merchants_role_is_nobodys_here(browser: httpx.AsyncClient, database_url: str) -> None:
    async with open_shop(database_url) as other:
        role_id = other.ids.new("rol")
        await other.as_merchant(
            "INSERT INTO custom_role VALUES ($1, $2, 'Theirs', '{}', 1)", other.merchant_id, role_id
        )
        assert role_id not in (await browser.get(ROLES)).text
        body = {"email": "x@vendomat.example", "name": "X", "role": role_id}
        assert code_of(await browser.post(PEOPLE, json=body)) == (404, "not_found")
        theirs = {"role": role_id, "name": "Theirs", "version": 1}
        assert code_of(await change(browser, theirs)) == (404, "not_found")
