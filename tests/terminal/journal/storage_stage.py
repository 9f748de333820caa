"""A journal on a disk that fails at the n-th call, or loses its power there, and what must hold afterwards.

`Stage` knows what the journal has acknowledged. `offences` opens it again and says in words what is wrong; it is a
function and not an assertion, so that a control without a safeguard can ask the same question.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from vendomat.protocol import Fact, FactKind
from vendomat.simulator.disk import Call, Disk, DiskFault
from vendomat.terminal.journal import Journal, JournalError

KEY = b"k" * 32
PATH = Path("journal.db")
BODY = b'{"cmd_id":"x"}'
CALLS_MAX = 400


def on_disk(disk: Disk) -> Journal:
    return Journal(PATH, KEY, vfs=disk.vfs_name, files=disk.folder)


def append(journal: Journal, kind: FactKind, cmd_id: str = "") -> Fact:
    return journal.append(kind, BODY, "2026-01-01T00:00:00+00:00", is_time_trusted=True, cmd_id=cmd_id)


@dataclass
class Promises:
    """What was acknowledged. What a call that failed would have changed may be there or not, but never half."""

    epoch: int = 0
    facts: dict[tuple[int, int], Fact] = field(default_factory=dict)
    commands: dict[str, list[Fact]] = field(default_factory=dict)
    settings: dict[str, bytes] = field(default_factory=dict)
    pruned: set[tuple[int, int]] = field(default_factory=set)

    def fact(self, fact: Fact, cmd_id: str = "") -> None:
        self.facts[fact.epoch, fact.seq] = fact
        if cmd_id:
            self.commands.setdefault(cmd_id, []).append(fact)


Deed = Callable[[Journal, Promises], None]


def _intent(journal: Journal, kept: Promises) -> None:
    kept.fact(append(journal, FactKind.INTENT, "c2"), "c2")


def _outcome(journal: Journal, kept: Promises) -> None:
    kept.fact(append(journal, FactKind.OUTCOME, "c1"), "c1")


def _fenced(journal: Journal, kept: Promises) -> None:
    kept.fact(append(journal, FactKind.FENCED, "c3"), "c3")


def _put(journal: Journal, kept: Promises) -> None:
    journal.put("slots", b"new")
    kept.settings["slots"] = b"new"


def _prune(journal: Journal, kept: Promises) -> None:
    origin = next(iter(kept.facts))
    fact = kept.facts.pop(origin)  # from now on it may be gone
    journal.prune([(*origin, fact.digest())])
    kept.pruned.add(origin)


DEEDS: dict[str, Deed] = {"intent": _intent, "outcome": _outcome, "fenced": _fenced, "put": _put, "prune": _prune}


class Stage:
    """A journal with a past: an earlier run, an open command, a setting; left as a killed program leaves it.

    `pragma` is set on each connection, for controls and to have a checkpoint inside a call.
    """

    def __init__(self, seed: int = 1, *, pragma: str = "", has_past: bool = True) -> None:
        self.disk = Disk(random.Random(seed).random)
        self.kept = Promises()
        self.pragma = pragma
        self._journals: list[Journal] = []
        if has_past:
            journal = self.open()
            self.kept.fact(append(journal, FactKind.BOOT))
            self.kept.fact(append(journal, FactKind.INTENT, "c1"), "c1")
            journal.put("slots", b"old")
            self.kept.settings["slots"] = b"old"

    def open(self) -> Journal:
        """A start of the program. Raises `JournalError`."""
        self.disk.crash()
        journal = on_disk(self.disk)
        self._journals.append(journal)
        self.kept.epoch = journal.epoch
        if self.pragma:
            journal._db.execute(f"PRAGMA {self.pragma}").fetchall()
        return journal

    def close(self) -> None:
        for journal in self._journals:
            journal.close()
        self.disk.close()

    # --- what happens ------------------------------------------------------------------------------------------------

    def try_deed(self, deed: Deed, journal: Journal) -> bool:
        """Whether the journal acknowledged it."""
        try:
            deed(journal, self.kept)
        except JournalError:
            return False
        return True

    def try_open(self) -> Journal | None:
        try:
            return self.open()
        except JournalError:
            return None

    # --- what must hold ----------------------------------------------------------------------------------------------

    def offences(self) -> list[str]:
        """What is wrong after the next start, in words."""
        before, kept = self.kept.epoch, self.kept
        journal = self.open()
        found = [f"damage: {journal.damage}"] if journal.damage else []
        if journal.epoch <= before:
            found.append(f"epoch {journal.epoch} after {before}")
        waiting = {(fact.epoch, fact.seq): fact for fact in journal.unacked(1_000)}
        found += [
            f"fact {origin} lost or changed" for origin, fact in kept.facts.items() if waiting.get(origin) != fact
        ]
        found += [f"fact {origin} was pruned" for origin in kept.pruned & waiting.keys()]
        if journal.count_unacked() != len(waiting):
            found.append(f"{journal.count_unacked()} facts counted, {len(waiting)} there")
        found += [text for cmd_id in ("c1", "c2", "c3") for text in self._of_command(journal, cmd_id, waiting)]
        found += [f"setting {key}" for key, value in kept.settings.items() if journal.get(key) not in (value, b"new")]
        return found

    def _of_command(self, journal: Journal, cmd_id: str, waiting: dict[tuple[int, int], Fact]) -> list[str]:
        """The command's record and the facts to upload say the same: neither is there without the other."""
        known = journal.find(cmd_id)
        facts = list(known.facts) if known else []
        found = []
        if facts[: len(self.kept.commands.get(cmd_id, []))] != self.kept.commands.get(cmd_id, []):
            found.append(f"{cmd_id} has forgotten an acknowledged fact")
        for fact in facts:
            if (fact.epoch, fact.seq) not in waiting and (fact.epoch, fact.seq) not in self.kept.pruned:
                found.append(f"{cmd_id} knows a fact that is not uploaded")
        is_open = cmd_id in [command.cmd_id for command in journal.open_commands()]
        if is_open != (bool(facts) and facts[-1].kind is FactKind.INTENT):
            found.append(f"{cmd_id} is open: {is_open}")
        return found


