"""Alipay's other ways: certificate mode through a change of certificates, and charges of a face."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import msgspec
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.contracts.payments.conftest import REFUND_DELAY_S, alipay_settings, certificate_settings
from tests.contracts.payments.payment_stage import NoticeDoor, Stage
from vendomat.cloud.payments.providers import (
    ChargeCredential,
    ChargeRefusal,
    ChargeState,
    FaceDevice,
    FaceReady,
    FaceState,
    RefundState,
    ReverseState,
    TakesFaces,
    TradeState,
    open_provider,
)
from vendomat.kernel import ManualClock, VendomatError
from vendomat.simulator.gateways import AlipayAccount, CallFault, GatewayServer, GatewaySettings, Habits

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEVICE = FaceDevice("cam_7", '{"apdidToken":"x","bioMetaInfo":"2.3.0:3,-4"}', "site_1", "大堂")


@dataclass(frozen=True)
class Opened:
    server: GatewayServer
    clock: ManualClock
    one: AlipayAccount
    two: AlipayAccount


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(key_stock: list[RSAPrivateKey]) -> AsyncIterator[Opened]:
    clock = ManualClock()
    settings = GatewaySettings(
        notice_first_delay_s=0.0, alipay_refund_delay_s=REFUND_DELAY_S, fee_basis_points=0, notice_timeout_s=30.0
    )
    server = GatewayServer(settings, clock, make_key=itertools.cycle(key_stock).__next__)
    await server.start()
    one, two = (server.open_alipay_account(name, has_certificates=True) for name in ("One", "Two"))
    yield Opened(server, clock, one, two)
    await server.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(opened: Opened) -> AsyncIterator[Stage]:
    """Both accounts in certificate mode, knowing the certificate that the platform signs under now."""
    newest = {"alipay_certificate": opened.server.alipay.seals.authority.file}
    settings = [certificate_settings(one) | newest for one in (opened.one, opened.two)]
    provider, other = (open_provider("alipay", one, clock=opened.clock, pool_size=4) for one in settings)
    door = NoticeDoor(provider)
    stage = Stage(
        provider=provider,
        other=other,
        server=opened.server,
        door=door,
        notify_url=await door.open(),
        clock=opened.clock,
        makes_trades_at_scan=True,
        sends_refund_notices=False,
    )
    stage.set_balance(100_000)
    yield stage
    opened.server.call_faults.clear()
    await door.close()
    await provider.aclose()
    await other.aclose()


class TestCertificates:
    async def test_a_payment_its_notice_and_its_refund(self, stage: Stage):
        request = await stage.paid_and_told()
        await stage.until(lambda: stage.door.accepted)
        assert stage.door.accepted[0].trade.number == request.number
        assert b"alipay_cert_sn=" in stage.door.deliveries[0].body
        assert (await stage.provider.look_up(request.number)).state is TradeState.PAID
        refund = stage.refund_of(request)
        await stage.provider.refund(refund)
        await stage.pass_time(3)
        assert (await stage.provider.look_up_refund(refund)).state is RefundState.SUCCEEDED

    async def test_e01_pf26_a_change_of_certificates_while_selling(self, stage: Stage):
        """Nobody is told of it: the first answer or notice under the new one brings it in."""
        request = await stage.paid()
        stage.platform.seals.authority.rotate()
        assert (await stage.provider.look_up(request.number)).state is TradeState.PAID

    async def test_a_notice_may_bring_the_new_certificate_too(self, stage: Stage):
        request = stage.request()
        await stage.provider.start(request)
        stage.platform.seals.authority.rotate()
        stage.pay(request.number, is_notice_lost=False)
        await stage.until(lambda: stage.door.deliveries)
        assert stage.door.refused == []

    async def test_an_answer_under_no_certificate_is_not_believed(self, stage: Stage):
        request = await stage.paid()
        stage.fail(CallFault.FORGED_ANSWER, "query")
        assert (await stage.provider.look_up(request.number)).state is TradeState.UNKNOWN
        assert (await stage.provider.look_up(request.number)).state is TradeState.PAID

    async def test_a_certificate_that_cannot_be_had_leaves_it_unknown(self, stage: Stage):
        request = await stage.paid()
        stage.platform.seals.authority.rotate()
        stage.fail(CallFault.UNAVAILABLE, "certificate")
        assert (await stage.provider.look_up(request.number)).state is TradeState.UNKNOWN
        assert stage.server.call_faults.rules == (), "it was asked for"
        assert (await stage.provider.look_up(request.number)).state is TradeState.UNKNOWN, "asked a moment ago"
        await stage.pass_time(60)
        assert (await stage.provider.look_up(request.number)).state is TradeState.PAID

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"app_certificate": ""}, "three"),
            ({"alipay_public_key": "x"}, "two modes"),
            ({"alipay_certificate": "x"}, "unusable"),
        ],
    )
    async def test_half_a_mode_is_none(self, opened: Opened, change: dict[str, str], words: str):
        with pytest.raises(VendomatError, match=words):
            open_provider("alipay", certificate_settings(opened.one) | change, clock=opened.clock)

    async def test_another_certificate_than_registered(self, opened: Opened):
        settings = certificate_settings(opened.one) | {"app_certificate": opened.two.app_certificate_pem}
        provider = open_provider("alipay", settings, clock=opened.clock, pool_size=1)
        looked_up = await provider.look_up("pay_00000000000000000000009999")
        assert (looked_up.state, "app-cert-sn" in looked_up.error) == (TradeState.UNKNOWN, True)
        await provider.aclose()


async def seen(stage: Stage, payer: str = "face of ann", habits: Habits | None = None) -> str:
    """What a device gives for `payer`, prepared and looked at as in life."""
    assert isinstance(stage.provider, TakesFaces)
    ready = await stage.provider.prepare_face(DEVICE)
    assert ready.state is FaceState.READY
    stage.platform.set_habits(payer, habits or Habits())
    return str(stage.platform.look(session_of(ready), payer))


def session_of(ready: FaceReady) -> str:
    return str(msgspec.json.decode(ready.token)["zim_id"])


class TestFaces:
    async def test_a_face_is_charged_like_a_code(self, stage: Stage):
        before = stage.balance_fen
        token = await seen(stage)
        assert (len(token), token[:2]) == (35, "fp")
        request = replace(stage.charge_request(code=token), credential=ChargeCredential.FACE)
        charged = await stage.provider.charge(request)
        assert charged.state is ChargeState.PAID
        assert stage.balance_fen == before + 350
        assert token not in repr(charged)
        await stage.pass_time(15)
        assert (await stage.provider.reverse(request.number, ChargeCredential.FACE)).state is ReverseState.REVERSED

    async def test_a_token_is_good_once_and_for_a_minute(self, stage: Stage):
        token = await seen(stage)
        face = ChargeCredential.FACE
        first = replace(stage.charge_request(code=token), credential=face)
        assert (await stage.provider.charge(first)).state is ChargeState.PAID
        again = await stage.provider.charge(replace(stage.charge_request(code=token), credential=face))
        assert (again.state, again.reason) == (ChargeState.REFUSED, ChargeRefusal.CODE_EXPIRED)
        late = await seen(stage)
        await stage.pass_time(60)
        refused = await stage.provider.charge(replace(stage.charge_request(code=late), credential=face))
        assert (refused.state, refused.reason) == (ChargeState.REFUSED, ChargeRefusal.CODE_EXPIRED)

    async def test_a_face_may_need_a_password(self, stage: Stage):
        token = await seen(stage, "face of bo", Habits(asks_password=True))
        request = replace(stage.charge_request(code=token), credential=ChargeCredential.FACE)
        assert (await stage.provider.charge(request)).state is ChargeState.WAITING
        stage.platform.confirm(request.number, "face of bo")
        assert (await stage.provider.look_up_charge(request.number, ChargeCredential.FACE)).state is TradeState.PAID

    async def test_another_merchants_face_is_not_charged(self, stage: Stage):
        token = await seen(stage)
        request = replace(stage.charge_request(code=token), credential=ChargeCredential.FACE)
        charged = await stage.other.charge(request)
        assert (charged.state, charged.reason) == (ChargeState.REFUSED, ChargeRefusal.REFUSED)

    async def test_a_bar_code_is_no_face_and_the_other_way_round(self, stage: Stage):
        as_face = replace(stage.charge_request(), credential=ChargeCredential.FACE)
        assert (await stage.provider.charge(as_face)).state is ChargeState.REFUSED
        as_code = stage.charge_request(code=await seen(stage))
        assert (await stage.provider.charge(as_code)).state is ChargeState.REFUSED

    @pytest.mark.parametrize("raw", ["", "no json", "[]", '{"a":"' + "x" * 20_000 + '"}'])
    async def test_what_no_device_says(self, stage: Stage, raw: str):
        assert (await stage.provider.prepare_face(replace(DEVICE, raw_data=raw))).state is FaceState.REFUSED

    @pytest.mark.parametrize("fault", [CallFault.ERROR_BEFORE, CallFault.RESET_AFTER, CallFault.FORGED_ANSWER])
    async def test_no_answer_is_asked_again(self, stage: Stage, fault: CallFault):
        stage.fail(fault, "face")
        assert (await stage.provider.prepare_face(DEVICE)).state is FaceState.UNKNOWN
        stage.server.call_faults.clear()
        assert (await stage.provider.prepare_face(DEVICE)).state is FaceState.READY

    async def test_an_account_without_faces(self, opened: Opened):
        settings = certificate_settings(opened.one) | {"takes_faces": False}
        provider = open_provider("alipay", settings, clock=opened.clock, pool_size=1)
        with pytest.raises(VendomatError):
            await provider.prepare_face(DEVICE)
        await provider.aclose()


async def test_a_cancel_that_the_platform_wants_again(stage: Stage):
    """`retry_flag=Y` is not known, however kindly it is said; the next one is the end."""
    before = stage.balance_fen
    request, _ = await stage.charged()
    await stage.pass_time(15)
    stage.fail(CallFault.ACCEPTED, "cancel")
    again = await stage.provider.reverse(request.number)
    assert (again.state, "again" in again.error) == (ReverseState.UNKNOWN, True)
    assert stage.balance_fen == before + 350
    stage.server.call_faults.clear()
    assert (await stage.provider.reverse(request.number)).state is ReverseState.REVERSED
    await stage.pass_time(3)
    assert stage.balance_fen == before


async def test_codes_in_public_key_mode_are_offered_as_before(opened: Opened):
    account = opened.server.open_alipay_account("Three")
    provider = open_provider("alipay", alipay_settings(account) | {"timeout_s": 5.0}, clock=opened.clock, pool_size=1)
    assert not account.app_certificate_pem
    assert (await provider.look_up("pay_00000000000000000000009998")).state is TradeState.NOT_FOUND
    await provider.aclose()
