"""Draws `docs/faults.md` and `docs/payment-failures.md`: every case by number, what must come of it, and its tests.

A test belongs to F07 when its name begins with `test_f07_`, to PF06 with `test_pf06_`, to both with `test_f05_pf06_`.
`--check` only compares. It fails when a case has neither a test nor a reason, or both, or when a test carries a number
that is in no table.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fault_table import FAULTS, UNTESTED
from payment_fault_table import NOT_AT, PAYMENT_FAULTS, PAYMENT_UNTESTED, PROVIDERS

ROOT = Path(__file__).resolve().parent.parent
PAGE = "docs/faults.md"
PAYMENT_PAGE = "docs/payment-failures.md"
HEADING = """# Faults and their tests

Drawn by `make faults` from the names of the tests; do not edit. **processes**: real programs, killed or cut off in
earnest; **world**: real code on simulated time, disk and wire; **parts**: real parts in one process, most with a real
PostgreSQL. Beside these, `make test` kills real processes at every effect boundary (`simulator/kill_matrix`).
"""
PAYMENT_HEADING = """# What goes wrong with payments, and what must come of it

Drawn by `make faults` from the names of the tests; do not edit. **each**: run once against every platform of the row,
whose emulator speaks the real wire, with the cloud's own selling parts and a real PostgreSQL behind it; after each such
test the independent audit compares the database with the platform's own books. **processes**, **world**, **parts**: as
in [faults.md](faults.md). Where a case does not exist at a platform, the row says why.
"""
_NAME = re.compile(r"test_((?:(?:f|pf)\d\d_)+)(\w+)")
_EACH = "shop"
"""The argument of a test that runs against every platform of its case."""
_REAL = ("vendomat.simulator.town", "vendomat.simulator.kill_matrix", "subprocess")
_WORLD = ("vendomat.simulator.worlds", "vendomat.simulator.disk")

Table = Mapping[str, Sequence[tuple[str, str, str]]]


@dataclass(frozen=True, slots=True)
class FaultTest:
    """`how` it runs: processes, world, parts or, against every platform of its case, each."""

    number: str
    name: str
    file: str
    how: str


def numbers_of(name: str, named: re.Pattern[str] = _NAME) -> list[str]:
    """The numbers that a test's name carries, in its order."""
    match = named.fullmatch(name)
    return [number.upper() for number in match[1].rstrip("_").split("_")] if match else []


