"""The dispatcher against a machine that answers, is silent, or is somebody else: resend, fence, deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.cloud.sales.conftest import World
from tests.cloud.sales.purchases import AT
from tests.cloud.sales.selling_stage import Stage, fact, open_stage, reply_of
from tests.cloud.sales.test_use_cases import create, new_order, paid
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import derive_id
from vendomat.protocol import CommandReply, Dispense, Envelope, FactKind, read_body

pytestmark = pytest.mark.slow

ORDER = derive_id("ord", 1)
COMMAND = command_number(ORDER, 1)


def vend_body(**other: object) -> dict[str, object]:
    return {"cmd_id": COMMAND, "order_id": ORDER, "unit": 1, "slot": "A1"} | other


def refuses(reason: str) -> CommandReply:
    return reply_of(fact(FactKind.REFUSED, vend_body(reason=reason)))


def delivers(kind: str, _: Envelope) -> CommandReply | None:
    facts = [fact(FactKind.INTENT, vend_body(), seq=1), fact(FactKind.OUTCOME, vend_body(result="delivered"), seq=2)]
    return reply_of(*facts) if kind in ("dispense", "fence") else None


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    async with open_stage(world) as opened:
        yield opened


async def bought(stage: Stage) -> None:
    """One unit, paid; its command queued."""
    await create(stage.world, new_order(1))
    await stage.writer.apply(paid(1))
    await stage.settle_down()


async def sweep_after(stage: Stage, seconds: float) -> None:
    await stage.clock.advance(seconds)
    await stage.dispatcher.sweep()
    await stage.settle_down()


async def test_a_paid_order_is_sent_told_and_settled(stage: Stage) -> None:
    stage.line.serve = delivers
    await bought(stage)
    assert [kind for kind, _ in stage.line.asked] == ["dispense"]
    assert "order" in stage.line.told
    assert await stage.one("SELECT state FROM sale_order") == "settled"
    assert await stage.dispatcher.sweep() == 0


async def test_f24_a_lost_command_is_sent_again_with_the_newest_nonce(stage: Stage) -> None:
    """F24: a lost command is sent again under its id, quoting the newest nonce."""
    await bought(stage)
    await stage.breathe("nonce-nonce-nonce-2")
    await sweep_after(stage, 3)
    first, second = (read_body(envelope, Dispense) for _, envelope in stage.line.asked)
    assert first.cmd_id == second.cmd_id == COMMAND
    assert (first.nonce, second.nonce) == ("nonce-nonce-nonce-1", "nonce-nonce-nonce-2")


async def test_f24_silence_is_fenced_and_never_refunded_by_itself(stage: Stage) -> None:
    """F24: after 15 s of silence a fence is asked for; only its promise gives the money back."""
    await bought(stage)
    await sweep_after(stage, 15)
    await sweep_after(stage, 1)
    assert await stage.one("SELECT state FROM command") == "fencing"
    assert [kind for kind, _ in stage.line.asked][-1] == "fence"
    assert await stage.one("SELECT count(*) FROM refund") == 0
    stage.line.serve = lambda *_: reply_of(fact(FactKind.FENCED, vend_body()))
    await sweep_after(stage, 3)
    assert await stage.one("SELECT (outcome, reason)::text FROM vend_unit") == "(not_delivered,fenced)"
    assert await stage.one("SELECT amount_minor FROM refund") == 350


async def test_a_machine_gone_for_good_is_declared_ambiguous_at_the_deadline(stage: Stage) -> None:
    await bought(stage)
    await sweep_after(stage, 15)
    await sweep_after(stage, 96)  # one second before: lease 20, margin 2, deadline 90
    assert not await stage.one("SELECT is_final FROM vend_unit")
    await sweep_after(stage, 3)
    assert await stage.one("SELECT (outcome, is_final)::text FROM vend_unit") == "(unknown,t)"
    assert await stage.one("SELECT amount_minor FROM ledger_line WHERE account = 'memo:ambiguous'") == 350
    assert await stage.one("SELECT amount_minor FROM refund") == 350
    stage.line.serve = delivers
    await stage.say("facts", {"facts": [fact(FactKind.OUTCOME, vend_body(result="delivered"), seq=9)]})
    assert await stage.one("SELECT count(*) FROM refund") == 1
    assert await stage.one("SELECT count(*) FROM alarm WHERE kind = 'delivered_after_refund'") == 1
    assert await stage.one("SELECT amount_minor FROM ledger_line WHERE account = 'expense:sensor_fault'") == 350
    assert await stage.one("SELECT sum(amount_minor) FROM ledger_line WHERE account = 'memo:ambiguous'") == 0
    assert await stage.one("SELECT on_hand FROM stock_slot WHERE slot = 'A1'") == 39


async def test_a_command_that_never_left_ends_as_not_delivered(stage: Stage) -> None:
    await stage.world.superuser.execute("UPDATE machine_live SET nonce_at = nonce_at - interval '1 hour'")
    await bought(stage)
    await sweep_after(stage, 14)
    assert not stage.line.asked and await stage.one("SELECT outcome FROM vend_unit") == "pending"
    await sweep_after(stage, 3)
    assert not stage.line.asked
    assert await stage.one("SELECT (outcome, reason)::text FROM vend_unit") == '(not_delivered,"machine unreachable")'
    assert await stage.one("SELECT kind FROM evidence WHERE kind LIKE 'command.never%'") == "command.never_sent"


async def test_a_command_known_as_unknown_but_not_as_sent_has_a_deadline_too(stage: Stage) -> None:
    """The rows came from a backup older than the sending: the machine's word arrives without a quoted nonce."""
    await stage.world.superuser.execute("UPDATE machine_live SET nonce_at = nonce_at - interval '1 hour'")
    await bought(stage)
    await stage.say("facts", {"facts": [fact(FactKind.OUTCOME, vend_body(result="unknown"))]})
    assert await stage.one("SELECT (state, nonce IS NULL)::text FROM command") == "(waiting,t)"
    await sweep_after(stage, 113)
    assert await stage.one("SELECT (outcome, is_final)::text FROM vend_unit") == "(unknown,t)"
    assert await stage.one("SELECT amount_minor FROM refund") == 350


