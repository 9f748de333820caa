"""WeChat Pay's own keys and what it signs with them: answers and notices, as itself or in a false guise."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from vendomat.simulator.gateways import keys
from vendomat.simulator.gateways.notices import Guise, Notice
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.wechat import wire, xml_notices
from vendomat.simulator.gateways.wechat.records import KeyMode, Merchant

STALE_BY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformKeys:
    """Made at the first start and kept: the public-key pair, the certificate's, and a stranger's to forge with."""

    KIND: ClassVar[str] = "wechat_keys"

    public_key_id: str
    private_key_pem: str
    certificate_pem: str
    certificate_key_pem: str
    stranger_key_pem: str

    @classmethod
    def make(cls, make_key: keys.KeySource, numbers: Numbers, now: datetime) -> PlatformKeys:
        certificate_key = make_key()
        return cls(
            public_key_id=f"PUB_KEY_ID_01{numbers.digits(26)}",
            private_key_pem=keys.private_pem(make_key()),
            certificate_pem=keys.make_certificate(
                certificate_key, "Emulated payment platform", random_bits=numbers.bits(158), now=now
            ),
            certificate_key_pem=keys.private_pem(certificate_key),
            stranger_key_pem=keys.private_pem(make_key()),
        )


class Seals:
    """Signature headers by mode, and the opposite of each."""

    def __init__(self, platform_keys: PlatformKeys, numbers: Numbers) -> None:
        self._numbers = numbers
        self._stranger = keys.load_private(platform_keys.stranger_key_pem)
        self.public_key_id = platform_keys.public_key_id
        self.certificate_pem = platform_keys.certificate_pem
        self.certificate_serial = keys.serial_of(platform_keys.certificate_pem)
        public_mode_key = keys.load_private(platform_keys.private_key_pem)
        self.public_key_pem = keys.public_pem(public_mode_key.public_key())
        self.certificate_key_pem = platform_keys.certificate_key_pem
        self._signers = {
            KeyMode.PUBLIC_KEY: (self.public_key_id, public_mode_key),
            KeyMode.CERTIFICATE: (self.certificate_serial, keys.load_private(platform_keys.certificate_key_pem)),
        }

    def mode_for(self, asked_serial: str, mode: KeyMode) -> KeyMode:
        """The mode of one answer: what the request asks for with `Wechatpay-Serial`, else the merchant's own."""
        for known, (serial, _) in self._signers.items():
            if serial == asked_serial:
                return known
        return mode

    def headers(self, mode: KeyMode, body: bytes, now: datetime, guise: Guise = Guise.GENUINE) -> list[tuple[str, str]]:
        """The five signature headers over `body`, true or false as `guise` says."""
        serial, key = self._signers[mode]
        timestamp = str(int((now - STALE_BY if guise == Guise.STALE else now).timestamp()))
        nonce = self._numbers.text(32)
        if guise == Guise.FORGED:
            key = self._stranger
        elif guise == Guise.WRONG_KEY:
            other = KeyMode.CERTIFICATE if mode == KeyMode.PUBLIC_KEY else KeyMode.PUBLIC_KEY
            key = self._signers[other][1]
        if guise == Guise.SIGNTEST:
            noise = base64.b64encode(self._numbers.bits(2048).to_bytes(256, "big")).decode()
            signature = (wire.SIGNTEST_PREFIX + noise)[:344]
        else:
            signature = keys.sign(key, wire.answer_text(timestamp, nonce, body))
        return [
            ("Wechatpay-Timestamp", timestamp),
            ("Wechatpay-Nonce", nonce),
            ("Wechatpay-Signature", signature),
            ("Wechatpay-Serial", serial),
            ("Wechatpay-Signature-Type", wire.SCHEME),
        ]


class WechatDresser:
    """How WeChat sends a notice: its schedule, JSON with signature headers, and 200 or 204 as the answer."""

    retry_delays_s = wire.RETRY_DELAYS_S

    def __init__(self, seals: Seals, merchants: Mapping[str, Merchant]) -> None:
        self._seals = seals
        self._merchants = merchants

    def dress(self, notice: Notice, guise: Guise, now: datetime) -> tuple[Mapping[str, str], bytes]:
        if guise == Guise.XML or notice.kind == xml_notices.KIND:
            xml = xml_notices.refund_xml(notice, self._merchants[notice.account])
            return {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"}, xml
        body = notice.content.encode()
        headers = dict(self._seals.headers(self._merchants[notice.account].mode, body, now, guise))
        headers["Content-Type"] = "application/json"
        headers["User-Agent"] = "Mozilla/4.0"
        return headers, body

    def is_accepted(self, status: int, body: bytes) -> bool:
        return status in (200, 204)
