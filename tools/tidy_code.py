"""House rules that need the syntax tree of one Python file: sizes, doors, purity, money, docstrings.

Each rule is a function from a parsed file to findings. It reads source only: nothing of it is imported or run, so a
name that is built at run time is beyond it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
TABLE_LINES_MIN = 10
EXCUSE = "Longer because"

OPEN_PACKAGES = {
    "vendomat": "the parts are its doors",
    "vendomat.cloud": "the features are its doors",
    "vendomat.terminal": "the features are its doors",
    "vendomat.simulator": "the worlds, gateways and fleets are its doors",
    "vendomat.cloud.platform": "each of its modules is one service to all features, and so a door itself",
}
"""Packages whose children may be entered from outside, and why."""

CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("os", "urandom"),
    ("uuid", "uuid1"),
    ("uuid", "uuid4"),
    ("asyncio", "sleep"),
}
CHANCE_MODULES = frozenset({"random", "secrets", "time"})
CHANCE_NAMES = frozenset({("uuid", "uuid1"), ("uuid", "uuid4"), ("os", "urandom")})
IO_MODULES = frozenset(
    {"alembic", "apsw", "asyncio", "asyncpg", "fastapi", "httpx", "nats", "os", "pathlib", "requests", "shutil"}
    | {"socket", "sqlalchemy", "sqlite3", "ssl", "starlette", "subprocess", "threading", "urllib3", "uvicorn"}
)
MONEY_NAME = re.compile(r"^(.*_)?(minor|minor_units|fen|amount)$")


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: where, what, and how to mend it."""

    path: str
    line: int
    rule: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.what}. Mend: {self.mend}"


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: `path` relative to the repository, `module` empty outside `src`."""

    path: str
    module: str
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.module if self.path.endswith("__init__.py") else self.module.rpartition(".")[0]


def parse(path: str, text: str) -> Source:
    """Raises SyntaxError when `text` is no Python."""
    pure = PurePosixPath(path)
    parts = pure.with_suffix("").parts[1:] if pure.parts[0] == "src" else ()
    module = ".".join(parts[:-1] if parts and parts[-1] == "__init__" else parts)
    return Source(path, module, text, ast.parse(text, filename=path))


# --- size -----------------------------------------------------------------------------------------------------------


def table_lines(tree: ast.Module) -> int:
    """Lines of module-level tables: literals and calls that only list data."""
    total = 0
    for node in tree.body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Dict | ast.List | ast.Tuple | ast.Set | ast.Call):
            height = (node.end_lineno or node.lineno) - node.lineno + 1
            total += height if height >= TABLE_LINES_MIN else 0
    return total


def has_excuse(docstring: str | None) -> bool:
    """Whether a docstring gives the reason for an unusual length."""
    return any(line.strip().startswith(EXCUSE) for line in (docstring or "").splitlines())


def check_size(source: Source) -> Iterator[Finding]:
    """File and function length; tables do not count, and a stated reason excuses the file."""
    if has_excuse(ast.get_docstring(source.tree)):
        return
    lines = len(source.text.splitlines()) - table_lines(source.tree)
    mend = f'split it, or give the reason in the docstring in a line that starts "{EXCUSE}"'
    if lines > FILE_LINES_MAX:
        yield Finding(source.path, 1, "size", f"{lines} lines, more than {FILE_LINES_MAX}", mend)
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or has_excuse(ast.get_docstring(node)):
            continue
        height = (node.end_lineno or node.lineno) - node.lineno + 1
        if height > FUNCTION_LINES_MAX:
            what = f"{node.name} has {height} lines, more than {FUNCTION_LINES_MAX}"
            yield Finding(source.path, node.lineno, "size", what, mend)


# --- docstring ------------------------------------------------------------------------------------------------------


def check_docstring(source: Source) -> Iterator[Finding]:
    """Every module of the package says what it is."""
    if source.module and ast.get_docstring(source.tree) is None:
        mend = "open the file with what it is and what it refuses to do"
        yield Finding(source.path, 1, "docstring", "the module has no docstring", mend)


# --- doors ----------------------------------------------------------------------------------------------------------


def exported(tree: ast.Module) -> frozenset[str]:
    """The names in `__all__`, when it is a plain list or tuple of strings."""
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.List | ast.Tuple):
            continue
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets):
            return frozenset(str(item.value) for item in node.value.elts if isinstance(item, ast.Constant))
    return frozenset()


def imported_modules(source: Source, offers: dict[str, frozenset[str]]) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every module of the package that `source` reaches into."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = source.package.split(".")[: len(source.package.split(".")) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield node.lineno, start
            for alias in node.names:
                child = f"{start}.{alias.name}"
                if child in offers and alias.name not in offers.get(start, frozenset()):
                    yield node.lineno, child


def check_doors(source: Source, offers: dict[str, frozenset[str]]) -> Iterator[Finding]:
    """A package is entered through its `__init__` only. `offers` maps every module to the names in its `__all__`."""
    if not source.module:
        return
    seen: set[tuple[int, str]] = set()
    for line, target in imported_modules(source, offers):
        parts = target.split(".")
        packages = [".".join(parts[:length]) for length in range(1, len(parts))] if parts[0] == "vendomat" else []
        shut = [door for door in packages if door not in OPEN_PACKAGES and not _is_inside(source.module, door)]
        if shut and (line, shut[0]) not in seen:
            seen.add((line, shut[0]))
            mend = f"import from {shut[0]}, and let it offer the name in __all__ if others may use it"
            yield Finding(source.path, line, "door", f"{target} is an inner module of {shut[0]}", mend)


def _is_inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


# --- purity ---------------------------------------------------------------------------------------------------------


def is_deciding(path: str) -> bool:
    """Whether the file decides only: time, chance and ids must come in from outside."""
    pure = PurePosixPath(path)
    if pure.parts[:2] != ("src", "vendomat"):
        return False
    if len(pure.parts) > 3 and pure.parts[2] in {"kernel", "pricing", "protocol"}:
        return pure.name not in {"clock.py", "ids.py"} or pure.parts[2] != "kernel"
    return pure.name in {"model.py", "steps.py", "use_cases.py", "wire.py"} or _is_suffixed(pure)


def _is_suffixed(pure: PurePosixPath) -> bool:
    return pure.stem.endswith(("_model", "_steps"))


def check_purity(source: Source) -> Iterator[Finding]:
    """No wall clock, chance or fresh id where decisions are made; no I/O in a model or steps under any name."""
    if not is_deciding(source.path):
        return
    pure = PurePosixPath(source.path)
    is_io_banned = pure.name == "steps.py" or _is_suffixed(pure)
    mend = "take it as an argument or an event, or answer with an effect"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            roots, names = _import_names(node)
            for root in sorted(roots):
                if root in CHANCE_MODULES or (is_io_banned and root in IO_MODULES):
                    yield Finding(source.path, node.lineno, "pure", f"a deciding file imports {root}", mend)
            for root, name in sorted(names & CHANCE_NAMES):
                yield Finding(source.path, node.lineno, "pure", f"a deciding file imports {root}.{name}", mend)
        elif isinstance(node, ast.Attribute) and (_last_name(node.value), node.attr) in CLOCKS:
            what = f"a deciding file uses {_last_name(node.value)}.{node.attr}"
            yield Finding(source.path, node.lineno, "pure", what, mend)


def _import_names(node: ast.Import | ast.ImportFrom) -> tuple[set[str], set[tuple[str, str]]]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}, set()
    if node.level or node.module is None:
        return set(), set()
    return {node.module.split(".")[0]}, {(node.module, alias.name) for alias in node.names}


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


# --- money ----------------------------------------------------------------------------------------------------------


def _nearby(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and what is in the same expression, without the arguments of calls (a keyword is its own place)."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.Call) and child is not node.func and not _is_float_call(node):
            continue
        yield from _nearby(child)


def _is_float_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"


def _is_float(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    return isinstance(node, ast.Name) and node.id == "float"


def _is_money(node: ast.AST) -> bool:
    name = (
        node.arg if isinstance(node, ast.arg | ast.keyword) else _last_name(node) if isinstance(node, ast.expr) else ""
    )
    return bool(MONEY_NAME.match(name or ""))


def check_money(source: Source) -> Iterator[Finding]:
    """No float beside a money name, and no true division of one."""
    places = (ast.BinOp, ast.Compare, ast.AugAssign, ast.Assign, ast.AnnAssign, ast.keyword, ast.arg, ast.Call)
    lines: set[int] = set()
    for node in ast.walk(source.tree):
        if not isinstance(node, places) or (isinstance(node, ast.Call) and not _is_float_call(node)):
            continue
        near = list(_nearby(node))
        is_divided = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        if any(map(_is_money, near)) and (is_divided or any(map(_is_float, near))) and node.lineno not in lines:
            lines.add(node.lineno)
            mend = "count in whole minor units: kernel.Money, integer division, Money.split"
            yield Finding(source.path, node.lineno, "money", "a float meets an amount of money", mend)


def check_locators(source: Source) -> Iterator[Finding]:
    """No `get_by_text` that takes a part of a sentence: it finds two the day another sentence has the same words."""
    for node in ast.walk(source.tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr == "get_by_text" and not any(keyword.arg == "exact" for keyword in node.keywords):
            mend = "find the element by its test id and filter it by text, or say exact=True"
            yield Finding(source.path, node.lineno, "locator", "a text may stand on the page twice", mend)
