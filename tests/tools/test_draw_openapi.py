"""The API's document: whole, current, and what it lacks is said."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from draw_openapi import PAGE, TYPES, breaches, document, operations, run, text_of

from vendomat.kernel import ErrorCode


@pytest.fixture(scope="module")
def drawn() -> dict[str, Any]:
    return document()


def operation(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for _, one in operations(document) if one["operationId"] == name]
    return found


def test_the_document_lacks_nothing(drawn: dict[str, Any]) -> None:
    assert breaches(drawn) == []


def test_the_kept_document_is_what_the_routes_say(drawn: dict[str, Any], repository: Path) -> None:
    assert (repository / PAGE).read_text(encoding="utf-8") == text_of(drawn), "run `make openapi`"


def test_it_says_who_may_ask(drawn: dict[str, Any]) -> None:
    asked = {name: operation(drawn, name).get("security") for name in ("orders.list", "order.see", "member.wallet")}
    assert asked == {
        "orders.list": [{"session": []}],
        "order.see": [{"orderLink": []}],
        "member.wallet": [{"memberLink": []}],
    }
    assert all("security" not in operation(drawn, name) for name in ("session.create", "health.get", "buyer.visit"))


def test_it_says_what_each_operation_does_and_which_permission_it_takes(drawn: dict[str, Any]) -> None:
    assert operation(drawn, "refunds.release")["x-permission"] == "refund.release"
    assert operation(drawn, "orders.list")["x-permission"] == "order.read"
    for name in ("session.create", "account.password", "order.see", "member.wallet", "health.get"):
        assert "x-permission" not in operation(drawn, name)
    said = [one["summary"] for _, one in operations(drawn)]
    assert all(one.endswith(".") and len(one) <= 100 for one in said)


def test_every_error_is_a_problem_and_every_code_is_listed(drawn: dict[str, Any]) -> None:
    for where, one in operations(drawn):
        errors = {status: answer for status, answer in one["responses"].items() if status >= "400"}
        assert {"400", "500", "503"} <= set(errors), where
        for status, answer in errors.items():
            assert "$ref" in answer or (where, status) == ("GET /api/v1/health", "503"), (where, status)
    for answer in drawn["components"]["responses"].values():
        assert list(answer["content"]) == ["application/problem+json"]
    assert set(drawn["components"]["schemas"]["ErrorCode"]["enum"]) == set(ErrorCode)


def test_what_moves_money_or_goods_needs_a_key(drawn: dict[str, Any]) -> None:
    """Every request of the console that does something, but for those that may come twice as they are: settings,
    drafts and states that are quoted by version or reached only once."""
    free_nouns = {"session", "account", "people", "alarms", "notification_channels", "payment_accounts", "promotions"}
    made = {one["operationId"] for _, one in operations(drawn) if "201" in one["responses"]}
    made -= {"pictures.put", "passkeys.add", "machines.link"}  # named by its content; its challenge is good once
    free_nouns |= {"browsers", "passkeys", "products", "pictures", "planograms", "planogram_templates", "month_closes"}
    free = {"members.block", "members.unblock"}
    free |= {"reconciliation.give", "machines.link"}  # a file is known by its hash; a new link voids the one before
    free |= {"provider.try", "machines.set_model"}  # keeps nothing; a machine is of a model or not
    free |= {"machines.tag"}  # a tag is there or not, however often it is given
    keyed = []
    for where, one in operations(drawn):
        if not where.startswith("POST") or one.get("security") != [{"session": []}]:
            continue
        keys = [p for p in one.get("parameters", ()) if p["name"].lower() == "idempotency-key" and p["required"]]
        name = one["operationId"]
        assert keys or name in free or name.partition(".")[0] in free_nouns, where
        keyed += [name] * len(keys)
    assert {name for name in made if operation(drawn, name).get("security") == [{"session": []}]} <= set(keyed)
    money = {"refunds.ask", "refunds.give", "wallet_payouts.ask", "site_statements.pay", "site_sharing.take_back"}
    assert money | {"codes.issue", "slots.unlock", "visits.write_off", "sites.create"} <= set(keyed)


def test_nothing_platforms_or_machines_call_is_in_it(drawn: dict[str, Any]) -> None:
    assert not [path for path in drawn["paths"] if path.startswith(("/notify", "/metrics", "/enrol"))]


def without_name(document: dict[str, Any]) -> None:
    document["paths"]["/api/v1/orders"]["get"]["operationId"] = "list_orders_api_v1_orders_get"


def without_tag(document: dict[str, Any]) -> None:
    document["paths"]["/api/v1/orders"]["get"]["tags"] = ["nobody explained this"]


def without_shape(document: dict[str, Any]) -> None:
    document["paths"]["/api/v1/orders"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] = {}


def without_cursor(document: dict[str, Any]) -> None:
    document["paths"]["/api/v1/orders"]["get"]["parameters"] = []


def with_a_path_for_a_name(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["vendomat__cloud__x__DayView"] = {"type": "object"}


def without_sentence(document: dict[str, Any]) -> None:
    del document["paths"]["/api/v1/orders"]["get"]["summary"]


def without_the_operation_of_a_sentence(document: dict[str, Any]) -> None:
    del document["paths"]["/api/v1/orders"]


@pytest.mark.parametrize(
    "spoil",
    [
        without_name,
        without_tag,
        without_shape,
        without_cursor,
        with_a_path_for_a_name,
        without_sentence,
        without_the_operation_of_a_sentence,
    ],
)
def test_what_it_lacks_is_said(drawn: dict[str, Any], spoil: Any) -> None:
    spoilt = copy.deepcopy(drawn)
    spoil(spoilt)
    found = breaches(spoilt)
    assert len(found) == 2 if spoil is without_name else len(found) == 1, found


def test_the_tool_compares_writes_and_is_quiet_the_second_time(tmp_path: Path, drawn: dict[str, Any]) -> None:
    written: list[Path] = []

    def types(root: Path) -> None:
        (root / TYPES).parent.mkdir(parents=True, exist_ok=True)
        (root / TYPES).touch()
        written.append(root)

    (tmp_path / PAGE).parent.mkdir(parents=True)
    assert run(tmp_path, drawn, is_check=True, types=types) == 1
    assert run(tmp_path, drawn, is_check=False, types=types) == 0
    assert run(tmp_path, drawn, is_check=False, types=types) == 0
    assert run(tmp_path, drawn, is_check=True, types=types) == 0
    assert written == [tmp_path]
    changed = json.loads(text_of(drawn))
    changed["info"]["version"] = "2"
    assert run(tmp_path, changed, is_check=True, types=types) == 1
