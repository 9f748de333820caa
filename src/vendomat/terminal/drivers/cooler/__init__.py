"""Open-door coolers: the run of a door over any lock, sensor and scale, and a simulated cooler."""

from vendomat.terminal.drivers.cooler.door import CoolerDoor
from vendomat.terminal.drivers.cooler.driver import CoolerFault, SimulatedCooler

__all__ = ["CoolerDoor", "CoolerFault", "SimulatedCooler"]
