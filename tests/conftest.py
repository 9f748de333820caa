"""The order of the files: the longest begin first, with those that mostly wait among them, so that no core is idle.

And the garbage collector: what collection makes (a thousand modules, thousands of tests) stays to the end, so it is
neither looked through while it is made nor in every collection after it. What a file leaves is collected at its end:
one collection of everything since the beginning would hold a test up for ten seconds, and tell another file of leaks.

And what lies elsewhere: run by root, a database is kept where its account may go, which is no folder of pytest's.
"""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

GARBAGE_MIN = 50_000
"""Objects made before the collector looks for cycles among the youngest; Python's own is 700."""

LONGEST_FIRST = (
    "tests/faults/test_kill_matrix.py",
    "tests/worlds/test_worlds.py",
    "tests/faults/test_broken_town.py",
    "tests/worlds/test_plants.py",
    "tests/contracts/payments/test_payments_contract.py",
    "tests/faults/test_town.py",
    "tests/browser/test_pages_accessible.py",
    "tests/contracts/payments/test_refunds_contract.py",
    "tests/browser/test_console_pages.py",
    "tests/browser/test_console_people.py",
    "tests/contracts/payments/test_charges_contract.py",
    "tests/browser/",
    "tests/model_check/",
    "tests/bench/",
    "tests/faults/",
    "tests/audit/",
    "tests/terminal/",
    "tests/simulator/",
)


def pytest_configure() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_MIN)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def turn(item: pytest.Item) -> int:
        return next((n for n, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start)), len(LONGEST_FIRST))

    items.sort(key=turn)


@pytest.fixture(scope="module", autouse=True)
def _collect() -> Iterator[None]:
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _nothing_stays_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    yield
    for location in tmp_path_factory.getbasetemp().rglob("location"):
        place = Path(location.read_text(encoding="utf-8").strip())
        if place.parent == Path(tempfile.gettempdir()) and place.name.startswith("vendomat-"):
            shutil.rmtree(place, ignore_errors=True)
