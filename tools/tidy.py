"""The house rules that no ready-made linter knows, executed: prints each breach with its place and how to mend it.

Rules: size, docstring, door, pure, money, locator (see `tidy_code`), and here name (no catch-all words in file names), package
(every folder of the package has a door), place (no path of one machine, no host of a package registry in any file).
It looks at tracked and new files alike, changes none, and exits 1 when there is a finding.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tidy_code import (
    EXCUSE,
    FILE_LINES_MAX,
    Finding,
    Source,
    check_docstring,
    check_doors,
    check_locators,
    check_money,
    check_purity,
    check_size,
    exported,
    parse,
)

ROOT = Path(__file__).resolve().parent.parent
SKIPPED_FOLDERS = frozenset({".git", ".venv", "node_modules", "dist", "build", "static", "__pycache__"})
WEB_SUFFIXES = frozenset({".ts", ".svelte", ".css", ".js"})
BANNED_WORDS = frozenset(
    {"util", "utils", "helper", "helpers", "common", "commons", "manager", "managers", "handler", "handlers", "misc"}
)
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")

# Written with character classes, so that the rule does not find itself.
PLACES = {
    "a path of one machine": re.compile(r"(?<![\w.~/}*-])[/](?:work|root|opt|tmp|home[/]\w+|Users[/]\w+)[/]\w"),
    "the host of a package registry": re.compile(
        r"\b(?:py[p]i[.]org|python[h]osted[.]org|registry[.]npm[j]s[.]org|npmmirror[.]com|proxy[.]golang[.]org"
        r"|mirrors[.][a-z]+[.](?:com|edu[.]cn)|py[p]i[.][a-z.]+[.]cn)\b"
    ),
}


def listed_files(root: Path) -> list[str]:
    """Every file that is or may become part of the repository, sorted, as paths relative to `root`."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        answer = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
        names = set(answer.split("\0")) - {""}
    else:
        names = set(_walk(root))
    return sorted(name for name in names if (root / name).is_file())


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        yield from ((Path(folder) / name).relative_to(root).as_posix() for name in files)


def check_name(path: str) -> Iterator[Finding]:
    """No part of a path is one of the words that mean nothing."""
    words = {word.lower() for part in PurePosixPath(path).parts for word in WORDS.findall(part)}
    for word in sorted(words & BANNED_WORDS):
        yield Finding(path, 1, "name", f'"{word}" says nothing', "name it after the thing it knows or does")


def check_places(path: str, text: str) -> Iterator[Finding]:
    """Nothing in the repository depends on one machine or one registry."""
    for line, content in enumerate(text.splitlines(), start=1):
        for what, pattern in PLACES.items():
            found = pattern.search(content)
            if found:
                yield Finding(
                    path, line, "place", f"{what}: {found.group()}", "take it from a setting, or leave it out"
                )


def check_web_size(path: str, text: str) -> Iterator[Finding]:
    """The length of a front-end file; a reason near its top excuses it."""
    lines = text.splitlines()
    is_excused = any(EXCUSE in line for line in lines[:20])
    if PurePosixPath(path).suffix in WEB_SUFFIXES and len(lines) > FILE_LINES_MAX and not is_excused:
        mend = f'split it, or give the reason in a comment at its top with "{EXCUSE}"'
        yield Finding(path, 1, "size", f"{len(lines)} lines, more than {FILE_LINES_MAX}", mend)


def check_packages(paths: list[str]) -> Iterator[Finding]:
    """Every folder of the package that holds Python has an `__init__.py`: without one, no import rule sees it."""
    code = [PurePosixPath(path) for path in paths if path.startswith("src/vendomat/") and path.endswith(".py")]
    for folder in sorted({path.parent for path in code} - {path.parent for path in code if path.name == "__init__.py"}):
        mend = "add __init__.py: its docstring, and in __all__ what others may use"
        yield Finding(str(folder), 1, "package", "a folder of Python without a door", mend)


def read_text(root: Path, path: str) -> str | None:
    """The text of a file, None when it is binary."""
    try:
        return (root / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def check_python(sources: list[Source]) -> Iterator[Finding]:
    """Every rule about Python. Money and doors bind the package; tests and tools may look inside."""
    offers = {source.module: exported(source.tree) for source in sources if source.module}
    for source in sources:
        yield from check_size(source)
        yield from check_docstring(source)
        yield from check_doors(source, offers)
        yield from check_purity(source)
        yield from check_locators(source)
        if source.module:
            yield from check_money(source)


def check_tree(root: Path) -> list[Finding]:
    """Everything that is wrong below `root`."""
    paths = listed_files(root)
    texts = {path: text for path in paths if (text := read_text(root, path)) is not None}
    findings = [finding for path in paths for finding in check_name(path)]
    findings += check_packages(paths)
    for path, text in texts.items():
        findings += [*check_places(path, text), *check_web_size(path, text)]
    sources = [parse(path, text) for path, text in texts.items() if path.endswith(".py")]
    findings += check_python(sources)
    return sorted(findings, key=lambda finding: (finding.path, finding.line, finding.rule))


def main(arguments: list[str]) -> int:
    """The command: `tidy.py [FOLDER]`, the repository by default."""
    findings = check_tree(Path(arguments[0]) if arguments else ROOT)
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings" if findings else "tidy: ok")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
