"""What recognised pieces mean for a bill, in favour of the buyer wherever they leave a doubt. Pure.

Refuses to charge what may only have been put elsewhere: pieces that a shelf won cancel pieces that others lost, the
dearest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vendomat.cloud.coolers.model import Good, Seen


def taken_of(goods: Sequence[Good], seen: Sequence[Seen]) -> tuple[dict[str, int], bool]:
    """Pieces taken by slot, none below zero, and whether anything about it is strange enough to count the stock."""
    prices = {good.slot: good.price_minor for good in goods}
    known = [one for one in seen if one.slot in prices]
    lost = {one.slot: one.pieces for one in known if one.pieces > 0}
    won = -sum(one.pieces for one in known if one.pieces < 0)
    is_strange = won > 0 or len(known) < len(seen)
    for slot in sorted(lost, key=lambda slot: (-prices[slot], slot)):
        cancelled = min(won, lost[slot])
        lost[slot] -= cancelled
        won -= cancelled
    return {slot: pieces for slot, pieces in lost.items() if pieces}, is_strange


def with_taken(goods: Sequence[Good], seen: Sequence[Seen]) -> tuple[tuple[Good, ...], bool]:
    """The goods with their first count."""
    taken, is_strange = taken_of(goods, seen)
    evidence = {one.slot: one.evidence for one in seen}
    counted = tuple(
        replace(good, taken=taken.get(good.slot, 0), evidence=evidence.get(good.slot, "")[:80]) for good in goods
    )
    return counted, is_strange


def with_recount(goods: Sequence[Good], seen: Sequence[Seen], *, may_lower: bool) -> tuple[Good, ...]:
    """The goods after a later count: fewer lower the bill where that may still be, more are given."""
    taken, _ = taken_of(goods, seen)
    evidence = {one.slot: one.evidence for one in seen}
    after = []
    for good in goods:
        now = taken.get(good.slot, 0)
        billed = min(good.taken, now) if may_lower else good.taken
        given = max(good.given, now - good.taken, 0)
        changed = replace(good, taken=billed, given=given)
        after.append(
            replace(changed, evidence=evidence.get(good.slot, good.evidence)[:80]) if changed != good else good
        )
    return tuple(after)
