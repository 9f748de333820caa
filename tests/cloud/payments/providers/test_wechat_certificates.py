"""WeChat Pay with platform certificates: fetched when needed, renewed in time, never from a stranger."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.cloud.payments.providers.scripted_platform import (
    Answer,
    WeChatPen,
    certificate_of,
    certificate_pem,
    seal,
)
from tests.cloud.payments.providers.wechat_answers import NUMBER, wechat_trade
from vendomat.cloud.payments.providers import TradeState


class TestCertificateMode:
    @pytest.fixture
    def certificate(self, platform_key, clock):
        return certificate_of(platform_key, clock)

    @pytest.fixture
    def settings(self, wechat_settings, platform):
        keyless = {name: value for name, value in wechat_settings.items() if not name.startswith("public_key")}
        return keyless | {"base_url": platform.url, "timeout_s": 0.5}

    @pytest.fixture
    def pen(self, platform_key, clock, certificate):
        return WeChatPen(platform_key, clock, serial=f"{certificate.serial_number:X}")

    @staticmethod
    def listing(pen, *certificates):
        rows = [
            {
                "serial_no": f"{certificate.serial_number:X}",
                "effective_time": "2026-01-01T00:00:00+08:00",
                "expire_time": "2031-01-01T00:00:00+08:00",
                "encrypt_certificate": seal(certificate_pem(certificate), aad="certificate"),
            }
            for certificate in certificates
        ]
        return pen.answer({"data": rows})

    def serve(self, platform, pen, *certificates):
        """Certificates when asked for them, else a payment."""
        listing = self.listing(pen, *certificates)
        platform.say(lambda request: listing if request.target == "/v3/certificates" else pen.answer(wechat_trade()))

    def fetches(self, platform):
        return sum(request.target == "/v3/certificates" for request in platform.received)

    async def test_fetches_the_certificates_once(self, open_account, settings, platform, pen, certificate):
        self.serve(platform, pen, certificate)
        provider = open_account("wechat", settings)
        assert platform.received == []  # opening an account calls nobody
        assert [(await provider.look_up(NUMBER)).state for _ in range(3)] == [TradeState.PAID] * 3
        assert self.fetches(platform) == 1

    async def test_the_first_answers_wait_for_one_fetch(self, open_account, settings, platform, pen, certificate):
        listing = self.listing(pen, certificate)
        listing.delay_s = 0.2
        platform.say(lambda request: listing if request.target == "/v3/certificates" else pen.answer(wechat_trade()))
        provider = open_account("wechat", settings)
        found = await asyncio.gather(*(provider.look_up(NUMBER) for _ in range(6)))
        assert [one.state for one in found] == [TradeState.PAID] * 6
        assert self.fetches(platform) == 1

    async def test_fetches_again_before_they_are_half_a_day_old(
        self, open_account, settings, platform, pen, certificate, clock
    ):
        self.serve(platform, pen, certificate)
        provider = open_account("wechat", settings)
        await provider.look_up(NUMBER)
        await clock.advance(11 * 3600)
        await provider.look_up(NUMBER)
        assert self.fetches(platform) == 2

    async def test_a_strange_serial_asks_at_most_once_a_minute(
        self, open_account, settings, platform, pen, certificate, clock
    ):
        self.serve(platform, pen, certificate)
        provider = open_account("wechat", settings)
        await provider.look_up(NUMBER)
        pen.serial = "AB" * 20
        await provider.look_up(NUMBER)
        assert self.fetches(platform) == 1
        await clock.advance(61)
        for _ in range(3):
            assert (await provider.look_up(NUMBER)).state is TradeState.UNKNOWN
        assert self.fetches(platform) == 2

    async def test_a_given_certificate_serves_while_the_platform_gives_none(
        self, open_account, settings, platform, pen, certificate
    ):
        platform.say(lambda request: Answer(500) if "certificates" in request.target else pen.answer(wechat_trade()))
        provider = open_account("wechat", settings | {"platform_certificates": [certificate_pem(certificate)]})
        assert (await provider.look_up(NUMBER)).state is TradeState.PAID

    async def test_an_expired_certificate_signs_nothing(self, open_account, settings, platform, platform_key, clock):
        old = certificate_of(platform_key, clock, days=2)
        await clock.advance(timedelta(days=3).total_seconds())
        pen = WeChatPen(platform_key, clock, serial=f"{old.serial_number:X}")
        self.serve(platform, pen, old)
        assert (await open_account("wechat", settings).look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_certificates_not_sealed_with_our_key_are_not_taken(
        self, open_account, settings, platform, pen, certificate
    ):
        self.serve(platform, pen, certificate)
        provider = open_account("wechat", settings | {"apiv3_key": "another key of thirty-two chars."})
        assert (await provider.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_a_merchant_on_the_move_believes_key_and_certificate(
        self, open_account, wechat_settings, platform, pen, certificate, wechat_pen
    ):
        settings = wechat_settings | {
            "base_url": platform.url,
            "platform_certificates": [certificate_pem(certificate)],
        }
        provider = open_account("wechat", settings)
        platform.say(pen.answer(wechat_trade()), wechat_pen.answer(wechat_trade()))
        assert [(await provider.look_up(NUMBER)).state for _ in range(2)] == [TradeState.PAID] * 2
        assert self.fetches(platform) == 0
