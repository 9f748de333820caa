"""The calls of WeChat Pay v2 that take money by what the buyer shows. Blocking: everything here is for `CallThreads`.

No library speaks them. Reversing needs the merchant's own certificate in the TLS handshake, so it has a connection of
its own, and so have the tokens of face devices, whose host is another. A body is never logged: it carries the buyer's
code.
"""

from __future__ import annotations

import os
import secrets
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.transport import Transport
from vendomat.cloud.payments.providers.wechat import v2_wire
from vendomat.cloud.payments.providers.wechat.settings import WeChatSettings
from vendomat.kernel import Clock, ErrorCode, VendomatError

_HEADERS = {"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml", "User-Agent": "vendomat"}


@dataclass(frozen=True, slots=True)
class ChargePaths:
    """Where one credential's three calls go. `sign_type` is set where the platform takes no other."""

    charge: str
    query: str
    reverse: str
    sign_type: str = ""


BAR_CODES = ChargePaths("/pay/micropay", "/pay/orderquery", "/secapi/pay/reverse")
FACES = ChargePaths("/pay/facepay", "/pay/facepayquery", "/secapi/pay/facepayreverse", v2_wire.HMAC_SHA256)


class V2Client:
    """Signs, sends and verifies. Each verb gives the platform's signed fields, or raises `NotKnownError`."""

    def __init__(
        self,
        settings: WeChatSettings,
        *,
        clock: Clock,
        connections_max: int,
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        if len(settings.apiv2_key.encode()) != 32:
            raise VendomatError(ErrorCode.INVALID_VALUE, "the APIv2 key of WeChat Pay has 32 characters")
        if not settings.certificate:
            raise VendomatError(ErrorCode.INVALID_VALUE, "apiv2_key and certificate are given together or not at all")
        self._settings = settings
        self._nonce = nonce
        self._plain = Transport(
            settings.base_url, clock=clock, timeout_s=settings.timeout_s, connections_max=connections_max
        )
        self._with_certificate = Transport(
            settings.certificate_url or settings.base_url,
            clock=clock,
            timeout_s=settings.timeout_s,
            connections_max=connections_max,
            tls=_tls_of(settings),
        )
        self._faces = Transport(
            settings.face_url, clock=clock, timeout_s=settings.timeout_s, connections_max=connections_max
        )

    def charge(self, paths: ChargePaths, fields: Mapping[str, str]) -> dict[str, str]:
        return self._ask(self._plain, paths.charge, fields, paths.sign_type)

    def query(self, paths: ChargePaths, number: str) -> dict[str, str]:
        return self._ask(self._plain, paths.query, {"out_trade_no": number}, paths.sign_type)

    def reverse(self, paths: ChargePaths, number: str) -> dict[str, str]:
        return self._ask(self._with_certificate, paths.reverse, {"out_trade_no": number}, paths.sign_type)

    def face_token(self, fields: Mapping[str, str]) -> dict[str, str]:
        return self._ask(self._faces, "/face/get_wxpayface_authinfo", fields)

    def close(self) -> None:
        self._plain.close()
        self._with_certificate.close()
        self._faces.close()

    def _ask(self, transport: Transport, path: str, fields: Mapping[str, str], only: str = "") -> dict[str, str]:
        key, sign_type = self._settings.apiv2_key, only or self._settings.v2_sign_type
        said = {
            "appid": self._settings.appid,
            "mch_id": self._settings.mchid,
            "nonce_str": self._nonce(),
            "sign_type": sign_type,
            **fields,
        }
        said["sign"] = v2_wire.sign(said, key, sign_type)
        answer = transport.exchange("POST", path, headers=_HEADERS, body=v2_wire.write_xml(said))
        if answer.status != 200:
            raise NotKnownError(f"HTTP_{answer.status}")
        return v2_wire.verified(answer.body, key, sign_type)


def _tls_of(settings: WeChatSettings) -> ssl.SSLContext:
    """A context that shows the merchant's certificate. Its library reads keys from a file only: one that lives for
    the length of this call, readable by nobody else."""
    context = ssl.create_default_context(cadata=settings.ca_certificate or None)
    descriptor, name = tempfile.mkstemp(prefix="wechat-", suffix=".pem")
    try:
        with os.fdopen(descriptor, "w") as pair:
            pair.write(f"{settings.certificate.strip()}\n{settings.private_key.strip()}\n")
        context.load_cert_chain(name)
    except (ssl.SSLError, ValueError) as error:
        raise VendomatError(
            ErrorCode.INVALID_VALUE, f"certificate and private key of WeChat Pay account {settings.mchid} do not fit"
        ) from error
    finally:
        Path(name).unlink(missing_ok=True)
    return context
