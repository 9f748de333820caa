"""Real programs that die, or stop, at named effect boundaries: `python -m vendomat.simulator.doomed PART …`.

The programs are not imported here: each of these processes loads its own part and no other.
"""

from vendomat.simulator.doomed.trap import DEAF, Armed, Trap

__all__ = ["DEAF", "Armed", "Trap"]
