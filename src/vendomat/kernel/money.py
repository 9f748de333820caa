"""Money: integer minor units of an ISO 4217 currency.

Refuses floats, mixed currencies and any split whose parts do not sum to the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from vendomat.kernel.errors import ErrorCode, VendomatError

EXPONENTS = {"CNY": 2, "USD": 2, "EUR": 2, "GBP": 2, "HKD": 2, "SGD": 2, "JPY": 0, "KRW": 0, "KWD": 3}
"""Digits after the decimal point by currency (ISO 4217)."""

MINOR_UNITS_MAX = 10**15


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount of `minor_units` (fen, cents) of `currency`."""

    minor_units: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor_units) is not int or abs(self.minor_units) > MINOR_UNITS_MAX:
            raise VendomatError(ErrorCode.INVALID_AMOUNT, f"{self.minor_units!r} is not an amount in minor units")
        if self.currency not in EXPONENTS:
            raise VendomatError(ErrorCode.INVALID_AMOUNT, f"{self.currency!r} is not a currency we know")

    def __add__(self, other: Money) -> Money:
        return Money(self.minor_units + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor_units - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor_units, self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.minor_units * count, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor_units < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor_units <= self._same(other)

    def __bool__(self) -> bool:
        return self.minor_units != 0

    def __str__(self) -> str:
        return f"{self.to_decimal_text()} {self.currency}"

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Shares in proportion to non-negative integer `weights`, summing exactly to the whole.

        Largest remainder first, earlier share first among equals, so the result is the same everywhere.
        """
        total = sum(weights)
        if not weights or total <= 0 or min(weights) < 0:
            raise VendomatError(ErrorCode.INVALID_AMOUNT, "a split needs non-negative weights with a positive sum")
        if self.minor_units < 0:
            return [-share for share in (-self).split(weights)]
        whole = self.minor_units
        parts = [whole * weight // total for weight in weights]
        by_remainder = sorted(range(len(weights)), key=lambda i: (-(whole * weights[i] % total), i))
        for i in by_remainder[: whole - sum(parts)]:
            parts[i] += 1
        return [Money(part, self.currency) for part in parts]

    def to_decimal_text(self) -> str:
        """`"5.50"`: the form of platforms that write yuan, with the currency's own number of digits."""
        exponent = EXPONENTS[self.currency]
        return f"{Decimal(self.minor_units).scaleb(-exponent):.{exponent}f}"

    @classmethod
    def from_decimal_text(cls, text: str, currency: str) -> Money:
        """Read `"5.50"`. More digits than the currency has, or anything but a plain number, is refused."""
        try:
            scaled = Decimal(text).scaleb(EXPONENTS[currency])
            whole = int(scaled)
        except (ArithmeticError, ValueError, KeyError) as error:
            raise VendomatError(ErrorCode.INVALID_AMOUNT, f"{text!r} {currency!r} is not an amount") from error
        if scaled != whole:
            raise VendomatError(ErrorCode.INVALID_AMOUNT, f"{text!r} has more digits than {currency} has")
        return cls(whole, currency)

    def _same(self, other: Money) -> int:
        if self.currency != other.currency:
            raise VendomatError(ErrorCode.INVALID_AMOUNT, f"{self.currency} and {other.currency} do not mix")
        return other.minor_units


def total(amounts: Sequence[Money], currency: str) -> Money:
    """The sum of `amounts`, zero of `currency` when there are none."""
    result = Money(0, currency)
    for amount in amounts:
        result += amount
    return result
