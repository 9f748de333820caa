"""Alipay's REST protocol (v3) as text: the Authorization header, what is signed, how an error is spelt. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

SCHEME = "ALIPAY-SHA256withRSA"
LIFE_S = 120
"""How long a request is good unless it says otherwise."""

_PAIR = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)
_SIGN = ",sign="


@dataclass(frozen=True, slots=True)
class Authorization:
    """The credentials of one request; `text` is what of them is signed."""

    text: str
    app_id: str
    timestamp_ms: int
    sign: str
    app_cert_sn: str = ""
    expired_s: int = LIFE_S


def read_authorization(value: str) -> Authorization | None:
    """The header, or None when it has not the documented form. `sign` stands last, the others in any order."""
    scheme, _, rest = value.partition(" ")
    text, _, sign = rest.rpartition(_SIGN)
    if scheme != SCHEME or not text or not sign:
        return None
    pairs = [(match[1], match[2]) for part in text.split(",") if (match := _PAIR.fullmatch(part))]
    fields = dict(pairs)
    if len(fields) != len(text.split(",")) or not {"app_id", "nonce", "timestamp"} <= fields.keys():
        return None
    timestamp, expired = fields["timestamp"], fields.get("expired_seconds", str(LIFE_S))
    if not all(number.isascii() and number.isdigit() and len(number) < 15 for number in (timestamp, expired)):
        return None
    return Authorization(text, fields["app_id"], int(timestamp), sign, fields.get("app_cert_sn", ""), int(expired))


def request_text(authorization: str, method: str, target: str, body: bytes) -> bytes:
    """What a merchant signs; `target` is the raw path and query."""
    return f"{authorization}\n{method}\n{target}\n".encode("latin-1") + body + b"\n"


def answer_text(timestamp: str, nonce: str, body: bytes) -> bytes:
    """What the platform signs."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def error_code(sub_code: str) -> str:
    """`isv.invalid-signature` is `invalid-signature` here; business codes stay as they are."""
    return re.sub(r"^(isv|isp|aop)\.", "", sub_code)
