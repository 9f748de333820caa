"""The order of the files: the longest begin first, so that no core waits for the last of them at the end."""

from __future__ import annotations

import pytest

LONGEST_FIRST = (
    "tests/faults/test_kill_matrix.py",
    "tests/worlds/test_worlds.py",
    "tests/faults/test_broken_town.py",
    "tests/worlds/test_plants.py",
    "tests/faults/test_town.py",
    "tests/browser/",
    "tests/model_check/",
    "tests/faults/",
    "tests/audit/",
    "tests/terminal/journal/",
    "tests/simulator/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def turn(item: pytest.Item) -> int:
        return next((n for n, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start)), len(LONGEST_FIRST))

    items.sort(key=turn)
