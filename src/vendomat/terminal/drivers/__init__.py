"""Drivers: the ports to the machine's hardware, and what stands behind them."""

from vendomat.terminal.drivers.cabinet import Fault, Record, SimulatedCabinet
from vendomat.terminal.drivers.contract import (
    Capabilities,
    Cooler,
    Dispenser,
    Gauges,
    Instruments,
    Proof,
    Readings,
    Recounted,
    Scanner,
    VendReport,
)
from vendomat.terminal.drivers.cooler import CoolerDoor, CoolerFault, SimulatedCooler
from vendomat.terminal.drivers.instruments import SimulatedInstruments, read_uplink, signal_of
from vendomat.terminal.drivers.scanner import SimulatedScanner, coupon_of, payment_code_of

__all__ = [
    "Capabilities",
    "Cooler",
    "CoolerDoor",
    "CoolerFault",
    "Dispenser",
    "Fault",
    "Gauges",
    "Instruments",
    "Proof",
    "Readings",
    "Record",
    "Recounted",
    "Scanner",
    "SimulatedCabinet",
    "SimulatedCooler",
    "SimulatedInstruments",
    "SimulatedScanner",
    "VendReport",
    "coupon_of",
    "payment_code_of",
    "read_uplink",
    "signal_of",
]
