"""S13, F26, F30: genuine words of a machine, said again or too late. The cloud's worker is the real one."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from tests.cloud.sales.selling_stage import CLOUD_KEY, Stage, open_stage
from tests.cloud.sales.test_up_messages import content, order
from tests.cloud.shop_stage import MachineKey
from vendomat.kernel import derive_id
from vendomat.protocol import Envelope, seal

pytestmark = pytest.mark.slow

LIVE = "SELECT (epoch, nonce, seq, is_ready)::text FROM machine_live"


def words(stage: Stage, kind: str, body: object, *, seq: int, epoch: int = 1) -> bytes:
    stage.seq = max(stage.seq, seq)
    return seal(body, kind=kind, machine=MACHINE, epoch=epoch, seq=seq, signer=stage.machine)


def beat(nonce: str) -> dict[str, object]:
    return {"nonce": nonce * 16, "is_ready": True}


def hello(nonce: str) -> dict[str, object]:
    return {"program": "x", "boot_nonce": "b" * 16, "nonce": nonce * 16}


async def told(stage: Stage) -> list[str]:
    await stage.watch.flush()
    rows = await stage.world.superuser.fetch("SELECT kind FROM security_event ORDER BY kind")
    return [row["kind"] for row in rows]


async def refused(stage: Stage, kind: str, data: bytes) -> str:
    answer_kind, answer = await stage.hand_in(kind, data)
    assert answer_kind == "problem"
    return str(answer["code"])


async def test_s13_an_older_heartbeat_or_hello_does_not_bring_its_nonce_back(stage: Stage) -> None:
    greeting, early = words(stage, "hello", hello("1"), seq=1), words(stage, "heartbeat", beat("2"), seq=2)
    await stage.hand_in("hello", greeting)
    await stage.hand_in("heartbeat", early)
    await stage.hand_in("heartbeat", words(stage, "heartbeat", beat("3"), seq=3))
    before = await stage.one(LIVE)
    assert "3333" in before
    for kind, data in (("heartbeat", early), ("hello", greeting)):
        assert await refused(stage, kind, data) == "replayed"
    assert await stage.one(LIVE) == before
    assert await told(stage) == ["wire.replayed"]


async def test_s13_the_next_run_counts_from_one_and_the_last_run_is_over(stage: Stage) -> None:
    await stage.hand_in("hello", words(stage, "hello", hello("1"), seq=80))
    late = words(stage, "heartbeat", beat("2"), seq=90)
    answer_kind, _ = await stage.hand_in("hello", words(stage, "hello", hello("3"), seq=1, epoch=2))
    assert answer_kind == "hello.reply"
    assert await refused(stage, "heartbeat", late) == "old_epoch"
    assert "3333" in await stage.one(LIVE)
    assert await told(stage) == ["wire.old_run"]


@pytest.mark.parametrize("kind", ["order", "redeem", "coupon", "cancel", "channel"])
async def test_s13_a_request_held_back_past_two_heartbeats_does_nothing(stage: Stage, kind: str) -> None:
    """Nobody stands at the machine any more: goods would fall into the hands of whoever held it back."""
    _, made = await stage.hand_in("order", words(stage, "order", order(), seq=1))
    bodies: dict[str, object] = {
        "order": order(request_id=derive_id("req", 2)),
        "redeem": {"request_id": derive_id("req", 3), "code": "12345678", "nonce": "n" * 16},
        "coupon": {"code": "SUMMER10"},
        "cancel": {"order_id": made["order_id"]},
        "channel": {"order_id": made["order_id"], "channel": "wechat"},
    }
    held = words(stage, kind, bodies[kind], seq=5)
    await stage.hand_in("heartbeat", words(stage, "heartbeat", beat("2"), seq=6))
    await stage.hand_in("heartbeat", words(stage, "heartbeat", beat("3"), seq=7))
    before = await content(stage)
    assert await refused(stage, kind, held) == "replayed"
    assert await content(stage) == before
    assert await stage.one("SELECT count(*) FROM code_attempt") == 0
    assert await told(stage) == ["wire.replayed"]


async def test_s13_one_heartbeat_may_overtake_a_request(stage: Stage) -> None:
    """As on an honest wire, where two workers take what was sent in the same moment."""
    slow = words(stage, "order", order(), seq=5)
    await stage.hand_in("heartbeat", words(stage, "heartbeat", beat("2"), seq=6))
    answer_kind, _ = await stage.hand_in("order", slow)
    assert answer_kind == "order.reply"


async def test_s13_a_request_said_twice_is_done_once(stage: Stage) -> None:
    data = words(stage, "order", order(), seq=1)
    _, first = await stage.hand_in("order", data)
    before = await content(stage)
    _, second = await stage.hand_in("order", data)
    assert second["order_id"] == first["order_id"] and await content(stage) == before
    cancel = words(stage, "cancel", {"order_id": first["order_id"]}, seq=2)
    await stage.hand_in("cancel", cancel)
    closing = await stage.one("SELECT closing FROM sale_order")
    version = await stage.one("SELECT version FROM sale_order")
    await stage.hand_in("cancel", cancel)
    assert await stage.one("SELECT closing FROM sale_order") == closing == "cancelling"
    assert await stage.one("SELECT version FROM sale_order") == version


async def test_s13_a_signature_has_one_form(stage: Stage) -> None:
    before = await content(stage)
    good: dict[str, Any] = msgspec.json.decode(words(stage, "order", order(), seq=1))
    signature = base64.b64decode(good["signature"])
    padded = good["signature"][:-3] + chr(ord(good["signature"][-3]) + 1) + "=="  # bits that no byte uses
    assert base64.b64decode(padded) == signature
    order_l = 2**252 + 27742317777372353535851937790883648493
    shifted = (int.from_bytes(signature[32:], "little") + order_l).to_bytes(33, "little")[:32]
    twin = base64.b64encode(signature[:32] + shifted).decode()  # the same signature modulo the group's order
    for other in (padded, twin, good["signature"] + "\n", good["signature"].replace("=", ""), ""):
        raw = msgspec.json.encode(good | {"signature": other})
        assert await refused(stage, "order", raw) in ("malformed", "bad_signature")
    assert await content(stage) == before


async def test_s13_the_clouds_own_words_are_not_the_machines(stage: Stage) -> None:
    """And the other way round: the two never verify each other's, whatever name they give."""
    for signer in (CLOUD_KEY, _Named(CLOUD_KEY, stage.machine.key_id)):
        data = seal(order(), kind="order", machine=MACHINE, epoch=1, seq=1, signer=signer)
        assert await refused(stage, "order", data) == "bad_signature"
    reply = await stage.messages.handle(MACHINE, "order", words(stage, "order", order(), seq=2))
    assert reply is not None
    assert msgspec.json.decode(reply, type=Envelope).kind == "order.reply"
    assert await refused(stage, "order.reply", reply) == "bad_signature"


