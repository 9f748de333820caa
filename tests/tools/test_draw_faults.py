"""The table of faults: tests are found by their numbers, gaps are errors, and the page is current."""

from __future__ import annotations

from pathlib import Path

import pytest
from draw_faults import (
    PAGE,
    PAYMENT_PAGE,
    FaultTest,
    collect,
    numbers_of,
    page,
    payment_page,
    problems_of,
    problems_of_platforms,
    way_of,
)
from fault_table import FAULTS, UNTESTED
from payment_fault_table import NOT_AT, PAYMENT_FAULTS, PAYMENT_UNTESTED, PROVIDERS, providers_of

NUMBERS = [number for rows in FAULTS.values() for number, _, _ in rows]
PAYMENT_NUMBERS = [number for rows in PAYMENT_FAULTS.values() for number, _, _ in rows]


def test_every_number_stands_once_and_in_order() -> None:
    assert [f"F{number:02}" for number in range(1, 55)] == NUMBERS
    assert sorted(PAYMENT_NUMBERS) == [f"PF{number:02}" for number in range(1, 27)]


def test_a_number_without_test_or_reason_and_one_with_both_are_problems() -> None:
    one = FaultTest("F01", "test_f01_found_by_asking", "tests/test_one.py", "parts")
    reasons = dict.fromkeys(NUMBERS[2:], "because")
    assert problems_of([one], reasons) == ["F02 has neither a test nor a reason"]
    assert problems_of([one], reasons | {"F01": "why", "F02": "why"}) == ["F01 has a test and a reason for having none"]
    stranger = FaultTest("F99", "test_f99_x", "tests/test_one.py", "parts")
    assert "test_f99_x carries a number that is not in the table" in problems_of([one, stranger], reasons)


def test_a_payment_failure_without_test_or_reason_is_a_problem_and_others_numbers_are_none() -> None:
    one = FaultTest("PF02", "test_pf02_late", "tests/test_one.py", "each")
    other = FaultTest("F99", "test_f99_x", "tests/test_one.py", "parts")
    reasons = dict.fromkeys(set(PAYMENT_NUMBERS) - {"PF01", "PF02"}, "because")
    assert problems_of([one, other], reasons, PAYMENT_FAULTS) == ["PF01 has neither a test nor a reason"]
    elsewhere = FaultTest("PF01", "test_pf01_twice", "tests/test_one.py", "parts")
    assert problems_of_platforms([one, elsewhere], reasons) == ["PF01 is not run against each of its platforms"]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("test_f05_money", ["F05"]),
        ("test_f05_pf06_money", ["F05", "PF06"]),
        ("test_pf06_money_f05_x", ["PF06"]),
        ("test_f05_", []),
        ("test_money", []),
    ],
)
def test_a_test_may_carry_a_number_of_both_kinds(name: str, numbers: list[str]) -> None:
    assert numbers_of(name) == numbers


def test_a_case_runs_at_each_platform_or_says_why_not() -> None:
    assert all(number in PAYMENT_NUMBERS and set(why) < set(PROVIDERS) for number, why in NOT_AT.items())
    assert providers_of("PF22") == ["wechat", "alipay"] and providers_of("PF01") == list(PROVIDERS)
    drawn = payment_page([], dict.fromkeys(PAYMENT_NUMBERS, "because") | {"PF22": "x"})
    assert "not Stripe" not in drawn, "a case without a test names no platform"
    tested = [FaultTest("PF22", "test_pf22_no_password", "tests/a.py", "each")]
    drawn = payment_page(tested, dict.fromkeys(set(PAYMENT_NUMBERS) - {"PF22"}, "because"))
    assert "| WeChat Pay, Alipay<br>not Stripe: " in drawn and "[no password](../tests/a.py) (each)" in drawn


def test_tests_are_found_by_name_and_described_by_what_they_use(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "stage.py").write_text("from vendomat.simulator.town import Town\n")
    (folder / "test_a.py").write_text("from tests.stage import x\n\ndef test_f18_killed_under_load(): ...\n")
    (folder / "test_b.py").write_text("class T:\n    async def test_f02_twice(self): ...\ndef test_other(): ...\n")
    (folder / "test_d.py").write_text("async def test_f05_pf06_late(shop): ...\nasync def test_pf07_odd(stage): ...\n")
    (folder / "test_c.py").write_text("import vendomat.simulator.disk\n\ndef test_f38_full(): ...\n")
    found = [(test.number, test.how) for test in collect(tmp_path)]
    mine = [("F02", "parts"), ("F05", "parts"), ("F18", "processes"), ("F38", "world")]
    assert found == [*mine, ("PF06", "each"), ("PF07", "parts")]
    assert way_of(folder / "stage.py", tmp_path) == "processes"


def test_the_kept_page_is_what_the_tests_say(repository: Path) -> None:
    tests = collect(repository)
    assert problems_of(tests, UNTESTED) == []
    assert (repository / PAGE).read_text(encoding="utf-8") == page(tests, UNTESTED), "run `make faults`"
    assert problems_of(tests, PAYMENT_UNTESTED, PAYMENT_FAULTS) == []
    assert problems_of_platforms(tests, PAYMENT_UNTESTED) == []
    kept = (repository / PAYMENT_PAGE).read_text(encoding="utf-8")
    assert kept == payment_page(tests, PAYMENT_UNTESTED), "run `make faults`"
