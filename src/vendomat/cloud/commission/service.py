"""Site statements: computed for a look, issued once and frozen, paid out and recorded.

Months are issued one after another, none left out, when they are over. A month that was stated is never computed
again into its own statement: what it should have said is a correction on the next one. Everything of an issue (the
frozen row, its files, the booking) is one short transaction under the site's lock; the work is done before it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import asyncpg

from vendomat.cloud.commission import store
from vendomat.cloud.commission.drafting import Draft, draft_of, issued_view, line_view, machine_views
from vendomat.cloud.commission.model import Correction, Line, Sold, corrections, month_lines
from vendomat.cloud.commission.reading import file_of, issued_to, owed_to, payout_view, payouts_to, verified
from vendomat.cloud.commission.views import (
    CorrectionView,
    SiteAccountView,
    SitePayoutView,
    SiteStatementView,
    VerifiedView,
)
from vendomat.cloud.ledger import Entry, post, postings
from vendomat.cloud.merchants import Operator
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.outbox import OutboxEvent, append_events
from vendomat.cloud.sites import Rule, Sites, Span, find_site, no_site, stays_within
from vendomat.cloud.statements import Period, Standing, Statements
from vendomat.kernel import Clock, ErrorCode, VendomatError, derive_id

RECOMPUTED_MONTHS_MAX = 24


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks to be issued. `corrections` are of earlier months and have a reason."""

    month: str
    corrections: tuple[Correction, ...] = ()
    despite_open_days: bool = False


@dataclass(frozen=True, slots=True)
class Payout:
    """Money that a merchant sent to a site's owner; `reference` is the bank's and names it once."""

    amount_minor: int
    paid_on: date
    reference: str


