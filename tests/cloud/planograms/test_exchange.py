"""How many plans one file holds."""

from __future__ import annotations

import pytest

from vendomat.cloud.planograms.exchange import ROWS_MAX, csv_of, lines_of, workbook_of
from vendomat.kernel import ErrorCode, VendomatError


def rows(count: int) -> list[tuple[str, ...]]:
    return [(f"SH-{n // 40:04}", f"{'ABCDEFGH'[n // 10 % 4]}{n % 10}", "cola-500", "4.00", "8") for n in range(count)]


def test_a_file_of_five_hundred_machines_of_forty_slots_is_read() -> None:
    assert len({row[0] for row in rows(ROWS_MAX)}) == 500
    for content in (csv_of(rows(ROWS_MAX)), workbook_of(rows(ROWS_MAX))):
        lines = lines_of(content)
        assert len(lines) == ROWS_MAX
        assert not any(line.flaw for line in lines)
        said = [lines[-1].said[name] for name in ("machine", "slot", "sku", "capacity")]
        assert said == ["SH-0499", "D9", "cola-500", "8"]


def test_a_larger_one_is_refused_as_a_whole() -> None:
    for content in (csv_of(rows(ROWS_MAX + 1)), workbook_of(rows(ROWS_MAX + 1))):
        with pytest.raises(VendomatError) as refused:
            lines_of(content)
        assert refused.value.code is ErrorCode.TOO_LARGE
