"""Reasons to sell nothing for a while after a start, though all parts work: lost memory, and a dying program.

Lost memory: what an earlier run was told, and did, is not known. So this run starts nothing, and says nothing of
commands it does not know, until the cloud has heard of the loss and every command of before has come to its deadline
there.

Dying: each start counts until one run was quiet for a while; at `starts_max` the machine is locked until a much longer
quiet, or until somebody opens and shuts its door. Counted in starts and on the elapsed clock, for the wall clock of a
machine that loses its power is worth nothing: an hour without power does not unlock it, which is late and safe.

Refuses to touch the journal: what changed is kept by the loop.
"""

from __future__ import annotations

from dataclasses import dataclass

from vendomat.protocol import Settings


@dataclass(frozen=True, slots=True)
class CrashRule:
    """`quiet_s` of running make a start a good one; a locked machine needs `locked_s` of it."""

    starts_max: int = 5
    quiet_s: float = 60.0
    locked_s: float = 600.0


PRUDENT = CrashRule()


@dataclass(slots=True)
class Caution:
    """Of one run. `starts` counts this one, too; `loss` says what was lost, empty if nothing was."""

    rule: CrashRule = PRUDENT
    began_at_s: float = 0.0
    starts: int = 1
    loss: str = ""
    is_loss_known: bool = False
    """The cloud has acknowledged this run's start, whose record tells of the loss."""

    @property
    def is_locked(self) -> bool:
        return self.starts >= self.rule.starts_max

    def faults(self) -> tuple[str, ...]:
        found = ((bool(self.loss), "journal_halted"), (self.is_locked, "crash_loop"))
        return tuple(reason for is_hit, reason in found if is_hit)

    def is_quiet(self, at_s: float) -> bool:
        """Whether the starts so far may be forgotten."""
        needed_s = self.rule.locked_s if self.is_locked else self.rule.quiet_s
        return self.starts > 0 and at_s - self.began_at_s >= needed_s

    def is_loss_over(self, at_s: float, settings: Settings) -> bool:
        """Whether nothing that an earlier run was told can still be open at the cloud."""
        open_s = settings.ttl_s + settings.lease_s + settings.deadline_s
        return bool(self.loss) and self.is_loss_known and at_s - self.began_at_s >= open_s
