"""Slots on a real database: what may be promised, sums applied once, the first reason stays."""

from __future__ import annotations

import asyncpg
import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, PRODUCT, World, world
from vendomat.cloud.stock import RECORD_VENDS, SlotRecord, change_slots, lock_offers, slot_holding

__all__ = ["world"]
pytestmark = pytest.mark.slow

A1, A2, GONE = ((MERCHANT, MACHINE, slot) for slot in ("A1", "A2", "Z9"))


async def slot(world: World, name: str) -> tuple[object, ...]:
    row = await world.superuser.fetchrow(
        "SELECT on_hand, reserved, closed_reason FROM stock_slot WHERE slot = $1", name
    )
    return tuple(row)


async def test_an_offer_is_what_is_there_less_what_is_promised(world: World) -> None:
    await change_slots(world.hot, [(A2, 0, 2, "")])
    offers = await lock_offers(world.hot, [A1, A2, GONE])
    assert set(offers) == {A1, A2}
    assert (offers[A2].available, offers[A2].price_minor, offers[A2].currency) == (1, 200, "CNY")


async def test_changes_of_one_slot_are_summed_and_the_first_reason_stays(world: World) -> None:
    await change_slots(world.hot, [(A1, 0, 3, ""), (A2, 0, 1, ""), (A1, -1, -1, "jam"), (A1, -2, -1, "not_home")])
    assert await slot(world, "A1") == (37, 1, "jam")
    await change_slots(world.hot, [(A1, 0, -1, "timeout")])
    assert await slot(world, "A1") == (37, 0, "jam")
    assert await slot(world, "A2") == (3, 1, "")


async def test_more_cannot_be_released_than_was_reserved(world: World) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await change_slots(world.hot, [(A1, 0, -1, "")])
    assert await slot(world, "A1") == (40, 0, "")


async def test_the_slot_for_a_code_is_open_and_has_most_left(world: World) -> None:
    assert await slot_holding(world.hot, MERCHANT, MACHINE, PRODUCT) == "A1"
    await change_slots(world.hot, [(A1, 0, 0, "jam")])
    assert await slot_holding(world.hot, MERCHANT, MACHINE, PRODUCT) == "A2"
    await change_slots(world.hot, [(A2, 0, 3, "")])
    assert await slot_holding(world.hot, MERCHANT, MACHINE, PRODUCT) is None


async def test_a_code_is_not_given_from_a_slot_that_the_machine_holds_closed(world: World) -> None:
    assert await slot_holding(world.hot, MERCHANT, MACHINE, PRODUCT, but_not=["A1"]) == "A2"
    assert await slot_holding(world.hot, MERCHANT, MACHINE, PRODUCT, but_not=["A2", "A1"]) is None


async def end_vends(world: World, ends: str, *, lock_after: int = 2, reason: str = "") -> list[tuple[str, str, str]]:
    """Vends in A1 that end as `ends` says: `.` known, `?` not known."""
    doubts = {A1: [end == "?" for end in ends]}
    return await change_slots(world.hot, [(A1, 0, 0, reason)], SlotRecord(doubts, lock_after))


async def reason_of(world: World) -> str:
    return str(await world.hot.fetchval("SELECT closed_reason FROM stock_slot WHERE slot = 'A1'"))


@pytest.mark.parametrize("batches", [("??",), ("?", "?"), ("?..", "..?"), ("?", "." * (RECORD_VENDS - 2), "?")])
async def test_too_many_doubts_among_the_last_vends_lock_a_slot_once(world: World, batches: tuple[str, ...]) -> None:
    told = [await end_vends(world, ends) for ends in batches]
    assert told == [[]] * (len(batches) - 1) + [[A1]]
    assert await reason_of(world) == "locked"
    assert await end_vends(world, "?", reason="unknown") == []
    assert await reason_of(world) == "locked"


@pytest.mark.parametrize("batches", [("?",), ("?", "." * (RECORD_VENDS - 1), "?"), ("?", "." * 100, "?"), ("..",)])
async def test_a_doubt_that_is_long_ago_does_not_count(world: World, batches: tuple[str, ...]) -> None:
    assert [await end_vends(world, ends) for ends in batches] == [[]] * len(batches)
    assert await reason_of(world) == ""


async def test_a_lock_takes_the_place_of_an_earlier_reason_and_a_known_end_locks_nothing(world: World) -> None:
    await end_vends(world, "?", reason="unknown")
    assert await reason_of(world) == "unknown"
    assert await end_vends(world, ".", lock_after=1) == []
    assert await end_vends(world, "?", reason="unknown") == [A1]
    assert await reason_of(world) == "locked"