class SiteStatements:
    """One merchant's statements to the owners of its sites."""

    def __init__(self, database: Database, statements: Statements, sites: Sites, clock: Clock) -> None:
        self._database = database
        self._statements = statements
        self._sites = sites
        self._clock = clock

    async def account(self, merchant_id: str, site_id: str) -> SiteAccountView:
        """What was stated and paid. Raises `VendomatError(not_found)`."""
        _, _, rules = await self._sites.arrangement(merchant_id, site_id)
        async with self._database.hot.acquire() as connection:
            _, currency, _, today = await store.frame_of(connection, merchant_id, self._clock.now())
            rows = await store.statements_of(connection, merchant_id, site_id)
            following = _next_month(rows, rules)
            return SiteAccountView(
                currency=currency,
                owed_minor=await owed_to(connection, merchant_id, site_id),
                next_month=following if following and Period.from_text(following).last < today else None,
                statements=await issued_to(connection, merchant_id, site_id),
                payouts=await payouts_to(connection, merchant_id, site_id),
            )

    async def statement(self, merchant_id: str, site_id: str, month: str) -> SiteStatementView:
        """The issued statement of the month, or what it would be now. Raises `VendomatError(not_found)`."""
        await self._sites.site(merchant_id, site_id)
        rows = await self._rows(merchant_id, site_id)
        issued = next((row for row in rows if row["month"] == month), None)
        if issued is not None:
            return issued_view(issued)
        return await self._compute(merchant_id, site_id, Wish(month), rows)

    async def issue(self, operator: Operator, site_id: str, wish: Wish) -> SiteStatementView:
        """Freeze the month; said again, it gives what was issued. Raises `VendomatError` (not_found, conflict)."""
        merchant_id = operator.merchant_id
        for correction in wish.corrections:
            if correction.month >= wish.month:
                raise VendomatError(ErrorCode.INVALID_VALUE, "a correction is of an earlier month; nothing was issued")

        await self._sites.site(merchant_id, site_id)
        rows = await self._rows(merchant_id, site_id)
        known = next((row for row in rows if row["month"] == wish.month), None)
        if known is not None:
            return issued_view(known)
        await self._check_turn(merchant_id, site_id, wish, rows)
        view = await self._compute(merchant_id, site_id, wish, rows)
        if view.days_not_closed and not wish.despite_open_days:
            raise VendomatError(
                ErrorCode.CONFLICT,
                f"{len(view.days_not_closed)} days of this month are not reconciled; nothing was issued",
            )
        draft = await asyncio.to_thread(draft_of, view, self._clock.now(), operator)

        async def write(connection: asyncpg.Connection) -> SiteStatementView:
            if await find_site(connection, merchant_id, site_id, is_locking=True) is None:
                raise no_site()
            now_there = await store.statements_of(connection, merchant_id, site_id)
            if len(now_there) == len(rows):
                return await _freeze(connection, operator, draft)
            issued = next((row for row in now_there if row["month"] == wish.month), None)
            if issued is None:
                raise VendomatError(ErrorCode.CONFLICT, "another statement was issued meanwhile; nothing was issued")
            return issued_view(issued)

        return await self._database.write(write)

    async def file(self, merchant_id: str, site_id: str, month: str, form: str) -> bytes:
        """A file of an issued statement, as it was made then. Raises `VendomatError(not_found)`."""
        async with self._database.hot.acquire() as connection:
            return await file_of(connection, (merchant_id, site_id), month, form)

    async def pay(self, operator: Operator, site_id: str, payout: Payout) -> SitePayoutView:
        """Record a payout. Raises `VendomatError` (not_found, conflict for more than is owed, or a used reference)."""
        merchant_id = operator.merchant_id

        async def write(connection: asyncpg.Connection) -> asyncpg.Record:
            if await find_site(connection, merchant_id, site_id, is_locking=True) is None:
                raise no_site()
            known = await store.find_payout(connection, merchant_id, site_id, payout.reference)
            if known is not None:
                if (known["amount_minor"], known["paid_on"]) == (payout.amount_minor, payout.paid_on):
                    return known
                raise VendomatError(ErrorCode.CONFLICT, "this reference was used for another payout; nothing changed")
            owed = await owed_to(connection, merchant_id, site_id)
            if payout.amount_minor > owed:
                raise VendomatError(
                    ErrorCode.CONFLICT,
                    "this is more than is owed to the site's owner; nothing changed",
                    owed_minor=owed,
                )
            return await self._record(connection, operator, site_id, payout)

        return payout_view(await self._database.write(write))

    async def verify(self, merchant_id: str, sha256: str) -> VerifiedView:
        """Which statement a file (or content, or link) belongs to. Raises `VendomatError(not_found)` for none."""
        async with self._database.hot.acquire() as connection:
            return await verified(connection, merchant_id, sha256)

    async def _rows(self, merchant_id: str, site_id: str) -> list[asyncpg.Record]:
        async with self._database.hot.acquire() as connection:
            return await store.statements_of(connection, merchant_id, site_id)

    async def _check_turn(self, merchant_id: str, site_id: str, wish: Wish, rows: Sequence[asyncpg.Record]) -> None:
        async with self._database.hot.acquire() as connection:
            *_, today = await store.frame_of(connection, merchant_id, self._clock.now())
        _, _, rules = await self._sites.arrangement(merchant_id, site_id)
        following = _next_month(rows, rules)
        if following is None:
            raise VendomatError(ErrorCode.CONFLICT, "nothing is agreed with this site's owner yet; nothing was issued")
        if wish.month != following:
            raise VendomatError(
                ErrorCode.CONFLICT, f"months are issued one after another, next is {following}; nothing was issued"
            )
        if Period.from_text(wish.month).last >= today:
            raise VendomatError(ErrorCode.CONFLICT, "this month is not over; nothing was issued")

    async def _compute(
        self, merchant_id: str, site_id: str, wish: Wish, rows: Sequence[asyncpg.Record]
    ) -> SiteStatementView:
        """The month as it comes to now, with corrections of what was stated before."""
        site, stays, rules = await self._sites.arrangement(merchant_id, site_id)
        async with self._database.hot.acquire() as connection:
            name, currency, time_zone, _ = await store.frame_of(connection, merchant_id, self._clock.now())
            numbers = await store.machine_numbers(connection, merchant_id)

        async def of_month(month: str) -> tuple[list[Sold], list[Line]]:
            span = _span(month)
            there = stays_within(stays, site_id, span)
            sold = await self._sold(merchant_id, month, there, currency)
            return sold, month_lines(span, rules, sold, currency)

        earlier = [row for row in rows if row["month"] < wish.month][-RECOMPUTED_MONTHS_MAX:]
        stated = _stated(rows, [row["month"] for row in earlier])
        recomputed = {month: sum(line.amount_minor for line in (await of_month(month))[1]) for month in stated}
        sold, lines = await of_month(wish.month)
        fixes = [*corrections(stated, recomputed), *wish.corrections]
        days = await self._statements.standing(merchant_id, Period.from_text(wish.month))
        return SiteStatementView(
            state="preview",
            site_id=site.site_id,
            site=site.name,
            owner=site.owner,
            merchant=name,
            month=wish.month,
            currency=currency,
            time_zone=time_zone,
            position=len(rows) + 1,
            previous=rows[-1]["link"] if rows else "",
            content_sha256="",
            link="",
            issued_at=None,
            lines=[line_view(line, rules, currency) for line in lines],
            corrections=[
                CorrectionView(month=one.month, amount_minor=one.amount_minor, reason=one.reason) for one in fixes
            ],
            machines=machine_views(sold, lines, numbers),
            days_not_closed=[day.day for day in days if day.standing is not Standing.CLOSED],
            total_minor=sum(line.amount_minor for line in lines) + sum(one.amount_minor for one in fixes),
        )

    async def _sold(self, merchant_id: str, month: str, there: Sequence[tuple[str, Span]], currency: str) -> list[Sold]:
        machines = sorted({machine for machine, _ in there})
        found: dict[tuple[date, str], list[int]] = defaultdict(lambda: [0, 0])
        for day, line in await self._statements.daily_sales(merchant_id, Period.from_text(month), machines):
            if line.currency != currency or not any(m == line.machine_id and day in part for m, part in there):
                continue
            if line.kind == "sold":
                found[day, line.machine_id][0] += line.units
                found[day, line.machine_id][1] += line.amount_minor
            elif line.kind == "goodwill":
                found[day, line.machine_id][1] -= line.amount_minor
        return [Sold(day, machine, units, net) for (day, machine), (units, net) in sorted(found.items())]

    async def _record(
        self, connection: asyncpg.Connection, operator: Operator, site_id: str, payout: Payout
    ) -> asyncpg.Record:
        now, merchant_id = self._clock.now(), operator.merchant_id
        _, currency, _, _ = await store.frame_of(connection, merchant_id, now)
        payout_id = derive_id("spo", merchant_id, site_id, payout.reference)
        row = await store.keep_payout(
            connection,
            (
                merchant_id,
                payout_id,
                site_id,
                payout.reference,
                currency,
                payout.amount_minor,
                payout.paid_on,
                now,
                operator.operator_id,
            ),
        )
        posting = postings.site_rent_paid(payout_id, site_id, payout.amount_minor)
        await post(connection, [Entry(merchant_id, "", currency, now, posting)])
        said: dict[str, object] = {"payout_id": payout_id, "amount_minor": payout.amount_minor}
        said |= {"reference": payout.reference, "operator_id": operator.operator_id}
        await append_events(connection, [OutboxEvent(merchant_id, "site_statement.paid", site_id, said, now)])
        return row


