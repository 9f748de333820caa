"""`/api/v1/sites/{id}/statements` and `…/payouts`: look, issue, download, pay, and where a file belongs."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.commission.model import Correction
from vendomat.cloud.commission.service import Payout, SiteStatements, Wish
from vendomat.cloud.commission.views import SiteAccountView, SitePayoutView, SiteStatementView, VerifiedView
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import ASKED_ONCE, described_file
from vendomat.cloud.sites import Day
from vendomat.cloud.statements import CSV, PDF, file_answer
from vendomat.kernel import MINOR_UNITS_MAX

SiteId = Annotated[str, Path(pattern=r"^sit_[0-9a-z]{26}$")]
Month = Annotated[str, Path(pattern=r"^2\d{3}-(0[1-9]|1[0-2])$")]
MonthField = Annotated[str, Field(pattern=r"^2\d{3}-(0[1-9]|1[0-2])$")]
CORRECTIONS_MAX = 50


class CorrectionBody(BaseModel):
    """Added to (or, negative, taken from) what is owed, for an earlier month and with a reason."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    month: MonthField
    amount_minor: Annotated[int, Field(ge=-MINOR_UNITS_MAX, le=MINOR_UNITS_MAX, strict=True)]
    reason: Annotated[str, Field(min_length=1, max_length=200)]


class IssueBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    month: MonthField
    corrections: Annotated[list[CorrectionBody], Field(max_length=CORRECTIONS_MAX)] = []
    despite_open_days: bool = False


class SitePayoutBody(BaseModel):
    """`reference` is the bank's: the same payout said again is recorded once."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    amount_minor: Annotated[int, Field(gt=0, le=MINOR_UNITS_MAX, strict=True)]
    paid_on: Day
    reference: Annotated[str, Field(min_length=1, max_length=100)]


def commission_router(statements: SiteStatements, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["sites"])
    reading = permitted(current, Permission.SITE_READ)
    paying = permitted(current, Permission.SITE_PAY)

    @router.get("/sites/{site_id}/statements", operation_id="site_statements.account")
    async def account(site_id: SiteId, operator: Annotated[Operator, Depends(reading)]) -> SiteAccountView:
        return await statements.account(operator.merchant_id, site_id)

    @router.post("/sites/{site_id}/statements", operation_id="site_statements.issue", dependencies=[ASKED_ONCE])
    async def issue(
        site_id: SiteId, body: IssueBody, operator: Annotated[Operator, Depends(paying)]
    ) -> SiteStatementView:
        fixes = tuple(Correction(one.month, one.amount_minor, one.reason) for one in body.corrections)
        return await statements.issue(operator, site_id, Wish(body.month, fixes, body.despite_open_days))

    @router.get("/sites/{site_id}/statements/{month}", operation_id="site_statements.get")
    async def statement(
        site_id: SiteId, month: Month, operator: Annotated[Operator, Depends(reading)]
    ) -> SiteStatementView:
        return await statements.statement(operator.merchant_id, site_id, month)

    _file_routes(router, statements, reading)

    @router.post("/sites/{site_id}/payouts", operation_id="site_statements.pay", dependencies=[ASKED_ONCE])
    async def pay(
        site_id: SiteId, body: SitePayoutBody, operator: Annotated[Operator, Depends(paying)]
    ) -> SitePayoutView:
        payout = Payout(body.amount_minor, body.paid_on, body.reference)
        return await statements.pay(operator, site_id, payout)

    @router.get("/site-statements/verify/{sha256}", operation_id="site_statements.verify")
    async def verify(
        sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], operator: Annotated[Operator, Depends(reading)]
    ) -> VerifiedView:
        return await statements.verify(operator.merchant_id, sha256)

    return router


def _file_routes(router: APIRouter, statements: SiteStatements, reading: CurrentOperator) -> None:
    @router.get(
        "/sites/{site_id}/statements/{month}/statement.csv",
        operation_id="site_statements.csv",
        response_class=Response,
        responses=described_file(CSV),
    )
    async def as_csv(site_id: SiteId, month: Month, operator: Annotated[Operator, Depends(reading)]) -> Response:
        content = await statements.file(operator.merchant_id, site_id, month, "csv")
        return file_answer(content, CSV, f"site-{month}.csv")

    @router.get(
        "/sites/{site_id}/statements/{month}/statement.pdf",
        operation_id="site_statements.pdf",
        response_class=Response,
        responses=described_file(PDF),
    )
    async def as_pdf(
        site_id: SiteId,
        month: Month,
        operator: Annotated[Operator, Depends(reading)],
        lang: Annotated[Literal["zh", "en"], Query()] = "zh",
    ) -> Response:
        content = await statements.file(operator.merchant_id, site_id, month, f"pdf_{lang}")
        return file_answer(content, PDF, f"site-{month}.pdf")
