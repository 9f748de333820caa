"""Money that fits no order, and money paid by hand: over HTTP, with two persons, once, and the books say so."""

from __future__ import annotations

import httpx
import pytest

from tests.cloud.sales.conftest import MERCHANT
from tests.cloud.sales.selling_stage import ACCOUNT, Stage
from tests.cloud.sales.test_refund_desk import (
    FIRST,
    PATH,
    PAYMENT,
    SECOND,
    browser,
    send_refunds,
    sign_in,
    stage,
    undelivered,
)
from tests.cloud.sales.test_use_cases import create, new_order
from vendomat.audit import AuditSources, Terms, run_audit
from vendomat.cloud.merchants import Role

__all__ = ["browser", "stage"]
pytestmark = pytest.mark.slow

SLIP = {"reason": "account closed", "amount_minor": 350, "way": "bank_transfer", "reference": "slip 7"}
GIVE = {"reason": "not ours", "verdict": "give_back"}
KEEP = {"reason": "handed over two cans", "verdict": "goods_by_hand"}
VERDICT = f"{PATH}/payments/{PAYMENT}/verdict"


async def misfit(stage: Stage, minor: int = 349, currency: str = "CNY") -> None:
    """The platform takes what the order does not cost."""
    await create(stage.world, new_order(1))
    stage.platform.take_money(PAYMENT, minor, currency=currency)
    await stage.clock.advance(10)
    await stage.sweeps.look_up_payments()
    assert await stage.one("SELECT is_frozen FROM payment")


async def refused_for_ever(stage: Stage) -> None:
    await undelivered(stage)
    stage.platform.never.add(FIRST)
    await send_refunds(stage)
    assert await stage.one("SELECT state FROM refund") == "failed"


async def balance(stage: Stage, account: str, currency: str = "CNY") -> int:
    query = "SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_line WHERE account LIKE $1 AND currency = $2"
    return int(await stage.one(query, account, currency))


async def post(browser: httpx.AsyncClient, path: str, body: dict[str, object], status: int = 200) -> str:
    answer = await browser.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.text


async def no_breach(stage: Stage) -> None:
    report = await run_audit(AuditSources(stage.world.superuser_url), Terms(now=stage.clock.now()))
    assert {f.name: f.rows for f in report.breaches} == {}


