"""Refunds that the buyer's account could not take, sent on by people: over HTTP, once, and by two if they are large."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cloud.sales.conftest import MERCHANT
from tests.cloud.sales.selling_stage import ACCOUNT, DiedError, Stage
from tests.cloud.sales.test_money_by_people import balance, no_breach, post
from tests.cloud.sales.test_refund_desk import FIRST, PATH, browser, send_refunds, sign_in, stage, undelivered
from vendomat.cloud.merchants import Operator, Role
from vendomat.cloud.payments import BankCard, RefundState
from vendomat.cloud.sales.refund_api import SendOnBody
from vendomat.kernel import derive_id

__all__ = ["browser", "stage"]
pytestmark = pytest.mark.slow

ONWARD = f"{PATH}/refunds/{FIRST}/onward"
CARD = {"bank": "ICBC_DEBIT", "account": "6222020200112233445", "holder": "Ann"}
TO_CARD: dict[str, Any] = {"reason": "the buyer named it", "card": CARD}
OTHER = Operator(MERCHANT, derive_id("opr", "two"), "two@vendomat.example", "Two", Role.OWNER, "Test", "CNY")
TO_US: dict[str, Any] = {"reason": "the buyer has no other card"}
SLIP = {"reason": "paid over the counter", "amount_minor": 350, "way": "cash", "reference": "slip 9"}


async def stranded(stage: Stage) -> None:
    await undelivered(stage)
    stage.platform.stranded.add(FIRST)
    await send_refunds(stage)
    assert await stage.one("SELECT state || ' ' || error FROM refund") == "failed abnormal"


async def look(stage: Stage, pause_s: float = 120) -> str:
    await stage.clock.advance(pause_s)
    await stage.sweeps.ask_refunds()
    return str(await stage.one("SELECT state FROM refund WHERE ordinal = 1"))


async def test_a_large_refund_goes_to_the_card_that_two_persons_name_and_nothing_of_it_is_kept(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    await stranded(stage)
    for _ in range(2):
        await post(browser, ONWARD, TO_CARD)
    assert await stage.one("SELECT send_to FROM refund") == "card:3445" and not stage.platform.sent_on
    await sign_in(browser, Role.OWNER)
    await post(browser, ONWARD, TO_CARD | {"card": CARD | {"account": "6222020200112233000"}})
    assert not stage.platform.sent_on, "two persons name one card"
    await sign_in(browser, Role.MANAGER)
    await post(browser, ONWARD, TO_CARD | {"card": CARD | {"account": "6222020200112233000"}})
    assert stage.platform.sent_on == {FIRST: BankCard("ICBC_DEBIT", "6222020200112233000", "Ann")}
    assert "refuse this refund" in await post(browser, ONWARD, TO_CARD, 409)
    assert await look(stage) == "succeeded"
    assert (await browser.get(PATH)).json()["state"] == "settled"
    assert await balance(stage, f"asset:clearing:wechat:{ACCOUNT}") == await balance(stage, "liab:refund_payable") == 0
    kept = await stage.one("SELECT count(*) FROM evidence WHERE data::text LIKE '%0112233%' OR data::text LIKE '%Ann%'")
    assert kept == 0, "a card is passed on and kept nowhere"
    await no_breach(stage)


async def test_what_came_back_to_the_merchant_is_owed_until_it_is_paid_by_hand(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    await stranded(stage)
    await post(browser, ONWARD, TO_US)
    await sign_in(browser, Role.OWNER)
    await post(browser, ONWARD, TO_US)
    assert await look(stage) == "failed"
    assert (await balance(stage, "asset:bank"), await balance(stage, "liab:refund_payable")) == (350, -350)
    order = (await browser.get(PATH)).json()
    assert (order["state"], order["refunds"][0]["came_back"]) == ("paid", "bank")
    assert "pay the buyer by hand" in await post(browser, f"{PATH}/refunds/{FIRST}/again", {"reason": "x"}, 409)
    await post(browser, ONWARD, TO_US, 409)
    await no_breach(stage)
    await post(browser, f"{PATH}/refunds/{FIRST}/by-hand", SLIP)
    await sign_in(browser, Role.MANAGER)
    by_hand = (await browser.get(PATH)).json()["refunds"][1]["id"]
    await post(browser, f"{PATH}/refunds/{by_hand}/release", {"reason": "seen"})
    assert (await browser.get(PATH)).json()["state"] == "settled"
    assert (await balance(stage, "asset:bank"), await balance(stage, "liab:refund_payable")) == (0, 0)
    await no_breach(stage)


@pytest.mark.parametrize("is_done", [True, False])
async def test_a_worker_that_dies_at_it_leaves_a_refund_that_is_looked_up(
    stage: Stage, browser: httpx.AsyncClient, is_done: bool
) -> None:
    await stranded(stage)
    await post(browser, ONWARD, TO_CARD)
    stage.platform.sends_on_as = RefundState.PROCESSING if is_done else RefundState.REFUSED
    stage.platform.dies_after.add("send_on")
    with pytest.raises(DiedError):
        await stage.refunds.send_on(OTHER, PATH.rpartition("/")[2], FIRST, SendOnBody(**TO_CARD).onward)
    stage.platform.dies_after.clear()
    assert await stage.one("SELECT state FROM refund") == "unknown"
    await stage.sweeps.ask_refunds()
    assert stage.platform.calls[-1][0] == "send_on", "not before that call has ended"
    assert await look(stage) == ("succeeded" if is_done else "failed")
    assert [c for c in stage.platform.calls if c[0] == "refund"] == [("refund", FIRST)], "the same number, asked once"
    await no_breach(stage)


async def test_a_refusal_leaves_it_where_it_was_with_the_reason(stage: Stage, browser: httpx.AsyncClient) -> None:
    await stranded(stage)
    stage.platform.sends_on_as = RefundState.REFUSED
    await post(browser, ONWARD, TO_CARD)
    await sign_in(browser, Role.OWNER)
    await post(browser, ONWARD, TO_CARD)
    assert (await stage.one("SELECT state || ' ' || error FROM refund")).startswith("failed abnormal: not sent on")
    stage.platform.is_away = True
    assert "try later" in await post(browser, ONWARD, TO_CARD, 503)
    await sign_in(browser, Role.READ_ONLY)
    await post(browser, ONWARD, TO_CARD, 403)
    await sign_in(browser, Role.MANAGER)
    for spoilt in ({"account": "6222x20200112233445"}, {"bank": "no bank"}, {"holder": ""}):
        text = await post(browser, ONWARD, TO_CARD | {"card": CARD | spoilt}, 422)
        assert "0112233445" not in text, "a card's number is not said again"
