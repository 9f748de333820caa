"""Products as a table that a spreadsheet opens: written, and read back row by row. Pure.

CSV is UTF-8 with a byte order mark, prices with a decimal point; XLSX is the same table. In CSV, a cell that would be
taken for a formula is written with an apostrophe before it, which is taken away again when it is read. Refuses a file
that it cannot read as a whole, and names what is wrong with each row that it cannot read.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from vendomat.cloud.catalog.model import NUTRIENTS, Allergen, NewProduct, NutritionPer
from vendomat.cloud.platform.workbook import MAGIC, read_workbook, write_workbook
from vendomat.kernel import ErrorCode, Money, VendomatError

FILE_BYTES_MAX = 2_000_000
ROWS_MAX = 5_000
CELL_CHARACTERS_MAX = 500
NEEDED = ("sku", "name_zh", "name_en", "price")
_TEXTS = ("sku", "name_zh", "name_en", "detail_zh", "detail_en", "category", "barcode")
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class FileRow:
    """`number` counts lines of the file, the head is 1. `fields` are those that the file has columns for."""

    number: int
    sku: str
    fields: Mapping[str, object]
    problem: str = ""

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
    written = io.StringIO(newline="")
    table = csv.writer(written)
    table.writerow(_COLUMNS)
    for product in products:
        table.writerow([_safe(write(product)) for write, _ in _COLUMNS.values()])
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def rows_of(content: bytes, currency: str) -> list[FileRow]:
    """Raises `VendomatError` (malformed, too_large, invalid_value) for a file that is none."""
    if len(content) > FILE_BYTES_MAX:
        raise VendomatError(ErrorCode.TOO_LARGE, f"a file has at most {FILE_BYTES_MAX // 1_000_000} MB")
    table = read_workbook(content, rows_max=ROWS_MAX + 1) if content.startswith(MAGIC) else _csv_table(content)
    if len(table) - 1 > ROWS_MAX:
        raise VendomatError(ErrorCode.TOO_LARGE, f"a file has at most {ROWS_MAX} rows; nothing changed")
    head = [name.strip() for name in table[0]] if table else []
    unknown = [name for name in head if name not in _COLUMNS]
    missing = [name for name in NEEDED if name not in head]
    if unknown or missing or len(set(head)) != len(head):
        raise VendomatError(
            ErrorCode.INVALID_VALUE,
            f"the first line names the columns: {', '.join(_COLUMNS)}; {', '.join(NEEDED)} are needed. Nothing changed",
        )
    is_padded = content.startswith(MAGIC)  # a sheet has no cell where nothing stands
    return [
        _row(number, head, cells + [""] * (len(head) - len(cells)) if is_padded else cells, currency)
        for number, cells in enumerate(table[1:], start=2)
        if any(cells)
    ]


def _csv_table(content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
        if "\x00" in text:
            raise _unreadable()
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _unreadable() from error


def _row(number: int, head: list[str], cells: list[str], currency: str) -> FileRow:
    said = {name: _plain(cell) for name, cell in zip(head, cells, strict=False)}
    sku = said.get("sku", "")
    if len(cells) != len(head) or any(len(cell) > CELL_CHARACTERS_MAX for cell in cells):
        return FileRow(number, sku[:40], {}, f"{len(head)} cells of at most {CELL_CHARACTERS_MAX} characters each")
    fields: dict[str, object] = {}
    for name, text in said.items():
        try:
            fields[_FIELD.get(name, name)] = _COLUMNS[name][1](text, currency)
        except (ValueError, VendomatError):
            return FileRow(number, sku[:40], {}, f"{name}: this cannot be read")
    return FileRow(number, sku, fields)


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _plain(cell: str) -> str:
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


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


def _unreadable() -> VendomatError:
    return VendomatError(
        ErrorCode.MALFORMED, "this is neither a CSV file in UTF-8 nor an XLSX workbook; nothing changed"
    )
