"""The search, on worlds small enough to see through: what is planted is found, by the shortest story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from vendomat.simulator.model_check import DEAD_END, Search, TooManyStatesError


@dataclass
class Graph:
    """A world given as a table: state -> ((label, next state), ...)."""

    edges: Mapping[str, tuple[tuple[str, str], ...]]
    settled: frozenset[str]
    harm: Mapping[str, str] = field(default_factory=dict)
    harm_on: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> str:
        return "start"

    def successors(self, state: str) -> list[tuple[str, str, str]]:
        return [(label, after, self.harm_on.get(label, "")) for label, after in self.edges.get(state, ())]

    def broken(self, state: str) -> str:
        return self.harm.get(state, "")

    def is_settled(self, state: str) -> bool:
        return state in self.settled


ROUND = {
    "start": (("pay", "paid"), ("wait", "start")),
    "paid": (("vend", "sold"), ("jam", "owed")),
    "owed": (("refund", "sold"), ("try again", "paid")),
    "sold": (("audit", "sold"),),
}


def test_a_sound_world_is_walked_to_its_end() -> None:
    found = Search(Graph(ROUND, frozenset({"sold"})), states_max=9).run()
    assert found.story is None
    assert (found.states, found.transitions, found.depth, found.settled) == (4, 7, 2, 1)


def test_the_shortest_story_to_a_broken_state_is_told() -> None:
    edges = ROUND | {"owed": (*ROUND["owed"], ("pay back twice", "robbed")), "sold": (("break", "robbed"),)}
    found = Search(Graph(edges, frozenset({"sold"}), harm={"robbed": "I3"}), states_max=9).run()
    assert found.story is not None
    assert (found.story.lines, found.story.broken) == (("pay", "vend", "break"), "I3")


def test_a_broken_move_is_found_even_where_its_state_is_known() -> None:
    found = Search(Graph(ROUND, frozenset({"sold"}), harm_on={"try again": "I8"}), states_max=9).run()
    assert found.story is not None
    assert (found.story.lines, found.story.broken) == (("pay", "jam", "try again"), "I8")


def test_a_dead_end_is_found_and_so_is_a_ring_that_never_ends() -> None:
    ring = {"lost": (("hope", "hoping"),), "hoping": (("despair", "lost"),)}
    for trap in ({"lost": ()}, ring):
        edges = ROUND | {"owed": (*ROUND["owed"], ("lose the row", "lost"))} | trap
        found = Search(Graph(edges, frozenset({"sold"})), states_max=9).run()
        assert found.story is not None
        assert (found.story.lines, found.story.broken) == (("pay", "jam", "lose the row"), DEAD_END)


def test_a_world_in_which_nothing_settles_is_a_dead_end_from_the_start() -> None:
    found = Search(Graph(ROUND, frozenset()), states_max=9).run()
    assert found.story is not None and found.story.lines == ()


def test_a_search_that_is_cut_short_says_so() -> None:
    with pytest.raises(TooManyStatesError):
        Search(Graph(ROUND, frozenset({"sold"})), states_max=3).run()
