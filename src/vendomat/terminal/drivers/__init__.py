"""Drivers: the ports to the machine's hardware, and what stands behind them."""

from vendomat.terminal.drivers.contract import Capabilities, Dispenser, Readings, VendReport

__all__ = ["Capabilities", "Dispenser", "Readings", "VendReport"]
