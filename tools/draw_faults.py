"""Draws `docs/faults.md`: every fault scenario, what must come of it, and the tests that carry its number.

A test belongs to F07 when its name begins with `test_f07_`. `--check` only compares. It fails when a scenario has
neither a test nor a reason, or both, or when a test carries a number that is not in the table.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from fault_table import FAULTS, UNTESTED

ROOT = Path(__file__).resolve().parent.parent
PAGE = "docs/faults.md"
HEADING = """# Faults and their tests

Drawn by `make faults` from the names of the tests; do not edit. **processes**: real programs, killed or cut off in
earnest; **world**: real code on simulated time, disk and wire; **parts**: real parts in one process, most with a real
PostgreSQL. Beside these, `make test` kills real processes at every effect boundary (`simulator/kill_matrix`).
"""
_NAME = re.compile(r"test_(f\d\d)_\w+")
_REAL = ("vendomat.simulator.town", "vendomat.simulator.kill_matrix", "subprocess")
_WORLD = ("vendomat.simulator.worlds", "vendomat.simulator.disk")


@dataclass(frozen=True, slots=True)
class FaultTest:
    """`how` it runs: processes, world or parts."""

    number: str
    name: str
    file: str
    how: str


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
    """Every test below `tests/` that is `named` with a number, by number and place."""
    found: list[FaultTest] = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (match := named.fullmatch(node.name)):
                file = path.relative_to(root).as_posix()
                found.append(FaultTest(match[1].upper(), node.name, file, way_of(path, root)))
    return sorted(found, key=lambda test: (test.number, test.file, test.name))


def problems_of(tests: list[FaultTest], untested: dict[str, str]) -> list[str]:
    """What keeps the table from being whole."""
    numbers = {number for rows in FAULTS.values() for number, _, _ in rows}
    tested = {test.number for test in tests}
    found = [f"{test.name} carries a number that is not in the table" for test in tests if test.number not in numbers]
    found += [f"{number} has neither a test nor a reason" for number in sorted(numbers - tested - set(untested))]
    found += [f"{number} has a test and a reason for having none" for number in sorted(tested & set(untested))]
    return found


def page(tests: list[FaultTest], untested: dict[str, str]) -> str:
    """The whole page."""
    lines = [HEADING]
    for heading, rows in FAULTS.items():
        lines += [f"## {heading}\n", "| | fault | must come of it | tests |", "|---|---|---|---|"]
        for number, fault, expected in rows:
            mine = [_words(test) for test in tests if test.number == number]
            lines.append(f"| {number} | {fault} | {expected} | {'<br>'.join(mine) or f'none: {untested[number]}'} |")
        lines.append("")
    return "\n".join(lines)


def _words(test: FaultTest) -> str:
    words = test.name.split("_", 2)[2].replace("_", " ")
    return f"[{words}](../{test.file}) ({test.how})"


def main() -> int:
    """The command: writes the page, or with `--check` says whether it is current."""
    parser = argparse.ArgumentParser(description="Draw the table of faults.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when the page is not current")
    is_check = parser.parse_args().check
    tests = collect(ROOT)
    problems = problems_of(tests, UNTESTED)
    if problems:
        print("\n".join(f"faults: {problem}" for problem in problems))
        return 1
    kept, fresh = ROOT / PAGE, page(tests, UNTESTED)
    if kept.is_file() and kept.read_text(encoding="utf-8") == fresh:
        print(f"faults: {PAGE} is current")
        return 0
    if is_check:
        print(f"faults: {PAGE} is not what the tests say; run `make faults`")
        return 1
    kept.write_text(fresh, encoding="utf-8")
    print(f"faults: wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
