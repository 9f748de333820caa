"""A member leaves: what is stored goes back by its top-ups, once, by two persons when it is large."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cloud.sales.conftest import MERCHANT
from tests.cloud.sales.selling_stage import Stage
from tests.cloud.sales.test_money_by_people import balance, no_breach, post
from tests.cloud.sales.test_refund_desk import browser, send_refunds, sign_in, stage
from vendomat.cloud.members import Member
from vendomat.cloud.merchants import Role
from vendomat.cloud.sales import TopUpRequest

__all__ = ["browser", "stage"]
pytestmark = pytest.mark.slow

YEAR_S = 366 * 86_400
SLIP = {"way": "cash", "reference": "slip 3"}


async def top_up(stage: Stage, member: Member, minor: int) -> str:
    """The payment's number of one more top-up, paid a little later than the one before."""
    await stage.clock.advance(60)
    begun = await stage.top_ups.begin(member, TopUpRequest(f"another {minor}", "wechat", minor))
    number = begun.payments[0].payment_id
    stage.platform.take_money(number)
    await stage.till.confirm_payment(MERCHANT, number)
    return number


async def look(browser: httpx.AsyncClient, member: Member) -> Any:
    return (await browser.get(f"/api/v1/members/{member.member_id}/payout")).json()


def ask(minor: int, **more: str) -> dict[str, object]:
    return {"amount_minor": minor, "reason": "moves away", **more}


async def leave(browser: httpx.AsyncClient, member: Member) -> str:
    """The wallet is blocked; where its pay-out is asked for."""
    await post(browser, f"/api/v1/members/{member.member_id}/block", {})
    return f"/api/v1/members/{member.member_id}/payout"


