"""Identifiers sort by time and derive constantly; the manual clock wakes in order; a table is the whole rule."""

from __future__ import annotations

import asyncio
import random
from enum import StrEnum

import pytest

from vendomat.kernel import (
    IllegalMoveError,
    ManualClock,
    Moves,
    SystemClock,
    TimeOrderedIds,
    derive_id,
    is_id,
    reference_of,
)


async def test_ids_sort_by_their_time_and_never_repeat() -> None:
    clock = ManualClock()
    ids = TimeOrderedIds(clock, random.Random(1).getrandbits)
    made = []
    for _ in range(50):
        made.append(ids.new("pay"))
        await clock.advance(0.002)
    assert made == sorted(made) and len(set(made)) == 50
    assert all(is_id(i, "pay") and len(i) == 30 for i in made)


def test_a_derived_id_follows_from_its_parts() -> None:
    assert derive_id("cmd", "ord_1", 1) == derive_id("cmd", "ord_1", 1)
    different = {
        derive_id("cmd", "ord_1", 1),
        derive_id("cmd", "ord_1", 2),
        derive_id("cmd", "ord_11"),
        derive_id("rfd", "ord_1", 1),
    }
    assert len(different) == 4 and all(is_id(i, i[:3]) for i in different)


@pytest.mark.parametrize(
    "text", ["", "pay_", "pay_" + "0" * 25, "pay_" + "u" * 26, "PAY_" + "0" * 26, "pay_" + "0" * 26 + "\n"]
)
def test_what_is_no_id_is_seen(text: str) -> None:
    assert not is_id(text, "pay")


def test_the_reference_can_be_read_out() -> None:
    assert reference_of("ord_" + "0" * 18 + "8f2k9abc") == "8F2K-9ABC"


async def test_sleepers_wake_each_at_its_own_moment() -> None:
    clock = ManualClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.elapsed()))

    tasks = [asyncio.create_task(sleeper(name, seconds)) for name, seconds in (("late", 3.0), ("early", 1.0))]
    await asyncio.sleep(0)
    await clock.advance(2.0)
    assert woken == [("early", 1.0)]
    await clock.advance(2.0)
    assert woken == [("early", 1.0), ("late", 3.0)]
    await asyncio.gather(*tasks)


def test_the_system_clock_is_aware_and_does_not_go_back() -> None:
    clock = SystemClock()
    before = clock.elapsed()
    assert clock.now().tzinfo is not None and clock.elapsed() >= before


class Light(StrEnum):
    RED = "red"
    GREEN = "green"
    OFF = "off"


class Press(StrEnum):
    GO = "go"
    END = "end"


MOVES = Moves(
    "light",
    Light,
    {(Light.RED, Press.GO): Light.GREEN, (Light.GREEN, Press.END): Light.OFF},
    start=Light.RED,
    final=[Light.OFF],
)


def test_every_pair_moves_as_the_table_says_or_not_at_all() -> None:
    for state in Light:
        for event in Press:
            if MOVES.may(state, event):
                assert MOVES.next(state, event) is MOVES.table[state, event]
            else:
                with pytest.raises(IllegalMoveError, match=f"{event} is not possible in {state}") as caught:
                    MOVES.next(state, event)
                assert caught.value.detail == {"state": state, "event": event}


def test_a_table_that_leaves_a_final_state_is_refused() -> None:
    with pytest.raises(AssertionError, match="off is final"):
        Moves("light", Light, {(Light.OFF, Press.GO): Light.RED}, start=Light.RED, final=[Light.OFF])


def test_the_drawing_shows_every_move() -> None:
    assert MOVES.to_mermaid() == (
        "stateDiagram-v2\n    [*] --> red\n    red --> green: go\n    green --> off: end\n    off --> [*]\n"
    )
    moves: Moves[Light, Press] = Moves("light", Light, {}, start=Light.RED)
    assert (moves.name, moves.states, moves.start, moves.final) == ("light", Light, Light.RED, frozenset())
