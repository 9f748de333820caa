"""From our error catalogue to HTTP: one table, one form (RFC 9457, `application/problem+json`).

An unexpected error says nothing about its cause to the caller; the log says everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import asyncpg
import msgspec
import sqlalchemy as sa
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from vendomat.cloud.platform.http import FlawView, flaw_view
from vendomat.kernel import ErrorCode, Flaw, VendomatError

_DATABASE_AWAY: tuple[type[Exception], ...] = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
)
MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger("http")

STATUS: Mapping[ErrorCode, int] = {
    ErrorCode.MALFORMED: 400,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.INVALID_AMOUNT: 422,
    ErrorCode.INVALID_VALUE: 422,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.IDEMPOTENCY_MISMATCH: 422,
    ErrorCode.IN_PROGRESS: 409,
    ErrorCode.VERSION_MISSING: 428,
    ErrorCode.VERSION_STALE: 412,
    ErrorCode.NOT_SIGNED_IN: 401,
    ErrorCode.SECOND_FACTOR_REQUIRED: 401,
    ErrorCode.SECOND_FACTOR_MISSING: 403,
    ErrorCode.PROOF_REQUIRED: 403,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.BAD_SIGNATURE: 401,
    ErrorCode.STALE: 401,
    ErrorCode.REPLAYED: 409,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.ENROLMENT_REFUSED: 403,
    ErrorCode.OLD_EPOCH: 409,
    ErrorCode.UNKNOWN_SLOT: 422,
    ErrorCode.PRICE_CHANGED: 409,
    ErrorCode.SOLD_OUT: 409,
    ErrorCode.SLOT_CLOSED: 409,
    ErrorCode.MACHINE_NOT_READY: 409,
    ErrorCode.CART_TOO_LARGE: 422,
    ErrorCode.ORDER_NOT_OPEN: 409,
    ErrorCode.METHOD_UNAVAILABLE: 409,
    ErrorCode.CODE_REFUSED: 422,
    ErrorCode.COUPON_REFUSED: 422,
    ErrorCode.CODE_LOCKED: 429,
    ErrorCode.PAYMENT_MISMATCH: 409,
    ErrorCode.PLATFORM_REFUSED: 502,
    ErrorCode.PLATFORM_UNREACHABLE: 503,
    ErrorCode.ILLEGAL_MOVE: 409,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.INTERNAL: 500,
}

_CODE_OF_STATUS = {
    400: ErrorCode.MALFORMED,
    401: ErrorCode.NOT_SIGNED_IN,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    409: ErrorCode.CONFLICT,
    413: ErrorCode.TOO_LARGE,
    429: ErrorCode.RATE_LIMITED,
    503: ErrorCode.UNAVAILABLE,
}
_TITLES = {
    400: "Not understood",
    401: "Not signed in",
    403: "Refused",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Not possible now",
    408: "Too slow",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not valid",
    428: "Version needed",
    429: "Too many tries",
    500: "Our fault",
    502: "A platform refused",
    503: "Not available now",
}


class FieldProblem(BaseModel):
    """A field at fault, such as `body.count`, and what is wrong with it. Never what was sent."""

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457, with our `code`: a stable name that programs decide by. `detail` is for people: what happened, what it
    means for money or goods, and what to do. `errors` is there when fields are at fault, `flaw` when what is
    wrong has a name of its own."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    instance: str
    code: ErrorCode
    errors: list[FieldProblem] | None = None
    flaw: FlawView | None = None


def problem_body(
    status: int,
    code: str,
    detail: str,
    *,
    instance: str = "",
    errors: Sequence[Mapping[str, str]] = (),
    flaw: FlawView | None = None,
) -> bytes:
    """`{type, title, status, detail, instance, code, errors, flaw}`."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
    }
    if errors:
        body["errors"] = list(errors)
    if flaw is not None:
        body["flaw"] = flaw.model_dump()
    return msgspec.json.encode(body)


def install_problems(app: FastAPI) -> None:
    """Every error of `app` leaves as a problem."""
    app.add_exception_handler(VendomatError, _vendomat_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    for unreachable in _DATABASE_AWAY:
        app.add_exception_handler(unreachable, _database_away)
    app.add_exception_handler(Exception, _unexpected_error)


def problem_of(error: VendomatError, path: str) -> Response:
    """The answer that says it."""
    status = STATUS[error.code]
    if status >= 500:
        _log.error("request failed", path=path, code=error.code.value, message=error.message)
    headers = {}
    retry_after_s = error.detail.get("retry_after_s", error.detail.get("locked_for_s"))
    if isinstance(retry_after_s, int):
        headers["Retry-After"] = str(retry_after_s)
    detail = "this is our fault; nothing is known to have changed" if status == 500 else error.message
    found = error.detail.get("flaw")
    body = problem_body(
        status,
        error.code.value,
        detail,
        instance=path,
        flaw=flaw_view(found) if isinstance(found, Flaw) else None,
    )
    return Response(body, status, headers, media_type=MEDIA_TYPE)


async def _vendomat_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, VendomatError)
    return problem_of(error, request.url.path)


async def _validation_error(request: Request, error: Exception) -> Response:
    """Names the fields at fault and never repeats what was sent: it may be a secret."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {"field": ".".join(str(part) for part in one["loc"])[:200], "message": str(one["msg"])[:300]}
        for one in error.errors()[:20]
    ]
    is_unreadable = any(one["type"] == "json_invalid" for one in error.errors())
    status, code = (400, ErrorCode.MALFORMED) if is_unreadable else (422, ErrorCode.INVALID_VALUE)
    body = problem_body(
        status,
        code.value,
        "the request has fields that are missing or not valid; nothing changed",
        instance=request.url.path,
        errors=errors,
    )
    return Response(body, status, media_type=MEDIA_TYPE)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODE_OF_STATUS.get(error.status_code, ErrorCode.INVALID_VALUE)
    return _problem(request, error.status_code, code.value, detail=str(error.detail), headers=dict(error.headers or {}))


async def _database_away(request: Request, error: Exception) -> Response:
    _log.error("the database did not answer", path=request.url.path, error=repr(error))
    return _problem(
        request,
        503,
        ErrorCode.UNAVAILABLE.value,
        detail="the database did not answer; whether something changed is not known: look before you repeat",
        headers={"Retry-After": "5"},
    )


async def _unexpected_error(request: Request, error: Exception) -> Response:
    _log.error("request failed unexpectedly", path=request.url.path, exc_info=error)
    return _problem(
        request, 500, ErrorCode.INTERNAL.value, detail="this is our fault; nothing is known to have changed"
    )


def _problem(
    request: Request, status: int, code: str, *, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    body = problem_body(status, code, detail, instance=request.url.path)
    return Response(body, status, dict(headers or {}), media_type=MEDIA_TYPE)
