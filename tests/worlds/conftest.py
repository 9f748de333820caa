"""One throw-away database server for all worlds of a test file, with the independent audit as their judge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vendomat.cli.simulate import judge
from vendomat.simulator.worlds import WorldSearch, open_search


@pytest.fixture(scope="module")
def worlds() -> Iterator[WorldSearch]:
    with open_search(judge) as ready:
        yield ready
