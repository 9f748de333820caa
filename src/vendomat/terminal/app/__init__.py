"""The terminal as a program: its settings file, and what builds the parts from it."""

from vendomat.terminal.app.joining import join
from vendomat.terminal.app.program import main, run
from vendomat.terminal.app.settings import SimulatedProfile, TerminalSettings, read_settings

__all__ = ["SimulatedProfile", "TerminalSettings", "join", "main", "read_settings", "run"]
