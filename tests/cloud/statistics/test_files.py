"""The files of a report: what they hold, and that no spreadsheet runs it."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import UTC, date, datetime

from vendomat.cloud.statistics.files import HEAD, as_csv, as_xlsx
from vendomat.cloud.statistics.views import SalesFiguresView, SalesRowView

NAMES = ("=HYPERLINK(1)", "+1-2", "@SUM(A1)", '可乐, "cold"', "-7")


def _view() -> SalesFiguresView:
    rows = [
        SalesRowView(
            at=None,
            key=f"prd_{n}",
            name=name,
            name_en="Cola",
            currency="CNY",
            units="",
            units_sold=n,
            units_failed=0,
            units_unknown=0,
            units_lost=0,
            gross_minor=350 * n + 5,
            refunded_minor=0,
            success=None if n == 0 else 1.0,
        )
        for n, name in enumerate(NAMES)
    ]
    return SalesFiguresView(
        by="product",
        first=date(2026, 6, 1),
        last=date(2026, 6, 30),
        time_zone="Asia/Shanghai",
        currency="CNY",
        source="sums",
        rows=rows,
        totals=[],
        formulas={"gross_minor": "S5", "units_sold": "S1"},
        read_at=datetime(2026, 7, 1, tzinfo=UTC),
    )


def test_csv_has_the_columns_of_the_page_and_no_formula() -> None:
    content = as_csv(_view())
    assert content.startswith(b"\xef\xbb\xbf")
    head, *rows, formulas = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert head == ["product", *HEAD[1:]]
    assert [row[1] for row in rows] == ["'=HYPERLINK(1)", "'+1-2", "'@SUM(A1)", '可乐, "cold"', "-7"]
    assert [row[4] for row in rows[:2]] == ["0.05", "3.55"]
    assert (rows[0][9], formulas[4], formulas[5]) == ("", "S5", "S1")


def test_xlsx_holds_texts_as_texts_and_amounts_as_numbers() -> None:
    book = zipfile.ZipFile(io.BytesIO(as_xlsx(_view())))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet and "hyperlink" not in sheet.lower().replace("=hyperlink(1)", "")
    assert re.search(r'<c r="B2" t="inlineStr"><is><t>=HYPERLINK\(1\)</t>', sheet)
    assert re.search(r'<c r="E3"><v>3\.55</v>', sheet)
