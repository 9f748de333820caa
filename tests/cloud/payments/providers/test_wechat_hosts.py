"""WeChat Pay's second host: asked when the first does not answer, and never for a charge."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.cloud.payments.providers.scripted_platform import Answer, ScriptedPlatform
from tests.cloud.payments.providers.wechat_answers import NUMBER, check_signature, wechat_trade
from vendomat.cloud.payments.providers import ChargeRequest, ChargeState, StartState, TradeState, open_provider
from vendomat.cloud.payments.providers.wechat.hosts import FIRST_HOST, SECOND_FOR_S, SECOND_HOST, second_of

DEAD = Answer(is_reset=True)


@pytest.fixture
def second() -> Iterator[ScriptedPlatform]:
    played = ScriptedPlatform()
    yield played
    played.stop()


@pytest.fixture
async def both(wechat_settings, platform, second, clock) -> AsyncIterator[object]:
    settings = wechat_settings | {"base_url": platform.url, "standby_url": second.url}
    provider = open_provider("wechat", settings | {"code_pay": "v3", "store_id": "1"}, clock=clock)
    yield provider
    await provider.aclose()


@pytest.mark.parametrize("turned_away", [DEAD, Answer(503), Answer(500, b'{"code":"SYSTEM_ERROR"}'), Answer(202)])
async def test_pf25_the_second_host_is_asked_the_same_with_a_signature_of_its_own(
    both, platform, second, wechat_pen, start_request, merchant_key, turned_away
):
    platform.say(turned_away)
    second.say(wechat_pen.answer({"code_url": "weixin://second"}))
    started = await both.start(start_request)
    assert (started.state, started.code_url) == (StartState.STARTED, "weixin://second")
    (asked,), (again,) = platform.received, second.received
    assert (asked.method, asked.target, asked.body) == (again.method, again.target, again.body)
    check_signature(again, merchant_key)
    assert again.headers["authorization"] != asked.headers["authorization"]


async def test_pf25_it_stays_the_first_to_be_asked_for_a_minute(both, platform, second, wechat_pen, clock):
    platform.say(DEAD)
    second.say(wechat_pen.answer(wechat_trade()))
    for _ in range(3):
        assert (await both.look_up(NUMBER)).state is TradeState.PAID
    assert (len(platform.received), len(second.received)) == (1, 3)
    await clock.advance(SECOND_FOR_S)
    platform.say(wechat_pen.answer(wechat_trade()))
    second.say(wechat_pen.answer(wechat_trade()))
    await both.look_up(NUMBER)
    assert (len(platform.received), len(second.received)) == (2, 3)


async def test_pf25_when_the_second_falls_the_first_is_asked_again(both, platform, second, wechat_pen):
    platform.say(DEAD, wechat_pen.answer(wechat_trade()))
    second.say(wechat_pen.answer(wechat_trade()), DEAD)
    for _ in range(3):
        assert (await both.look_up(NUMBER)).state is TradeState.PAID
    assert (len(platform.received), len(second.received)) == (3, 2)


async def test_pf25_nobody_answers(both, platform, second, start_request):
    platform.say(DEAD)
    second.say(Answer(502))
    assert (await both.start(start_request)).state is StartState.UNKNOWN


async def test_pf25_a_definite_refusal_is_not_asked_twice(both, platform, second):
    platform.say(Answer(400, b'{"code":"PARAM_ERROR","message":"no"}'))
    second.say(Answer(500))
    await both.look_up(NUMBER)
    assert second.received == []


async def test_a_charge_is_sent_once(both, platform, second, start_request):
    platform.say(DEAD)
    second.say(DEAD)
    request = ChargeRequest(
        number=NUMBER,
        amount=start_request.amount,
        description="tea",
        code="134567890123456789",
        expires_at=start_request.expires_at,
        notify_url=start_request.notify_url,
    )
    assert (await both.charge(request)).state is ChargeState.UNKNOWN
    charges = [r for r in (*platform.received, *second.received) if r.target.endswith("/codepay")]
    assert len(charges) == 1


def test_where_the_second_host_is() -> None:
    assert second_of(FIRST_HOST, "") == SECOND_HOST
    assert second_of("http://127.0.0.1:8080", "") == ""
    assert second_of("http://127.0.0.1:8080", "http://127.0.0.1:8081") == "http://127.0.0.1:8081"
