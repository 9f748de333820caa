"""The one loop of a terminal: performs what the steps decide. Here sale, journal, drivers and link meet."""

from vendomat.terminal.loop.caution import CrashRule
from vendomat.terminal.loop.machine import Machine, Ports
from vendomat.terminal.loop.terminal import PictureStore, Terminal

__all__ = ["CrashRule", "Machine", "PictureStore", "Ports", "Terminal"]
