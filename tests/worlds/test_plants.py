"""Each planted bug must be found within its stated number of worlds: a search that misses it proves nothing."""

from __future__ import annotations

import time

import pytest

from vendomat.kernel import VendomatError
from vendomat.simulator.worlds import PLANTS, WorldSearch, plant_named, search


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_bug_is_found(worlds: WorldSearch, name: str) -> None:
    plant = PLANTS[name]
    seeds = range(1, plant.worlds_max + 1)
    report = search(worlds, seeds, plant.bug, elapsed_s=time.monotonic, on_world=lambda result: not result.offences)
    assert report.broken, f"{name} was not found in {plant.worlds_max} worlds"


def test_a_bug_that_nobody_can_plant_is_answered_with_those_that_one_can() -> None:
    with pytest.raises(VendomatError) as refused:
        plant_named("gremlin")
    assert "gremlin" in refused.value.message
    assert all(name in refused.value.message for name in PLANTS)


def test_there_are_enough_of_them() -> None:
    assert len(PLANTS) >= 12
    for safeguard in ("G1:", "G2:", "G3:", "G4:", "G5:", "G6:", "G7:", "G8:", "G10:"):
        assert any(plant.what.startswith(safeguard) for plant in PLANTS.values()), safeguard
