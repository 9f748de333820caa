"""The model check itself: the whole design holds within its bounds, and each safeguard removed is found missing."""

from __future__ import annotations

import pytest

from vendomat.simulator.model_check import DEFENCE_IN_DEPTH, REMOVALS, WHOLE_DESIGN, Bounds, check

STATES_MIN = {
    "one unit": 65_000,
    "paused worker, late money": 75_000,
    "acknowledgements, sick disk, silent board": 50_000,
    "refunds that stop": 33_000,
    "two units": 60_000,
    "two payments": 55_000,
    "a hold": 50_000,
    "a hold beside a payment": 30_000,
}
"""A check that explores little proves little: well below what was counted, far above what a broken search would see."""


@pytest.mark.slow
@pytest.mark.parametrize("bounds", WHOLE_DESIGN, ids=lambda bounds: bounds.name)
def test_nothing_is_broken_and_every_state_can_still_settle(bounds: Bounds) -> None:
    result = check(bounds)
    assert result.story is None, f"{result.report()}\n{result.story}"
    assert result.states >= STATES_MIN[bounds.name], result.report()
    assert result.found.settled > 700 and result.found.depth > 15, result.report()


@pytest.mark.parametrize("name", REMOVALS)
def test_a_safeguard_removed_is_found_missing(name: str) -> None:
    removal = REMOVALS[name]
    result = check(removal.bounds)
    assert result.story is not None, f"{removal.what} is gone and nobody notices: {result.report()}"
    assert result.story.broken.startswith(removal.harm), result.story
    assert 3 <= len(result.story.lines) <= 15, result.story


def test_the_story_is_told_in_plain_words() -> None:
    story = str(check(REMOVALS["G5"].bounds).story)
    assert "  1. THE BUYER PAYS with wechat\n" in story
    assert "POWER CUT; the machine comes up again as run 2\n" in story
    assert story.endswith(
        "STARTS ONCE MORE, and the item falls\n     => I1: the motor of unit 1 ran 2 times and 2 items fell"
    )


def test_what_is_defence_in_depth_is_known_as_that() -> None:
    """The document says what is found for these: the final outcome is missed at once, the other two by nothing."""
    stories = {name: check(removal.bounds).story for name, removal in DEFENCE_IN_DEPTH.items()}
    assert stories["G9"] is not None and stories["G9"].broken.startswith("I11")
    assert stories["G10"] is None
    assert stories["waiting fence"] is None
