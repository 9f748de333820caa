"""Worlds: real terminals and the real cloud on one virtual clock, faults drawn from a seed, and a watch over them."""

from vendomat.simulator.worlds.plants import PLANTS, Plant, plant_named
from vendomat.simulator.worlds.search import (
    SearchReport,
    WorldSearch,
    failure_lines,
    open_search,
    report_json,
    report_lines,
    search,
)
from vendomat.simulator.worlds.virtual_time import StandstillError, VirtualLoop, WorldClock
from vendomat.simulator.worlds.world import Bug, WorldResult

__all__ = [
    "PLANTS",
    "Bug",
    "Plant",
    "SearchReport",
    "StandstillError",
    "VirtualLoop",
    "WorldClock",
    "WorldResult",
    "WorldSearch",
    "failure_lines",
    "open_search",
    "plant_named",
    "report_json",
    "report_lines",
    "search",
]