def imports_of(source: str) -> set[str]:
    """The modules that `source` names in its imports, and the names it takes from them as `module.name`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def way_of(path: Path, root: Path, seen: frozenset[Path] = frozenset()) -> str:
    """How the tests of a file run, by what it and the test modules it uses import."""
    names = imports_of(path.read_text(encoding="utf-8"))
    if any(name.startswith(_REAL) for name in names):
        return "processes"
    ways = {"world"} if any(name.startswith(_WORLD) for name in names) else set()
    for name in names:
        other = root / (name.replace(".", "/") + ".py")
        if name.startswith("tests.") and other.is_file() and other not in seen:
            ways.add(way_of(other, root, seen | {path}))
    return next((way for way in ("processes", "world") if way in ways), "parts")


def collect(root: Path, named: re.Pattern[str] = _NAME) -> list[FaultTest]:
    """Every test below `tests/` that is `named` with a number, by number and place; one with two stands twice."""
    found: list[FaultTest] = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        if not named.search(source):
            continue
        file, way = path.relative_to(root).as_posix(), ""
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not numbers_of(node.name, named):
                continue
            way = way or way_of(path, root)
            for number in numbers_of(node.name, named):
                is_each = number.startswith("PF") and any(one.arg == _EACH for one in node.args.args)
                found.append(FaultTest(number, node.name, file, "each" if is_each else way))
    return sorted(found, key=lambda test: (test.number, test.file, test.name))


def problems_of(tests: list[FaultTest], untested: Mapping[str, str], table: Table = FAULTS) -> list[str]:
    """What keeps `table` from being whole, of the tests that carry its kind of number."""
    numbers = {number for rows in table.values() for number, _, _ in rows}
    kinds = {number.rstrip("0123456789") for number in numbers}
    mine = [test for test in tests if test.number.rstrip("0123456789") in kinds]
    tested = {test.number for test in mine}
    found = [f"{test.name} carries a number that is not in the table" for test in mine if test.number not in numbers]
    found += [f"{number} has neither a test nor a reason" for number in sorted(numbers - tested - set(untested))]
    found += [f"{number} has a test and a reason for having none" for number in sorted(tested & set(untested))]
    return found


def problems_of_platforms(tests: list[FaultTest], untested: Mapping[str, str]) -> list[str]:
    """Payment failures that no test runs against every platform they exist at."""
    numbers = {number for rows in PAYMENT_FAULTS.values() for number, _, _ in rows}
    run = {test.number for test in tests if test.how == "each"}
    return [f"{number} is not run against each of its platforms" for number in sorted(numbers - run - set(untested))]


def page(tests: list[FaultTest], untested: Mapping[str, str]) -> str:
    """The whole page of faults."""
    lines = [HEADING]
    for heading, rows in FAULTS.items():
        lines += [f"## {heading}\n", "| | fault | must come of it | tests |", "|---|---|---|---|"]
        for number, fault, expected in rows:
            lines.append(f"| {number} | {fault} | {expected} | {_tests_of(number, tests, untested)} |")
        lines.append("")
    return "\n".join(lines)


def payment_page(tests: list[FaultTest], untested: Mapping[str, str]) -> str:
    """The whole page of payment failures."""
    lines = [PAYMENT_HEADING]
    for heading, rows in PAYMENT_FAULTS.items():
        lines += [f"## {heading}\n", "| | case | must come of it | platforms | tests |", "|---|---|---|---|---|"]
        for number, case, expected in rows:
            where = _platforms_of(number) if number not in untested else ""
            lines.append(f"| {number} | {case} | {expected} | {where} | {_tests_of(number, tests, untested)} |")
        lines.append("")
    return "\n".join(lines)


def _platforms_of(number: str) -> str:
    absent = NOT_AT.get(number, {})
    found = [name for channel, name in PROVIDERS.items() if channel not in absent]
    return "<br>".join([", ".join(found), *(f"not {PROVIDERS[one]}: {why}" for one, why in absent.items())])


def _tests_of(number: str, tests: list[FaultTest], untested: Mapping[str, str]) -> str:
    mine = [_words(test) for test in tests if test.number == number]
    return "<br>".join(mine) or f"none: {untested[number]}"


def _words(test: FaultTest) -> str:
    match = _NAME.fullmatch(test.name)
    assert match is not None
    return f"[{match[2].replace('_', ' ')}](../{test.file}) ({test.how})"


def main() -> int:
    """The command: writes the pages, or with `--check` says whether they are current."""
    parser = argparse.ArgumentParser(description="Draw the tables of faults.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when a page is not current")
    is_check = parser.parse_args().check
    tests = collect(ROOT)
    problems = problems_of(tests, UNTESTED) + problems_of(tests, PAYMENT_UNTESTED, PAYMENT_FAULTS)
    problems += problems_of_platforms(tests, PAYMENT_UNTESTED)
    if problems:
        print("\n".join(f"faults: {problem}" for problem in problems))
        return 1
    pages = {PAGE: page(tests, UNTESTED), PAYMENT_PAGE: payment_page(tests, PAYMENT_UNTESTED)}
    return max(_keep(place, fresh, is_check=is_check) for place, fresh in pages.items())


def _keep(place: str, fresh: str, *, is_check: bool) -> int:
    kept = ROOT / place
    if kept.is_file() and kept.read_text(encoding="utf-8") == fresh:
        print(f"faults: {place} is current")
        return 0
    if is_check:
        print(f"faults: {place} is not what the tests say; run `make faults`")
        return 1
    kept.write_text(fresh, encoding="utf-8")
    print(f"faults: wrote {place}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
