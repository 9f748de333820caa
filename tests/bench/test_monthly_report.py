"""A small year on a real database: every report of it is the same from the sums and from the rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from vendomat.bench import MonthlyReportPlan, monthly_report_json, run_monthly_report
from vendomat.bench.monthly_report import months_of, sales_within


def test_months_are_taken_evenly_over_the_year(tmp_path: Path) -> None:
    three = months_of(MonthlyReportPlan(tmp_path))
    assert three == [
        (date(2025, 1, 1), date(2025, 1, 31)),
        (date(2025, 5, 1), date(2025, 5, 31)),
        (date(2025, 9, 1), date(2025, 9, 30)),
    ]
    every = months_of(MonthlyReportPlan(tmp_path, months=12))
    assert len(set(every)) == 12 and every[1] == (date(2025, 2, 1), date(2025, 2, 28))


def test_a_small_disk_takes_fewer_sales_than_were_wanted() -> None:
    assert sales_within(10_000_000_000, 100_000_000, 3_000) == 2_000_000
    assert sales_within(10_000_000_000, 1_999_999, 3_000) == 1_999_999


@pytest.mark.slow
async def test_reports_of_a_small_year_are_those_of_its_rows(tmp_path: Path) -> None:
    plan = MonthlyReportPlan(tmp_path, sales=3_000, months=2, rounds=1)
    said = msgspec.json.decode(monthly_report_json(await run_monthly_report(plan)))
    assert said["is_good"] and (said["reports"], said["differences"]) == (8, 0)
    assert said["wanted"] == said["sales"] == 3_000 and 1_000 < said["sale_bytes"] < 20_000
    assert 0 < said["detail_rows"] <= 3_000 < said["sum_rows"] + 3_000
    assert said["ratio_median"] >= said["ratio_lowest"] >= 0 and said["counted_per_second"] > 0
