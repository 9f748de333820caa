"""Makes the repository's tools importable, and plants small trees for them to look at."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tools"))

Plant = Callable[[dict[str, str]], Path]


@pytest.fixture
def repository() -> Path:
    """The root of the real repository."""
    return REPOSITORY


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Writes files, given as path and text, below a fresh folder and returns it; may be called again to add more."""

    def write(files: dict[str, str]) -> Path:
        for path, text in files.items():
            where = tmp_path / path
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_text(text, encoding="utf-8")
        return tmp_path

    return write
