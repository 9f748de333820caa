"""Members: people whom a merchant knows, and the codes that their phones show. Pure.

A member code is digits that a machine's scanner reads: a serial and a signature over merchant and serial, good for a
minute and for one payment. Without the installation's key nobody can make one, so a wrong one is refused before any row
is looked at, and a guesser would have to hit a living serial and its signature at once. Nobody keeps a code; a phone
number is kept as a keyed hash and its last four digits.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vendomat.kernel import ErrorCode, Moves, VendomatError

CODE_PREFIX = "90"
"""No payment platform's codes begin so."""

SERIAL_DIGITS = 11
CODE_LIFE = timedelta(seconds=60)
KEY_BYTES = 32
NAME_CHARACTERS_MAX = 80
EXTERNAL_CHARACTERS_MAX = 80

_SIGNATURE_DIGITS = 11
_CODE = re.compile(rf"{CODE_PREFIX}([0-9]{{{SERIAL_DIGITS}}})([0-9]{{{_SIGNATURE_DIGITS}}})", re.ASCII)
_PHONE = re.compile(r"\+?[0-9]{5,15}", re.ASCII)


class MemberState(StrEnum):
    ACTIVE = "active"
    BLOCKED = "blocked"  # pays nothing and tops nothing up; what goes back to it still does


class MemberEvent(StrEnum):
    BLOCK = "block"
    UNBLOCK = "unblock"


MOVES = Moves(
    "member",
    MemberState,
    {
        (MemberState.ACTIVE, MemberEvent.BLOCK): MemberState.BLOCKED,
        (MemberState.BLOCKED, MemberEvent.UNBLOCK): MemberState.ACTIVE,
    },
    start=MemberState.ACTIVE,
)


@dataclass(frozen=True, slots=True)
class Member:
    """`external_id` is the merchant's own number of the person, `phone_tail` the last digits of a phone."""

    merchant_id: str
    member_id: str
    name: str
    phone_tail: str
    external_id: str
    state: MemberState
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewMember:
    name: str
    phone: str = ""
    external_id: str = ""

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= NAME_CHARACTERS_MAX or len(self.external_id) > EXTERNAL_CHARACTERS_MAX:
            raise VendomatError(ErrorCode.INVALID_VALUE, "a member has a name, and a number of at most 80 characters")


def plain_phone(text: str) -> str | None:
    """The number in the one form we compare: digits, perhaps after a plus; None for what is no phone number."""
    phone = re.sub(r"[\s()-]", "", text)
    return phone if _PHONE.fullmatch(phone) is not None else None


def checked_phone(text: str) -> str:
    """As `plain_phone`. Raises `VendomatError(invalid_value)`."""
    phone = plain_phone(text)
    if phone is None:
        raise VendomatError(ErrorCode.INVALID_VALUE, "this is not a phone number")
    return phone


def phone_hash(key: bytes, merchant_id: str, phone: str) -> bytes:
    """HMAC-SHA256 of a checked number at one merchant: the same person is not recognised across merchants."""
    return hmac.new(key, f"phone\n{merchant_id}\n{phone}".encode(), hashlib.sha256).digest()


def is_member_code(text: str) -> bool:
    """Whether it has the form of a member code; nothing is said about whose it is, or whether it is good."""
    return _CODE.fullmatch(text) is not None


def member_code(key: bytes, merchant_id: str, serial: str) -> str:
    """The digits to show for `serial`."""
    return f"{CODE_PREFIX}{serial}{_signature(key, merchant_id, serial)}"


def serial_of(key: bytes, merchant_id: str, code: str) -> str | None:
    """The serial of a code that was signed for this merchant; None of any other text."""
    found = _CODE.fullmatch(code)
    if found is None or not hmac.compare_digest(found[2], _signature(key, merchant_id, found[1])):
        return None
    return found[1]


def _signature(key: bytes, merchant_id: str, serial: str) -> str:
    digest = hmac.new(key, f"member code\n{merchant_id}\n{serial}".encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(digest, 'big') % 10**_SIGNATURE_DIGITS:0{_SIGNATURE_DIGITS}d}"
