"""Slots on a real database: what may be promised, sums applied once, the first reason stays."""

from __future__ import annotations

import asyncpg
import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, PRODUCT, World, world
from vendomat.cloud.stock import change_slots, lock_offers, slot_holding

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
