"""The screen: the kiosk page, its requests and its stream of snapshots, on the machine's own address only."""

from vendomat.terminal.screen.closed import ClosedDesk
from vendomat.terminal.screen.contract import CartLine, Desk, SimControl
from vendomat.terminal.screen.server import ScreenServer, build_app
from vendomat.terminal.screen.snapshot import Face, View, priced_cart, snapshot_of
from vendomat.terminal.screen.stream import Stream

__all__ = [
    "CartLine",
    "ClosedDesk",
    "Desk",
    "Face",
    "ScreenServer",
    "SimControl",
    "Stream",
    "View",
    "build_app",
    "priced_cart",
    "snapshot_of",
]
