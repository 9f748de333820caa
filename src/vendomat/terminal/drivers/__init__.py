"""Drivers: the ports to the machine's hardware, and what stands behind them."""

from vendomat.terminal.drivers.cabinet import Fault, Record, SimulatedCabinet
from vendomat.terminal.drivers.contract import Capabilities, Dispenser, Proof, Readings, VendReport

__all__ = ["Capabilities", "Dispenser", "Fault", "Proof", "Readings", "Record", "SimulatedCabinet", "VendReport"]
