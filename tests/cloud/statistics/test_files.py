"""The files of figures: what they hold, that no spreadsheet runs it, and that another reader finds the types."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from vendomat.cloud.statistics.files import margins_table, ranking_table, sales_table
from vendomat.cloud.statistics.margin_views import MarginRowView, MarginsView
from vendomat.cloud.statistics.product_views import LostView, ProductRankingView, RankedProductView
from vendomat.cloud.statistics.sheets import FORMS, Table, as_csv, as_parquet, as_xlsx
from vendomat.cloud.statistics.views import SalesFiguresView, SalesRowView

NAMES = ("=HYPERLINK(1)", "+1-2", "@SUM(A1)", '可乐, "cold"\r\nice', "-7", "")


def _sales() -> SalesFiguresView:
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
        rows_more=0,
        totals=[],
        formulas={"gross_minor": "S5", "units_sold": "S1"},
        read_at=datetime(2026, 7, 1, tzinfo=UTC),
    )


def _margins() -> MarginsView:
    row = MarginRowView(
        at=date(2026, 6, 1),
        key="",
        name="",
        name_en="",
        currency="KWD",
        units="",
        units_sold=4,
        gross_minor=4_000,
        costed_units=3,
        costed_gross_minor=3_000,
        cost_minor=1_001,
        fee_minor=18,
        margin_minor=1_981,
        margin=0.660333,
    )
    return MarginsView(
        by="month",
        first="2026-06",
        last="2026-06",
        time_zone="Asia/Kuwait",
        currency="KWD",
        rows=[row],
        rows_more=0,
        totals=[],
        formulas={"margin_minor": "S16"},
        read_at=datetime(2026, 7, 1, tzinfo=UTC),
    )


def _ranking() -> ProductRankingView:
    lost = [LostView(state=one, days=1, units=1, minor=250, low_minor=1, high_minor=9) for one in ("empty", "away")]
    product = RankedProductView(
        product_id="prd_1",
        name_zh="可乐",
        name_en="Cola",
        units=5,
        in_stock_days=2.5,
        rate=2.0,
        low=1.0,
        high=3.0,
        bottom=None,
        advice="too_soon",
        availability=0.5,
        lost=lost,
    )
    return ProductRankingView(
        first=date(2026, 6, 1),
        last=date(2026, 6, 30),
        begins=None,
        ends=None,
        time_zone="Asia/Shanghai",
        currency="CNY",
        median_rate=2.0,
        availability=0.5,
        products=[product],
        lost=lost,
        formulas={"rate": "S10"},
    )


def test_csv_has_the_columns_of_the_page_and_no_formula() -> None:
    content = as_csv(sales_table(_sales()))
    assert content.startswith(b"\xef\xbb\xbf")
    head, *rows, formulas = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert head[:6] == ["product", "name", "name_en", "currency", "gross", "units_sold"]
    assert [row[1] for row in rows[:3]] == ["'=HYPERLINK(1)", "'+1-2", "'@SUM(A1)"]
    assert [row[1] for row in rows[3:]] == ['可乐, "cold"\r\nice', "-7", ""]
    assert [row[4] for row in rows[:2]] == ["0.05", "3.55"]
    assert (rows[0][9], formulas[4], formulas[5]) == ("", "S5", "S1")


def test_xlsx_holds_texts_as_texts_and_amounts_as_numbers() -> None:
    book = zipfile.ZipFile(io.BytesIO(as_xlsx(sales_table(_sales()))))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet and "hyperlink" not in sheet.lower().replace("=hyperlink(1)", "")
    assert re.search(r'<c r="B2" t="inlineStr"><is><t>=HYPERLINK\(1\)</t>', sheet)
    assert re.search(r'<c r="E3"><v>3\.55</v>', sheet)


def _read(table: Table, folder: Path) -> tuple[dict[str, str], list[tuple[object, ...]], dict[str, str]]:
    """Types, rows and the formulas beside them, as a reader of Parquet finds them."""
    file = folder / "table.parquet"
    file.write_bytes(as_parquet(table))
    with duckdb.connect() as engine:
        types = engine.execute(f"DESCRIBE FROM '{file}'").fetchall()
        rows = engine.execute(f"FROM '{file}'").fetchall()
        made_by = engine.execute(f"SELECT key, value FROM parquet_kv_metadata('{file}')").fetchall()
    return {one[0]: one[1] for one in types}, rows, {key.decode(): value.decode() for key, value in made_by}


def test_parquet_keeps_types_texts_and_what_is_not_known(tmp_path: Path) -> None:
    types, rows, made_by = _read(sales_table(_sales()), tmp_path)
    assert types["name"] == "VARCHAR" and types["units_sold"] == "BIGINT" and types["success"] == "DOUBLE"
    assert types["gross"] == "DECIMAL(18,3)"
    assert [row[1] for row in rows] == list(NAMES)
    assert [row[4] for row in rows[:2]] == [Decimal("0.05"), Decimal("3.55")]
    assert [row[9] for row in rows[:2]] == [None, 1.0]
    assert made_by == {"gross": "S5", "units_sold": "S1"}


def test_margins_and_ranking_are_told_like_their_pages(tmp_path: Path) -> None:
    types, ((month, *margin),), made_by = _read(margins_table(_margins()), tmp_path)
    assert (month, next(iter(types)), made_by) == ("2026-06", "month", {"margin": "S16", "margin_share": "S16"})
    assert margin[3:] == [4, Decimal(4), 3, Decimal(3), Decimal("1.001"), Decimal("0.018"), Decimal("1.981"), 0.660333]
    _, (product,), _ = _read(ranking_table(_ranking()), tmp_path)
    assert product == ("prd_1", "可乐", "Cola", "CNY", 5, 2.5, 2.0, 1.0, 3.0, None, "too_soon", 0.5, Decimal("5.00"))


@pytest.mark.parametrize("form", list(FORMS))
def test_a_report_without_rows_is_a_file_too(form: str) -> None:
    empty = _sales().model_copy(update={"rows": []})
    assert len(FORMS[form].write(sales_table(empty))) > 50  # type: ignore[index]
