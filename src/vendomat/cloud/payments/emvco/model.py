"""What an EMVCo code says: who is paid, where, and perhaps how much. Pure.

A code is its fields in their order, so that whatever was read is written again to the letter, ids unknown here
included. It refuses fields that break the specification's lengths and characters; it does not judge whether an account
exists or a scheme knows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vendomat.cloud.payments.emvco.wire import CHECK_SUM_ID, Field, read_fields, refusal, seal, unseal, write_fields
from vendomat.kernel import Money, VendomatError

CURRENCY_NUMBERS: Mapping[str, str] = {
    "CNY": "156",
    "EUR": "978",
    "GBP": "826",
    "HKD": "344",
    "JPY": "392",
    "KRW": "410",
    "KWD": "414",
    "SGD": "702",
    "USD": "840",
}
"""ISO 4217 numbers of the currencies the kernel knows; the name of any other stays unsaid."""

_CURRENCIES = {number: name for name, number in CURRENCY_NUMBERS.items()}

NUMERIC = re.compile(r"[0-9]*")
PRINTABLE = re.compile(r"[ -~]*")  # "ans" of the specification
ANY_TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*")
AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?")

ROOT_RULES: Mapping[str, tuple[re.Pattern[str], int, int]] = {
    "00": (re.compile(r"01"), 2, 2),
    "01": (re.compile(r"1[12]"), 2, 2),
    "52": (NUMERIC, 4, 4),
    "53": (NUMERIC, 3, 3),
    "54": (AMOUNT, 1, 13),
    "55": (re.compile(r"0[123]"), 2, 2),
    "56": (AMOUNT, 1, 13),
    "57": (AMOUNT, 1, 5),
    "58": (re.compile(r"[A-Z]{2}"), 2, 2),
    "59": (PRINTABLE, 1, 25),
    "60": (PRINTABLE, 1, 15),
    "61": (PRINTABLE, 1, 10),
}
"""Characters, shortest and longest value of the root's fields; the others are any printable text."""

ADDITIONAL_RULES: Mapping[str, tuple[re.Pattern[str], int, int]] = {
    **{f"{number:02d}": (PRINTABLE, 1, 25) for number in range(1, 9)},
    "09": (re.compile(r"[AME]*"), 1, 3),
}
LANGUAGE_RULES: Mapping[str, tuple[re.Pattern[str], int, int]] = {
    "00": (re.compile(r"[A-Za-z]{2}"), 2, 2),
    "01": (ANY_TEXT, 1, 25),
    "02": (ANY_TEXT, 1, 15),
}
REQUIRED = ("00", "52", "53", "58", "59", "60")
ACCOUNT_IDS = frozenset(f"{number:02d}" for number in range(2, 52))
ACCOUNT_TEMPLATES = frozenset(f"{number:02d}" for number in range(26, 52))
ADDITIONAL, LANGUAGE = "62", "64"


@dataclass(frozen=True, slots=True)
class MerchantAccount:
    """Where the money goes: ids 02 to 25 are card schemes with a value of their own; 26 to 51 name theirs inside."""

    id: str
    value: str
    fields: tuple[Field, ...] = ()

    @property
    def scheme(self) -> str:
        """The globally unique identifier of a template, empty for a card scheme."""
        return next((field.value for field in self.fields if field.id == "00"), "")


