"""What a machine can tell beside what selling asks for: change in its tubes, and how it reaches the network."""

from vendomat.terminal.drivers.instruments.driver import SimulatedInstruments, read_uplink
from vendomat.terminal.drivers.instruments.wire import signal_of

__all__ = ["SimulatedInstruments", "read_uplink", "signal_of"]
