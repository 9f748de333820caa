"""Drivers: the ports to the machine's hardware, and what stands behind them."""

from vendomat.terminal.drivers.cabinet import Fault, Record, SimulatedCabinet
from vendomat.terminal.drivers.contract import Capabilities, Dispenser, Proof, Readings, Scanner, VendReport
from vendomat.terminal.drivers.scanner import SimulatedScanner, payment_code_of

__all__ = [
    "Capabilities",
    "Dispenser",
    "Fault",
    "Proof",
    "Readings",
    "Record",
    "Scanner",
    "SimulatedCabinet",
    "SimulatedScanner",
    "VendReport",
    "payment_code_of",
]
