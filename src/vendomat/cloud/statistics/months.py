"""The months of a merchant as they are closed: which are, what was said of them, what is found since, and the close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
)
from vendomat.cloud.statistics.month_store import KeptClose
from vendomat.cloud.statistics.month_views import ClosedLineView, ClosedMonthView, MonthsView, MonthView
from vendomat.cloud.statistics.sums import AMOUNTS
from vendomat.kernel import Clock, ErrorCode, VendomatError


class Months:
    """One merchant's closed months. `close` is the only thing here that writes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def months(self, merchant_id: str) -> MonthsView:
        """Newest first, with the one that may be closed now."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            today, first_sale = await self._frame(connection, merchant_id)
            kept = await month_store.read_closes(connection, merchant_id)
            closes = [Close.from_content(one.content) for one in kept]
            living = await month_store.read_living(connection, merchant_id, [close.month for close in closes])
        open_corrections = corrections_of(living, closes)
        return MonthsView(
            next_month=next_to_close(first_sale, today, closes),
            months=[_month_view(one, open_corrections) for one in reversed(kept)],
        )

    async def month(self, merchant_id: str, month: str) -> ClosedMonthView:
        """A closed month as it was said, with every correction of it; raises `VendomatError(not_found)`."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            kept = await month_store.read_closes(connection, merchant_id)
            closes = [Close.from_content(one.content) for one in kept]
            found = next((n for n, close in enumerate(closes) if close.month == month), None)
            if found is None:
                raise VendomatError(ErrorCode.NOT_FOUND, f"{month} is not closed")
            living = await month_store.read_living(connection, merchant_id, [close.month for close in closes])
        return ClosedMonthView(
            **_month_view(kept[found], corrections_of(living, closes)).model_dump(),
            lines=_lines(closes[found].lines),
            corrects={of: _lines(lines) for of, lines in sorted(closes[found].corrections.items())},
            corrected_later={
                later.month: _lines(later.corrections[month]) for later in closes if month in later.corrections
            },
            not_yet_said=_lines(corrections_of(living, closes).get(month, {})),
        )

    async def close(self, merchant_id: str, month: str, by: str) -> ClosedMonthView:
        """Freeze `month` and say what earlier ones turned out to be. Raises `VendomatError(conflict)` for another month
        than the next one, or when somebody else closes one at the same moment. Closing what is closed already is no
        error, and changes nothing."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            today, first_sale = await self._frame(connection, merchant_id)
            kept = await month_store.read_closes(connection, merchant_id)
            closes = [Close.from_content(one.content) for one in kept]
            if any(close.month == month for close in closes):
                return await self.month(merchant_id, month)
            must_be_next(month, next_to_close(first_sale, today, closes))
            living = await month_store.read_living(connection, merchant_id, [*(c.month for c in closes), month])
        previous = kept[-1].link if kept else ""
        close = Close(month, len(kept) + 1, previous, living.get(month, {}), corrections_of(living, closes))
        async with self._database.merchant(merchant_id) as connection:
            sealed = self._sealed(close, by)
            if not await month_store.insert_close(connection, merchant_id, sealed):
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

    def _sealed(self, close: Close, by: str) -> KeptClose:
        content = close.content()
        return KeptClose(
            month=close.month,
            position=close.position,
            content=content,
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


def _month_view(one: KeptClose, open_corrections: Mapping[str, Lines]) -> MonthView:
    close = Close.from_content(one.content)
    totals = {currency: figures for (by, _, currency), figures in close.lines.items() if by == "all"}
    return MonthView(
        month=one.month,
        position=one.position,
        content_sha256=one.content_sha256,
        link=one.link,
        closed_at=one.closed_at,
        closed_by=one.closed_by,
        totals=[_line(("all", "", currency), totals[currency]) for currency in sorted(totals)],
        corrections=sum(len(lines) for lines in close.corrections.values()),
        not_yet_said_lines=len(open_corrections.get(one.month, {})),
    )


def _line(key: Sequence[str], figures: Sequence[int]) -> ClosedLineView:
    by, of, currency = key
    return ClosedLineView(by=by, key=of, currency=currency, **dict(zip(AMOUNTS, figures, strict=True)))


def _lines(lines: Lines) -> list[ClosedLineView]:
    return [_line(key, lines[key]) for key in sorted(lines)]
