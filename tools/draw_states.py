"""Draws `docs/states.md` from every `Moves` table in the code, so that the drawing cannot drift from the rule.

`--check` only compares. It reads tables; it knows no machine by name and adds nothing that a table does not say.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

from vendomat.kernel import Moves

ROOT = Path(__file__).resolve().parent.parent
PAGE = "docs/states.md"
HEADING = """# State machines

Drawn by `make states` from the tables in the code; do not edit. An event that a table does not list for a state is
refused and changes nothing.
"""


@dataclass(frozen=True, slots=True)
class Drawing:
    """One table and where it stands: `file` relative to the repository, `module` and `name` as imported."""

    file: str
    module: str
    name: str
    mermaid: str


def table_names(source: str) -> list[str]:
    """The module-level names in `source` that are given a `Moves(...)`."""
    found: list[str] = []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
            continue
        made = node.value.func
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if isinstance(made, ast.Name) and made.id == "Moves":
            found += [target.id for target in targets if isinstance(target, ast.Name)]
    return found


def collect(package: Path) -> list[Drawing]:
    """Every table below `package`, in the order of its path. Raises whatever an import of such a module raises."""
    drawings: list[Drawing] = []
    for path in sorted(package.rglob("*.py")):
        names = table_names(path.read_text(encoding="utf-8"))
        module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for name in names:
            moves = getattr(importlib.import_module(module), name)
            assert isinstance(moves, Moves), f"{module}.{name} is called like a table, yet is none"
            file = path.relative_to(package.parent.parent).as_posix()
            drawings.append(Drawing(file, module, moves.name, moves.to_mermaid()))
    return drawings


def part_of(module: str) -> str:
    """The heading a table stands under: its part and feature, such as "cloud: orders"."""
    parts = module.split(".")[1:-1]
    return f"{parts[0]}: {' '.join(parts[1:])}" if len(parts) > 1 else parts[0]


def page(drawings: list[Drawing]) -> str:
    """The whole page."""
    lines, heading = [HEADING], ""
    for drawing in drawings:
        if part_of(drawing.module) != heading:
            heading = part_of(drawing.module)
            lines.append(f"## {heading[0].upper()}{heading[1:]}\n")
        link = f"[`{drawing.file}`](../{drawing.file})"
        lines.append(f"### {drawing.name}\n\n{link}\n\n```mermaid\n{drawing.mermaid}```\n")
    return "\n".join(lines)


def main() -> int:
    """The command: writes the page, or with `--check` says whether it is current."""
    parser = argparse.ArgumentParser(description="Draw the state machines.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when the page is not current")
    is_check = parser.parse_args().check
    kept, fresh = ROOT / PAGE, page(collect(ROOT / "src" / "vendomat"))
    if kept.is_file() and kept.read_text(encoding="utf-8") == fresh:
        print(f"states: {PAGE} is current")
        return 0
    if is_check:
        print(f"states: {PAGE} is not what the tables say; run `make states`")
        return 1
    kept.write_text(fresh, encoding="utf-8")
    print(f"states: wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
