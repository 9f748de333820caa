"""S13, F53: whoever holds the wire can neither vend nor forge a word of the machine, and what it tries is told.

The terminal's loop and the cloud's worker are the real ones; only the way between them is the attacker's.
"""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.cloud.sales.conftest import MACHINE
from tests.cloud.sales.selling_stage import CLOUD_KEY, fact
from tests.security.captured import THIEF, Named, Scene, garbled
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import derive_id
from vendomat.protocol import CommandReply, Dispense, Envelope, FactKind, OrderStatus, Signer, seal

pytestmark = pytest.mark.slow

OUTCOME = "SELECT outcome FROM vend_unit"
STATE = "SELECT state FROM sale_order"


def dispense(scene: Scene, **other: object) -> Dispense:
    fields = {
        "cmd_id": derive_id("cmd", 1),
        "order_id": derive_id("ord", 1),
        "unit": 1,
        "slot": "A1",
        "product_id": derive_id("prd", 1),
        "nonce": scene.terminal.machine.leases.made[-1][0],
        "epoch": scene.terminal.machine.ports.journal.epoch,
    }
    return Dispense(**(fields | other))  # type: ignore[arg-type]


def sealed(body: object, signer: Signer, kind: str = "dispense", machine: str = MACHINE) -> bytes:
    return seal(body, kind=kind, machine=machine, epoch=0, seq=1, signer=signer)


async def sell_one(scene: Scene, request_id: str = "r1") -> str:
    order_id = await scene.order(request_id)
    await scene.pay()
    await scene.until_row(STATE, "settled")
    return order_id


async def test_s13_an_honest_wire_sells(scene: Scene) -> None:
    await sell_one(scene)
    assert len(scene.starts) == 1 and await scene.stage.one(OUTCOME) == "delivered"


async def test_s13_a_forged_command_starts_nothing_and_is_told(scene: Scene) -> None:
    for signer in (THIEF, Named(THIEF, CLOUD_KEY.key_id), scene.stage.machine):
        answer = await scene.wire.carry_down("dispense", sealed(dispense(scene), signer))
        assert answer is not None and b'"problem"' in answer and b"bad_signature" in answer
    genuine = sealed(dispense(scene), CLOUD_KEY)
    for altered in (genuine.replace(b'"slot":"A1"', b'"slot":"A2"'), genuine[:-9], b"", b"\x00" * 70_000):
        assert altered != genuine
        await scene.wire.carry_down("dispense", altered)
    assert scene.starts == []
    await scene.until_told("machine.command_forged")
    await scene.until_told("machine.command_unreadable")


async def test_s13_a_command_for_another_machine_or_kind_starts_nothing_and_is_told(scene: Scene) -> None:
    await scene.wire.carry_down("dispense", sealed(dispense(scene), CLOUD_KEY, machine="mch_" + "7" * 26))
    await scene.wire.carry_down("dispense", sealed(dispense(scene), CLOUD_KEY, kind="fence"))
    await scene.wire.carry_down("fence", sealed(dispense(scene), CLOUD_KEY))
    assert scene.starts == []
    await scene.until_told("machine.command_misaddressed")


async def test_s13_a_repeated_command_starts_nothing_in_this_run_or_the_next(scene: Scene) -> None:
    await sell_one(scene)
    (genuine,) = scene.wire.all_of("down", "dispense")
    await asyncio.gather(*(scene.wire.carry_down("dispense", genuine) for _ in range(5)))
    await scene.restart()
    await scene.wire.carry_down("dispense", genuine)
    assert len(scene.starts) == 1
    assert await scene.stage.one("SELECT count(*) FROM vend_unit WHERE outcome = 'delivered'") == 1


async def test_s13_a_command_held_back_over_a_restart_starts_nothing(scene: Scene) -> None:
    scene.wire.on_down = lambda kind, data: None if kind == "dispense" else data
    await scene.order()
    await scene.pay()
    await scene.until(lambda: len(scene.wire.all_of("down", "dispense")) == 1)
    await scene.restart()
    scene.wire.on_down = lambda kind, data: data
    await scene.wire.carry_down("dispense", scene.wire.all_of("down", "dispense")[0])
    assert scene.starts == []
    await scene.until_row(OUTCOME, "not_delivered")  # the machine said so itself, and the money goes back
    assert await scene.stage.one("SELECT amount_minor FROM refund") == 350


async def fencing(scene: Scene, request_id: str = "r1") -> str:
    """An order whose command never arrives, nor the question for its fence; its id."""
    scene.wire.on_down = garbled
    sent = len(scene.wire.all_of("down", "dispense"))
    order_id = await scene.order(request_id)
    await scene.pay()
    await scene.until(lambda: len(scene.wire.all_of("down", "dispense")) == sent + 1)
    await scene.stage.clock.advance(15)
    await scene.stage.dispatcher.sweep()
    await scene.until_row("SELECT state FROM command WHERE state <> 'done'", "fencing")
    return order_id


async def ask_fence(scene: Scene) -> None:
    await scene.stage.clock.advance(3)
    await scene.stage.dispatcher.sweep()
    await scene.stage.settle_down()


