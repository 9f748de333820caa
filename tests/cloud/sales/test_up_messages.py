"""What a terminal may not say: each gets a signed problem, nothing changes, nothing escapes as an exception."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, PRODUCT, World
from tests.cloud.sales.selling_stage import CLOUD_KEY, Stage, fact, open_stage
from tests.cloud.shop_stage import MachineKey
from vendomat.kernel import derive_id
from vendomat.protocol import MESSAGE_BYTES_MAX, FactKind, Facts, seal

pytestmark = pytest.mark.slow

OTHER = "mch_" + "9" * 26
NONCE = "n" * 20
TABLES = ("sale_order", "vend_unit", "command", "payment", "refund", "ledger_line", "stock_slot", "stock_move",
          "evidence", "outbox", "machine", "machine_live", "machine_fact", "pickup_code", "alarm")  # fmt: skip


def order(**other: object) -> dict[str, object]:
    lines = [{"slot": "A1", "quantity": 1, "price_minor": 350}]
    return {"request_id": derive_id("req", 1), "lines": lines, "channel": "wechat", "nonce": NONCE} | other


def line(**other: object) -> dict[str, object]:
    return order(lines=[{"slot": "A1", "quantity": 1, "price_minor": 350} | other])


def beat(**other: object) -> dict[str, object]:
    return {"nonce": NONCE, "is_ready": True} | other


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    async with open_stage(world) as opened:
        yield opened


async def content(stage: Stage) -> list[Any]:
    """A fingerprint of everything a message could change."""
    return [await stage.one(f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t")
            for table in TABLES]  # fmt: skip


REFUSED: dict[str, tuple[str, dict[str, object], str]] = {
    "unknown kind": ("refund", {}, "malformed"),
    "not a kind": ("hello.reply", {}, "malformed"),
    "no fields": ("order", {}, "malformed"),
    "unknown slot": ("order", line(slot="Z9"), "unknown_slot"),
    "slot of no form": ("order", line(slot="A1; DROP"), "malformed"),
    "own price": ("order", line(price_minor=1), "price_changed"),
    "price below zero": ("order", line(price_minor=-350), "malformed"),
    "price as a fraction": ("order", line(price_minor=3.5), "malformed"),
    "no units": ("order", line(quantity=0), "malformed"),
    "units below zero": ("order", line(quantity=-1), "malformed"),
    "too many units": ("order", line(quantity=20), "cart_too_large"),
    "more than there is": ("order", line(slot="A2", price_minor=200, quantity=4), "sold_out"),
    "no lines": ("order", order(lines=[]), "malformed"),
    "unknown channel": ("order", order(channel="cash_app"), "method_unavailable"),
    "channel of codes": ("order", order(channel="code"), "method_unavailable"),
    "request id of no form": ("order", order(request_id="1"), "malformed"),
    "somebody's order": ("order_status", {"order_id": derive_id("ord", 77)}, "not_found"),
    "cancel of somebody's order": ("cancel", {"order_id": derive_id("ord", 77)}, "not_found"),
    "channel of somebody's order": ("channel", {"order_id": derive_id("ord", 77), "channel": "wechat"}, "not_found"),
    "code of no form": ("redeem", {"request_id": derive_id("req", 2), "code": "12", "nonce": NONCE}, "malformed"),
    "no facts": ("facts", {"facts": []}, "malformed"),
    "NUL in a heartbeat": ("heartbeat", beat(reasons=["a\x00b"]), "malformed"),
    "NUL in a hello": ("hello", {"program": "x", "boot_nonce": NONCE + "\x00", "nonce": NONCE}, "malformed"),
    "short nonce": ("heartbeat", beat(nonce="n"), "malformed"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_bad_request_gets_a_signed_problem_and_changes_nothing(stage: Stage, name: str) -> None:
    kind, body, code = REFUSED[name]
    before = await content(stage)
    answer_kind, answer = await stage.say(kind, body)
    assert (answer_kind, answer["code"]) == ("problem", code)
    assert await content(stage) == before
    assert not stage.platform.calls


async def test_a_good_request_beside_them_is_answered_with_a_code(stage: Stage) -> None:
    before = await content(stage)
    kind, answer = await stage.say("order", order())
    assert (kind, answer["state"], answer["total_minor"]) == ("order.reply", "awaiting_payment", 350)
    assert answer["offers"][0]["code_url"].startswith("weixin://")
    assert await content(stage) != before  # the fingerprint sees a change when there is one


def envelope(body: bytes, **other: object) -> bytes:
    head = {"version": 1, "kind": "order", "machine": MACHINE, "epoch": 1, "seq": 1, "key_id": "U", "signature": ""}
    return msgspec.json.encode(head | {"body": msgspec.Raw(body)} | other)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"{", "malformed"),
        (b"[]", "malformed"),
        (b"null", "malformed"),
        (b'{"kind": "order"}', "malformed"),
        (b"[" * 60_000, "malformed"),
        (b" " * (MESSAGE_BYTES_MAX + 1), "too_large"),
        (envelope(b"{}"), "bad_signature"),
        (envelope(b"{}", signature="not base64!"), "malformed"),
        (envelope(b"{}", epoch=-1), "malformed"),
        (envelope(b"{}", epoch=2**80), "malformed"),
        (envelope(b"{}", machine=OTHER), "forbidden"),
        (envelope(b'"\\ud800"'), "malformed"),
    ],
)
async def test_what_is_no_message_gets_a_signed_problem(stage: Stage, data: bytes, code: str) -> None:
    before = await content(stage)
    kind, answer = await stage.hand_in("order", data)
    assert (kind, answer["code"]) == ("problem", code)
    assert await content(stage) == before


async def test_only_the_machines_own_key_speaks_for_it(stage: Stage) -> None:
    before = await content(stage)
    for key in (MachineKey(b"\x06" * 32), CLOUD_KEY):
        _, answer = await stage.say("order", order(), key=key)
        assert answer["code"] == "bad_signature"
    good = seal(order(), kind="order", machine=MACHINE, epoch=1, seq=1, signer=stage.machine)
    for changed in (good.replace(b'"quantity":1', b'"quantity":2'), good.replace(b'"epoch":1', b'"epoch":2')):
        assert changed != good
        _, answer = await stage.hand_in("order", changed)
        assert answer["code"] == "bad_signature"
    _, answer = await stage.hand_in("redeem", good)  # moved to another kind
    assert answer["code"] == "forbidden"
    _, answer = await stage.hand_in("order", good, OTHER)  # moved to another machine's subject
    assert answer["code"] == "forbidden"
    assert await content(stage) == before


async def test_an_older_run_changes_nothing(stage: Stage) -> None:
    _, made = await stage.say("order", order())
    await stage.world.superuser.execute("UPDATE machine SET epoch = 5")
    await stage.world.superuser.execute("UPDATE machine_live SET epoch = 5")
    before = await content(stage)
    boot = Facts(facts=[fact(FactKind.BOOT, {}, epoch=4)])
    asked: list[tuple[str, object]] = [
        ("hello", {"program": "x", "boot_nonce": NONCE, "nonce": NONCE}),
        ("heartbeat", beat()),
        ("order", order(request_id=derive_id("req", 2))),
        ("cancel", {"order_id": made["order_id"]}),
        ("channel", {"order_id": made["order_id"], "channel": "wechat"}),
        ("facts", boot),
    ]
    for kind, body in asked:
        answer_kind, answer = await stage.say(kind, body, epoch=4)
        assert (answer_kind, answer["code"]) == ("problem", "old_epoch"), kind
    after = await content(stage)
    changed = {table for table, old, new in zip(TABLES, before, after, strict=True) if old != new}
    assert changed <= {"alarm", "outbox"}, "a double of the machine is told of, and no more"
    kind, answer = await stage.say("facts", boot, epoch=5)  # what an older run remembered, told by the newest
    assert kind == "facts.reply" and len(answer["acks"]) == 1


async def test_a_machine_sees_and_moves_its_own_orders_only(stage: Stage) -> None:
    _, made = await stage.say("order", order())
    await stage.world.superuser.execute(
        "INSERT INTO machine (merchant_id, machine_id, number, name_zh, name_en, state, public_key, epoch, created_at) "
        "VALUES ($1, $2, 'T-2', 't', 't', 'enrolled', $3, 1, now())", MERCHANT, OTHER, stage.machine.public
    )  # fmt: skip
    before = await content(stage)
    for kind, more in (("order_status", {}), ("cancel", {}), ("channel", {"channel": "wechat"})):
        body = {"order_id": made["order_id"]} | more
        data = seal(body, kind=kind, machine=OTHER, epoch=1, seq=1, signer=stage.machine)
        answer_kind, answer = await stage.hand_in(kind, data, OTHER)
        assert (answer_kind, answer["code"]) == ("problem", "not_found")
    assert await content(stage) == before


async def test_facts_about_foreign_or_unknown_commands_are_remembered_and_move_nothing(stage: Stage) -> None:
    _, made = await stage.say("order", order())
    outcome = {"unit": 1, "slot": "A1", "result": "delivered", "cmd_id": derive_id("cmd", 9)}
    facts = Facts(
        facts=[
            fact(FactKind.OUTCOME, outcome | {"order_id": made["order_id"]}, seq=1),
            fact(FactKind.OUTCOME, outcome | {"order_id": derive_id("ord", 78)}, seq=2),
            fact(FactKind.OUTCOME, {"order_id": 5}, seq=3),
            fact(FactKind.STOCK, {"slot": "A1"}, seq=4),
        ]
    )
    kind, answer = await stage.say("facts", facts)
    assert kind == "facts.reply" and [ack["seq"] for ack in answer["acks"]] == [1, 2, 3, 4]
    assert await stage.one("SELECT outcome FROM vend_unit") == "pending"
    assert await stage.one("SELECT state FROM sale_order") == "awaiting_payment"
    assert await stage.one("SELECT kind FROM security_event") == "vend_fact_of_foreign_command"


async def test_a_quarantined_machine_reports_and_does_not_sell(stage: Stage) -> None:
    await stage.world.superuser.execute("UPDATE machine SET state = 'quarantined'")
    _, answer = await stage.say("order", order())
    assert answer["code"] == "forbidden"
    kind, answer = await stage.say("facts", Facts(facts=[fact(FactKind.BOOT, {})]))
    assert kind == "facts.reply" and len(answer["acks"]) == 1


async def test_numbers_beyond_every_column_are_kept_within_it(stage: Stage) -> None:
    for waiting in (2**40, -(2**40)):
        kind, _ = await stage.say("heartbeat", beat(facts_waiting=waiting, temperature_c=1e308))
        assert kind == "heartbeat.reply"
    assert await stage.one("SELECT product_id FROM planogram_slot WHERE slot = 'A1'") == PRODUCT


async def test_what_a_machine_says_of_itself_is_kept_and_nonsense_is_not(stage: Stage) -> None:
    said = {"program": "p/1", "protocol": 1, "is_door_shut": True, "temperatures_c": {"cabinet": 6.5}}
    said |= {"cash": {"currency": "CNY", "tubes": [{"value_minor": 100, "count": 40}], "notes": 2}}
    kind, _ = await stage.say("condition", said | {"signal": {"way": "cellular", "dbm": -71}})
    assert kind == "condition.reply"
    for wrong in (
        {"temperatures_c": {"cabinet": 1e308}},
        {"temperatures_c": {"Cabinet; DROP": 6.0}},
        {"temperatures_c": {f"p{'x' * n}": 1.0 for n in range(9)}},
        {"cash": {"currency": "CNY", "tubes": [{"value_minor": 1, "count": -1}]}},
        {"signal": {"way": "cellular", "dbm": 1}},
        {"program": "p" * 81},
    ):
        kind, answer = await stage.say("condition", said | wrong)
        assert (kind, answer["code"]) == ("problem", "malformed"), wrong
    kept = await stage.one("SELECT condition::text FROM machine_condition")
    assert '"dbm": -71' in kept and await stage.one("SELECT count(*) FROM security_event") == 0


async def test_bad_neighbours_in_a_batch_leave_the_good_order_alone(stage: Stage) -> None:
    bodies = [order(request_id=derive_id("req", n), **({"lines": REFUSED["own price"][1]["lines"]} if n % 2 else {}))
              for n in range(10)]  # fmt: skip
    answers = await asyncio.gather(*(stage.say("order", body) for body in bodies))
    assert [kind for kind, _ in answers] == ["order.reply", "problem"] * 5
    assert await stage.one("SELECT reserved FROM stock_slot WHERE slot = 'A1'") == 5
