"""Stock on the machine: which slots are open, and what went out since the last catalogue."""

from vendomat.terminal.stock.model import FAILURES_MAX, SlotBook, SlotNote

__all__ = ["FAILURES_MAX", "SlotBook", "SlotNote"]
