"""WeChat Pay's pages: inside the wallet and in a phone's browser, over real HTTP to the emulated platform."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from tests.contracts.payments.payment_stage import Stage
from vendomat.cloud.payments.providers import Buyer, CancelState, Presentation, StartRequest, StartState, TradeState
from vendomat.kernel import Money
from vendomat.simulator.gateways import BuyerRefusal, BuyerRefusedError, CallFault

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("world", ["wechat"], indirect=True, scope="module"),
]


def in_wallet(stage: Stage, payer: str = "ann", *, seconds: int = 120) -> StartRequest:
    buyer = Buyer(payer=stage.platform.openid_of(stage.provider.account, payer))
    return replace(stage.request(seconds=seconds), presentation=Presentation.IN_WALLET, buyer=buyer)


def in_browser(stage: Stage, *, seconds: int = 120) -> StartRequest:
    buyer = Buyer(ip="203.0.113.7", browser="iOS")
    return replace(stage.request(seconds=seconds), presentation=Presentation.IN_BROWSER, buyer=buyer)


def refused(stage: Stage, parameters, payer: str = "ann") -> BuyerRefusal:
    with pytest.raises(BuyerRefusedError) as refusal:
        stage.platform.open_page(parameters, payer)
    return refusal.value.reason


async def test_a_page_inside_the_wallet_is_paid_with_signed_parameters(stage: Stage):
    request = in_wallet(stage)
    started = await stage.provider.start(request)
    assert (started.state, started.code_url, started.page_url) == (StartState.STARTED, "", "")
    assert set(started.parameters) == {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}
    view = stage.platform.open_page(started.parameters, "ann")
    assert (view.number, view.amount_fen) == (request.number, 350)
    stage.platform.pay(view.code, "ann", is_notice_lost=True)
    found = await stage.provider.look_up(request.number)
    assert (found.state, found.payer, found.raw["trade_type"]) == (TradeState.PAID, request.buyer.payer, "JSAPI")


async def test_parameters_that_were_changed_open_nothing(stage: Stage):
    started = await stage.provider.start(in_wallet(stage))
    other = await stage.provider.start(in_wallet(stage))
    for name in ("timeStamp", "nonceStr"):
        assert refused(stage, {**started.parameters, name: "1"}) is BuyerRefusal.BAD_SIGNATURE
    stolen = {**started.parameters, "package": other.parameters["package"]}
    assert refused(stage, stolen) is BuyerRefusal.BAD_SIGNATURE
    assert refused(stage, {**started.parameters, "signType": "MD5"}) is BuyerRefusal.UNKNOWN_CODE
    assert refused(stage, {}) is BuyerRefusal.UNKNOWN_CODE


async def test_e05_only_the_buyer_it_was_made_for_may_pay_it(stage: Stage):
    started = await stage.provider.start(in_wallet(stage, "ann"))
    assert refused(stage, started.parameters, "bob") is BuyerRefusal.OTHER_BUYER


async def test_e04_a_prepay_id_lives_two_hours_whatever_the_order_does(stage: Stage):
    started = await stage.provider.start(in_wallet(stage, seconds=5 * 3600))
    await stage.pass_time(7199)
    stage.platform.open_page(started.parameters, "ann")
    await stage.pass_time(1)
    assert refused(stage, started.parameters) is BuyerRefusal.CODE_DEAD


async def test_a_page_in_a_browser_opens_the_wallet(stage: Stage):
    request = in_browser(stage)
    started = await stage.provider.start(request)
    assert (started.state, started.code_url, started.parameters) == (StartState.STARTED, "", {})
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as browser:
        page = await browser.get(started.page_url)
    assert page.status_code == 200
    assert request.number in page.text
    stage.pay(request.number)
    found = await stage.provider.look_up(request.number)
    assert (found.state, found.raw["trade_type"]) == (TradeState.PAID, "MWEB")


async def test_e04_its_address_lives_five_minutes(stage: Stage):
    request = in_browser(stage, seconds=3600)
    await stage.provider.start(request)
    await stage.pass_time(299)
    stage.scan(request.number)
    await stage.pass_time(1)
    with pytest.raises(BuyerRefusedError) as refusal:
        stage.pay(request.number)
    assert refusal.value.reason is BuyerRefusal.CODE_DEAD


async def test_neither_is_shown_to_those_nearby(stage: Stage):
    for request in (in_wallet(stage), in_browser(stage)):
        await stage.provider.start(request)
        assert request.number not in [view.number for view in stage.platform.open_codes()]


@pytest.mark.parametrize("made", [in_wallet, in_browser])
async def test_offered_again_the_newest_counts_and_closed_none_does(stage: Stage, made):
    request = made(stage)
    first, second = await stage.provider.start(request), await stage.provider.start(request)
    assert (first.state, second.state) == (StartState.STARTED, StartState.STARTED)
    assert (first.parameters, first.page_url) != (second.parameters, second.page_url)
    if first.parameters:
        assert refused(stage, first.parameters) is BuyerRefusal.CODE_DEAD
    assert (await stage.provider.cancel(request.number)).state is CancelState.CLOSED
    with pytest.raises(BuyerRefusedError):
        stage.pay(request.number, "ann")
    assert (await stage.provider.start(request)).state is StartState.REFUSED


@pytest.mark.parametrize("made", [in_wallet, in_browser])
async def test_under_another_presentation_the_number_is_taken(stage: Stage, made):
    request = made(stage)
    await stage.provider.start(request)
    again = await stage.provider.start(replace(request, presentation=Presentation.CODE))
    assert (again.state, again.code_url) == (StartState.UNKNOWN, "")


@pytest.mark.parametrize(("made", "verb"), [(in_wallet, "create_jsapi"), (in_browser, "create_h5")])
@pytest.mark.parametrize("fault", [CallFault.TIMEOUT_AFTER, CallFault.FORGED_ANSWER, CallFault.ERROR_BEFORE])
async def test_an_answer_that_does_not_come_is_unknown_then_made_again(stage: Stage, made, verb: str, fault: CallFault):
    request = made(stage)
    stage.fail(fault, verb)
    started = await stage.provider.start(request)
    assert (started.state, started.page_url, started.parameters) == (StartState.UNKNOWN, "", {})
    assert (await stage.provider.start(request)).state is StartState.STARTED


async def test_what_is_not_known_of_the_buyer_is_not_asked_of_the_platform(stage: Stage):
    nobody, nowhere = Buyer(), Buyer(ip="not an address")
    unfit = [
        replace(in_wallet(stage), buyer=nobody),
        replace(in_browser(stage), buyer=nobody),
        replace(in_browser(stage), buyer=nowhere),
        replace(in_browser(stage), buyer=Buyer(ip="203.0.113.7", browser="Lynx")),
        replace(in_wallet(stage), amount=Money(0, "CNY")),
    ]
    for request in unfit:
        started = await stage.provider.start(request)
        assert started.state is StartState.REFUSED and started.error
        assert (await stage.provider.look_up(request.number)).state is TradeState.NOT_FOUND
