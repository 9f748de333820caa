"""What a due command wants, at the edges of every time it is counted with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.cloud.sales.purchases import AT
from vendomat.cloud.orders import Command, CommandState
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales import Need, need_of

SETTINGS = CloudSettings()
SENT = Command("cmd_1", CommandState.QUEUED, queued_at=AT, heard_at=AT, epoch=1, nonce="n", nonce_at=AT)
UNSENT = replace(SENT, epoch=None, nonce=None, nonce_at=None)


def in_state(state: CommandState, command: Command = SENT) -> Command:
    return replace(command, state=state)


@pytest.mark.parametrize(
    ("command", "after_s", "is_quoted_now", "need"),
    [
        (SENT, 14.9, True, Need.SEND),
        (SENT, 14.9, False, Need.NOTHING),
        (SENT, 15.0, True, Need.SILENCE),
        (replace(SENT, heard_at=AT + timedelta(seconds=40)), 54.9, True, Need.SEND),
        (SENT, 111.9, False, Need.SILENCE),
        (SENT, 112.0, False, Need.DEADLINE),
        (replace(SENT, nonce_at=AT + timedelta(seconds=3)), 112.0, False, Need.SILENCE),
        (UNSENT, 14.9, False, Need.NOTHING),
        (UNSENT, 15.0, False, Need.SILENCE),
        (UNSENT, 10_000.0, False, Need.SILENCE),
        (in_state(CommandState.FENCING), 0.0, False, Need.FENCE),
        (in_state(CommandState.FENCING), 111.9, False, Need.FENCE),
        (in_state(CommandState.FENCING), 112.0, False, Need.DEADLINE),
        (in_state(CommandState.WAITING), 111.9, False, Need.NOTHING),
        (in_state(CommandState.WAITING), 112.0, False, Need.DEADLINE),
        (in_state(CommandState.WAITING, UNSENT), 112.0, False, Need.DEADLINE),
    ],
)
def test_what_a_due_command_wants(command: Command, after_s: float, is_quoted_now: bool, need: Need) -> None:
    now = AT + timedelta(seconds=after_s)
    assert need_of(command, SETTINGS, now=now, is_quoted_now=is_quoted_now) is need
