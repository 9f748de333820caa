"""WeChat Pay's own keys and what it signs with them: answers and notices, as itself or in a false guise."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from vendomat.simulator.gateways import keys
from vendomat.simulator.gateways.notices import Guise, Notice
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.wechat import wire, xml_notices
from vendomat.simulator.gateways.wechat.records import KeyMode, Merchant

STALE_BY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class CertificatePair:
    certificate_pem: str
    key_pem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformKeys:
    """Made at the first start and kept: the public-key pair, the certificate's, and a stranger's to forge with.

    `newer` are the certificates that followed the first one; the last of them signs.
    """

    KIND: ClassVar[str] = "wechat_keys"

    public_key_id: str
    private_key_pem: str
    certificate_pem: str
    certificate_key_pem: str
    stranger_key_pem: str
    newer: tuple[CertificatePair, ...] = ()

    @classmethod
    def make(cls, make_key: keys.KeySource, numbers: Numbers, now: datetime) -> PlatformKeys:
        pair = make_certificate_pair(make_key, numbers, now)
        return cls(
            public_key_id=f"PUB_KEY_ID_01{numbers.digits(26)}",
            private_key_pem=keys.private_pem(make_key()),
            certificate_pem=pair.certificate_pem,
            certificate_key_pem=pair.key_pem,
            stranger_key_pem=keys.private_pem(make_key()),
        )

    @property
    def certificates(self) -> tuple[CertificatePair, ...]:
        """All, oldest first."""
        return (CertificatePair(self.certificate_pem, self.certificate_key_pem), *self.newer)


def make_certificate_pair(make_key: keys.KeySource, numbers: Numbers, now: datetime) -> CertificatePair:
    key = make_key()
    pem = keys.make_certificate(key, "Emulated payment platform", random_bits=numbers.bits(158), now=now)
    return CertificatePair(pem, keys.private_pem(key))


class Seals:
    """Signature headers by mode, and the opposite of each.

    `newest_percent` is the share of what certificates sign that the newest one signs; the one before it does the rest.
    """

    def __init__(self, platform_keys: PlatformKeys, numbers: Numbers) -> None:
        self._numbers = numbers
        self._stranger = keys.load_private(platform_keys.stranger_key_pem)
        self.public_key_id = platform_keys.public_key_id
        self._public_mode_key = keys.load_private(platform_keys.private_key_pem)
        self.public_key_pem = keys.public_pem(self._public_mode_key.public_key())
        self._certificates = list(platform_keys.certificates)
        self.newest_percent = 100
        self._drawn = 0

    @property
    def certificate_pem(self) -> str:
        """The newest certificate."""
        return self._certificates[-1].certificate_pem

    @property
    def certificate_key_pem(self) -> str:
        return self._certificates[-1].key_pem

    @property
    def certificate_serial(self) -> str:
        return keys.serial_of(self.certificate_pem)

    @property
    def listed_pems(self) -> list[str]:
        """What merchants are told of: the newest certificate and, in a change, the one before it."""
        return [pair.certificate_pem for pair in self._certificates[-2:]]

    def add(self, pair: CertificatePair, newest_percent: int) -> None:
        """A new certificate, which signs `newest_percent` from now on."""
        self._certificates.append(pair)
        self.newest_percent = newest_percent

    def opened(self, serial: str, sealed: str) -> str | None:
        """What a merchant sealed for us under the key of `serial`, or None when it does not open."""
        held = {keys.serial_of(pair.certificate_pem): keys.load_private(pair.key_pem) for pair in self._certificates}
        key = (held | {self.public_key_id: self._public_mode_key}).get(serial)
        return keys.unsealed(key, sealed) if key is not None else None

    def mode_for(self, asked_serial: str, merchant: Merchant) -> KeyMode:
        """The mode of one answer: what the request asks for with `Wechatpay-Serial`, else the merchant's own.

        A merchant on the move is answered under either, whatever it asks for: the harder reading of the documents.
        """
        if merchant.public_key_percent is None:
            if asked_serial == self.public_key_id:
                return KeyMode.PUBLIC_KEY
            if asked_serial in [keys.serial_of(pem) for pem in self.listed_pems]:
                return KeyMode.CERTIFICATE
        return self.drawn_mode(merchant)

    def drawn_mode(self, merchant: Merchant) -> KeyMode:
        """The merchant's own mode; while it moves to the public key, that one as often as its share says."""
        if merchant.public_key_percent is None:
            return merchant.mode
        return KeyMode.PUBLIC_KEY if self._is_drawn(merchant.public_key_percent) else KeyMode.CERTIFICATE

    def _signer(self, mode: KeyMode) -> tuple[str, RSAPrivateKey]:
        if mode == KeyMode.PUBLIC_KEY:
            return self.public_key_id, self._public_mode_key
        is_older = len(self._certificates) > 1 and not self._is_drawn(self.newest_percent)
        pair = self._certificates[-2 if is_older else -1]
        return keys.serial_of(pair.certificate_pem), keys.load_private(pair.key_pem)

    def _is_drawn(self, percent: int) -> bool:
        """True for `percent` of all calls, the same each time and in no beat that callers could fall into."""
        self._drawn = (self._drawn + 61) % 100
        return self._drawn < percent

    def headers(self, mode: KeyMode, body: bytes, now: datetime, guise: Guise = Guise.GENUINE) -> list[tuple[str, str]]:
        """The five signature headers over `body`, true or false as `guise` says."""
        serial, key = self._signer(mode)
        timestamp = str(int((now - STALE_BY if guise == Guise.STALE else now).timestamp()))
        nonce = self._numbers.text(32)
        if guise == Guise.FORGED:
            key = self._stranger
        elif guise == Guise.WRONG_KEY:
            other = KeyMode.CERTIFICATE if mode == KeyMode.PUBLIC_KEY else KeyMode.PUBLIC_KEY
            key = self._signer(other)[1]
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
        mode = self._seals.drawn_mode(self._merchants[notice.account])
        headers = dict(self._seals.headers(mode, body, now, guise))
        headers["Content-Type"] = "application/json"
        headers["User-Agent"] = "Mozilla/4.0"
        return headers, body

    def is_accepted(self, status: int, body: bytes) -> bool:
        return status in (200, 204)
