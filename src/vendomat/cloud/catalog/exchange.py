"""Products as a table that a spreadsheet opens: written, and read back row by row. Pure.

Prices have a decimal point, in CSV and in XLSX. Names what is wrong with each row that it cannot read.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from vendomat.cloud.catalog.model import NUTRIENTS, Allergen, NewProduct, NutritionPer
from vendomat.cloud.platform.tables import Line, read_table, write_csv
from vendomat.cloud.platform.workbook import write_workbook
from vendomat.kernel import Flaw, FlawCode, Money, VendomatError, flaw

NEEDED = ("sku", "name_zh", "name_en", "price")
_TEXTS = ("sku", "name_zh", "name_en", "detail_zh", "detail_en", "category", "barcode")
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class FileRow:
    """`number` counts lines of the file, the head is 1. `fields` are those that the file has columns for."""

    number: int
    sku: str
    fields: Mapping[str, object]
    flaw: Flaw | None = None

    def on(self, known: NewProduct | None, currency: str) -> NewProduct:
        """The product that the row asks for: what it does not say stays as it is known."""
        base = known or NewProduct(sku=self.sku, name_zh="", name_en="", price=Money(0, currency))
        return replace(base, **self.fields)  # type: ignore[arg-type]


def workbook_of(products: Iterable[NewProduct]) -> bytes:
    """As `file_of`, as XLSX: texts are texts there, so no cell needs an apostrophe."""
    numbers = frozenset(place for place, name in enumerate(_COLUMNS) if name not in _WORDS)
    rows = ([write(product) for write, _ in _COLUMNS.values()] for product in products)
    return write_workbook("products", itertools.chain([list(_COLUMNS)], rows), numbers)


def file_of(products: Iterable[NewProduct]) -> bytes:
    """All columns, as CSV."""
    return write_csv(list(_COLUMNS), ([write(product) for write, _ in _COLUMNS.values()] for product in products))


def rows_of(content: bytes, currency: str) -> list[FileRow]:
    """Raises `VendomatError` (malformed, too_large, invalid_value) for a file that is none."""
    return [_row(line, currency) for line in read_table(content, list(_COLUMNS), NEEDED)]


def in_columns(wrong: Flaw) -> Flaw:
    """The same of a row, by the names and in the units of the columns."""
    scale = _SCALE.get(wrong.values.get("field", ""), 1)
    values = {name: _COLUMN.get(value, value) for name, value in wrong.values.items()}
    for name in ("least", "most"):
        if scale != 1 and name in values:
            values[name] = f"{Decimal(values[name]) / scale:f}"
    return Flaw(wrong.code, values)


def _row(line: Line, currency: str) -> FileRow:
    sku = line.said.get("sku", "")
    if line.flaw is not None:
        return FileRow(line.number, sku[:40], {}, line.flaw)
    fields: dict[str, object] = {}
    for name, text in line.said.items():
        try:
            fields[_FIELD.get(name, name)] = _COLUMNS[name][1](text, currency)
        except (ValueError, VendomatError):
            return FileRow(line.number, sku[:40], {}, flaw(FlawCode.UNREADABLE, field=name))
    return FileRow(line.number, sku, fields)


def _whole(text: str, _: str) -> int | None:
    return int(_digits(text)) if text else None


def _digits(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise ValueError(text)
    return text


def _amount(text: str, currency: str) -> Money:
    if _AMOUNT.fullmatch(text) is None:  # a number with an exponent may be larger than memory
        raise ValueError(text)
    return Money.from_decimal_text(text, currency)


def _percent(text: str, _: str) -> int:
    return _amount(text or "0", "CNY").minor_units


def _yes(text: str, _: str) -> bool:
    if text not in ("", "no", "yes"):
        raise ValueError(text)
    return text == "yes"


def _allergens(text: str, _: str) -> tuple[Allergen, ...]:
    return tuple(sorted({Allergen(word) for word in text.split()}))


def _text(name: str) -> tuple[Callable[[NewProduct], str], Callable[[str, str], object]]:
    return (lambda product: str(getattr(product, name)), lambda text, _: text)


def _optional(value: int | None) -> str:
    return "" if value is None else str(value)


def _grams_name(field: str) -> str:
    return f"{field.removesuffix('_mg')}_g"


def _grams(field: str) -> tuple[Callable[[NewProduct], str], Callable[[str, str], object]]:
    def written(product: NewProduct) -> str:
        value: int | None = getattr(product, field)
        return "" if value is None else f"{Decimal(value) / 1000:f}"

    def read(text: str, _: str) -> int | None:
        if text and _AMOUNT.fullmatch(text) is None:
            raise ValueError(text)
        return int(Decimal(text) * 1000) if text else None

    return written, read


_FIELD = {"tax_percent": "tax_bp", **{_grams_name(name): name for name in NUTRIENTS if name != "sodium_mg"}}
_COLUMN = {field: column for column, field in _FIELD.items()}
_SCALE = {field: 100 if field == "tax_bp" else 1_000 for field in _COLUMN}
_COLUMNS: dict[str, tuple[Callable[[NewProduct], str], Callable[[str, str], object]]] = {
    **{name: _text(name) for name in _TEXTS},
    "price": (lambda p: p.price.to_decimal_text(), _amount),
    "tax_percent": (lambda p: Money(p.tax_bp, "CNY").to_decimal_text(), _percent),
    "allergens": (lambda p: " ".join(p.allergens), _allergens),
    "energy_kcal": (lambda p: _optional(p.energy_kcal), _whole),
    "nutrition_per": (lambda p: p.nutrition_per.value, lambda text, _: NutritionPer(text or "g")),
    "energy_kj": (lambda p: _optional(p.energy_kj), _whole),
    **{_grams_name(name): _grams(name) for name in NUTRIENTS if name != "sodium_mg"},
    "sodium_mg": (lambda p: _optional(p.sodium_mg), _whole),
    "age_min": (lambda p: str(p.age_min), lambda text, _: int(_digits(text or "0"))),
    "is_perishable": (lambda p: "yes" if p.is_perishable else "no", _yes),
    "shelf_life_days": (lambda p: _optional(p.shelf_life_days), _whole),
}


_WORDS = frozenset((*_TEXTS, "allergens", "nutrition_per", "is_perishable"))
