"""`/api/v1/codes`: issue (once per Idempotency-Key), list, withdraw. The digits are in the answer to issuing only."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.codes.model import COUNT_MAX, CodeKind, CodeState, NewCodes, PickupCode
from vendomat.cloud.codes.service import Codes, IssuedCode
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import ASKED_ONCE, LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page, RepeatKey, page_of

HOURS_MAX = 24 * 366


class NewCodesBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    machine_id: Annotated[str, Field(pattern=r"^mch_[0-9a-z]{26}$")]
    product_id: Annotated[str, Field(pattern=r"^prd_[0-9a-z]{26}$")]
    kind: CodeKind
    count: Annotated[int, Field(ge=1, le=COUNT_MAX, strict=True)] = 1
    valid_hours: Annotated[int, Field(ge=1, le=HOURS_MAX, strict=True)] = 24 * 7


class CodeView(BaseModel):
    id: str
    machine_id: str
    product_id: str
    kind: CodeKind
    state: CodeState
    value_minor: int
    currency: str
    order_id: str
    issued_at: datetime
    expires_at: datetime


class IssuedCodeView(CodeView):
    """`code` is shown here and never again."""

    code: str


class IssuedCodesView(BaseModel):
    data: list[IssuedCodeView]


def codes_router(codes: Codes, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/codes", tags=["codes"])
    reading = permitted(current, Permission.CODE_READ)
    issuing = permitted(current, Permission.CODE_ISSUE)

    @router.post("", operation_id="codes.issue", status_code=201, response_model=IssuedCodesView)
    async def issue(
        body: NewCodesBody,
        request: Request,
        operator: Annotated[Operator, Depends(issuing)],
        idempotency_key: Annotated[str, Header(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")],
    ) -> Response:
        new = NewCodes(
            machine_id=body.machine_id,
            product_id=body.product_id,
            kind=body.kind,
            count=body.count,
            life=timedelta(hours=body.valid_hours),
        )
        key = RepeatKey(operator.merchant_id, request.url.path, idempotency_key, body.model_dump_json().encode())
        answer = await codes.issue_once(operator, key, new, _answer)
        return Response(answer, 201, {"Cache-Control": "no-store"}, media_type="application/json")

    @router.get("", operation_id="codes.list")
    async def list_codes(
        operator: Annotated[Operator, Depends(reading)],
        machine: Annotated[str | None, Query(pattern=r"^mch_[0-9a-z]{26}$")] = None,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Page[CodeView]:
        rows = await codes.list_codes(
            operator.merchant_id,
            machine_id=machine,
            after=Cursor.from_text(cursor) if cursor else None,
            limit=limit + 1,
        )
        return page_of(rows, limit, _view, lambda c: Cursor(c.issued_at, c.code_id))

    @router.post("/{code_id}/withdraw", operation_id="codes.withdraw", dependencies=[ASKED_ONCE])
    async def withdraw(
        code_id: Annotated[str, Path(pattern=r"^cod_[0-9a-z]{26}$")], operator: Annotated[Operator, Depends(issuing)]
    ) -> CodeView:
        return _view(await codes.withdraw(operator, code_id))

    return router


def _answer(issued: list[IssuedCode]) -> bytes:
    data = [IssuedCodeView(**_view(one.code).model_dump(), code=one.digits) for one in issued]
    return IssuedCodesView(data=data).model_dump_json().encode()


def _view(code: PickupCode) -> CodeView:
    return CodeView(
        id=code.code_id,
        machine_id=code.machine_id,
        product_id=code.product_id,
        kind=code.kind,
        state=code.state,
        value_minor=code.value.minor_units,
        currency=code.value.currency,
        order_id=code.order_id,
        issued_at=code.issued_at,
        expires_at=code.expires_at,
    )