async def test_two_persons_send_the_rest_back_newest_first_and_the_books_say_so(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    ann = await stage.join(stored_minor=1000)
    newest = await top_up(stage, ann, 500)
    path = f"/api/v1/members/{ann.member_id}/payout"
    assert "block this wallet" in await post(browser, path, ask(1500), 409)
    await leave(browser, ann)
    shown = await look(browser, ann)
    assert [part["amount_minor"] for part in shown["parts"]] == [500, 1000] and shown["by_hand_minor"] == 0
    await post(browser, path, ask(1499), 422)
    for _ in range(2):
        await post(browser, path, ask(1500))
    assert "second person already" in await post(browser, path, ask(1500) | {"reason": "another"}, 409)
    (waiting,) = (await look(browser, ann))["payouts"]
    agree = f"/api/v1/wallet-payouts/{waiting['id']}/agree"
    assert "another person" in await post(browser, agree, {}, 409)
    assert await stage.stored(ann) == 1500 and await balance(stage, "liab:refund_payable") == 0
    await no_breach(stage)
    await sign_in(browser, Role.OWNER)
    for _ in range(2):
        await post(browser, agree, {})
    assert await stage.stored(ann) == 0 and await balance(stage, "liab:refund_payable") == -1500
    await no_breach(stage)
    await send_refunds(stage)
    assert stage.platform.refunded_minor == 1500
    first = await stage.one("SELECT payment_id FROM refund WHERE amount_minor = 500")
    assert first == newest
    for account in ("liab:%", "asset:clearing:%", "expense:%"):
        assert await balance(stage, account) == 0, account
    entries = (await browser.get(f"/api/v1/members/{ann.member_id}/statement")).json()["data"]
    assert {(e["kind"], e["amount_minor"]) for e in entries[:2]} == {
        ("wallet_paid_out", -1000),
        ("wallet_paid_out", -500),
    }
    shown = await look(browser, ann)
    assert (shown["balance_minor"], shown["parts"], shown["payouts"][0]["state"]) == (0, [], "done")
    await no_breach(stage)


async def test_what_no_platform_gives_back_any_more_is_paid_by_hand(stage: Stage, browser: httpx.AsyncClient) -> None:
    ann = await stage.join(stored_minor=1000)
    await stage.clock.advance(YEAR_S)
    await sign_in(browser, Role.MANAGER)
    await top_up(stage, ann, 500)
    path = await leave(browser, ann)
    assert "by hand" in await post(browser, path, ask(1500), 422)
    await post(browser, path, ask(1500, **SLIP))
    await sign_in(browser, Role.OWNER)
    (waiting,) = (await look(browser, ann))["payouts"]
    assert (waiting["by_hand_minor"], waiting["hand_reference"]) == (1000, "slip 3")
    await post(browser, f"/api/v1/wallet-payouts/{waiting['id']}/agree", {})
    assert (await balance(stage, "asset:bank"), await stage.stored(ann)) == (-1000, 0)
    await send_refunds(stage)
    assert stage.platform.refunded_minor == 500
    await no_breach(stage)


async def test_a_small_sum_takes_one_person(stage: Stage, browser: httpx.AsyncClient) -> None:
    ann = await stage.join(stored_minor=200)
    path = await leave(browser, ann)
    await post(browser, path, ask(200))
    assert (await look(browser, ann))["payouts"][0]["state"] == "done" and await stage.stored(ann) == 0
    await send_refunds(stage)
    assert stage.platform.refunded_minor == 200
    await no_breach(stage)


async def test_a_wallet_that_changed_or_was_let_go_is_not_paid_out(stage: Stage, browser: httpx.AsyncClient) -> None:
    ann = await stage.join(stored_minor=1000)
    path = await leave(browser, ann)
    await post(browser, path, ask(1000))
    (waiting,) = (await look(browser, ann))["payouts"]
    await sign_in(browser, Role.READ_ONLY)
    for verb in ("agree", "decline"):
        await post(browser, f"/api/v1/wallet-payouts/{waiting['id']}/{verb}", {}, 403)
    await sign_in(browser, Role.OWNER)
    await post(browser, f"/api/v1/members/{ann.member_id}/unblock", {})
    await top_up(stage, ann, 500)
    await post(browser, f"/api/v1/members/{ann.member_id}/block", {})
    assert "ask anew" in await post(browser, f"/api/v1/wallet-payouts/{waiting['id']}/agree", {}, 409)
    for _ in range(2):
        await post(browser, f"/api/v1/wallet-payouts/{waiting['id']}/decline", {})
    assert "something else" in await post(browser, f"/api/v1/wallet-payouts/{waiting['id']}/agree", {}, 409)
    assert await stage.stored(ann) == 1500 and await stage.one("SELECT count(*) FROM refund") == 0
    await no_breach(stage)


async def test_a_refund_that_the_platform_refuses_stays_owed_and_is_paid_by_hand(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    ann = await stage.join(stored_minor=350)
    path = await leave(browser, ann)
    await post(browser, path, ask(350))
    await sign_in(browser, Role.OWNER)
    (waiting,) = (await look(browser, ann))["payouts"]
    await post(browser, f"/api/v1/wallet-payouts/{waiting['id']}/agree", {})
    refund_id = await stage.one("SELECT refund_id FROM refund")
    stage.platform.never.add(refund_id)
    await send_refunds(stage)
    assert await stage.one("SELECT state FROM refund") == "failed"
    assert (await stage.stored(ann), await balance(stage, "liab:refund_payable")) == (0, -350)
    order_id = await stage.one("SELECT order_id FROM refund")
    slip = {"reason": "account closed", "amount_minor": 350, "way": "cash", "reference": "slip 7"}
    await post(browser, f"/api/v1/orders/{order_id}/refunds/{refund_id}/by-hand", slip)
    await sign_in(browser, Role.MANAGER)
    by_hand = await stage.one("SELECT refund_id FROM refund WHERE hand_way <> ''")
    await post(browser, f"/api/v1/orders/{order_id}/refunds/{by_hand}/release", {"reason": "seen"})
    assert await balance(stage, "liab:refund_payable") == 0
    await no_breach(stage)
