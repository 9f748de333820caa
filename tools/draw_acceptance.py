"""Draws the table of `docs/emulators.md`: what the emulators must do, item by item, and the tests that hold them to it.

A test belongs to E06 when its name begins with `test_e06_`. `--check` only compares. It fails when an item has no test,
or when a test carries a number that is not in the table.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from draw_faults import FaultTest, collect

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "emulators.md"
START, END = "<!-- drawn by `make faults`; do not edit -->", "<!-- end -->"
NAME = re.compile(r"test_(e\d\d)_\w+")

ITEMS: dict[str, tuple[str, str]] = {
    "E01": ("RSA and AES on every message; merchants, two kinds of platform keys, their change", "whole"),
    "E02": ("raw bytes are verified; the checks before business, in the platform's order", "whole"),
    "E03": ("what is signed and what is not; bill addresses that end", "whole"),
    "E04": ("states and expiries on a clock that can be moved: two hours, a day, seven days", "whole"),
    "E05": ("a second code under one number; one order serves one buyer", "whole"),
    "E06": ("notices: the real schedules, one id per event, every fault to order, refunds as XML", "whole"),
    "E07": ("faults per call: errors and time-outs before and after, 429, 202, resets", "whole"),
    "E08": ("the buyer: second scan, wrong password, late, too little money, code prefixes, 1000 yuan", "whole"),
    "E09": ("the merchant's balance, fees half up, the payout of the next morning", "WeChat Pay and Alipay"),
    "E10": ("bills to the byte from its own books, and each difference on demand", "WeChat Pay and Alipay"),
    "E11": (
        "Alipay's forms: query, form, multipart, `\\/`, unsigned gateway errors, certificates, REST",
        "whole",
    ),
    "E12": ("any conforming client: absolute-form targets, any address and port", "TLS for WeChat Pay only"),
    "E13": ("a control port apart, without a key of the product", "whole"),
    "E14": ("the client libraries as they come, and the published vectors", "whole"),
}
"""What each item asks for, and how much of it is there."""


def rows(tests: list[FaultTest]) -> list[str]:
    """The table, a line each."""
    lines = ["| | must | tests | |", "|---|---|---|---|"]
    for number, (must, status) in ITEMS.items():
        mine = [test for test in tests if test.number == number]
        words = "<br>".join(f"[{test.name[9:].replace('_', ' ')}](../{test.file})" for test in mine)
        lines.append(f"| {number} | {must} | {words} | {status} |")
    return lines


def problems(tests: list[FaultTest]) -> list[str]:
    """What keeps the table from being whole."""
    numbers = {test.number for test in tests}
    return [f"{number} has no test" for number in ITEMS if number not in numbers] + [
        f"{number} is not in the table" for number in sorted(numbers - ITEMS.keys())
    ]


def drawn(page: str, tests: list[FaultTest]) -> str:
    """`page` with the table between its marks made anew."""
    head, _, rest = page.partition(START)
    _, _, tail = rest.partition(END)
    return "\n".join([head + START, "", *rows(tests), "", END]) + tail


def main() -> int:
    """The command: writes the page, or with `--check` says whether it is current."""
    parser = argparse.ArgumentParser(description="Draw the table of what the emulators must do.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when the page is not current")
    is_check = parser.parse_args().check
    tests = collect(ROOT, NAME)
    if found := problems(tests):
        print("\n".join(f"acceptance: {problem}" for problem in found))
        return 1
    kept = PAGE.read_text(encoding="utf-8")
    fresh = drawn(kept, tests)
    if fresh == kept:
        print("acceptance: docs/emulators.md is current")
        return 0
    if is_check:
        print("acceptance: docs/emulators.md is not what the tests say; run `make faults`")
        return 1
    PAGE.write_text(fresh, encoding="utf-8")
    print("acceptance: wrote docs/emulators.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
