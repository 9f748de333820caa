"""WeChat Pay APIv3 as bytes: signed texts, the Authorization header, sealed resources. Pure; does no I/O.

Texts end every line with a newline, the last one too. Verify over what was received, never over what was parsed.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEME = "WECHATPAY2-SHA256-RSA2048"
SIGNTEST_PREFIX = "WECHATPAY/SIGNTEST/"
CHINA = timezone(timedelta(hours=8))
RETRY_DELAYS_S: tuple[float, ...] = (
    15, 15, 30, 180, 600, 1_200, 1_800, 1_800, 1_800, 3_600, 10_800, 10_800, 10_800, 21_600, 21_600,
)  # fmt: skip
"""Waits between sendings of one notice; about 24 h together."""

_PAIR = re.compile(r'([a-z_]+)="([^"]*)"')
_FIELDS = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}


@dataclass(frozen=True, slots=True)
class Authorization:
    """The credentials of one request."""

    mchid: str
    serial_no: str
    timestamp: str
    nonce: str
    signature: str


def read_authorization(value: str) -> Authorization | None:
    """The Authorization header, or None when it does not have the documented form. Any order of keys will do."""
    scheme, _, rest = value.partition(" ")
    if scheme != SCHEME:
        return None
    parts = rest.split(",")
    pairs = [(match[1], match[2]) for part in parts if (match := _PAIR.fullmatch(part.strip()))]
    fields = dict(pairs)
    if len(pairs) != len(parts) or set(fields) != _FIELDS or len(pairs) != len(fields):
        return None
    if not fields["timestamp"].isascii() or not fields["timestamp"].isdigit() or len(fields["timestamp"]) > 12:
        return None
    return Authorization(
        fields["mchid"], fields["serial_no"], fields["timestamp"], fields["nonce_str"], fields["signature"]
    )


def write_authorization(credentials: Authorization) -> str:
    """The header for `credentials`."""
    return (
        f'{SCHEME} mchid="{credentials.mchid}",nonce_str="{credentials.nonce}",signature="{credentials.signature}",'
        f'timestamp="{credentials.timestamp}",serial_no="{credentials.serial_no}"'
    )


def request_text(method: str, target: str, credentials: tuple[str, str], body: bytes) -> bytes:
    """What a merchant signs; `credentials` is (timestamp, nonce), `target` the raw path and query."""
    timestamp, nonce = credentials
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode("latin-1") + body + b"\n"


def answer_text(timestamp: str, nonce: str, body: bytes) -> bytes:
    """What the platform signs, in answers and in notices."""
    return f"{timestamp}\n{nonce}\n".encode("latin-1") + body + b"\n"


def seal(key: bytes, nonce: str, associated_data: str, plaintext: bytes) -> str:
    """AES-GCM with the tag appended, base64 (AEAD_AES_256_GCM with a 32-byte key)."""
    return base64.b64encode(AESGCM(key).encrypt(nonce.encode(), plaintext, associated_data.encode())).decode()


def unseal(key: bytes, nonce: str, associated_data: str, ciphertext: str) -> bytes | None:
    """The plaintext, or None when key, nonce, data or text do not belong together."""
    try:
        return AESGCM(key).decrypt(nonce.encode(), base64.b64decode(ciphertext), associated_data.encode())
    except (InvalidTag, binascii.Error, ValueError):
        return None


def to_rfc3339(moment: datetime) -> str:
    """`2018-06-08T10:34:56+08:00`."""
    return moment.astimezone(CHINA).isoformat(timespec="seconds")
