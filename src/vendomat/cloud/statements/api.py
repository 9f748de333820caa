"""`/api/v1/statements`: a day or a month of the merchant's books, as numbers, as rows, as CSV and as PDF."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page, described_file
from vendomat.cloud.statements import paper
from vendomat.cloud.statements.model import Period
from vendomat.cloud.statements.paper import draw
from vendomat.cloud.statements.printed import statement_paper
from vendomat.cloud.statements.service import Statements
from vendomat.cloud.statements.sheet import MEDIA_TYPE, rows_sheet, statement_sheet
from vendomat.cloud.statements.views import PeriodsView, RowView, StatementView
from vendomat.cloud.statements.words import Language

ROWS_AT_ONCE = 10_000
PeriodText = Annotated[str, Path(pattern=r"^2\d{3}-\d{2}(-\d{2})?$")]
AccountText = Annotated[str | None, Query(pattern=r"^[a-z]+:[0-9A-Za-z_:.-]{1,150}$")]
FamilyText = Annotated[str | None, Query(pattern=r"^[a-z_]{1,40}$")]

_CSV, _PDF = described_file(MEDIA_TYPE), described_file(paper.MEDIA_TYPE)


def statements_router(statements: Statements, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/statements", tags=["statements"])
    reading = permitted(current, Permission.STATEMENT_READ)

    @router.get("", operation_id="statements.periods")
    async def periods(operator: Annotated[Operator, Depends(reading)]) -> PeriodsView:
        return await statements.periods(operator.merchant_id)

    @router.get("/{period}", operation_id="statements.get")
    async def statement(period: PeriodText, operator: Annotated[Operator, Depends(reading)]) -> StatementView:
        return await statements.statement(operator.merchant_id, Period.from_text(period))

    @router.get("/{period}/rows", operation_id="statements.rows")
    async def rows(
        *,
        period: PeriodText,
        operator: Annotated[Operator, Depends(reading)],
        account: AccountText = None,
        family: FamilyText = None,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
        cursor: Annotated[str | None, Query(max_length=300)] = None,
    ) -> Page[RowView]:
        after = Cursor.from_text(cursor) if cursor else None
        return await statements.rows(
            operator.merchant_id,
            Period.from_text(period),
            wanted=_wanted(account, family),
            after=after,
            limit=limit,
        )

    _file_routes(router, statements, reading)
    return router


def _file_routes(router: APIRouter, statements: Statements, reading: CurrentOperator) -> None:
    @router.get("/{period}/statement.csv", operation_id="statements.csv", response_class=Response, responses=_CSV)
    async def as_csv(period: PeriodText, operator: Annotated[Operator, Depends(reading)]) -> Response:
        view = await statements.statement(operator.merchant_id, Period.from_text(period))
        content = await asyncio.to_thread(statement_sheet, view)
        return file_answer(content.encode(), MEDIA_TYPE, f"statement-{period}.csv")

    @router.get("/{period}/statement.pdf", operation_id="statements.pdf", response_class=Response, responses=_PDF)
    async def as_pdf(
        period: PeriodText,
        operator: Annotated[Operator, Depends(reading)],
        lang: Annotated[Language, Query()] = "zh",
    ) -> Response:
        view = await statements.statement(operator.merchant_id, Period.from_text(period))
        content = await asyncio.to_thread(draw, statement_paper(view, lang))
        return file_answer(content, paper.MEDIA_TYPE, f"statement-{period}.pdf")

    @router.get("/{period}/rows.csv", operation_id="statements.rows_csv", response_class=Response, responses=_CSV)
    async def rows_as_csv(
        period: PeriodText,
        operator: Annotated[Operator, Depends(reading)],
        account: AccountText = None,
        family: FamilyText = None,
    ) -> StreamingResponse:
        span, wanted = Period.from_text(period), _wanted(account, family)

        async def parts() -> AsyncIterator[bytes]:
            after: Cursor | None = None
            is_first = True
            while is_first or after is not None:
                page = await statements.rows(operator.merchant_id, span, wanted=wanted, after=after, limit=ROWS_AT_ONCE)
                yield rows_sheet(page.data, is_first=is_first).encode()
                is_first = False
                after = Cursor.from_text(page.next_cursor) if page.next_cursor else None

        return StreamingResponse(parts(), media_type=MEDIA_TYPE, headers=_headers(f"rows-{period}.csv"))


def _wanted(account: str | None, family: str | None) -> dict[str, str]:
    return {name: value for name, value in (("account", account), ("family", family)) if value is not None}


def file_answer(content: bytes, media_type: str, name: str) -> Response:
    """A file to be kept, never shown in our page and never cached."""
    return Response(content, media_type=media_type, headers=_headers(name))


def _headers(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
