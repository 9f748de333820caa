"""What a command that is not done wants next, from its row and the time. Pure.

No answer proves nothing: it leads to one more send, then to a fence, and only at the declared deadline to a decision
about money. Refuses to send: the dispatcher does what is found here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from vendomat.cloud.orders import Command, CommandState
from vendomat.cloud.platform.settings import CloudSettings


class Need(StrEnum):
    NOTHING = "nothing"
    SEND = "send"  # publish it, with the nonce that its row quotes now
    SILENCE = "silence"  # the machine did not answer: say so to the purchase
    FENCE = "fence"  # ask (again) for the promise that it never starts
    DEADLINE = "deadline"  # what is not known by now is declared ambiguous


def deadline_of(command: Command, settings: CloudSettings) -> datetime:
    """After this no start is possible any more and no answer is waited for: the lease's end (counted from the receipt
    of the last nonce quoted, with a margin for the rate of clocks) and the declared time."""
    base = command.nonce_at or command.queued_at
    return base + timedelta(seconds=settings.lease_s + settings.clock_margin_s + settings.deadline_s)


def need_of(
    command: Command, settings: CloudSettings, *, now: datetime, is_quoted_now: bool, may_declare: bool = True
) -> Need:
    """The first that applies. `is_quoted_now`: the row has just been given the machine's newest fresh nonce.

    `may_declare` false: whoever asks has not lived through the whole wait itself, and the row's moments may be of a
    clock that was set since: the deadline waits (late is safe, early is not).
    """
    # A machine may answer a command that our rows do not know as sent (they came from a backup): it ends, too.
    has_deadline = command.nonce_at is not None or command.state is not CommandState.QUEUED
    if may_declare and has_deadline and now >= deadline_of(command, settings):
        return Need.DEADLINE
    if command.state is CommandState.FENCING:
        return Need.FENCE
    if command.state is not CommandState.QUEUED:
        return Need.NOTHING
    if now >= command.heard_at + timedelta(seconds=settings.silence_s):
        return Need.SILENCE
    return Need.SEND if is_quoted_now else Need.NOTHING
