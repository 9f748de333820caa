"""The simulated spiral cabinet: goods, motors and sensors that can be told to fail."""

from vendomat.terminal.drivers.cabinet.driver import SimulatedCabinet
from vendomat.terminal.drivers.cabinet.model import Fault
from vendomat.terminal.drivers.cabinet.world import Record, World

__all__ = ["Fault", "Record", "SimulatedCabinet", "World"]
