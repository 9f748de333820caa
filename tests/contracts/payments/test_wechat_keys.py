"""WeChat Pay changes its keys: a new certificate beside the old one, and a move to the public key (PF26)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from tests.contracts.payments.conftest import World, wechat_settings
from tests.contracts.payments.payment_stage import Stage
from vendomat.cloud.payments.providers import Provider, TradeState, open_provider
from vendomat.simulator.gateways import KeyMode, WechatAccount

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("world", ["wechat_certificate"], indirect=True, scope="module"),
]

Opening = Callable[..., Awaitable[tuple[Stage, Provider, WechatAccount]]]


@pytest_asyncio.fixture(loop_scope="module")
async def moving(world: World, stage: Stage) -> AsyncIterator[Callable[..., Stage]]:
    """`moving(mode, **settings)`: the stage with a new merchant of its own on it."""
    opened: list[Provider] = []

    def opening(mode: KeyMode, *, knows_public_key: bool = False, knows_certificate: bool = False) -> Stage:
        account = world.server.open_wechat_account("Three", mode)
        settings: dict[str, Any] = wechat_settings(account) | {"timeout_s": 5.0}
        if knows_public_key:
            settings |= {"public_key_id": account.public_key_id, "public_key": account.public_key_pem}
        if knows_certificate:
            settings |= {"platform_certificates": [account.platform_certificate_pem]}
        opened.append(open_provider("wechat", settings, clock=world.clock, pool_size=2))
        stage.provider = stage.door.provider = opened[-1]
        return stage

    yield opening
    world.server.wechat.sign_by_newest(100)
    for provider in opened:
        await provider.aclose()


def serials(stage: Stage) -> set[str]:
    """By which keys the notices that were accepted are signed."""
    return {one.headers["Wechatpay-Serial"] for one in stage.door.deliveries if one.notice}


async def told(stage: Stage, count: int) -> None:
    """`count` payments, each told by a notice that was accepted at its first sending."""
    before = len(stage.door.accepted)
    numbers = [(await stage.paid_and_told()).number for _ in range(count)]
    await stage.until(lambda: len(stage.door.accepted) == before + count)
    assert stage.door.refused == []
    for number in numbers:
        assert (await stage.provider.look_up(number)).state is TradeState.PAID


async def test_e01_pf26_a_new_certificate_is_fetched_when_it_signs(moving):
    stage = moving(KeyMode.CERTIFICATE)
    await told(stage, 1)
    await stage.pass_time(61)
    serial = stage.platform.rotate_certificate()
    await told(stage, 2)
    assert serial in serials(stage)
    assert len(serials(stage)) == 2


async def test_e01_pf26_two_certificates_sign_side_by_side(moving):
    stage = moving(KeyMode.CERTIFICATE)
    stage.platform.rotate_certificate(newest_percent=50)
    await told(stage, 6)
    assert len(serials(stage)) == 2


async def test_pf26_a_strange_serial_is_asked_for_once_a_minute_and_then_known(moving):
    """Within the minute nothing is believed that the new key signed; the look-up after it is."""
    stage = moving(KeyMode.CERTIFICATE)
    request = await stage.paid()
    assert (await stage.provider.look_up(request.number)).state is TradeState.PAID
    stage.platform.rotate_certificate()
    assert (await stage.provider.look_up(request.number)).state is TradeState.UNKNOWN
    await stage.pass_time(61)
    assert (await stage.provider.look_up(request.number)).state is TradeState.PAID


@pytest.mark.parametrize("knows_certificate", [False, True])
async def test_e01_pf26_on_the_move_key_and_certificate_are_believed(moving, knows_certificate: bool):
    """The cloud knows the public key already; the certificate it was told of, or fetches."""
    stage = moving(KeyMode.CERTIFICATE, knows_public_key=True, knows_certificate=knows_certificate)
    stage.platform.begin_move(stage.provider.account, 50)
    await told(stage, 6)
    assert len(serials(stage)) == 2
    stage.platform.begin_move(stage.provider.account, 100)
    await told(stage, 1)
    stage.platform.end_move(stage.provider.account, KeyMode.PUBLIC_KEY)
    await told(stage, 1)


async def test_a_key_nobody_told_us_of_is_not_believed(moving):
    """A cloud that was not given the public key refuses what it signs, and takes it when the settings are there."""
    stage = moving(KeyMode.CERTIFICATE)
    await told(stage, 1)
    stage.platform.begin_move(stage.provider.account, 100)
    request = await stage.paid_and_told()
    await stage.until(lambda: stage.door.refused)
    assert len(stage.door.accepted) == 1
    assert (await stage.provider.look_up(request.number)).state is TradeState.UNKNOWN


async def test_a_merchant_that_has_moved_fetches_no_certificates(moving):
    stage = moving(KeyMode.PUBLIC_KEY)
    await told(stage, 1)
    assert len(serials(stage)) == 1
