"""The fuzzer's targets: each takes its seeds, refuses what it must in its own words, and a broken one is found."""

from __future__ import annotations

import random

import pytest
from fuzz import changed, run_blind
from fuzz_targets import TARGETS, Target


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_few_thousand_changes_break_nothing(name: str) -> None:
    target, choice = TARGETS[name], random.Random(name)
    for _ in range(400):
        target.feed(changed(choice.choice(target.seeds), choice))


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_parser_that_raises_something_else_is_found(name: str) -> None:
    def broken(data: bytes) -> object:
        if len(data) > len(seed):
            raise KeyError("length")
        return TARGETS[name].read(data)

    seed = TARGETS[name].seeds[0]
    with pytest.raises(KeyError):
        run_blind(Target(broken, (seed,), TARGETS[name].refusals), seconds=30, seed=1)
