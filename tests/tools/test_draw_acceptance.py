"""The table of what the emulators must do: complete, current, and a gap in it is seen."""

from __future__ import annotations

from pathlib import Path

from draw_acceptance import END, ITEMS, NAME, START, drawn, problems, rows
from draw_faults import collect


def test_every_item_stands_once_and_in_order() -> None:
    assert list(ITEMS) == [f"E{number:02}" for number in range(1, 15)]


def test_an_item_without_a_test_and_a_test_without_an_item_are_seen(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("def test_e99_x(): ...\ndef test_e01_signed(): ...\n")
    tests = collect(tmp_path, NAME)
    found = problems(tests)
    assert "E02 has no test" in found
    assert "E99 is not in the table" in found
    assert "E01 has no test" not in found
    assert "| [signed](../tests/test_a.py) |" in rows(tests)[2]


def test_the_kept_page_is_what_the_tests_say(repository: Path) -> None:
    page = (repository / "docs" / "emulators.md").read_text(encoding="utf-8")
    tests = collect(repository, NAME)
    assert problems(tests) == []
    assert START in page
    assert END in page
    assert drawn(page, tests) == page
