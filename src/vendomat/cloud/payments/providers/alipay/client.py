"""The client library `python-alipay-sdk`, with the checks and the speed it lacks.

The library gives the calls and the texts to sign. Ours: kept connections with size and time limits, Beijing time from
the injected clock, the exact JSON substring under a signature (the library counts braces, also those inside strings),
and RSA by `cryptography`, five times as fast. Everything here blocks and belongs in `CallThreads`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from alipay import AliPay
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from vendomat.cloud.payments.providers.alipay import wire
from vendomat.cloud.payments.providers.alipay.archive import check_whole
from vendomat.cloud.payments.providers.alipay.certificates import (
    Numbers,
    PlatformCertificates,
    number_of_certificate,
    number_of_roots,
    read_chain,
)
from vendomat.cloud.payments.providers.alipay.settings import AlipaySettings
from vendomat.cloud.payments.providers.bills import FetchedBill
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.downloads import Promise, fetch_file, host_of, origin_of, target_of
from vendomat.cloud.payments.providers.transport import Transport
from vendomat.kernel import Clock, ErrorCode, VendomatError

_UNSIGNED_CODES = wire.REQUEST_REFUSALS | wire.GATEWAY_DOUBTS


class AlipayClient(AliPay):  # type: ignore[misc]  # the library has no types
    """The library's calls for one application. Each gives the verified fields of the answer."""

    def __init__(self, settings: AlipaySettings, *, clock: Clock, connections_max: int) -> None:
        self._clock = clock
        self.transport = Transport(
            settings.gateway_url, clock=clock, timeout_s=settings.timeout_s, connections_max=connections_max
        )
        origins = [settings.bill_url, origin_of(settings.gateway_url)]
        self._bill_transports = {
            host_of(origin): Transport(origin, clock=clock, timeout_s=settings.timeout_s, connections_max=1)
            for origin in origins
        }
        self._numbers: Numbers | None = None
        self._certificates: PlatformCertificates | None = None
        if settings.has_certificates:
            self._use_certificates(settings)
        super().__init__(
            appid=settings.app_id,
            app_private_key_string=settings.private_key,
            alipay_public_key_string=settings.alipay_public_key,
            sign_type="RSA2",
        )

    def _use_certificates(self, settings: AlipaySettings) -> None:
        roots = read_chain(settings.alipay_root_certificate, "the root certificate")
        own = read_chain(settings.app_certificate, "the application's certificate")[0]
        self._numbers = Numbers(app=number_of_certificate(own), root=number_of_roots(roots))
        known = read_chain(settings.alipay_certificate, "the platform's certificate")
        self._certificates = PlatformCertificates(known, roots, clock=self._clock, fetch=self._fetch_certificate)

    def build_body(self, method: str, biz_content: Any = None, **parameters: Any) -> dict[str, Any]:
        body: dict[str, Any] = super().build_body(method, biz_content, **parameters)
        body["format"] = "JSON"
        body["timestamp"] = wire.timestamp_of(self._clock.now())
        if self._numbers is not None:
            body["app_cert_sn"] = self._numbers.app
            body["alipay_root_cert_sn"] = self._numbers.root
        return body

    def verified_sync_response(self, data: dict[str, Any], response_type: str) -> dict[str, Any]:
        """Send the call and give the fields of its answer. Raises `NotKnownError`."""
        return self.read_answer(self._exchange(data), response_type)

    def _exchange(self, data: dict[str, Any]) -> bytes:
        headers = {"Accept": "application/json", "User-Agent": "vendomat"}
        answer = self.transport.exchange("GET", "?" + self.sign_data(data), headers=headers)
        if answer.status != 200:
            raise NotKnownError(f"HTTP_{answer.status}")
        return answer.body

    def _fetch_certificate(self, number: str) -> str:
        """The file of the platform's certificate `number`, base64. Nothing proves it: its own chain has to."""
        method = "alipay.open.app.alipaycert.download"
        parts = _decode(self._exchange(self.build_body(method, {"alipay_cert_sn": number})), dict[str, Any])
        fields = parts.get("alipay_open_app_alipaycert_download_response")
        content = fields.get("alipay_cert_content") if isinstance(fields, dict) else None
        if not isinstance(content, str):
            raise NotKnownError("the platform does not give out the certificate it signs under")
        return content

    def read_answer(self, body: bytes, response_type: str) -> dict[str, Any]:
        """The verified fields of an answer; without a signature only the gateway's own errors are taken."""
        parts = _decode(body, dict[str, msgspec.Raw])
        content = parts.get(response_type) or parts.get("error_response")
        if content is None:
            raise NotKnownError("the answer is not about this call")
        fields: dict[str, Any] = _decode(content, dict)
        if "sign" not in parts:
            if fields.get("code") not in _UNSIGNED_CODES:
                raise NotKnownError("the answer is not signed")
            return fields
        signature = _decode(parts["sign"], str)
        number = _decode(parts["alipay_cert_sn"], str) if "alipay_cert_sn" in parts else ""
        if not self._is_signed(bytes(content), signature, number=number, asked_by="answer"):
            raise NotKnownError("the signature of the answer is wrong", is_about_keys=True)
        return fields

    def verify_notice(self, fields: Mapping[str, str]) -> bool:
        """Whether Alipay signed the fields of a notice."""
        if fields.get("sign_type") != self._sign_type:
            raise NotKnownError("not signed with RSA2")
        number = fields.get("alipay_cert_sn", "")
        text = wire.notice_text(fields, has_certificates=self._certificates is not None)
        return self._is_signed(text, fields.get("sign", ""), number=number, asked_by="notice")

    def charge(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """`alipay.trade.pay` by the general call: the library's own knows no faces."""
        content = {name: value for name, value in order.items() if name != "notify_url"}
        fields: dict[str, Any] = self.server_api("alipay.trade.pay", content, notify_url=order.get("notify_url"))
        return fields

    def prepare_face(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """What a face device needs to look at somebody."""
        fields: dict[str, Any] = self.server_api("zoloz.authentication.smilepay.initialize", dict(content))
        return fields

    def ask_bill(self, bill_type: str, day: date) -> dict[str, Any]:
        """Where the bill of `day` lies."""
        content = {"bill_type": bill_type, "bill_date": day.isoformat()}
        fields: dict[str, Any] = self.server_api("alipay.data.dataservice.bill.downloadurl.query", content)
        return fields

    def download_bill(self, url: str, into: Path) -> FetchedBill:
        """The archive at `into`. Whoever has its address may fetch it, so we sign nothing here.

        The platform promises no hash, so the archive's own sums over its files stand in for it.
        """
        promise = Promise(target_of(url, self._bill_transports))
        transport = self._bill_transports[host_of(url)]
        headers = {"Accept": "*/*", "User-Agent": "vendomat"}
        return fetch_file(transport, promise, headers=headers, into=into, check=check_whole)

    def close(self) -> None:
        for transport in (self.transport, *self._bill_transports.values()):
            transport.close()

    def _load_key(self) -> None:
        self._app_private_key = _private_key(self._app_private_key_string)
        if self._certificates is None:
            self._alipay_public_key: RSAPublicKey = _public_key(self._alipay_public_key_string)

    def _sign(self, unsigned_string: str) -> str:
        return base64.b64encode(self._app_private_key.sign(unsigned_string.encode(), PKCS1v15(), SHA256())).decode()

    def _is_signed(self, text: bytes, signature: str, *, number: str, asked_by: str) -> bool:
        """Whether `text` carries the signature of the platform's key, or of the one that certificate `number` has."""
        known = self._certificates
        key = self._alipay_public_key if known is None else known.key(number, asked_by=asked_by)
        try:
            key.verify(base64.b64decode(signature, validate=True), text, PKCS1v15(), SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def _decode(body: bytes | msgspec.Raw, shape: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotKnownError(f"malformed: {error}") from error


def _private_key(text: str) -> RSAPrivateKey:
    try:
        is_pem = text.lstrip().startswith("-----BEGIN")
        key = load_pem_private_key(text.encode(), None) if is_pem else load_der_private_key(_der(text), None)
    except (ValueError, TypeError) as error:
        raise VendomatError(ErrorCode.INVALID_VALUE, "the application's private key for Alipay is unusable") from error
    if not isinstance(key, RSAPrivateKey):
        raise VendomatError(ErrorCode.INVALID_VALUE, "the application's private key for Alipay is not an RSA key")
    return key


def _public_key(text: str) -> RSAPublicKey:
    try:
        is_pem = text.lstrip().startswith("-----BEGIN")
        key = load_pem_public_key(text.encode()) if is_pem else load_der_public_key(_der(text))
    except ValueError as error:
        raise VendomatError(ErrorCode.INVALID_VALUE, "Alipay's public key is unusable") from error
    if not isinstance(key, RSAPublicKey):
        raise VendomatError(ErrorCode.INVALID_VALUE, "Alipay's public key is not an RSA key")
    return key


def _der(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)
