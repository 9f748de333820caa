"""One check: a world of one order within its bounds, searched to the end or to the first breach."""

from __future__ import annotations

from dataclasses import dataclass

from vendomat.simulator.model_check.parts import Bounds
from vendomat.simulator.model_check.search import Found, Search, Story
from vendomat.simulator.model_check.world import VendingWorld

STATES_MAX = 1_500_000


@dataclass(frozen=True, slots=True)
class Result:
    """What a check saw. `story` None: within `bounds`, nothing is broken and every state can still settle."""

    bounds: Bounds
    found: Found
    parts: tuple[int, int, int]

    @property
    def states(self) -> int:
        return self.found.states

    @property
    def story(self) -> Story | None:
        return self.found.story

    def report(self) -> str:
        """One line: the counts, and what was found."""
        found = self.found
        verdict = "nothing broken" if found.story is None else f"{found.story.broken} ({len(found.story.lines)} lines)"
        machines, clouds, platforms = self.parts
        return (
            f"{self.bounds.name}: {found.states} states, {found.transitions} transitions, depth {found.depth}, "
            f"{found.settled} settled; parts {machines} machine, {clouds} cloud, {platforms} platform: {verdict}"
        )


def check(bounds: Bounds, *, states_max: int = STATES_MAX) -> Result:
    """Search everything within `bounds`. Raises `TooManyStatesError` when `states_max` does not suffice."""
    world = VendingWorld(bounds)
    found = Search(world, states_max=states_max).run()
    return Result(bounds, found, (len(world.machines.table), len(world.clouds.table), len(world.platforms.table)))
