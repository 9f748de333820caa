"""Machines against their usual week, over simulated months: hardly a false alarm, and a dead one told at its pace."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp, sin, sqrt

import pytest

from vendomat.cloud.statistics.quiet import HOURS, Hour, Memory, Usual, judge, others_share

BEGINS = datetime(2026, 1, 5, tzinfo=UTC)
PACES = (1, 2, 4, 8, 15, 25, 40, 60)
"""Units a day."""
_OFFICE = ([0] * 7 + [3, 10, 12, 10, 10, 16, 14, 10, 10, 10, 9, 6, 2, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0.05, 0.03])
_STATION = (
    [1] * 5 + [2, 8, 15, 16, 10, 8, 9, 11, 10, 9, 10, 12, 16, 17, 12, 8, 6, 4, 2],
    [1, 1, 1, 1, 1.1, 0.9, 0.8],
)
_CAMPUS = ([1] * 6 + [1, 4, 8, 9, 10, 11, 14, 11, 10, 10, 11, 12, 13, 14, 15, 13, 10, 4], [1.0] * 5 + [1.1, 1.0])


def _poisson(dice: random.Random, mean: float) -> int:
    if mean > 30:
        return max(0, round(dice.gauss(mean, sqrt(mean))))
    left, count, product = exp(-mean), 0, dice.random()
    while product > left:
        count, product = count + 1, product * dice.random()
    return count


@dataclass
class Told:
    """False alarms, and after how many days those were told that fell silent on day `falls`."""

    false: int
    days: dict[int, float]


def _fleet(seed: int, paces: Sequence[float], *, days: int, falls: int | None = None, left: float = 0.0) -> Told:
    """Machines of one merchant: days vary of themselves and together, every two months there are holidays of three days
    in which little is sold, seasons drift, and one sale in seven is of two units. Those of odd place fall silent."""
    dice = random.Random(seed)
    rates = []
    for pace in paces:
        hours, weekdays = dice.choice((_OFFICE, _STATION, _CAMPUS))
        whole = sum(hours) * sum(weekdays) / 7
        rates.append([pace * hours[at % 24] * weekdays[at // 24] / whole for at in range(HOURS)])
    drift = [dice.uniform(-0.25, 0.25) for _ in paces]
    memories = [Memory() for _ in paces]
    usual = [[Usual()] * HOURS for _ in paces]
    told = Told(0, {})
    for day in range(days):
        together = dice.gammavariate(25, 1 / 25) * (0.35 if day % 60 in (50, 51, 52) else 1)
        is_fallen = falls is not None and day >= falls
        own = [
            dice.gammavariate(11, 1 / 11)
            * together
            * (1 + drift[n] * sin(day / 58))
            * (left if is_fallen and n % 2 else 1)
            for n in range(len(paces))
        ]
        for at in range(24):
            every = sum(m.recent_expected for m in memories), sum(m.recent_sold for m in memories)
            place = day % 7 * 24 + at
            for n, memory in enumerate(memories):
                sales = _poisson(dice, rates[n][place] * own[n] / 1.15)
                sold = sales + sum(dice.random() < 0.15 for _ in range(sales))
                hour = Hour(BEGINS + timedelta(days=day, hours=at), sold, 1.0, at == 0)
                others = others_share(every[0] - memory.recent_expected, every[1] - memory.recent_sold)
                memories[n] = judge(memory, usual[n][place], hour, others=others)
                usual[n][place] = usual[n][place].seen(hour)
                if memories[n].is_quiet and not memory.is_quiet:
                    if is_fallen and n % 2:
                        assert falls is not None
                        told.days.setdefault(n, day - falls + (at + 1) / 24)
                    else:
                        told.false += 1
    return told


def test_at_most_one_false_alarm_in_a_hundred_machine_months() -> None:
    """Sixteen machines of a merchant, and merchants with one machine only, six months each."""
    fleets = [_fleet(seed, PACES * 2, days=204) for seed in range(2)]
    alone = [_fleet(100 + seed, PACES[seed % 8 :][:1], days=204) for seed in range(16)]
    months = (2 * 16 + 16) * 6
    assert sum(told.false for told in (*fleets, *alone)) <= months / 100


def test_a_dead_machine_is_told_within_days_at_its_pace() -> None:
    """Half of the machines die on day 100: the busier, the sooner."""
    dead = {8: 10, 15: 9, 25: 8, 60: 5}
    paces = [pace for most in dead for pace in (most, most)]
    told = _fleet(7, paces, days=112, falls=100)
    assert told.false == 0
    assert [n for n, most in enumerate(paces) if n % 2 and not 0.5 < told.days.get(n, 99) <= dead[most]] == []


def test_one_that_sells_a_fifth_of_the_usual_is_told_too() -> None:
    told = _fleet(8, [25, 25, 40, 40, 60, 60], days=120, falls=100, left=0.2)
    assert sorted(told.days) == [1, 3, 5] and max(told.days.values()) < 15


def _weeks(weeks: int, *, a_day: int = 24) -> tuple[Memory, Usual]:
    """A machine that sold the same in each of so many weeks' hours."""
    memory, usual = Memory(), Usual()
    for n in range(weeks * HOURS):
        if n and n % HOURS == 0:
            usual = usual.seen(_hour(0, a_day // 24))
        memory = judge(memory, usual, _hour(n, a_day // 24))
    return memory, usual


def _hour(n: int, sold: int, is_open: float = 1.0) -> Hour:
    return Hour(BEGINS + timedelta(hours=n), sold, is_open, n % 24 == 0)


def test_it_passes_when_it_sells_again() -> None:
    memory, usual = _weeks(6)
    silent = 0
    while not memory.is_quiet:
        memory = judge(memory, usual, _hour(silent, 0))
        silent += 1
    assert 10 <= silent <= 40 and memory.since == BEGINS and memory.since_sold == 0
    assert memory.since_expected == pytest.approx(silent)
    again = 0
    while memory.is_quiet:
        memory = judge(memory, usual, _hour(silent + again, 1))
        again += 1
    assert 2 <= again <= 20


def test_a_machine_that_could_not_sell_is_not_quiet() -> None:
    memory, usual = _weeks(6)
    for n in range(20 * HOURS):
        memory = judge(memory, usual, _hour(n, 0, 0.2))
    assert not memory.is_quiet and memory.score == 0
    assert Usual(8, 4).seen(_hour(0, 0, 0.2)) == Usual(8, 4)


def test_half_of_the_slots_is_half_of_the_usual() -> None:
    whole, half = Memory(), Memory()
    for n in range(6):
        whole = judge(whole, Usual(8, 4), _hour(n, 0))
        half = judge(half, Usual(8, 4), _hour(n, 0, 0.5))
    assert half.since_expected == whole.since_expected / 2 == 6


def test_when_all_others_sell_less_it_is_the_day() -> None:
    assert others_share(0, 0) == others_share(100, 140) == 1
    assert others_share(190, 90) == 0.5
    assert others_share(1_000, 0) == 0.25  # all of them silent is told, later
    memory, usual = _weeks(6)
    for n in range(12):
        memory = judge(memory, usual, _hour(n, 0), others=0.25)
    assert memory.since_expected == 3


def test_nobody_is_judged_before_three_weeks() -> None:
    memory, usual = _weeks(3)
    for n in range(3 * HOURS):
        memory = judge(memory, usual, _hour(n, 0))
    assert (memory.score, memory.is_quiet) == (0, False)
