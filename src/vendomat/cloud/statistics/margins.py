"""Margins as they are asked: by month, product or machine, with names, and how much of them is not known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa

from vendomat.cloud.platform.database import Database
from vendomat.cloud.statistics import margin_store, store
from vendomat.cloud.statistics.formulas import BY_FIGURE
from vendomat.cloud.statistics.margin import Goods, MarginWanted, margin
from vendomat.cloud.statistics.margin_views import MarginRowView, MarginsView, MarginTotalView
from vendomat.cloud.statistics.model import By, Wanted, share
from vendomat.cloud.statistics.service import units_link
from vendomat.kernel import Clock, ErrorCode, VendomatError

_FORMULAS = {name: BY_FIGURE[name] for name in ("units_sold", "gross_minor", "cost_minor", "fee_minor", "margin_minor")}
_FEES = ("fee_minor", "gross_minor", "platform_minor", "known_minor")
_GOODS = tuple(Goods.__dataclass_fields__)
_Amounts = dict[str, int | float | None]
_Fees = Mapping[tuple[str, date | None], Mapping[str, int]]


class Margins:
    """One merchant's margins."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def margins(self, merchant_id: str, wanted: MarginWanted, *, limit: int | None = None) -> MarginsView:
        """Months in their order, others by what is left, most first; at most `limit`. Totals are of all."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            frame = await store.read_frame(connection, merchant_id, self._clock.now())
            if frame is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such merchant")
            newer = await store.read_newer(connection, merchant_id)
            found = await margin_store.read_margins(connection, merchant_id, wanted, newer)
            fees = _by_month(await margin_store.read_fees(connection, merchant_id, wanted, newer))
            names = await store.read_names(connection, merchant_id, By(wanted.by.value))
        all_amounts = [_amounts(row, fees.get((row["currency"], row["at"]))) for row in found]
        known = sorted(zip(found, all_amounts, strict=True), key=_place)
        rows = [_row(row, amounts, wanted, names) for row, amounts in known[:limit]]
        return MarginsView(
            by=wanted.by,
            first=wanted.first,
            last=wanted.last,
            time_zone=frame["time_zone"],
            currency=frame["currency"],
            rows=rows,
            rows_more=len(known) - len(rows),
            totals=_totals(known, fees),
            formulas=_FORMULAS,
            read_at=self._clock.now(),
        )


def _by_month(rows: Sequence[sa.RowMapping]) -> _Fees:
    """What is known of fees by currency and month, and of all months together under None."""
    found: dict[tuple[str, date | None], dict[str, int]] = defaultdict(lambda: dict.fromkeys(_FEES, 0))
    for row in rows:
        for month in (row["month"], None):
            for name in _FEES:
                found[row["currency"], month][name] += row[name]
    return found


def _amounts(row: sa.RowMapping, fees: Mapping[str, int] | None) -> _Amounts:
    goods, known = Goods(*(row[name] for name in _GOODS)), {} if fees is None else fees
    left = margin(goods, fees_minor=known.get("fee_minor", 0), of_gross_minor=known.get("gross_minor", 0))
    said: _Amounts = {name: row[name] for name in _GOODS}
    return said | {"fee_minor": left.fee_minor, "margin_minor": left.minor, "margin": left.share}


def _place(one: tuple[sa.RowMapping, _Amounts]) -> tuple[object, ...]:
    row, amounts = one
    return (row["currency"], row["at"] or date.min, -(amounts["margin_minor"] or 0), -row["gross_minor"], row["key"])


def _row(
    row: sa.RowMapping, amounts: _Amounts, wanted: MarginWanted, names: Mapping[str, tuple[str, str]]
) -> MarginRowView:
    name, name_en = names.get(row["key"], ("", ""))
    said = {"at": row["at"], "key": row["key"], "name": name, "name_en": name_en, "currency": row["currency"]}
    return MarginRowView.model_validate(said | amounts | {"units": _units(row, wanted)})


def _units(row: sa.RowMapping, wanted: MarginWanted) -> str:
    """Where the units of a row are listed."""
    last = wanted.after - timedelta(days=1)
    asked = Wanted(By(wanted.by.value), wanted.first_day, last, machine_id=wanted.machine_id)
    return units_link(asked, row["key"], None if row["at"] is None else datetime.combine(row["at"], time()))


def _totals(rows: Sequence[tuple[sa.RowMapping, _Amounts]], fees: _Fees) -> list[MarginTotalView]:
    """Sums of the rows, whose fees are theirs already: what is shown adds up."""
    totals = []
    for currency in sorted({row["currency"] for row, _ in rows}):
        mine = [amounts for row, amounts in rows if row["currency"] == currency]
        sums = {
            name: sum(int(amounts[name] or 0) for amounts in mine) for name in (*_GOODS, "fee_minor", "margin_minor")
        }
        known = fees.get((currency, None), {})
        totals.append(
            MarginTotalView(
                currency=currency,
                margin=share(sums["margin_minor"], sums["costed_gross_minor"]),
                fees_known=share(known.get("known_minor", 0), known.get("platform_minor", 0)),
                **sums,
            )
        )
    return totals