async def _freeze(connection: asyncpg.Connection, operator: Operator, draft: Draft) -> SiteStatementView:
    """The frozen row, its files, the booking and the word about it, in the caller's transaction."""
    view, merchant_id = draft.view, operator.merchant_id
    await store.keep_statement(
        connection,
        (merchant_id, view.site_id),
        draft.sealed,
        head=(view.month, view.currency, view.total_minor),
        issued=(draft.at, operator.operator_id),
        files=draft.files,
    )
    if view.total_minor:
        posting = postings.site_rent_stated(view.site_id, view.position, view.link, view.total_minor)
        await post(connection, [Entry(merchant_id, "", view.currency, draft.at, posting)])
    said: dict[str, object] = {"month": view.month, "position": view.position, "link": view.link}
    said |= {"total_minor": view.total_minor, "operator_id": operator.operator_id}
    await append_events(connection, [OutboxEvent(merchant_id, "site_statement.issued", view.site_id, said, draft.at)])
    return view


def _span(month: str) -> Span:
    period = Period.from_text(month)
    return Span(period.first, period.last)


def _next_month(rows: Sequence[asyncpg.Record], rules: Sequence[Rule]) -> str | None:
    """The month after the last one issued, or that of the first rule; None while nothing is agreed."""
    if rows:
        return (Period.from_text(rows[-1]["month"]).last + timedelta(days=1)).isoformat()[:7]
    return min(rule.first_day for rule in rules).isoformat()[:7] if rules else None


def _stated(rows: Sequence[asyncpg.Record], months: Sequence[str]) -> dict[str, int]:
    """What each month was stated as, with what later statements recomputed; corrections by hand stand beside it."""
    found = dict.fromkeys(months, 0)
    for row in rows:
        view = issued_view(row)
        if row["month"] in found:
            found[row["month"]] += sum(line.amount_minor for line in view.lines)
        for one in view.corrections:
            if one.month in found and not one.reason:
                found[one.month] += one.amount_minor
    return found