async def test_money_that_did_not_fit_goes_back_in_its_own_currency_by_two_persons(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    await misfit(stage, 350, "USD")
    assert await balance(stage, "suspense:long:wechat", "USD") == -350
    await send_refunds(stage)
    assert stage.platform.refunded_minor == 0, "never by itself"
    for _ in range(2):
        await post(browser, VERDICT, GIVE)
    assert await stage.one("SELECT verdict FROM payment") == "give_asked", "a foreign currency takes two"
    assert "another person" in await post(browser, f"{VERDICT}/agree", GIVE, 409)
    assert "something else" in await post(browser, VERDICT, KEEP, 409)
    await sign_in(browser, Role.OWNER)
    assert "not asked for" in await post(browser, f"{VERDICT}/agree", KEEP, 409)
    stage.platform.dies_after.add("refund")
    for _ in range(2):
        await post(browser, f"{VERDICT}/agree", GIVE)
        await send_refunds(stage)
        stage.platform.dies_after.clear()
    asked = [c for c in stage.platform.calls if c[0] == "refund"]
    assert asked == [("refund", FIRST)], "the worker died, and paid once"
    assert [(m.minor_units, m.currency) for m in stage.platform.refunds.values()] == [(350, "USD")]
    for account in ("suspense:%", "liab:refund_payable", f"asset:clearing:wechat:{ACCOUNT}"):
        assert await balance(stage, account, "USD") == 0, account
    order = (await browser.get(PATH)).json()
    (payment,) = order["payments"]
    assert (payment["verdict"], payment["currency"], order["refunded_minor"]) == ("given_back", "USD", 0)
    words = [e["data"]["reason"] for e in order["timeline"] if e["kind"].startswith(("payment.judged", "payment.verd"))]
    assert words == [GIVE["reason"]] * 2
    assert "carried out" in await post(browser, f"{VERDICT}/decline", {"reason": "no"}, 409)
    await no_breach(stage)


async def test_money_is_kept_only_for_goods_and_its_alarm_ends_with_the_verdict(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    await misfit(stage)
    await stage.standing.look()
    assert await stage.one("SELECT state FROM alarm WHERE kind = 'payment_mismatch'") == "raised"
    await post(browser, VERDICT, {"reason": "we like it", "verdict": "keep"}, 422)
    await post(browser, VERDICT, KEEP)
    await post(browser, f"{VERDICT}/decline", {"reason": "ask the restocker first"})
    assert await stage.one("SELECT verdict || verdict_by FROM payment") == "none"
    await post(browser, VERDICT, KEEP)
    await sign_in(browser, Role.OWNER)
    await post(browser, f"{VERDICT}/agree", KEEP)
    assert await stage.one("SELECT verdict FROM payment") == "kept"
    assert (await balance(stage, "income:sales:%"), await balance(stage, "suspense:%")) == (-349, 0)
    assert await stage.one("SELECT count(*) FROM refund") == 0
    await stage.clock.advance(3600)
    await stage.standing.look()
    assert await stage.one("SELECT state FROM alarm WHERE kind = 'payment_mismatch'") == "passed"
    await no_breach(stage)


async def test_who_may_only_look_decides_nothing_and_what_fits_is_not_decided(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    await refused_for_ever(stage)
    by_hand = f"{PATH}/refunds/{FIRST}/by-hand"
    assert "fits its order" in await post(browser, VERDICT, GIVE, 409)
    for spoilt in ({"amount_minor": 349}, {"reference": " "}, {"way": "gold"}, {"amount_minor": 3.5}):
        await post(browser, by_hand, SLIP | spoilt, 422)
    await post(browser, f"{PATH}/refunds/{SECOND}/by-hand", SLIP, 404)
    await sign_in(browser, Role.READ_ONLY)
    for path, body in ((VERDICT, GIVE), (f"{VERDICT}/agree", GIVE), (f"{VERDICT}/decline", {"reason": "x"})):
        await post(browser, path, body, 403)
    await post(browser, by_hand, SLIP, 403)
    assert await stage.one("SELECT count(*) FROM refund") == 1


async def test_what_the_platform_never_pays_is_asked_for_once_and_paid_by_hand_by_two_persons(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    await refused_for_ever(stage)
    for _ in range(3):
        await stage.clock.advance(3600)
        await stage.sweeps.ask_refunds()
    assert [c for c in stage.platform.calls if c[0] == "refund"] == [("refund", FIRST)], "not for ever"
    path = f"{PATH}/refunds/{FIRST}/by-hand"
    stage.platform.is_away = True
    await sign_in(browser, Role.MANAGER)
    assert "try later" in await post(browser, path, SLIP, 503)
    stage.platform.is_away = False
    for _ in range(2):
        await post(browser, path, SLIP)
    assert "another carries" in await post(browser, path, SLIP | {"reference": "slip 8"}, 409)
    assert "another person" in await post(browser, f"{PATH}/refunds/{SECOND}/release", {"reason": "x"}, 409)
    await send_refunds(stage)
    assert await stage.one("SELECT string_agg(state, ' ' ORDER BY ordinal) FROM refund") == "failed held"
    await sign_in(browser, Role.OWNER)
    for _ in range(2):
        await post(browser, f"{PATH}/refunds/{SECOND}/release", {"reason": "seen the slip"})
    order = (await browser.get(PATH)).json()
    assert (order["state"], order["refunded_minor"]) == ("settled", 350)
    paid = order["refunds"][1]
    assert (paid["state"], paid["hand_way"], paid["hand_reference"]) == ("succeeded", "bank_transfer", "slip 7")
    assert (await balance(stage, "asset:bank"), await balance(stage, "liab:refund_payable")) == (-350, 0)
    assert [c for c in stage.platform.calls if c[0] == "refund"] == [("refund", FIRST)]
    await no_breach(stage)


async def test_a_platform_that_pays_all_the_same_makes_a_loss_and_an_alarm(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    await refused_for_ever(stage)
    await post(browser, f"{PATH}/refunds/{FIRST}/by-hand", SLIP)
    await sign_in(browser, Role.OWNER)
    await post(browser, f"{PATH}/refunds/{SECOND}/release", {"reason": "seen"})
    stage.platform.never.clear()
    stage.platform.refunds[FIRST] = stage.platform.trades[PAYMENT].amount  # type: ignore[assignment]
    for _ in range(2):
        await stage.till.confirm_refund(MERCHANT, FIRST)
    assert await balance(stage, "expense:goodwill") == 350
    assert await stage.one("SELECT count(*) FROM alarm WHERE kind = 'refund_paid_twice'") == 1
    await no_breach(stage)
