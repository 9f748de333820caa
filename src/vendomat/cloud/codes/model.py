"""Pickup codes: eight digits that stand for one product at one machine, once. Pure.

A code is a bearer secret: only its keyed hash is kept. A wrong, used, expired or withdrawn code gets the same answer.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vendomat.kernel import ErrorCode, Money, Moves, VendomatError

CODE_DIGITS = 8
TRIES_PER_MACHINE = 5
TRIES_PER_MERCHANT = 200
TRIES_WINDOW = timedelta(minutes=15)
COUNT_MAX = 50
LIFE_MIN = timedelta(minutes=1)
LIFE_MAX = timedelta(days=366)

_CODE = re.compile(rf"[0-9]{{{CODE_DIGITS}}}", re.ASCII)


class CodeKind(StrEnum):
    GIFT = "gift"
    PRIZE = "prize"
    PREPAID = "prepaid"  # somebody paid for it: the merchant owes goods


class CodeState(StrEnum):
    ISSUED = "issued"
    REDEEMED = "redeemed"
    WITHDRAWN = "withdrawn"


class CodeEvent(StrEnum):
    REDEEM = "redeem"
    RESTORE = "restore"  # nothing came out: the code is good again
    WITHDRAW = "withdraw"


MOVES = Moves(
    "pickup_code",
    CodeState,
    {
        (CodeState.ISSUED, CodeEvent.REDEEM): CodeState.REDEEMED,
        (CodeState.REDEEMED, CodeEvent.RESTORE): CodeState.ISSUED,
        (CodeState.ISSUED, CodeEvent.WITHDRAW): CodeState.WITHDRAWN,
    },
    start=CodeState.ISSUED,
    final=(CodeState.WITHDRAWN,),
)


@dataclass(frozen=True, slots=True)
class NewCodes:
    """An order for codes: `count` of them for `product_id` at `machine_id`, good for `life`."""

    machine_id: str
    product_id: str
    kind: CodeKind
    count: int
    life: timedelta

    def __post_init__(self) -> None:
        if not 1 <= self.count <= COUNT_MAX:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"1 to {COUNT_MAX} codes at once")
        if not LIFE_MIN <= self.life <= LIFE_MAX:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"a code is good for {LIFE_MIN} to {LIFE_MAX.days} days")


@dataclass(frozen=True, slots=True)
class PickupCode:
    """A code as it is kept: without its digits."""

    merchant_id: str
    code_id: str
    machine_id: str
    kind: CodeKind
    product_id: str
    value: Money
    state: CodeState
    order_id: str
    issued_at: datetime
    expires_at: datetime

    def is_good(self, now: datetime) -> bool:
        """Whether it may be redeemed now."""
        return MOVES.may(self.state, CodeEvent.REDEEM) and now < self.expires_at


@dataclass(frozen=True, slots=True)
class CodePosting:
    """What the ledger must say of a prepaid code: `prepaid_issued` (Dr asset:bank, Cr liab:voucher) or
    `prepaid_withdrawn` (the reverse)."""

    merchant_id: str
    code_id: str
    kind: str
    amount: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong tries within the window; `oldest` is the first of the machine's."""

    machine: int
    merchant: int
    oldest: datetime | None

    @property
    def is_locked(self) -> bool:
        return self.machine >= TRIES_PER_MACHINE or self.merchant >= TRIES_PER_MERCHANT


def locked_for_s(failures: Failures, now: datetime) -> int:
    """How long entry stays locked at the machine, at least a second."""
    if failures.oldest is None:
        return int(TRIES_WINDOW.total_seconds())
    return max(1, int((failures.oldest + TRIES_WINDOW - now).total_seconds()) + 1)


def code_hash(key: bytes, merchant_id: str, machine_id: str, digits: str) -> bytes:
    """HMAC-SHA256 of the digits at one machine. Raises `VendomatError(code_refused)` for anything but eight digits."""
    if _CODE.fullmatch(digits) is None:
        raise code_refused()
    return hmac.new(key, f"{merchant_id}\n{machine_id}\n{digits}".encode(), hashlib.sha256).digest()


def code_refused() -> VendomatError:
    return VendomatError(ErrorCode.CODE_REFUSED, "this code is not accepted here; nothing was used up")


def code_locked(failures: Failures, now: datetime) -> VendomatError:
    return VendomatError(
        ErrorCode.CODE_LOCKED,
        "too many wrong codes; entry is closed for a while, good codes stay good",
        locked_for_s=locked_for_s(failures, now),
    )
