"""The rules of a statement: periods, accounts that add up, figures, and when a day is closed."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vendomat.cloud.statements.model import (
    DayFacts,
    DaySum,
    Group,
    Period,
    PlatformDay,
    Standing,
    account_lines,
    figures,
    stand,
    standing_of,
)
from vendomat.kernel import VendomatError

JUNE_1 = date(2026, 6, 1)
ACCOUNTS = (
    "asset:clearing:wechat:1900000001",
    "asset:bank",
    "liab:undelivered",
    "liab:refund_payable",
    "income:sales",
    "expense:fee:wechat",
    "expense:goodwill",
    "memo:ambiguous",
    "something:new",
)
SUMS = st.lists(
    st.builds(
        DaySum,
        day=st.sampled_from([None, JUNE_1, date(2026, 6, 30)]),
        account=st.sampled_from(ACCOUNTS),
        currency=st.sampled_from(["CNY", "USD"]),
        family=st.sampled_from(["paid", "refund", "fee", "payout", "unit", "never_heard_of"]),
        debit_minor=st.integers(0, 10**9),
        credit_minor=st.integers(0, 10**9),
        lines=st.integers(1, 9),
    )
)


@pytest.mark.parametrize(
    ("text", "first", "last", "days"),
    [
        ("2026-06-01", JUNE_1, JUNE_1, 1),
        ("2026-06", JUNE_1, date(2026, 6, 30), 30),
        ("2028-02", date(2028, 2, 1), date(2028, 2, 29), 29),
        ("2026-12", date(2026, 12, 1), date(2026, 12, 31), 31),
    ],
)
def test_a_period_is_a_day_or_a_month(text: str, first: date, last: date, days: int) -> None:
    period = Period.from_text(text)
    assert (period.first, period.last, len(period.days), period.is_month) == (first, last, days, len(text) == 7)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-13",
        "2026-00",
        "2026-02-30",
        "2026-6-1",
        "2026-06-01T00",
        "x",
        "1999-12",
        "9999-12",
        "0001-01-01",
    ],
)
def test_anything_else_is_no_period(text: str) -> None:
    with pytest.raises(VendomatError):
        Period.from_text(text)


@settings(deadline=None)
@given(SUMS)
def test_every_account_closes_with_what_it_opened_with_and_every_line(sums: list[DaySum]) -> None:
    net: Counter[tuple[str, str]] = Counter()
    for one in sums:
        net[one.account, one.currency] += one.net_minor
    lines = account_lines(sums)
    assert {(line.account, line.currency): line.closing_minor for line in lines if line.closing_minor} == {
        key: minor for key, minor in net.items() if minor
    }
    for line in lines:
        opening = sum(
            o.net_minor for o in sums if o.day is None and (o.account, o.currency) == (line.account, line.currency)
        )
        assert line.opening_minor == opening
        assert line.closing_minor - line.opening_minor == sum(line.columns.values())


@settings(deadline=None)
@given(SUMS)
def test_the_result_is_income_less_all_expenses_and_leaves_nothing_out(sums: list[DaySum]) -> None:
    for one in figures(sums):
        expenses = one.fees_minor + one.goodwill_minor + one.sensor_fault_minor + one.gifts_minor + one.site_rent_minor
        assert one.result_minor == one.income_minor - expenses - one.other_expense_minor
        moved = [s for s in sums if s.day is not None and s.currency == one.currency]
        assert one.result_minor == -sum(s.net_minor for s in moved if s.account.startswith(("income:", "expense:")))


def test_an_unknown_account_has_a_group_and_is_shown() -> None:
    (line,) = account_lines([DaySum(JUNE_1, "something:new", "CNY", "x", 5, 0, 1)])
    assert (line.group, line.closing_minor) == (Group.OTHER, 5)


CLOSED = PlatformDay("wechat", "1", JUNE_1, True)
OPEN = PlatformDay("wechat", "1", JUNE_1, False)


@pytest.mark.parametrize(
    ("facts", "standing", "waiting"),
    [
        (DayFacts(JUNE_1, is_over=False, is_due=False, platform_days=[CLOSED]), Standing.RUNNING, ()),
        (DayFacts(JUNE_1, is_over=True, is_due=False), Standing.PROVISIONAL, ()),
        (DayFacts(JUNE_1, is_over=True, is_due=True), Standing.CLOSED, ()),
        (DayFacts(JUNE_1, is_over=True, is_due=True, platform_days=[OPEN]), Standing.PROVISIONAL, ("wechat:1",)),
        (DayFacts(JUNE_1, is_over=True, is_due=True, platform_days=[CLOSED]), Standing.CLOSED, ()),
        (
            DayFacts(JUNE_1, is_over=True, is_due=True, moved=frozenset({"wechat:1"}), platform_days=[CLOSED]),
            Standing.CLOSED,
            (),
        ),
        (
            DayFacts(JUNE_1, is_over=True, is_due=True, moved=frozenset({"stripe:2"}), platform_days=[CLOSED]),
            Standing.PROVISIONAL,
            ("stripe:2",),
        ),
        (
            DayFacts(JUNE_1, is_over=True, is_due=True, platform_days=[CLOSED, OPEN]),
            Standing.PROVISIONAL,
            ("wechat:1",),
        ),
    ],
)
def test_when_a_day_is_closed(facts: DayFacts, standing: Standing, waiting: tuple[str, ...]) -> None:
    found = stand(facts)
    assert (found.standing, found.open_accounts) == (standing, waiting)


def test_a_period_is_closed_when_all_of_its_days_are() -> None:
    over = stand(DayFacts(JUNE_1, is_over=True, is_due=True))
    late = stand(DayFacts(JUNE_1, is_over=True, is_due=False))
    running = stand(DayFacts(JUNE_1, is_over=False, is_due=False))
    assert standing_of([over, over]) is Standing.CLOSED
    assert standing_of([over, late]) is Standing.PROVISIONAL
    assert standing_of([over, late, running]) is Standing.RUNNING
