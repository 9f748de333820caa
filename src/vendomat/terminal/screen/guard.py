"""Who may ask the screen's server: pages of its own origin. Everything else is turned away before it is read.

The page runs on the machine itself; another page in the same browser (or a rebound host name) must not press buttons.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vendomat.kernel import ErrorCode, VendomatError

BODY_BYTES_MAX = 16 * 1024

STATUS_OF = {
    ErrorCode.MALFORMED: 400,
    ErrorCode.INVALID_VALUE: 422,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.UNKNOWN_SLOT: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.ILLEGAL_MOVE: 409,
    ErrorCode.MACHINE_NOT_READY: 503,
    ErrorCode.UNAVAILABLE: 503,
}


def problem(code: ErrorCode, detail: str, status: int | None = None) -> Response:
    """RFC 9457."""
    status = status or STATUS_OF.get(code, 400)
    body = {
        "type": "about:blank",
        "title": code.value.replace("_", " "),
        "status": status,
        "detail": detail,
        "code": code.value,
    }
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")


class Guard:
    """Middleware: Host must be ours (421), Origin ours or absent (403)."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(f"http://{host}" for host in self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        refusal: Response | None = None
        if headers.get(b"host", "") not in self._hosts:
            refusal = problem(ErrorCode.FORBIDDEN, "this address is not this machine's", 421)
        elif headers.get(b"origin", "") not in {"", *self._origins}:
            refusal = problem(ErrorCode.FORBIDDEN, "another page may not press this machine's buttons")
        await (refusal or self._app)(scope, receive, send)


async def read_body(request: Request) -> bytes:
    """The body, at most `BODY_BYTES_MAX`. Raises `VendomatError(too_large)`."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise VendomatError(ErrorCode.TOO_LARGE, f"a request has at most {BODY_BYTES_MAX} bytes")
    return body
