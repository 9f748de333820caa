"""The table of faults: tests are found by their numbers, gaps are errors, and the page is current."""

from __future__ import annotations

from pathlib import Path

from draw_faults import PAGE, FaultTest, collect, page, problems_of, way_of
from fault_table import FAULTS, UNTESTED

NUMBERS = [number for rows in FAULTS.values() for number, _, _ in rows]


def test_every_number_stands_once_and_in_order() -> None:
    assert [f"F{number:02}" for number in range(1, 55)] == NUMBERS


def test_a_number_without_test_or_reason_and_one_with_both_are_problems() -> None:
    one = FaultTest("F01", "test_f01_found_by_asking", "tests/test_one.py", "parts")
    reasons = dict.fromkeys(NUMBERS[2:], "because")
    assert problems_of([one], reasons) == ["F02 has neither a test nor a reason"]
    assert problems_of([one], reasons | {"F01": "why", "F02": "why"}) == ["F01 has a test and a reason for having none"]
    stranger = FaultTest("F99", "test_f99_x", "tests/test_one.py", "parts")
    assert "test_f99_x carries a number that is not in the table" in problems_of([one, stranger], reasons)


def test_tests_are_found_by_name_and_described_by_what_they_use(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "stage.py").write_text("from vendomat.simulator.town import Town\n")
    (folder / "test_a.py").write_text("from tests.stage import x\n\ndef test_f18_killed_under_load(): ...\n")
    (folder / "test_b.py").write_text("class T:\n    async def test_f02_twice(self): ...\ndef test_other(): ...\n")
    (folder / "test_c.py").write_text("import vendomat.simulator.disk\n\ndef test_f38_full(): ...\n")
    found = [(test.number, test.how) for test in collect(tmp_path)]
    assert found == [("F02", "parts"), ("F18", "processes"), ("F38", "world")]
    assert way_of(folder / "stage.py", tmp_path) == "processes"


def test_the_kept_page_is_what_the_tests_say(repository: Path) -> None:
    tests = collect(repository)
    assert problems_of(tests, UNTESTED) == []
    assert (repository / PAGE).read_text(encoding="utf-8") == page(tests, UNTESTED), "run `make faults`"
