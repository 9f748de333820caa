"""What the files of figures hold: the same rows and columns as their pages show. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from vendomat.cloud.statistics.margin_views import MarginRowView, MarginsView
from vendomat.cloud.statistics.product_views import ProductRankingView, RankedProductView
from vendomat.cloud.statistics.sheets import Cell, Column, Kind, Table, amount
from vendomat.cloud.statistics.views import SalesFiguresView, SalesRowView

_NAMES = (Column("name"), Column("name_en"), Column("currency"))


def sales_table(view: SalesFiguresView) -> Table:
    """A row of what `by` says, as the page shows it."""
    made = view.formulas
    columns = (
        Column(view.by),
        *_NAMES,
        Column("gross", Kind.AMOUNT, made.get("gross_minor", "")),
        *_counts(made, "units_sold", "units_failed", "units_unknown", "units_lost"),
        Column("success", Kind.NUMBER, made.get("success", "")),
        Column("refunded", Kind.AMOUNT, made.get("refunded_minor", "")),
    )
    return Table(f"{view.first} {view.last}", columns, [_sales_cells(row) for row in view.rows])


def margins_table(view: MarginsView) -> Table:
    """A row of a month, product or machine."""
    made = view.formulas
    columns = (
        Column(view.by),
        *_NAMES,
        *_counts(made, "units_sold"),
        Column("gross", Kind.AMOUNT, made.get("gross_minor", "")),
        Column("units_with_cost", Kind.COUNT, made.get("units_sold", "")),
        Column("gross_with_cost", Kind.AMOUNT, made.get("gross_minor", "")),
        Column("cost", Kind.AMOUNT, made.get("cost_minor", "")),
        Column("fees", Kind.AMOUNT, made.get("fee_minor", "")),
        Column("margin", Kind.AMOUNT, made.get("margin_minor", "")),
        Column("margin_share", Kind.NUMBER, made.get("margin_minor", "")),
    )
    return Table(f"{view.first} {view.last}", columns, [_margin_cells(row) for row in view.rows])


def ranking_table(view: ProductRankingView) -> Table:
    """A row of a product, the best first."""
    made = view.formulas
    columns = (
        Column("product"),
        *_NAMES,
        *_counts(made, "units_sold"),
        Column("in_stock_days", Kind.NUMBER),
        *(Column(name, Kind.NUMBER, made.get("rate", "")) for name in ("rate", "rate_low", "rate_high")),
        Column("lowest_quarter", Kind.NUMBER, made.get("bottom", "")),
        Column("advice"),
        Column("availability", Kind.NUMBER, made.get("availability", "")),
        Column("not_sold", Kind.AMOUNT, made.get("lost_minor", "")),
    )
    rows = [_ranking_cells(row, view.currency) for row in view.products]
    return Table(f"{view.first} {view.last}", columns, rows)


def _counts(made: Mapping[str, str], *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, Kind.COUNT, made.get(name, "")) for name in names)


def _sales_cells(row: SalesRowView) -> tuple[Cell, ...]:
    return (
        row.key if row.at is None else row.at.isoformat(),
        row.name,
        row.name_en,
        row.currency,
        amount(row.gross_minor, row.currency),
        row.units_sold,
        row.units_failed,
        row.units_unknown,
        row.units_lost,
        row.success,
        amount(row.refunded_minor, row.currency),
    )


def _margin_cells(row: MarginRowView) -> tuple[Cell, ...]:
    return (
        row.key if row.at is None else f"{row.at:%Y-%m}",
        row.name,
        row.name_en,
        row.currency,
        row.units_sold,
        amount(row.gross_minor, row.currency),
        row.costed_units,
        *(
            amount(minor, row.currency)
            for minor in (row.costed_gross_minor, row.cost_minor, row.fee_minor, row.margin_minor)
        ),
        row.margin,
    )


def _ranking_cells(row: RankedProductView, currency: str) -> tuple[Cell, ...]:
    return (
        row.product_id,
        row.name_zh,
        row.name_en,
        currency,
        row.units,
        row.in_stock_days,
        row.rate,
        row.low,
        row.high,
        row.bottom,
        row.advice,
        row.availability,
        amount(sum(one.minor for one in row.lost), currency),
    )