async def test_f30_the_word_of_a_double_with_an_old_memory_decides_nothing(stage: Stage) -> None:
    """A double of the machine answers first, with an old memory: it refuses what the machine itself will carry out."""
    await create(stage.world, new_order(1))
    await stage.world.superuser.execute("UPDATE machine SET epoch = 2")
    stage.line.serve = lambda *_: refuses("old_epoch")
    await stage.writer.apply(paid(1))
    await stage.settle_down()
    assert len(stage.line.asked) == 1
    assert await stage.one("SELECT outcome FROM vend_unit") == "pending"
    assert await stage.one("SELECT count(*) FROM machine_fact") == 0
    stage.line.epoch = 2
    stage.line.serve = delivers
    await sweep_after(stage, 3)
    assert await stage.one("SELECT outcome FROM vend_unit") == "delivered"


async def test_an_answer_that_is_no_answer_changes_nothing(stage: Stage) -> None:
    stage.line.serve = lambda *_: {"facts": "many"}
    await bought(stage)
    assert await stage.one("SELECT (outcome, is_final)::text FROM vend_unit") == "(pending,f)"
    assert await stage.one("SELECT next_try_at FROM command") == AT + timedelta(seconds=3)


async def test_a_refusal_gives_the_money_back_and_keeps_the_slot_open(stage: Stage) -> None:
    stage.line.serve = lambda *_: refuses("door_open")
    await bought(stage)
    assert await stage.one("SELECT (outcome, reason)::text FROM vend_unit") == "(not_delivered,door_open)"
    assert await stage.one("SELECT closed_reason FROM stock_slot WHERE slot = 'A1'") == ""
    assert await stage.one("SELECT reserved FROM stock_slot WHERE slot = 'A1'") == 0
    assert await stage.one("SELECT state FROM refund") == "requested"


async def test_two_workers_sweep_and_each_command_is_taken_once(stage: Stage) -> None:
    await create(stage.world, *(new_order(n) for n in range(1, 21)))
    await stage.world.superuser.execute("UPDATE machine_live SET nonce_at = nonce_at - interval '1 hour'")
    for n in range(1, 21):
        await stage.writer.apply(paid(n))
    await stage.breathe()
    await stage.clock.advance(1)
    async with open_stage(stage.world) as other:
        await other.clock.advance(1)
        counts = await asyncio.gather(stage.dispatcher.sweep(), other.dispatcher.sweep())
        await stage.settle_down()
        sent = [read_body(e, Dispense).cmd_id for line in (stage.line, other.line) for _, e in line.asked]
    assert sum(counts) == 20
    assert len(sent) == len(set(sent)) == 20
