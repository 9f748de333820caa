"""Every operation of the journal with a fault, or without power, at its n-th call of the disk, for every n."""

from __future__ import annotations

import pytest

from tests.terminal.journal.storage_stage import DEEDS, after_cut, after_fault, each_call
from vendomat.simulator.disk import DiskFault

PRAGMAS = ["", "wal_autocheckpoint=1"]
SEEDS = [0, 1, 2, 3]
"""0: everything unsynced is gone; else each sector of it survives by a coin of that seed."""


@pytest.mark.parametrize("pragma", PRAGMAS)
@pytest.mark.parametrize("fault", list(DiskFault))
@pytest.mark.parametrize("deed", [*DEEDS, "open"])
def test_a_refused_call_fails_loudly_and_loses_nothing(deed: str, fault: DiskFault, pragma: str) -> None:
    assert each_call(lambda number: after_fault(DEEDS.get(deed), number, fault, pragma=pragma)) == []


@pytest.mark.parametrize("pragma", PRAGMAS)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("deed", [*DEEDS, "open"])
def test_power_lost_at_any_call_loses_nothing_acknowledged(deed: str, seed: int, pragma: str) -> None:
    assert each_call(lambda number: after_cut(DEEDS.get(deed), number, seed=seed, pragma=pragma)) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_power_lost_in_the_very_first_start_is_a_first_start_again(seed: int) -> None:
    assert each_call(lambda number: after_cut(None, number, seed=seed, has_past=False)) == []


@pytest.mark.parametrize("deed", list(DEEDS))
def test_control_without_full_synchronisation_the_same_question_finds_a_loss(deed: str) -> None:
    found = each_call(lambda number: after_cut(DEEDS[deed], number, pragma="synchronous=NORMAL"))
    assert found, "a journal that does not sync must lose what it acknowledged"
