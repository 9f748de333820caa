"""The machine's own word on its slots: closed after a failed vend, open again after a passed test or a service visit.

The cloud's ledger decides what may be sold; this decides what can be. Refuses to reopen a slot that failed twice in a
row until somebody opened the door.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vendomat.protocol import VendResult

FAILURES_MAX = 2
_TAKEN = {VendResult.DELIVERED: 1, VendResult.DELIVERED_DOUBLE: 2}
_NOT_THE_SLOT = frozenset({VendResult.SENSOR_BLOCKED, VendResult.DOOR_FAULT, VendResult.HEALTH_LOCK})


class SlotNote(msgspec.Struct, frozen=True):
    """`failures` counts failed or unknown vends in a row; `taken` what dropped since the last catalogue."""

    closed_because: str = ""
    failures: int = 0
    taken: int = 0


class SlotBook(msgspec.Struct, frozen=True):
    """Notes by slot; a slot without a note is open."""

    notes: Mapping[str, SlotNote] = {}

    def note(self, slot: str) -> SlotNote:
        return self.notes.get(slot, SlotNote())

    def is_open(self, slot: str) -> bool:
        return not self.note(slot).closed_because

    def closed(self) -> list[str]:
        return sorted(slot for slot, note in self.notes.items() if note.closed_because)

    def to_retest(self) -> list[str]:
        """Closed slots that one passed test may open again."""
        return [slot for slot in self.closed() if self.note(slot).failures < FAILURES_MAX]

    def after_vend(self, slot: str, result: VendResult) -> SlotBook:
        """A failed or unknown vend closes the slot; a delivered one clears its record."""
        note = self.note(slot)
        if result in _TAKEN:
            return self._with(slot, SlotNote(taken=note.taken + _TAKEN[result]))
        if result in _NOT_THE_SLOT:
            return self
        return self._with(slot, SlotNote(closed_because=result.value, failures=note.failures + 1, taken=note.taken))

    def after_test(self, slot: str, *, has_passed: bool) -> SlotBook:
        note = self.note(slot)
        if not has_passed or note.failures >= FAILURES_MAX:
            return self
        return self._with(slot, msgspec.structs.replace(note, closed_because=""))

    def after_service(self) -> SlotBook:
        """Somebody had the door open: every slot gets a new chance."""
        return SlotBook({slot: SlotNote(taken=note.taken) for slot, note in self.notes.items()})

    def after_catalogue(self) -> SlotBook:
        """The cloud has counted again: what was taken is in its numbers."""
        return SlotBook({slot: msgspec.structs.replace(note, taken=0) for slot, note in self.notes.items()})

    def _with(self, slot: str, note: SlotNote) -> SlotBook:
        return SlotBook({**self.notes, slot: note})
