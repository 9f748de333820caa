"""Whether a machine sells less than it usually does in these hours of the week. Pure.

Each hour is weighed as in a sequential test (CUSUM, Page 1954) of "as usual" against "a fifth of it": what was expected
is evidence for silence, what was sold is evidence against. Evidence below nothing is forgotten, so a machine that sold
well last week is told as soon as any other. The alarm comes when there is more evidence than chance makes in a hundred
months at this machine's pace, and passes when half of it is taken back.

What keeps false alarms few: an hour counts by the share of its slots that could sell; when a merchant's other machines
sell less than usual, it is the day and not the machine; a machine whose days vary much needs as much more evidence.

Refuses to judge an hour of the week that it has not seen three times, and one in which hardly anything could be
sold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from math import log

HOURS = 168
KEPT_OF_A_WEEK = 7 / 8
"""What is left of an hour's weight a week later: about eight weeks are remembered, the newest most."""
KEPT_OF_A_DAY = KEPT_OF_A_WEEK ** (1 / 7)
KEPT_OF_AN_HOUR = 23 / 24
LEFT = 0.2
"""What a quiet machine is taken to sell still, of the usual."""
MONTHS_FALSE = 100
HOURS_OF_A_MONTH = 730
SEEN_OPEN, KNOWN_OPEN = 0.9, 2.0
"""Hours, faded: an hour of the week that was seen once tells how much days vary; seen three times, it is judged by."""
OPEN_MIN = 0.25
OTHERS_MIN = 0.25
"""All machines of a merchant may fall silent together and be told, but it takes them four times as long."""
OTHERS_PRIOR = 10.0
SPREAD_MAX = 8.0
_SPREAD_PRIOR = 10.0


@dataclass(frozen=True, slots=True)
class Usual:
    """One hour of the week: units sold in it, and hours in which they could be; both fade."""

    sold: float = 0.0
    open: float = 0.0

    @property
    def rate(self) -> float:
        return self.sold / self.open if self.open else 0.0

    def seen(self, hour: Hour) -> Usual:
        if hour.open < OPEN_MIN:
            return self
        return Usual(self.sold * KEPT_OF_A_WEEK + hour.sold, self.open * KEPT_OF_A_WEEK + hour.open)


@dataclass(frozen=True, slots=True)
class Hour:
    """What happened in the hour that began `at`: units sold, and the share of its slots' time that could sell."""

    at: datetime
    sold: int
    open: float
    is_first_of_day: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of a machine besides its usual hours. `pace` is what it usually sells an hour, over a week;
    `recent_*` are of about the last day, `day_*` since midnight, `since_*` since there was no evidence against it;
    `spread_squares` are of what days missed, over `spread_of` units."""

    score: float = 0.0
    pace: float = 0.0
    since: datetime | None = None
    since_expected: float = 0.0
    since_sold: float = 0.0
    recent_expected: float = 0.0
    recent_sold: float = 0.0
    day_expected: float = 0.0
    day_sold: float = 0.0
    spread_squares: float = 2 * _SPREAD_PRIOR
    spread_of: float = _SPREAD_PRIOR
    is_quiet: bool = False

    @property
    def spread(self) -> float:
        """How much more than chance its days vary: variance over mean, 1 for a Poisson process."""
        return min(SPREAD_MAX, max(1.0, self.spread_squares / self.spread_of))

    @property
    def enough(self) -> float:
        """The evidence that chance makes once in `MONTHS_FALSE` months."""
        return log(MONTHS_FALSE) + log(max(1.0, self.pace * HOURS_OF_A_MONTH))


def others_share(expected: float, sold: float) -> float:
    """What a merchant's other machines sell of their usual, 1 at most; few others say little."""
    return max(OTHERS_MIN, min(1.0, (sold + OTHERS_PRIOR) / (expected + OTHERS_PRIOR)))


def judge(memory: Memory, usual: Usual, hour: Hour, *, others: float = 1.0) -> Memory:
    """The machine an hour later; `usual` is that hour of the week before it is `seen`."""
    if hour.is_first_of_day:
        memory = _day_over(memory)
    if hour.open < OPEN_MIN:
        return memory
    usually = usual.rate * hour.open
    memory = replace(memory, pace=memory.pace + (usually - memory.pace) / HOURS)
    if usual.open < SEEN_OPEN:
        return memory
    memory = replace(
        memory,
        recent_expected=memory.recent_expected * KEPT_OF_AN_HOUR + usually,
        recent_sold=memory.recent_sold * KEPT_OF_AN_HOUR + hour.sold,
        day_expected=memory.day_expected + usually * others,
        day_sold=memory.day_sold + hour.sold,
    )
    return _weighed(memory, hour, usually * others) if usual.open >= KNOWN_OPEN else memory


def _weighed(memory: Memory, hour: Hour, expected: float) -> Memory:
    evidence = ((1 - LEFT) * expected + hour.sold * log(LEFT)) / memory.spread
    score = min(memory.enough, max(0.0, memory.score + evidence))
    if score == 0:
        return replace(memory, score=0.0, is_quiet=False, since=None, since_expected=0.0, since_sold=0.0)
    return replace(
        memory,
        score=score,
        is_quiet=score >= memory.enough or (memory.is_quiet and score > memory.enough / 2),
        since=memory.since or hour.at,
        since_expected=memory.since_expected + expected,
        since_sold=memory.since_sold + hour.sold,
    )


def _day_over(memory: Memory) -> Memory:
    """What the day missed is learned, unless it is told as quiet."""
    missed, expected = memory.day_sold - memory.day_expected, memory.day_expected
    memory = replace(memory, day_expected=0.0, day_sold=0.0)
    if memory.is_quiet:
        return memory
    return replace(
        memory,
        spread_squares=memory.spread_squares * KEPT_OF_A_DAY + missed**2,
        spread_of=memory.spread_of * KEPT_OF_A_DAY + expected,
    )
