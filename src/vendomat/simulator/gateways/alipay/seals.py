"""Alipay's own keys and what it signs with them: answers and notices, as itself or in a false guise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

import msgspec

from vendomat.simulator.gateways import keys
from vendomat.simulator.gateways.alipay import wire
from vendomat.simulator.gateways.alipay.authority import Authority
from vendomat.simulator.gateways.alipay.records import Application
from vendomat.simulator.gateways.notices import Guise, Notice, xml_copy

STALE_BY = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformKeys:
    """Made at the first start and kept: the platform's pair, and a stranger's key to forge with."""

    KIND: ClassVar[str] = "alipay_keys"

    private_key_pem: str
    stranger_key_pem: str

    @classmethod
    def make(cls, make_key: keys.KeySource) -> PlatformKeys:
        return cls(private_key_pem=keys.private_pem(make_key()), stranger_key_pem=keys.private_pem(make_key()))


class Seals:
    def __init__(self, platform_keys: PlatformKeys, authority: Authority) -> None:
        self.authority = authority
        self._key = keys.load_private(platform_keys.private_key_pem)
        self._stranger = keys.load_private(platform_keys.stranger_key_pem)
        self.public_key_pem = keys.public_pem(self._key.public_key())

    def sign(self, text: bytes, application: Application, guise: Guise = Guise.GENUINE) -> str:
        """The signature of `text` as `application` expects it; a stranger's in every guise that a wrong one makes."""
        if guise in (Guise.FORGED, Guise.SIGNTEST, Guise.WRONG_KEY):
            return keys.sign(self._stranger, text)
        return keys.sign(self.authority.key if application.certificate_pem else self._key, text)

    def certificate_sn(self, application: Application) -> str:
        """The number that goes with a signature for `application`; empty in public-key mode."""
        return self.authority.sn if application.certificate_pem else ""


class AlipayDresser:
    """How Alipay sends a notice: its schedule, a signed form, and the plain word `success` as the answer."""

    retry_delays_s = wire.RETRY_DELAYS_S

    def __init__(self, seals: Seals, applications: Mapping[str, Application]) -> None:
        self._seals = seals
        self._applications = applications

    def dress(self, notice: Notice, guise: Guise, now: datetime) -> tuple[Mapping[str, str], bytes]:
        if guise == Guise.XML:
            return xml_copy(notice)
        fields = msgspec.json.decode(notice.content, type=dict[str, str])
        fields["notify_time"] = wire.to_time(now - STALE_BY if guise == Guise.STALE else now)
        application = self._applications[notice.account]
        fields["sign"] = self._seals.sign(wire.notice_text(fields), application, guise)
        if sn := self._seals.certificate_sn(application):
            fields["alipay_cert_sn"] = sn
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return headers, wire.notice_body(fields)

    def is_accepted(self, status: int, body: bytes) -> bool:
        return status == 200 and body == b"success"
