"""What can be wrong with something that a person gave: one list of codes, each with its values and an English sentence.

Codes are stable names: never renamed, never reused. Pages say them in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vendomat.kernel.errors import ErrorCode, VendomatError


class FlawCode(StrEnum):
    """Its sentence in `SENTENCES` names the values it comes with."""

    # of a row in a file
    ROW_CELLS = "row_cells"
    UNREADABLE = "unreadable"
    REPEATED = "repeated"
    UNKNOWN_MACHINE = "unknown_machine"
    UNKNOWN_PRODUCT = "unknown_product"
    OTHER_ROW = "other_row"
    # of a value
    SKU_FORM = "sku_form"
    TOO_LONG = "too_long"
    OUT_OF_RANGE = "out_of_range"
    NAMES_MISSING = "names_missing"
    BARCODE_LENGTH = "barcode_length"
    BARCODE_DIGIT = "barcode_digit"
    MORE_THAN_WHOLE = "more_than_whole"
    MORE_THAN_100_G = "more_than_100_g"
    TAKEN = "taken"
    STILL_PLANNED = "still_planned"
    SLOT_COUNT = "slot_count"
    SLOT_FORM = "slot_form"
    SLOT_CAPACITY = "slot_capacity"
    SLOT_PRICE = "slot_price"


SENTENCES: Mapping[FlawCode, str] = {
    FlawCode.ROW_CELLS: "{cells} cells of at most {most} characters each",
    FlawCode.UNREADABLE: "{field}: this cannot be read",
    FlawCode.REPEATED: "this {field} stands in the file twice",
    FlawCode.UNKNOWN_MACHINE: "there is no such machine in use",
    FlawCode.UNKNOWN_PRODUCT: "there is no such product in use",
    FlawCode.OTHER_ROW: "another line of this machine is refused",
    FlawCode.SKU_FORM: "sku: 1 to 40 letters, digits and . _ / -",
    FlawCode.TOO_LONG: "{field}: at most {most} characters on one line",
    FlawCode.OUT_OF_RANGE: "{field}: {least} to {most}",
    FlawCode.NAMES_MISSING: "name_zh, name_en: a name in both languages",
    FlawCode.BARCODE_LENGTH: "barcode: 8, 12 or 13 digits",
    FlawCode.BARCODE_DIGIT: "barcode: a right check digit; {digit} would be right here",
    FlawCode.MORE_THAN_WHOLE: "{field}: no more than {whole}, of which it is a part",
    FlawCode.MORE_THAN_100_G: "nutrition_per: 100 g hold no more than 100 g of all",
    FlawCode.TAKEN: "another product has this {field}",
    FlawCode.STILL_PLANNED: "{sku} is still planned in {places}; take it out there first",
    FlawCode.SLOT_COUNT: "a planogram has 1 to {most} slots, each of them once",
    FlawCode.SLOT_FORM: "slot {slot}: a slot is 1 to 6 capital letters and digits",
    FlawCode.SLOT_CAPACITY: "slot {slot}: its capacity is 1 to {most}",
    FlawCode.SLOT_PRICE: "slot {slot}: its price is {least} to {most}",
}


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong. `values` are those that its sentence names."""

    code: FlawCode
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The sentence in English, without a full stop."""
        return SENTENCES[self.code].format_map(self.values)


def flaw(code: FlawCode, **values: object) -> Flaw:
    """Raises `KeyError` when a value is missing."""
    found = Flaw(code, {name: str(value) for name, value in values.items()})
    assert found.text, "a sentence with all its values"
    return found


def flawed(found: Flaw, code: ErrorCode = ErrorCode.INVALID_VALUE) -> VendomatError:
    """The error that says it, `flaw` in its detail."""
    return VendomatError(code, f"{found.text}; nothing changed", flaw=found)


def flaw_of(error: VendomatError) -> Flaw:
    """What is wrong by an error of `flawed`. Raises `error` itself when it says something else."""
    found = error.detail.get("flaw")
    if not isinstance(found, Flaw):
        raise error
    return found
