"""What is left of sales when the goods and the platforms' fees are paid. Pure.

A margin is of units whose cost is known, only: what has no cost is said beside it, and never counted as free. Fees are
what the platforms' bills say; for days without a bill nothing is guessed. Refuses to tell days apart: costs and fees of
single days are mostly chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from vendomat.cloud.statistics.closing import months_between
from vendomat.cloud.statistics.model import share
from vendomat.kernel import ErrorCode, VendomatError

MONTHS_MAX = 24
MACHINE_MONTHS_MAX = 3
"""By machine no more months than these: each has a row for every product of every machine."""


class MarginBy(StrEnum):
    """What rows of margins are of."""

    MONTH = "month"
    PRODUCT = "product"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class MarginWanted:
    """Margins of the months from `first` to `last` (`2026-05`), both included; of one machine if it is named."""

    by: MarginBy
    first: str
    last: str
    machine_id: str | None = None

    def __post_init__(self) -> None:
        months = len(months_between(self.first, self.last))
        if months < 1:
            raise VendomatError(ErrorCode.INVALID_VALUE, "the last month is before the first; exchange them")
        most = MACHINE_MONTHS_MAX if self.by is MarginBy.MACHINE else MONTHS_MAX
        if months > most:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"at most {most} months by the {self.by}; ask for fewer")

    @property
    def is_of_machines(self) -> bool:
        return self.by is MarginBy.MACHINE or self.machine_id is not None

    @property
    def first_day(self) -> date:
        return date.fromisoformat(f"{self.first}-01")

    @property
    def after(self) -> date:
        """The first day after the last month."""
        return (date.fromisoformat(f"{self.last}-01") + timedelta(days=31)).replace(day=1)


@dataclass(frozen=True, slots=True)
class Goods:
    """What was sold: in all, and of it what has a known cost. `cost_minor` is of all that came out, also of units whose
    money went back and that came out all the same."""

    units_sold: int
    gross_minor: int
    costed_units: int
    costed_gross_minor: int
    cost_minor: int


@dataclass(frozen=True, slots=True)
class Margin:
    """`minor` is what is left of `costed_gross_minor`; `share` of it, None where nothing with a cost was sold."""

    fee_minor: int
    minor: int
    share: float | None


def margin(goods: Goods, *, fees_minor: int, of_gross_minor: int) -> Margin:
    """`fees_minor` were taken of sales of `of_gross_minor`; these goods bear their part, to the nearest minor unit."""
    part = 2 * fees_minor * goods.costed_gross_minor + of_gross_minor
    fee = part // (2 * of_gross_minor) if of_gross_minor else 0
    left = goods.costed_gross_minor - goods.cost_minor - fee
    return Margin(fee, left, share(left, goods.costed_gross_minor))
