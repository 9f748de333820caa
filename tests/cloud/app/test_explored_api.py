"""Schemathesis walks the API's own document, as every role, as nobody and as another merchant.

Requests are what the document allows, and what it does not: half of them name things that are really there. Each answer
must be one that the document lists, in the shape it lists; a role without the permission, a stranger and another
merchant never succeed; and whatever another merchant tried, no row of ours has changed. `make explore MINUTES=10` walks
for longer, from another seed each time.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.cloud.app.test_as_documented import SIGNS_OUT, breach, documented
from tests.cloud.app.test_every_route import (
    BODIES,
    CLERK,
    CLERKS,
    ENDLESS,
    ESTATE,
    IDS,
    NO_IDS,
    _permission_of,
    _routes,
    _signed_in,
    merchants,
    whole_app,
)
from tests.cloud.claims.conftest import HOST, PASSWORD, Counter, counter
from tests.cloud.one_key_each import ONE_KEY_EACH
from tests.cloud.sales.conftest import MERCHANT, world
from vendomat.cloud.app.document import document_of
from vendomat.cloud.merchants import AnyRole, Merchants, NewMerchant, NewOperator, Role, may

__all__ = ["counter", "merchants", "whole_app", "world"]
pytestmark = pytest.mark.slow

MINUTES = float(os.environ.get("VENDOMAT_EXPLORE_MINUTES", "0"))
ROLES: Mapping[str, AnyRole] = {**{role.value: role for role in Role}, CLERK.name: CLERK}
NOBODY, OTHER = "nobody", "another merchant"
EACH = 3
"""Requests of one operation in one walk over the document."""
_OURS = """
SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = 'merchant_id' ORDER BY 1
"""


@dataclass
class Explorer:
    """Whoever asks, and what came of it."""

    app: FastAPI
    clients: Mapping[str, httpx.AsyncClient]
    promised: Mapping[str, dict[str, Any]]
    chance: random.Random
    asked: int = 0
    found: list[tuple[object, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._routes = {str(route.operation_id): route for route in _routes(self.app)}

    async def ask(self, who: str, case: schemathesis.Case[Any], *, is_real: bool, is_good: bool) -> None:
        """One request: `is_real` ids instead of those made up, `is_good` a body instead of the one made up."""
        operation_id = str(case.operation.definition.raw["operationId"])
        if is_real:
            case.path_parameters = {name: IDS.get(name, value) for name, value in (case.path_parameters or {}).items()}
        if is_good and operation_id in BODIES:
            case.body = BODIES[operation_id]
        sent = case.as_transport_kwargs(base_url=HOST)
        headers = {name: value for name, value in sent["headers"].items() if name.lower() not in ("origin", "host")}
        try:
            request = self.clients[who].build_request(
                sent["method"],
                sent["url"],
                params=sent.get("params"),
                headers=headers,
                json=sent.get("json"),
                content=sent.get("data"),
            )
        except (UnicodeError, httpx.InvalidURL, TypeError):
            return  # no client could send it
        answer = await self.clients[who].send(request)
        self.asked += 1
        what = self._breach(who, operation_id, case, answer, is_real=is_real)
        if what:
            self.found.append((who, request.method, request.url, request.content[:200], answer.status_code, what))

    def _breach(
        self, who: str, operation_id: str, case: schemathesis.Case[Any], answer: httpx.Response, *, is_real: bool
    ) -> str:
        if answer.status_code == 405 or (answer.status_code == 404 and answer.json()["detail"] == "Not Found"):
            return ""  # the path is another one's, or nobody's
        route = self._routes.get(operation_id)
        permission = None if route is None else _permission_of(route)
        if answer.is_success and permission is not None:
            if who == NOBODY:
                return "a stranger succeeded"
            if who == OTHER and is_real and case.path_parameters and operation_id not in NO_IDS:
                return "another merchant succeeded"
            if who != OTHER and not may(ROLES[who], permission):
                return f"succeeded without {permission}"
        what = breach(self.promised[operation_id], answer)
        if not what and answer.headers.get("content-type", "").endswith("json"):
            try:
                case.operation.validate_response(answer)
            except AssertionError as failure:
                return str(failure)
        return what


async def test_no_request_is_answered_with_what_nobody_was_told(
    counter: Counter, whole_app: FastAPI, merchants: Merchants
) -> None:
    superuser = counter.stage.world.superuser
    await superuser.execute(ESTATE + CLERKS)
    await superuser.execute(
        "DELETE FROM coupon_batch; DELETE FROM promotion"
    )  # that one has a rule nobody can have made
    token = await counter.sell(1, "delivered")
    async with counter.visitor() as buyer:
        await counter.say(buyer, token)
    clients = await _everybody(whole_app, merchants)
    await superuser.execute(
        "INSERT INTO site_owner SELECT merchant_id, operator_id, $1 FROM operator WHERE role = 'site_owner'",
        IDS["site_id"],
    )
    explorer = Explorer(whole_app, clients, documented(whole_app), random.Random(1))
    ours = await _rows_of_ours(superuser)
    await _walk(explorer, [OTHER], each=1, start=0)
    assert await _rows_of_ours(superuser) == ours
    everybody = [NOBODY, *ROLES]
    await _walk(explorer, everybody, each=EACH, start=1)
    began = time.monotonic()
    while time.monotonic() - began < 60 * MINUTES:
        await _walk(explorer, [*everybody, OTHER], each=EACH, start=random.randrange(1 << 32))
    assert explorer.found == [], "\n".join(map(str, explorer.found))
    assert explorer.asked > 600
    for client in clients.values():
        await client.aclose()


async def _everybody(app: FastAPI, merchants: Merchants) -> dict[str, httpx.AsyncClient]:
    clients = {}
    for number, (name, role) in enumerate(ROLES.items()):
        email = f"{number}@explored.example"
        await merchants.add_operator(MERCHANT, NewOperator(email=email, name=name, password=PASSWORD, role=role))
        clients[name] = await _signed_in(app, email, f"10.8.3.{number}")
    await merchants.create(NewMerchant("Other", "Other"), NewOperator("o@other.example", "o", PASSWORD))
    clients[OTHER] = await _signed_in(app, "o@other.example", "10.8.3.100")
    transport = httpx.ASGITransport(app, client=("10.8.3.101", 1), raise_app_exceptions=False)
    clients[NOBODY] = httpx.AsyncClient(
        transport=transport, base_url=HOST, headers={"Origin": HOST}, event_hooks=ONE_KEY_EACH
    )
    return clients


async def _walk(explorer: Explorer, people: list[str], *, each: int, start: int) -> None:
    """`each` requests of every operation, by one of `people` each."""
    loop = asyncio.get_running_loop()
    schema = schemathesis.openapi.from_dict(document_of(explorer.app))
    for number, result in enumerate(schema.get_all_operations()):
        operation = result.ok()  # type: ignore[union-attr]  # a part that cannot be read raises here
        if operation.definition.raw["operationId"] in ENDLESS | SIGNS_OUT:
            continue
        cases = st.one_of(
            operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
            operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
        )

        @seed(start + number)
        @settings(
            max_examples=each,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            verbosity=Verbosity.quiet,
            suppress_health_check=list(HealthCheck),
        )
        @given(cases, st.sampled_from(people), st.booleans(), st.booleans())
        def ask(case: schemathesis.Case[Any], who: str, is_real: bool, is_good: bool) -> None:
            asking = explorer.ask(who, case, is_real=is_real, is_good=is_good)
            asyncio.run_coroutine_threadsafe(asking, loop).result()

        await asyncio.to_thread(ask)


async def _rows_of_ours(superuser: Any) -> dict[str, str]:
    """A fingerprint of what our merchant has in each table."""
    return {
        row["table_name"]: await superuser.fetchval(
            f"SELECT md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), '')) FROM {row['table_name']} t "
            "WHERE merchant_id = $1",
            MERCHANT,
        )
        for row in await superuser.fetch(_OURS)
    }