async def test_s13_a_forged_fence_refunds_nothing_and_is_told(scene: Scene) -> None:
    order_id = await fencing(scene)
    body = {"cmd_id": command_number(order_id, 1), "order_id": order_id, "unit": 1, "slot": "A1"}
    promise = CommandReply(facts=[fact(FactKind.FENCED, body, epoch=2, seq=99)])
    for signer in (THIEF, Named(THIEF, scene.stage.machine.key_id), Named(CLOUD_KEY, CLOUD_KEY.key_id)):
        forged = seal(promise, kind="fence.reply", machine=MACHINE, epoch=2, seq=999, signer=signer)
        scene.wire.on_reply = lambda kind, data, forged=forged: forged  # type: ignore[misc]
        await ask_fence(scene)
    assert await scene.stage.one(OUTCOME) == "pending" and await scene.stage.one("SELECT count(*) FROM refund") == 0
    await scene.until_told("wire.reply_forged")


async def test_s13_the_answer_to_another_question_decides_nothing_here(scene: Scene) -> None:
    """Genuine words of the machine in other places: they still say only what they say."""
    await sell_one(scene)
    other_replies = scene.wire.all_of("reply", "dispense") + scene.wire.all_of("up", "facts")
    await scene.until(lambda: scene.screen == "result")
    scene.terminal.done()
    order_id = await fencing(scene, "r2")
    unit = f"SELECT outcome FROM vend_unit WHERE order_id = '{order_id}'"
    for genuine in other_replies:
        scene.wire.on_reply = lambda kind, data, genuine=genuine: genuine  # type: ignore[misc]
        await ask_fence(scene)
    assert await scene.stage.one(unit) == "pending" and await scene.stage.one("SELECT count(*) FROM refund") == 0
    await scene.until_told("wire.reply_of_another")


async def test_s13_an_answer_by_another_or_to_another_request_is_none_and_is_told(scene: Scene) -> None:
    beats = scene.wire.all_of
    scene.terminal.session._wake.set()
    await scene.until(lambda: len(beats("answer", "heartbeat")) > 0)
    earlier = beats("answer", "heartbeat")[0]
    forged = seal({"catalogue_version": 9}, kind="heartbeat.reply", machine=MACHINE, epoch=2, seq=2, signer=THIEF)
    greeting = beats("answer", "hello")[0]
    cases = ((earlier, "reply_of_another"), (greeting, "reply_of_another"), (forged, "reply_forged"))
    for bad, told in cases:
        scene.wire.on_answer = lambda kind, data, bad=bad: bad if kind == "heartbeat" else data  # type: ignore[misc]
        scene.terminal.session._wake.set()
        await scene.until(lambda: not scene.terminal.machine.is_online)
        scene.wire.on_answer = lambda kind, data: data
        scene.terminal.session._wake.set()
        await scene.until(lambda: scene.terminal.machine.is_online)
        await scene.until_told(f"machine.{told}")


async def test_s13_what_was_true_of_an_order_once_is_not_shown_as_true_now(scene: Scene) -> None:
    order_id = await sell_one(scene)
    told = scene.wire.all_of("down", "order")
    seen = [msgspec.json.decode(msgspec.json.decode(data, type=Envelope).body, type=OrderStatus) for data in told]
    assert {"paid", "dispensing"} & {status.state for status in seen}
    await scene.until(lambda: scene.screen == "result")
    scene.terminal.done()
    await scene.until(lambda: scene.screen == "browse")
    screens = set()
    for data in told:
        await scene.wire.carry_down("order", data)
        for _ in range(10):
            await asyncio.sleep(0.02)
            screens.add(scene.screen)
    assert screens == {"browse"}, "the machine asks what the order is now, and it is over"
    assert scene.starts and await scene.stage.one(f"SELECT state FROM sale_order WHERE order_id = '{order_id}'")


async def test_s13_a_request_moved_to_another_subject_is_not_answered_as_itself(scene: Scene) -> None:
    """Else the attacker could have the cloud refuse, under its signature, what the cloud has done."""
    answers = []

    async def misplace(kind: str, data: bytes) -> bytes | None:
        done = await scene.stage.messages.handle(MACHINE, kind, data)
        if kind != "order":
            return done
        answers.append(await scene.stage.messages.handle(MACHINE, "hello", data))
        return answers[-1]

    scene.wire.to_cloud = misplace
    asked = asyncio.create_task(scene.order())
    await scene.until(lambda: len(answers) > 0)
    refused = msgspec.json.decode(answers[0] or b"", type=Envelope)
    assert (refused.kind, refused.epoch, refused.seq) == ("problem", 0, 0), "bound to no question"

    async def honest(kind: str, data: bytes) -> bytes | None:
        return await scene.stage.messages.handle(MACHINE, kind, data)

    scene.wire.to_cloud = honest
    await asked  # the same order, found again by its request id
    assert await scene.stage.one("SELECT count(*) FROM sale_order") == 1
    await scene.until_told("wire.misaddressed")
    await scene.until_told("machine.reply_of_another")


async def test_s13_a_flood_of_forgeries_costs_one_row_a_minute(scene: Scene) -> None:
    forged = sealed(dispense(scene), THIEF)
    for _ in range(300):
        await scene.wire.carry_down("dispense", forged)
    await scene.until_told("machine.command_forged")
    for _ in range(300):
        await scene.wire.carry_down("dispense", forged)
    await scene.terminal.reporting.report()
    await scene.until(lambda: scene.terminal.machine.facts_waiting == 0)  # what was written down has arrived
    assert await scene.stage.one("SELECT count(*) FROM security_event WHERE kind = 'machine.command_forged'") == 1
