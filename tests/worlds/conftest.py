"""One throw-away database server for all worlds of a test file, with the independent audit as their judge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vendomat.cli.simulate import open_judge
from vendomat.simulator.worlds import WorldSearch, open_search


@pytest.fixture(scope="module")
def worlds() -> Iterator[WorldSearch]:
    with open_search(open_judge) as ready:
        yield ready
