"""The scanner that reads codes from buyers' phones: its line of text, and a simulated one."""

from vendomat.terminal.drivers.scanner.driver import SimulatedScanner
from vendomat.terminal.drivers.scanner.wire import LINE_BYTES_MAX, coupon_of, payment_code_of

__all__ = ["LINE_BYTES_MAX", "SimulatedScanner", "coupon_of", "payment_code_of"]
