"""The journal: what the machine remembers over power loss. Decides nothing about selling."""

from vendomat.terminal.journal.epoch_file import EpochFile
from vendomat.terminal.journal.files import Files, RealFiles
from vendomat.terminal.journal.rows import HALTED_KEY
from vendomat.terminal.journal.store import COMMANDS_MAX, Journal, JournalError, KnownCommand
from vendomat.terminal.journal.thread import JournalInline, JournalPort, JournalThread

__all__ = [
    "COMMANDS_MAX",
    "HALTED_KEY",
    "EpochFile",
    "Files",
    "Journal",
    "JournalError",
    "JournalInline",
    "JournalPort",
    "JournalThread",
    "KnownCommand",
    "RealFiles",
]
