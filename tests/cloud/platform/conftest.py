"""Folders for engines: one that an unprivileged account can reach, also when the tests run as root."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that every account may pass through (pytest's own are closed to other users)."""
    folder = Path(tempfile.mkdtemp(prefix="engines-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
