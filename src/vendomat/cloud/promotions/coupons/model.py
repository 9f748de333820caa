"""Coupons: codes that let a promotion count. Drawn single-use codes, or one word with a number of uses. Pure.

A drawn code is a bearer secret: only its keyed hash is kept. A wrong, spent, expired, withdrawn or foreign code gets
the same answer, so that a guesser learns nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import COUPON_PATTERN

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""What drawn codes are made of: nothing that is read as something else."""
CODE_LETTERS = 8
COUNT_MAX = 1_000
USES_MAX = 1_000_000

_CODE = re.compile(COUPON_PATTERN, re.ASCII)


@dataclass(frozen=True, slots=True)
class NewCoupons:
    """An order for coupons of a promotion: `count` drawn codes, or one `word`; each counts for `uses_each` orders."""

    promotion_id: str
    word: str = ""
    count: int = 1
    uses_each: int = 1
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def check(self) -> NewCoupons:
        """Itself. Raises `VendomatError(invalid_value)` saying what is wrong with it."""
        wrong = self._wrong()
        if wrong:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"{wrong}; nothing was issued")
        return self

    def _wrong(self) -> str:
        if self.word and _CODE.fullmatch(self.word) is None:
            return "a word has 4 to 16 of the letters A to Z and the digits"
        if not 1 <= self.count <= (1 if self.word else COUNT_MAX):
            return f"there is one word, or there are 1 to {COUNT_MAX} codes"
        if not 1 <= self.uses_each <= USES_MAX:
            return f"a code counts for 1 to {USES_MAX} orders"
        if self.starts_at is not None and self.ends_at is not None and self.starts_at >= self.ends_at:
            return "a coupon ends after its beginning"
        return ""


@dataclass(frozen=True, slots=True)
class CouponBatch:
    """What was issued at once. `used` counts the orders that hold a use of it; a drawn code is not kept."""

    batch_id: str
    promotion_id: str
    word: str
    count: int
    uses_each: int
    starts_at: datetime | None
    ends_at: datetime | None
    created_at: datetime
    withdrawn_at: datetime | None = None
    used: int = 0


@dataclass(frozen=True, slots=True)
class Coupon:
    """One code as an order meets it; `left` is how many orders it may still be for."""

    merchant_id: str
    coupon_id: str
    promotion_id: str
    left: int
    starts_at: datetime | None
    ends_at: datetime | None
    is_withdrawn: bool

    def is_good(self, now: datetime) -> bool:
        """Whether an order may take a use of it now."""
        has_begun = self.starts_at is None or self.starts_at <= now
        is_over = self.ends_at is not None and self.ends_at <= now
        return self.left >= 1 and has_begun and not is_over and not self.is_withdrawn


def coupon_hash(key: bytes, merchant_id: str, code: str) -> bytes:
    """HMAC-SHA256 of a code at one merchant. `key` is `coupons_key(master_key)`."""
    return hmac.new(key, f"{merchant_id}\n{code}".encode(), hashlib.sha256).digest()


def coupon_refused() -> VendomatError:
    return VendomatError(
        ErrorCode.COUPON_REFUSED,
        "this coupon cannot be used here now; no money was taken. Take it out, or try again in a minute if an order "
        "with it has just been given up",
    )
