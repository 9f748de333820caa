"""Notices: the platform's own sendings, and every way in which one must be refused."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from tests.contracts.payments.payment_stage import Delivery, Stage
from vendomat.cloud.payments.providers import (
    Notice,
    NoticeKind,
    NoticeRefusedError,
    RefundState,
    StartState,
    TradeState,
)
from vendomat.simulator.gateways import NoticeFault

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def delivered(stage: Stage) -> Delivery:
    """A genuine payment notice, as it came over the wire."""
    await stage.paid_and_told()
    await stage.until(lambda: stage.door.accepted)
    return stage.door.deliveries[-1]


async def refused(provider, headers, body) -> NoticeRefusedError:
    with pytest.raises(NoticeRefusedError) as refusal:
        await provider.read_notice(headers, body)
    return refusal.value


async def test_a_payment_is_told_and_the_answer_is_understood(stage: Stage):
    request = await stage.paid_and_told()
    await stage.until(lambda: stage.notices_of(request.number)[0].state == "accepted")
    (notice,) = stage.door.accepted
    assert (notice.kind, notice.refund) == (NoticeKind.PAYMENT, None)
    assert notice.trade == await same_by_look_up(stage, notice)
    assert (notice.trade.number, notice.trade.amount) == (request.number, request.amount)


async def same_by_look_up(stage: Stage, notice):
    """The looked-up trade, with the notice's own raw fields: everything else must be equal."""
    found = await stage.provider.look_up(notice.trade.number)
    assert found.state is TradeState.PAID
    return type(found)(**{name: getattr(found, name) for name in found.__slots__} | {"raw": notice.trade.raw})


async def test_a_refund_is_told_where_the_platform_tells_it(stage: Stage):
    refund = stage.refund_of(await stage.paid())
    await stage.provider.refund(refund)
    await stage.pass_time(3)
    if not stage.sends_refund_notices:
        assert stage.notices_of(refund.refund_number) == []
        return
    await stage.until(lambda: stage.door.accepted)
    (notice,) = stage.door.accepted
    assert (notice.kind, notice.trade) == (NoticeKind.REFUND, None)
    assert (notice.refund.state, notice.refund.refund_number) == (RefundState.SUCCEEDED, refund.refund_number)
    assert notice.refund.amount == refund.amount


async def test_twice_is_the_same_twice(stage: Stage):
    await stage.paid_and_told(NoticeFault.DUPLICATE)
    await stage.until(lambda: len(stage.door.deliveries) == 2)
    first, second = stage.door.accepted
    assert first == second


async def test_a_dropped_one_is_repeated_with_the_same_id_and_still_fresh(stage: Stage):
    request = await stage.paid_and_told(NoticeFault.DROP)
    await stage.until(lambda: stage.notices_of(request.number)[0].sendings)
    assert stage.door.deliveries == []
    await stage.pass_time(300)
    await stage.until(lambda: stage.door.accepted)
    assert [one.notice_id for one in stage.door.accepted] == [stage.notices_of(request.number)[0].notice_id]


@pytest.mark.parametrize("fault", [NoticeFault.FORGED, NoticeFault.SIGNTEST, NoticeFault.STALE, NoticeFault.WRONG_KEY])
async def test_f04_pf05_a_false_copy_is_refused_and_the_true_one_taken(stage: Stage, fault: NoticeFault):
    """F04: forged, stale or signed by another key: refused; the true one counts."""
    request = await stage.paid_and_told(fault)
    await stage.until(lambda: len(stage.door.deliveries) == 2)
    false, true = stage.door.deliveries
    assert false.refusal is not None
    assert true.notice is not None
    assert true.notice.trade.number == request.number
    assert false.refusal.is_probe == (fault is NoticeFault.SIGNTEST and stage.provider.channel == "wechat")


async def test_a_forged_notice_about_an_open_payment(stage: Stage):
    request = stage.request()
    assert (await stage.provider.start(request)).state is StartState.STARTED
    await stage.platform.forge_payment_notice(request.number)
    assert len(stage.door.refused) == 1
    assert stage.door.accepted == []
    assert (await stage.provider.look_up(request.number)).state in (TradeState.NOT_PAID, TradeState.NOT_FOUND)


async def test_f04_pf05_kept_and_sent_again_later(stage: Stage):
    """F04: a genuine notice replayed after its time is refused."""
    notice = await delivered(stage)
    await stage.pass_time(299)
    assert await stage.provider.read_notice(notice.headers, notice.body)
    await stage.pass_time(3)
    await refused(stage.provider, notice.headers, notice.body)


async def test_f04_pf05_of_another_account(stage: Stage):
    """F04: a genuine notice of another merchant is refused."""
    notice = await delivered(stage)
    await refused(stage.other, notice.headers, notice.body)


def said(notice: Notice) -> Notice:
    """What a notice says, without the text of its signature: base64 has several texts for the same bytes."""
    assert notice.trade is not None
    raw = {name: value for name, value in notice.trade.raw.items() if name != "sign"}
    return replace(notice, trade=replace(notice.trade, raw=raw))


async def test_with_any_byte_changed(stage: Stage):
    """Either refused, or (where the change means nothing in the encoding) read exactly as it was sent."""
    notice = await delivered(stage)
    whole = await stage.provider.read_notice(notice.headers, notice.body)
    choice, refusals = random.Random(7), 0
    for _ in range(150):
        at = choice.randrange(len(notice.body))
        changed = bytearray(notice.body)
        changed[at] ^= 1 << choice.randrange(8)
        try:
            assert said(await stage.provider.read_notice(notice.headers, bytes(changed))) == said(whole)
        except NoticeRefusedError:
            refusals += 1
    assert refusals > 140


async def test_cut_short(stage: Stage):
    notice = await delivered(stage)
    for length in (0, 1, len(notice.body) // 2, len(notice.body) - 1):
        await refused(stage.provider, notice.headers, notice.body[:length])


async def test_too_large(stage: Stage):
    notice = await delivered(stage)
    assert "larger" in (await refused(stage.provider, notice.headers, notice.body + b" " * 65_536)).reason


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"null", b"\x00", b"<xml></xml>", b"a=1", json.dumps({"id": "x"}).encode()]
)
async def test_malformed(stage: Stage, body: bytes):
    notice = await delivered(stage)
    await refused(stage.provider, notice.headers, body)
    await refused(stage.provider, {}, body)


async def test_a_refused_one_is_sent_again(stage: Stage):
    """Our answer to a refusal is one the platform takes for "not received"."""
    stage.door.provider = stage.other
    request = await stage.paid_and_told()
    await stage.until(lambda: stage.door.refused)
    await stage.until(lambda: stage.notices_of(request.number)[0].sendings == 1)
    assert stage.notices_of(request.number)[0].state == "pending"
    stage.door.provider = stage.provider
    await stage.pass_time(300)
    await stage.until(lambda: stage.door.accepted)
