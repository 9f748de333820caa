"""The tables of order, unit and command: every state with every event, and no other move."""

from __future__ import annotations

import itertools
from enum import StrEnum
from typing import Any

import pytest

from vendomat.cloud.orders import COMMAND_MOVES, ORDER_MOVES, UNIT_MOVES, CommandMove, OrderMove, UnitMove
from vendomat.cloud.payments import PAYMENT_MOVES, REFUND_MOVES, PaymentMove, RefundMove
from vendomat.kernel import IllegalMoveError, Moves

ALLOWED: dict[str, dict[str, str]] = {
    "order": {
        "awaiting_payment": "pay>paid expire>expired cancel>cancelled",
        "paid": "start>dispensing settle>settled",
        "dispensing": "settle>settled",
        "settled": "",
        "expired": "",
        "cancelled": "",
    },
    "unit": {
        "pending": "start>started deliver>delivered fail>not_delivered lose_sight>unknown",
        "started": "deliver>delivered fail>not_delivered lose_sight>unknown",
        "unknown": "deliver>delivered fail>not_delivered lose_sight>unknown",
        "delivered": "",
        "not_delivered": "",
    },
    "command": {
        "queued": "fall_silent>fencing wait>waiting end>done",
        "fencing": "wait>waiting end>done",
        "waiting": "end>done",
        "done": "",
    },
    "payment": {
        "created": "pay>paid close>closed lose_sight>unknown hold>held",
        "unknown": "pay>paid close>closed lose_sight>unknown hold>held",
        "closed": "pay>paid hold>held",
        "held": "pay>paid close>closed",
        "paid": "",
    },
    "refund": {
        "requested": "accept>processing succeed>succeeded fail>failed lose_sight>unknown deny>requested hold>held",
        "processing": "accept>processing succeed>succeeded fail>failed lose_sight>processing",
        "unknown": "accept>processing succeed>succeeded fail>failed lose_sight>unknown deny>requested",
        "held": "accept>processing succeed>succeeded fail>failed release>requested",  # a call may be under way
        "failed": "succeed>succeeded send_on>unknown",
        "succeeded": "",
    },
}
TABLES: list[tuple[Moves[Any, Any], type[StrEnum]]] = [
    (ORDER_MOVES, OrderMove),
    (UNIT_MOVES, UnitMove),
    (COMMAND_MOVES, CommandMove),
    (PAYMENT_MOVES, PaymentMove),
    (REFUND_MOVES, RefundMove),
]


@pytest.mark.parametrize(("table", "moves"), TABLES, ids=lambda value: getattr(value, "name", ""))
def test_every_state_with_every_event(table: Moves[Any, Any], moves: type[StrEnum]) -> None:
    allowed = {state: dict(m.split(">") for m in text.split()) for state, text in ALLOWED[table.name].items()}
    assert set(allowed) == set(table.states)
    for state, move in itertools.product(table.states, moves):
        after = allowed[state].get(move)
        assert table.may(state, move) == (after is not None), (state, move)
        if after is not None:
            assert table.next(state, move) == after
        else:
            with pytest.raises(IllegalMoveError):
                table.next(state, move)


@pytest.mark.parametrize(("table", "moves"), TABLES, ids=lambda value: getattr(value, "name", ""))
def test_from_every_state_an_end_can_be_reached(table: Moves[Any, Any], moves: type[StrEnum]) -> None:
    reach = {state: {after for (before, _), after in table.table.items() if before == state} for state in table.states}
    for start in table.states:
        seen, rest = {start}, [start]
        while rest:
            new = reach[rest.pop()] - seen
            seen |= new
            rest += new
        assert seen & table.final, start
