"""Statements as CSV: the exact file, and cells that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vendomat.cloud.statements.sheet import cell, row, rows_sheet, statement_sheet
from vendomat.cloud.statements.views import (
    AccountLineView,
    FiguresView,
    RowView,
    SalesView,
    StatementDayView,
    StatementView,
)

AT = datetime(2026, 6, 1, 16, tzinfo=UTC)
FIGURES = FiguresView(
    currency="CNY",
    income_minor=1050,
    refunds_minor=350,
    fees_minor=6,
    goodwill_minor=0,
    sensor_fault_minor=0,
    gifts_minor=0,
    site_rent_minor=0,
    other_expense_minor=0,
    ambiguous_minor=0,
    result_minor=1044,
)
VIEW = StatementView(
    period="2026-06-01",
    is_month=False,
    merchant='阳光, "Sun"',
    time_zone="Asia/Shanghai",
    begins_at=AT,
    ends_at=AT,
    standing="closed",
    days=[StatementDayView(day=date(2026, 6, 1), standing="closed", open_accounts=[])],
    accounts=[
        AccountLineView(
            account="asset:clearing:wechat:1",
            group="money",
            currency="CNY",
            opening_minor=0,
            payments_minor=1400,
            refunds_minor=-350,
            fees_minor=-6,
            payouts_minor=0,
            other_minor=0,
            closing_minor=1044,
            lines=5,
        )
    ],
    figures=[FIGURES],
    daily=[],
    machines=[
        SalesView(
            id="mch_1",
            name="=SUM(A1)",
            name_en="",
            currency="CNY",
            units=3,
            sold_minor=1050,
            gifts_minor=0,
            late_minor=0,
            goodwill_minor=0,
            other_minor=0,
        )
    ],
    products=[],
    read_at=AT,
)
GOLDEN = """\
section,name,line,currency,amount,count
statement,"阳光, ""Sun""\",2026-06-01,,,
statement,Asia/Shanghai,closed,,,
day,2026-06-01,closed,,,
account,asset:clearing:wechat:1,opening,CNY,0.00,
account,asset:clearing:wechat:1,payments,CNY,14.00,
account,asset:clearing:wechat:1,refunds,CNY,-3.50,
account,asset:clearing:wechat:1,fees,CNY,-0.06,
account,asset:clearing:wechat:1,payouts,CNY,0.00,
account,asset:clearing:wechat:1,other,CNY,0.00,
account,asset:clearing:wechat:1,closing,CNY,10.44,
figure,income,,CNY,10.50,
figure,refunds,,CNY,3.50,
figure,fees,,CNY,0.06,
figure,goodwill,,CNY,0.00,
figure,sensor_fault,,CNY,0.00,
figure,gifts,,CNY,0.00,
figure,site_rent,,CNY,0.00,
figure,other_expense,,CNY,0.00,
figure,ambiguous,,CNY,0.00,
figure,result,,CNY,10.44,
machine,'=SUM(A1),units,,,3
machine,'=SUM(A1),sold,CNY,10.50,
machine,'=SUM(A1),gifts,CNY,0.00,
machine,'=SUM(A1),late,CNY,0.00,
machine,'=SUM(A1),goodwill,CNY,0.00,
machine,'=SUM(A1),other,CNY,0.00,
"""


def test_the_file_of_a_statement_to_the_letter() -> None:
    assert statement_sheet(VIEW) == "\ufeff" + GOLDEN.replace("\n", "\r\n")


def test_rows_have_one_head_however_many_parts_there_are() -> None:
    one = RowView(
        at=AT,
        transaction="paid:pay_1",
        line=1,
        kind="payment_confirmed",
        account="asset:bank",
        amount_minor=-5,
        currency="JPY",
        order_id="ord_1",
    )
    text = rows_sheet([one], is_first=True) + rows_sheet([one], is_first=False)
    head, *rows = text.splitlines()
    assert head == "\ufeffat,transaction,line,kind,account,currency,amount,order"
    assert rows == ["2026-06-01T16:00:00+00:00,paid:pay_1,1,payment_confirmed,asset:bank,JPY,-5,ord_1"] * 2


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "\r=1", "-", "-cmd|' /C calc'!A0"])
def test_a_cell_that_looks_like_a_formula_is_text(text: str) -> None:
    (parsed,) = next(csv.reader(io.StringIO(row([text]), newline="")))
    assert parsed == f"'{text}"


@pytest.mark.parametrize("text", ["-3.50", "3", "+1.2", "x=1", "", "可乐"])
def test_a_number_or_a_word_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), min_size=2, max_size=4))
def test_whatever_is_in_a_cell_comes_back(cells: list[str]) -> None:
    (parsed,) = csv.reader(io.StringIO(row(cells), newline=""))
    assert [one.removeprefix("'") for one in parsed] == [one.removeprefix("'") for one in cells]
