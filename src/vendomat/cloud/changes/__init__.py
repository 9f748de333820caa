"""The change log: who changed what, in a hash chain per merchant, written in the transaction of the change."""

from vendomat.cloud.changes.api import changes_router
from vendomat.cloud.changes.model import Change, Entry, State
from vendomat.cloud.changes.service import ChangeLog
from vendomat.cloud.changes.store import note_change, note_changes

__all__ = ["Change", "ChangeLog", "Entry", "State", "changes_router", "note_change", "note_changes"]
