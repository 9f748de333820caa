"""The text of an EMVCo code as fields: two digits of id, two of length, the value; and the check sum at the end. Pure.

Knows no field's meaning. A length counts characters, as the specification says of texts (EMV QRCPS, merchant-presented
mode, section 3); the check sum counts the bytes of UTF-8, which is how such a code is drawn.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vendomat.kernel import ErrorCode, VendomatError

VALUE_CHARACTERS_MAX = 99
CODE_CHARACTERS_MAX = 512
"""The specification's limit for a whole code, check sum included."""

CHECK_SUM_ID = "63"
CHECK_SUM_START = f"{CHECK_SUM_ID}04"
_ID = re.compile(r"[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Field:
    """One data object: `id` is two digits; `value` is its text, which for a template holds fields again."""

    id: str
    value: str


def check_sum_of(text: str) -> str:
    """CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF) of the UTF-8 bytes of `text`, four upper-case digits."""
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def seal(text: str) -> str:
    """`text` with id, length and value of its check sum behind it; the sum covers its own id and length."""
    covered = text + CHECK_SUM_START
    sealed = covered + check_sum_of(covered)
    if len(sealed) > CODE_CHARACTERS_MAX:
        raise refusal("", 0, f"a code has at most {CODE_CHARACTERS_MAX} characters, this one {len(sealed)}")
    return sealed


def unseal(code: str) -> str:
    """`code` without its check sum, which must be the last field and right. Raises `VendomatError`."""
    if len(code) > CODE_CHARACTERS_MAX:
        raise refusal("", 0, f"a code has at most {CODE_CHARACTERS_MAX} characters, this one {len(code)}")
    if any("\ud800" <= character <= "\udfff" for character in code):
        raise refusal("", 0, "the text cannot be written in UTF-8")
    body, start, given = code[:-8], code[-8:-4], code[-4:]
    if start != CHECK_SUM_START:
        raise refusal(CHECK_SUM_ID, len(body), f"a code ends with {CHECK_SUM_START} and four digits of check sum")
    expected = check_sum_of(body + start)
    if given != expected:
        raise refusal(CHECK_SUM_ID, len(body), f"the check sum is {given!r} and should be {expected!r}")
    return body


def read_fields(text: str, *, at: int = 0, path: str = "") -> tuple[Field, ...]:
    """The fields of `text` in their order. `at` and `path` say where it stands in the whole code, for the refusal."""
    fields: list[Field] = []
    seen: set[str] = set()
    here = 0
    while here < len(text):
        number, length = text[here : here + 2], text[here + 2 : here + 4]
        place = f"{path}.{number}" if path else number
        if not _ID.fullmatch(number):
            raise refusal(path, at + here, f"{number!r} is not an id of two digits")
        if not _ID.fullmatch(length) or length == "00":
            raise refusal(place, at + here + 2, f"{length!r} is not a length from 01 to 99")
        value = text[here + 4 : here + 4 + int(length)]
        if len(value) != int(length):
            raise refusal(place, at + here + 4, f"{int(length)} characters are announced and {len(value)} are there")
        if number in seen:
            raise refusal(place, at + here, "this id occurs a second time")
        seen.add(number)
        fields.append(Field(number, value))
        here += 4 + len(value)
    return tuple(fields)


def write_fields(fields: Sequence[Field]) -> str:
    """`fields` as text, in their order. Raises `VendomatError` for an id or a length that cannot be written."""
    for field in fields:
        if not _ID.fullmatch(field.id):
            raise refusal("", 0, f"{field.id!r} is not an id of two digits")
        if not 1 <= len(field.value) <= VALUE_CHARACTERS_MAX:
            raise refusal(field.id, 0, f"a value has 1 to {VALUE_CHARACTERS_MAX} characters, not {len(field.value)}")
    return "".join(f"{field.id}{len(field.value):02d}{field.value}" for field in fields)


def refusal(path: str, at: int, why: str) -> VendomatError:
    """What is wrong and where: `path` as `62.07`, `at` counted in characters from 0; both also in `detail`."""
    where = f"field {path}" if path else "the code"
    return VendomatError(ErrorCode.MALFORMED, f"{where}, character {at}: {why}", path=path, at=at)
