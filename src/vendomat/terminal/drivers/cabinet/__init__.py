"""The simulated spiral cabinet: goods, motors and sensors that can be told to fail."""

from vendomat.terminal.drivers.cabinet.driver import SimulatedCabinet
from vendomat.terminal.drivers.cabinet.model import Fault

__all__ = ["Fault", "SimulatedCabinet"]