class _Named:
    def __init__(self, key: MachineKey, key_id: str) -> None:
        self.key_id = key_id
        self.sign = key.sign


async def test_s09_a_replaced_key_ends_at_once_on_every_worker(stage: Stage, world: World) -> None:
    """The second worker's memory still has the old key; the rows do not, and they are asked."""
    async with open_stage(world) as second:
        _, made = await second.say("order", order())
        new = MachineKey(b"\x0a" * 32)
        await world.superuser.execute(
            "UPDATE machine SET public_key = $1, epoch = epoch + 1, boot_nonce = ''", new.public
        )
        before = await content(stage)
        ref = {"order_id": made["order_id"]}
        asked: list[tuple[str, object]] = [
            ("hello", hello("9")),
            ("heartbeat", beat("9")),
            ("order", order(request_id=derive_id("req", 2))),
            ("redeem", {"request_id": derive_id("req", 3), "code": "12345678", "nonce": "n" * 16}),
            ("coupon", {"code": "SUMMER10"}),
            ("channel", ref | {"channel": "wechat"}),
            ("cancel", ref),
            ("order_status", ref),
            ("catalogue", {"known_version": 0}),
            ("facts", {"facts": [{"epoch": 9, "seq": 1, "kind": "boot", "at": "", "body": {}}]}),
        ]
        for kind, body in asked:
            answer_kind, answer = await second.say(kind, body, epoch=9)  # whatever run the thief says it is
            assert (answer_kind, answer["code"]) == ("problem", "bad_signature"), kind
        assert await content(stage) == before
        assert "wire.old_key" in await told(second)
        await second.clock.advance(1)  # a worker looks a key up again at most once a second
        answer_kind, _ = await second.say("hello", hello("8"), epoch=3, key=new)
        assert answer_kind == "hello.reply"


async def test_s16_a_machine_in_quarantine_reports_and_is_commanded_no_more(stage: Stage, world: World) -> None:
    async with open_stage(world) as second:
        await second.say("heartbeat", beat("1"))  # the worker knows it as one that sells
        _, made = await second.say("order", order())
        await world.superuser.execute("UPDATE machine SET state = 'quarantined'")
        _, answer = await second.say("order", order(request_id=derive_id("req", 2)))
        assert answer["code"] == "forbidden"
        number = made["offers"][0]["payment_id"]
        trade = second.platform.take_money(number)
        await second.till.apply_paid(MERCHANT, trade, via="notice", notice=("wechat", number))
        await second.settle_down()
        for seconds in (1, 15):
            await second.clock.advance(seconds)
            await second.dispatcher.sweep()
            await second.settle_down()
        assert second.line.asked == [], "no command leaves, and what was paid goes back"
        assert await second.one("SELECT outcome FROM vend_unit") == "not_delivered"
        for kind, body in (("hello", hello("2")), ("heartbeat", beat("3")), ("order_status", made)):
            answer_kind, _ = await second.say(kind, {"order_id": made["order_id"]} if body is made else body)
            assert answer_kind == f"{kind}.reply"


async def test_s13_machines_that_nobody_knows_are_told_together(stage: Stage) -> None:
    for number in range(1_500):
        stage.watch.note("wire.misaddressed", f"invented-{number}")
    await stage.watch.flush()
    row = await stage.world.superuser.fetchrow("SELECT merchant_id, source, detail FROM security_event")
    assert row is not None and (row["merchant_id"], row["source"]) == ("", "")
    assert "1500" in str(row["detail"])
    assert await stage.one("SELECT count(*) FROM security_event") == 1
    assert await stage.one("SELECT count(*) FROM alarm") == 0
    stage.watch.note("wire.forged", MACHINE)
    await stage.watch.flush()
    assert await stage.one("SELECT machine_id FROM alarm WHERE kind = 'machine.security'") == MACHINE
    for _ in range(50):
        stage.watch.note("wire.forged", MACHINE)
        await stage.watch.flush()
    assert await stage.one("SELECT count(*) FROM security_event") == 2
    await stage.clock.advance(60)
    await stage.watch.flush()
    assert await stage.one("SELECT max((detail->>'count')::int) FROM security_event WHERE kind = 'wire.forged'") == 50
