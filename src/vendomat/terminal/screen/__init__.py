"""The screen: the kiosk page, its requests and its stream of snapshots, on the machine's own address only."""

from vendomat.terminal.screen.closed import ClosedDesk
from vendomat.terminal.screen.contract import Desk, SimControl
from vendomat.terminal.screen.server import ScreenServer, build_app
from vendomat.terminal.screen.snapshot import Face, View, snapshot_of
from vendomat.terminal.screen.stream import Stream

__all__ = ["ClosedDesk", "Desk", "Face", "ScreenServer", "SimControl", "Stream", "View", "build_app", "snapshot_of"]
