"""The journey that matters most: paid, nothing came out, and the money goes back before anybody has to ask."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.browser.buyer import Buyer
from tests.browser.conftest import BuyerAt
from tests.browser.office import Office

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

TOLD_WITHIN_S = 2.0
LOOK_EVERY_S = 0.02
VEND_S = 30.0


async def end_of_the_vend(buyer: Buyer) -> float:
    """When the cabinet stopped waiting for the drop, in seconds since the epoch."""
    async with asyncio.timeout(VEND_S):
        while not (await buyer.machine.world())["is_turning"]:
            await asyncio.sleep(LOOK_EVERY_S)
        while (await buyer.machine.world())["is_turning"]:
            await asyncio.sleep(LOOK_EVERY_S)
    return time.time()


async def test_a_jam_is_told_at_once_and_paid_back(buyer_at: BuyerAt, office: Office) -> None:
    buyer = await buyer_at(1)
    await office.sign_in()
    await buyer.machine.fault("C1", "jam")
    before = await buyer.machine.world()
    await buyer.note_moments()
    vend_ended = asyncio.create_task(end_of_the_vend(buyer))
    await buyer.buy("C1", channel="wechat")
    ended_s = await vend_ended
    await buyer.expect_result("not_delivered")
    told_s = await buyer.moment("refunding")
    assert told_s - ended_s <= TOLD_WITHIN_S
    await buyer.expect_refund("refunded")
    assert await buyer.moment("refunded") > told_s  # first a promise, then the platform's word
    after = await buyer.machine.world()
    assert after["stock"] == before["stock"] and after["drops"] == before["drops"]
    assert len(after["starts"]) == len(before["starts"]) + 1

    await office.open_order(await buyer.reference())
    await office.expect_evidence(
        *("order.created", "payment.paid", "command.queued", "vend.started", "vend.not_delivered"),
        *("refund.requested", "refund.succeeded", "order.settled"),
    )
    await buyer.leave()
