"""WeChat Pay's face devices over real HTTP: a token, a face, a code that is good for one charge of one merchant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contracts.payments.payment_stage import Stage
from vendomat.cloud.payments.providers import (
    ChargeRefusal,
    ChargeState,
    FaceDevice,
    FaceState,
    ReverseState,
    TradeState,
)
from vendomat.simulator.gateways import BuyerRefusedError, CallFault

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("world", ["wechat_face"], indirect=True, scope="module"),
]

DEVICE = FaceDevice("dev_1", "raw data", "store_1", "Hall B")


async def test_a_device_gets_a_token_and_a_face_is_charged(stage: Stage):
    ready = await stage.provider.prepare_face(DEVICE)
    assert ready.state is FaceState.READY
    seen = stage.platform.look_at(ready.token, "ann")
    request = replace(stage.charge_request(code=seen.face_code), payer=seen.openid)
    charged = await stage.provider.charge(request)
    assert (charged.state, charged.trade.payer) == (ChargeState.PAID, seen.openid)
    assert charged.trade.raw["trade_type"] == "FACEPAY"


async def test_the_token_is_the_same_until_half_its_life(stage: Stage):
    first = await stage.provider.prepare_face(replace(DEVICE, device_id="dev_2"))
    await stage.pass_time(1799)
    assert await stage.provider.prepare_face(replace(DEVICE, device_id="dev_2")) == first
    await stage.pass_time(1)
    assert (await stage.provider.prepare_face(replace(DEVICE, device_id="dev_2"))).token != first.token
    await stage.pass_time(1800)
    with pytest.raises(BuyerRefusedError):
        stage.platform.look_at(first.token, "ann")


@pytest.mark.parametrize("fault", [CallFault.UNAVAILABLE, CallFault.TIMEOUT_AFTER, CallFault.FORGED_ANSWER])
async def test_without_an_answer_there_is_no_token(stage: Stage, fault: CallFault):
    device = replace(DEVICE, device_id=f"dev_{fault}")
    stage.fail(fault, "face_token")
    assert (await stage.provider.prepare_face(device)).state is FaceState.UNKNOWN
    assert (await stage.provider.prepare_face(device)).state is FaceState.READY


async def test_a_code_is_for_the_merchant_and_the_buyer_it_was_made_for(stage: Stage):
    token = (await stage.provider.prepare_face(DEVICE)).token
    seen = stage.platform.look_at(token, "ann")
    request = stage.charge_request(code=seen.face_code)
    for provider, one in ((stage.provider, replace(request, payer="oAnother")), (stage.other, request)):
        charged = await provider.charge(one)
        assert (charged.state, charged.reason) == (ChargeState.REFUSED, ChargeRefusal.CODE_EXPIRED)
    assert (await stage.provider.charge(request)).state is ChargeState.PAID


async def test_a_payment_code_and_a_face_are_asked_for_in_different_places(stage: Stage):
    request, _ = await stage.charged()
    assert (await stage.look_up_charge(request.number)).state is TradeState.PAID
    assert (await stage.provider.look_up_charge(request.number)).state is TradeState.NOT_FOUND
    await stage.pass_time(15)
    assert (await stage.provider.reverse(request.number)).state is not ReverseState.REVERSED
    assert (await stage.look_up_charge(request.number)).state is TradeState.PAID
