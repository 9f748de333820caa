"""The months of a merchant as they are closed: which are, what was said of them, what is found since, and the close."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.platform.database import Database
from vendomat.cloud.statistics import month_store, store
from vendomat.cloud.statistics.closing import (
    Close,
    Lines,
    corrections_of,
    link_of,
    must_be_next,
    next_to_close,
    sha256,
    whole_of,
)
from vendomat.cloud.statistics.month_store import CloseHead
from vendomat.cloud.statistics.month_views import ClosedLineView, ClosedMonthView, MonthsView, MonthView
from vendomat.cloud.statistics.sums import AMOUNTS
from vendomat.kernel import Clock, ErrorCode, VendomatError

KNOWN_MAX = 4_096


@dataclass(frozen=True, slots=True)
class _Known:
    """What is kept in memory of a close, which never changes: its lines of everything, and how many it corrects."""

    whole: Close
    corrections: int


class Months:
    """One merchant's closed months. `close` is the only thing here that writes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def months(self, merchant_id: str) -> MonthsView:
        """Newest first, with the one that may be closed now."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            today, first_sale = await self._frame(connection, merchant_id)
            heads = await month_store.read_heads(connection, merchant_id)
            known = await self._knows(connection, merchant_id, heads)
            found_since = await _found_since(connection, merchant_id, [one.whole for one in known])
        return MonthsView(
            next_month=next_to_close(first_sale, today, [one.whole for one in known]),
            months=[
                _month_view(head, one, found_since.get(head.month, {}))
                for head, one in reversed(list(zip(heads, known, strict=True)))
            ],
        )

    async def month(self, merchant_id: str, month: str) -> ClosedMonthView:
        """A closed month as it was said, with every correction of it; raises `VendomatError(not_found)`."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            heads = await month_store.read_heads(connection, merchant_id)
            known = await self._knows(connection, merchant_id, heads)
            place = next((n for n, head in enumerate(heads) if head.month == month), None)
            if place is None:
                raise VendomatError(ErrorCode.NOT_FOUND, f"{month} is not closed")
            wholes = [one.whole for one in known]
            own, *later = await month_store.read_closes(connection, merchant_id, _speaking_of({month}, wholes))
            found_since = await _found_since(connection, merchant_id, wholes, only={month})
        return ClosedMonthView(
            **_month_view(heads[place], known[place], found_since.get(month, {})).model_dump(),
            lines=_lines(own.lines),
            corrects={of: _lines(lines) for of, lines in sorted(own.corrections.items())},
            corrected_later={one.month: _lines(one.corrections[month]) for one in later},
            not_yet_said=_lines(found_since.get(month, {})),
        )

    async def close(self, merchant_id: str, month: str, by: str) -> ClosedMonthView:
        """Freeze `month` and say what earlier ones turned out to be. Raises `VendomatError(conflict)` for another month
        than the next one, or when somebody else closes one at the same moment. Closing what is closed already is no
        error, and changes nothing."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            today, first_sale = await self._frame(connection, merchant_id)
            heads = await month_store.read_heads(connection, merchant_id)
            if any(head.month == month for head in heads):
                return await self.month(merchant_id, month)
            wholes = [one.whole for one in await self._knows(connection, merchant_id, heads)]
            must_be_next(month, next_to_close(first_sale, today, wholes))
            found_since = await _found_since(connection, merchant_id, wholes)
            living = await month_store.read_living(connection, merchant_id, [month])
        previous = heads[-1].link if heads else ""
        close = Close(month, len(heads) + 1, previous, living.get(month, {}), found_since)
        async with self._database.merchant(merchant_id) as connection:
            content = await asyncio.to_thread(close.content)
            sealed = self._sealed(close, content, by)
            if not await month_store.insert_close(connection, merchant_id, sealed, content):
                raise VendomatError(ErrorCode.CONFLICT, "somebody has closed a month at this moment; look again")
            await note_change(
                connection,
                Change(
                    merchant_id=merchant_id,
                    actor=by,
                    action="month.closed",
                    subject=month,
                    at=sealed.closed_at,
                    after={"position": sealed.position, "content_sha256": sealed.content_sha256, "link": sealed.link},
                ),
            )
        return await self.month(merchant_id, month)

    async def _knows(
        self, connection: AsyncConnection, merchant_id: str, heads: Sequence[CloseHead]
    ) -> Sequence[_Known]:
        """Of each close in its order what never changes. Read whole once, by its link."""
        missing = [head for head in heads if head.link not in self._known]
        for head in missing:
            (close,) = await month_store.read_closes(connection, merchant_id, [head.month])
            corrections = sum(len(lines) for lines in close.corrections.values())
            self._known[head.link] = _Known(whole_of(close), corrections)
        known = [self._known[head.link] for head in heads]
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return known

    def _sealed(self, close: Close, content: str, by: str) -> CloseHead:
        return CloseHead(
            month=close.month,
            position=close.position,
            content_sha256=sha256(content),
            previous=close.previous,
            link=link_of(close.previous, sha256(content)),
            closed_at=self._clock.now(),
            closed_by=by,
        )

    async def _frame(self, connection: AsyncConnection, merchant_id: str) -> tuple[date, date | None]:
        frame = await store.read_frame(connection, merchant_id, self._clock.now())
        if frame is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such merchant")
        first_at = frame["first_at"]
        return frame["now"].date(), None if first_at is None else first_at.date()


async def _found_since(
    connection: AsyncConnection, merchant_id: str, wholes: Sequence[Close], *, only: Collection[str] | None = None
) -> dict[str, Lines]:
    """By closed month (of `only`), what it turned out to be besides all that was said of it. Every line is read only of
    those months in which the lines of everything say that there is something."""
    months = [whole.month for whole in wholes if only is None or whole.month in only]
    living = await month_store.read_living(connection, merchant_id, months, is_detailed=False)
    moved = corrections_of(living, wholes).keys() & set(months)
    if not moved:
        return {}
    closes = await month_store.read_closes(connection, merchant_id, _speaking_of(moved, wholes))
    living = await month_store.read_living(connection, merchant_id, sorted(moved))
    found = await asyncio.to_thread(corrections_of, living, closes)
    return {month: lines for month, lines in found.items() if month in moved}


def _speaking_of(months: Collection[str], wholes: Sequence[Close]) -> list[str]:
    """The closes that say anything of `months`."""
    return [one.month for one in wholes if one.month in months or not one.corrections.keys().isdisjoint(months)]


def _month_view(head: CloseHead, known: _Known, found_since: Lines) -> MonthView:
    totals = known.whole.lines
    return MonthView(
        month=head.month,
        position=head.position,
        content_sha256=head.content_sha256,
        link=head.link,
        closed_at=head.closed_at,
        closed_by=head.closed_by,
        totals=[_line(key, totals[key]) for key in sorted(totals)],
        corrections=known.corrections,
        not_yet_said_lines=len(found_since),
    )


def _line(key: Sequence[str], figures: Sequence[int]) -> ClosedLineView:
    by, of, currency = key
    return ClosedLineView(by=by, key=of, currency=currency, **dict(zip(AMOUNTS, figures, strict=True)))


def _lines(lines: Lines) -> list[ClosedLineView]:
    return [_line(key, lines[key]) for key in sorted(lines)]
