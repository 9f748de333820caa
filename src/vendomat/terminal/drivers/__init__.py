"""Drivers: the ports to the machine's hardware, and what stands behind them."""

from vendomat.terminal.drivers.cabinet import Fault, Record, SimulatedCabinet
from vendomat.terminal.drivers.contract import (
    Capabilities,
    Cooler,
    Dispenser,
    Proof,
    Readings,
    Recounted,
    Scanner,
    VendReport,
)
from vendomat.terminal.drivers.cooler import CoolerDoor, CoolerFault, SimulatedCooler
from vendomat.terminal.drivers.scanner import SimulatedScanner, coupon_of, payment_code_of

__all__ = [
    "Capabilities",
    "Cooler",
    "CoolerDoor",
    "CoolerFault",
    "Dispenser",
    "Fault",
    "Proof",
    "Readings",
    "Record",
    "Recounted",
    "Scanner",
    "SimulatedCabinet",
    "SimulatedCooler",
    "SimulatedScanner",
    "VendReport",
    "coupon_of",
    "payment_code_of",
]