@dataclass(frozen=True, slots=True)
class MerchantCode:
    """One code: every field but the check sum, in the order they stand in. Raises `VendomatError` when it is none."""

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        self._check_set()
        at = 0
        for field in self.fields:
            _check_field(field, at + 4)
            at += 4 + len(field.value)
        if (amount := self.amount) is not None and not amount:
            raise refusal("54", self._place("54"), "an amount of nothing is written by leaving it out")

    def get(self, number: str) -> str:
        """The value of a field, empty when it is not there."""
        return next((field.value for field in self.fields if field.id == number), "")

    @property
    def is_static(self) -> bool:
        """Whether the same code serves many payments; one that says nothing is taken for static."""
        return self.get("01") != "12"

    @property
    def accounts(self) -> tuple[MerchantAccount, ...]:
        return tuple(
            MerchantAccount(field.id, field.value, read_fields(field.value) if field.id in ACCOUNT_TEMPLATES else ())
            for field in self.fields
            if field.id in ACCOUNT_IDS
        )

    @property
    def category(self) -> str:
        """The merchant category code: 5814 fast food, 5999 other shops."""
        return self.get("52")

    @property
    def currency(self) -> str:
        """The currency's letters, empty for one the kernel does not know; `get("53")` has its number."""
        return _CURRENCIES.get(self.get("53"), "")

    @property
    def amount(self) -> Money | None:
        """What is to be paid. None when the payer says it, or when the currency is not one we know."""
        if not self.get("54") or not self.currency:
            return None
        try:
            return Money.from_decimal_text(self.get("54"), self.currency)
        except VendomatError as error:
            raise refusal("54", self._place("54"), error.message) from error

    @property
    def country(self) -> str:
        return self.get("58")

    @property
    def name(self) -> str:
        return self.get("59")

    @property
    def city(self) -> str:
        return self.get("60")

    @property
    def additional(self) -> Mapping[str, str]:
        """The fields of the additional data by id: 01 bill, 05 reference, 07 terminal, 08 purpose."""
        return {field.id: field.value for field in read_fields(self.get(ADDITIONAL))}

    @property
    def terminal(self) -> str:
        """The machine, as its label says."""
        return self.additional.get("07", "")

    def _check_set(self) -> None:
        ids = [field.id for field in self.fields]
        if not ids or ids[0] != "00":
            raise refusal("00", 0, "a code begins with its format, 000201")
        if CHECK_SUM_ID in ids:
            raise refusal(CHECK_SUM_ID, self._place(CHECK_SUM_ID), "the check sum stands at the end and only there")
        if missing := [number for number in REQUIRED if number not in ids]:
            raise refusal(missing[0], self._place(""), "this field is required and missing")
        if not ACCOUNT_IDS & set(ids):
            raise refusal("26", self._place(""), "no field from 02 to 51 says who is paid")
        if len(set(ids)) != len(ids):
            raise refusal("", 0, "an id occurs a second time")

    def _place(self, number: str) -> int:
        """Where a field begins, or the end of the text when it is not there."""
        at = 0
        for field in self.fields:
            if field.id == number:
                return at
            at += 4 + len(field.value)
        return at


def decode_merchant_code(text: str) -> MerchantCode:
    """Read a scanned text. Raises `VendomatError` saying which field is wrong, and at which character."""
    return MerchantCode(read_fields(unseal(text)))


def encode_merchant_code(code: MerchantCode) -> str:
    """The text to draw as a QR code. Raises `VendomatError` beyond 512 characters."""
    return seal(write_fields(code.fields))


def _check_field(field: Field, at: int) -> None:
    """`at` is where its value begins."""
    _check_value(field, ROOT_RULES.get(field.id, (ANY_TEXT, 1, 99)), field.id, at)
    if field.id in ACCOUNT_TEMPLATES:
        inner = read_fields(field.value, at=at, path=field.id)
        scheme = next((one.value for one in inner if one.id == "00"), "")
        if not 1 <= len(scheme) <= 32:
            raise refusal(f"{field.id}.00", at, "an account names its scheme in field 00 with 1 to 32 characters")
    elif field.id == ADDITIONAL:
        _check_inner(field, ADDITIONAL_RULES, at)
    elif field.id == LANGUAGE:
        _check_inner(field, LANGUAGE_RULES, at)


def _check_inner(field: Field, rules: Mapping[str, tuple[re.Pattern[str], int, int]], at: int) -> None:
    here = at
    for inner in read_fields(field.value, at=at, path=field.id):
        _check_value(inner, rules.get(inner.id, (ANY_TEXT, 1, 99)), f"{field.id}.{inner.id}", here + 4)
        here += 4 + len(inner.value)


def _check_value(field: Field, rule: tuple[re.Pattern[str], int, int], path: str, at: int) -> None:
    characters, shortest, longest = rule
    if not shortest <= len(field.value) <= longest:
        raise refusal(path, at, f"a value has {shortest} to {longest} characters here, not {len(field.value)}")
    if not characters.fullmatch(field.value):
        raise refusal(path, at, f"{field.value!r} has characters, or a form, that this field may not have")