def after_fault(deed: Deed | None, number: int, fault: DiskFault, *, pragma: str = "") -> tuple[list[str], bool]:
    """`deed` (None: a start) with `fault` at the `number`th call, then the disk is well: offences, and whether the
    fault came about."""
    stage = Stage(pragma=pragma)
    journal = None if deed is None else stage.open()
    stage.disk.fail_at(number, fault)
    if deed is None:
        journal = stage.try_open()
        is_done = journal is not None
    else:
        assert journal is not None
        is_done = stage.try_deed(deed, journal)
    is_hit = not stage.disk.is_pending
    stage.disk.clear()
    found = [] if is_done or is_hit else ["failed without a fault"]
    if journal is not None:  # recording goes on, on the same connection
        stage.kept.fact(append(journal, FactKind.BOOT))
    found += stage.offences()
    stage.close()
    return found, is_hit


def after_cut(
    deed: Deed | None, number: int, *, seed: int = 0, pragma: str = "", has_past: bool = True
) -> tuple[list[str], bool]:
    """The power goes in the `number`th change that `deed` (None: a start) makes, or right after it."""
    keep = 0.5 if seed else 0.0
    stage = Stage(seed, pragma=pragma, has_past=has_past)
    journal = None if deed is None else stage.open()
    stage.disk.cut_at(number, keep=keep)
    if deed is None:
        journal = stage.try_open()
    else:
        assert journal is not None
        stage.try_deed(deed, journal)
    is_hit = not stage.disk.is_pending
    if not is_hit:
        stage.disk.cut(keep=keep)
    found = stage.offences()
    stage.close()
    return found, is_hit


def each_call(once: Callable[[int], tuple[list[str], bool]]) -> list[str]:
    """Offences over n = 1, 2, 3, ... until a run completes without its fault; says at which n."""
    for number in range(1, CALLS_MAX):
        found, is_hit = once(number)
        if found:
            return [f"at call {number}: {text}" for text in found]
        if not is_hit:
            assert number > 1, "the deed asked nothing of the disk"
            return []
    raise AssertionError(f"the deed is not over after {CALLS_MAX} calls")


__all__ = ["DEEDS", "Call", "Stage", "after_cut", "after_fault", "append", "each_call", "on_disk"]
