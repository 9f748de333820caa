"""A bad line between two programs: a TCP relay that is slow, loses, hangs or cuts on demand."""

from vendomat.simulator.line.relay import Line, LineFault

__all__ = ["Line", "LineFault"]
