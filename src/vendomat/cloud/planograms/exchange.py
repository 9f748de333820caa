"""Planograms of many machines as one table: machine, slot, product, price, capacity. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vendomat.cloud.catalog import PlannedSlot, checked_plan
from vendomat.cloud.platform.tables import Line, read_table, write_csv
from vendomat.cloud.platform.workbook import write_workbook
from vendomat.kernel import Flaw, FlawCode, Money, VendomatError, flaw, flaw_of

COLUMNS = ("machine", "slot", "sku", "price", "capacity")
ROWS_MAX = 20_000
"""500 machines of 40 slots. A larger fleet comes and goes tag by tag."""
_NUMBERS = frozenset({3, 4})


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One line of the file; the first below the head is 2. Without `planned` there is a `flaw`."""

    number: int
    machine: str
    sku: str
    planned: PlannedSlot | None
    flaw: Flaw | None = None


def csv_of(rows: Iterable[Sequence[str]]) -> bytes:
    return write_csv(COLUMNS, rows)


def workbook_of(rows: Iterable[Sequence[str]]) -> bytes:
    return write_workbook("planograms", itertools.chain([COLUMNS], rows), _NUMBERS)


def lines_of(content: bytes) -> list[Line]:
    """Raises `VendomatError` (malformed, too_large, invalid_value) for a file that is none."""
    return read_table(content, COLUMNS, COLUMNS, rows_max=ROWS_MAX)


def rows_of(
    lines: Iterable[Line], machines: Mapping[str, str], products: Mapping[str, str], currency: str
) -> list[PlanRow]:
    """`machines` by number and `products` by SKU are those in use. No slot of a machine stands twice."""
    seen: set[tuple[str, str]] = set()
    rows = []
    for line in lines:
        machine, slot, sku = (line.said.get(name, "")[:40] for name in ("machine", "slot", "sku"))
        if line.flaw is not None:
            found: PlannedSlot | Flaw = line.flaw
        elif machine not in machines:
            found = flaw(FlawCode.UNKNOWN_MACHINE)
        elif sku not in products:
            found = flaw(FlawCode.UNKNOWN_PRODUCT)
        elif (machine, slot) in seen:
            found = flaw(FlawCode.REPEATED, field="slot")
        else:
            found = _planned(line, products[sku], currency)
        seen.add((machine, slot))
        rows.append(
            PlanRow(line.number, machine, sku, None, found)
            if isinstance(found, Flaw)
            else PlanRow(line.number, machine, sku, found)
        )
    return rows


def _planned(line: Line, product_id: str, currency: str) -> PlannedSlot | Flaw:
    capacity, price = line.said["capacity"], line.said["price"]
    if not (capacity.isascii() and capacity.isdigit() and len(capacity) <= 4):
        return flaw(FlawCode.UNREADABLE, field="capacity")
    if not price.isascii() or not price.replace(".", "", 1).isdigit() or len(price) > 13:
        return flaw(FlawCode.UNREADABLE, field="price")
    try:
        amount = Money.from_decimal_text(price, currency)
    except VendomatError:
        return flaw(FlawCode.UNREADABLE, field="price")
    try:
        return checked_plan([PlannedSlot(line.said["slot"], product_id, amount, int(capacity))])[0]
    except VendomatError as refusal:
        return flaw_of(refusal)
