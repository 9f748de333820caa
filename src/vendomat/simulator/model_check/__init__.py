"""Model check: every state of one order within bounds, over the step functions that run in production.

Machine and cloud are wired back to back with all that can come between them: loss, doubles, delay and disorder of
messages, power cuts between any two effects, workers that die or pause, platforms whose answers are lost, sensors that
lie. Refuses to model the steps: it calls them. What surrounds them (store, journal, wire, platforms) is modelled here.
"""

from vendomat.simulator.model_check.check import Result, check
from vendomat.simulator.model_check.parts import Bounds, Guards
from vendomat.simulator.model_check.presets import DEFENCE_IN_DEPTH, REMOVALS, WHOLE_DESIGN, WIDER, Removal
from vendomat.simulator.model_check.search import DEAD_END, Found, Search, Story, TooManyStatesError, World

__all__ = [
    "DEAD_END",
    "DEFENCE_IN_DEPTH",
    "REMOVALS",
    "WHOLE_DESIGN",
    "WIDER",
    "Bounds",
    "Found",
    "Guards",
    "Removal",
    "Result",
    "Search",
    "Story",
    "TooManyStatesError",
    "World",
    "check",
]
