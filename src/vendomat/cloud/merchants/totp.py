"""Codes that change every half minute (RFC 6238, with HMAC-SHA-1 as every authenticator app expects). Pure.

A code is taken within one step around now, since phones' clocks differ; of two uses of one step the second is refused,
which the caller keeps by the step that is answered here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from urllib.parse import quote

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20
STEPS_AROUND = 1
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
_ISSUER = "Vendomat"


def step_at(moment: datetime) -> int:
    return int(moment.timestamp()) // STEP_S


def code_of(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """HOTP (RFC 4226, section 5.3) of the step's number."""
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}d}"


def matching_step(secret: bytes, code: str, now: datetime, *, after: int) -> int | None:
    """The step that `code` is of, later than `after`; None for a code that is wrong, too old, or was used."""
    typed = "".join(code.split()).encode()
    found = None
    for step in range(step_at(now) - STEPS_AROUND, step_at(now) + STEPS_AROUND + 1):
        if hmac.compare_digest(code_of(secret, step).encode(), typed) and step > after:
            found = step
    return found


def secret_text(secret: bytes) -> str:
    """As it is typed into an app: base 32."""
    return base64.b32encode(secret).decode().rstrip("=")


def enrolment_uri(secret: bytes, *, email: str) -> str:
    """What an app reads from the drawing."""
    label = quote(f"{_ISSUER}:{email}")
    return f"otpauth://totp/{label}?secret={secret_text(secret)}&issuer={_ISSUER}&digits={DIGITS}&period={STEP_S}"


def recovery_text(raw: bytes) -> str:
    """A recovery code as it is written down: four groups of four."""
    text = base64.b32encode(raw).decode().lower()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def recovery_hash(key: bytes, code: str) -> bytes:
    """As it is kept: without `key` a stolen database gives no code away. Case, spaces and dashes do not matter."""
    plain = "".join(character for character in code.lower() if character.isalnum())
    return hmac.new(key, plain.encode(), hashlib.sha256).digest()
