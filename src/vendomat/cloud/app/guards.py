"""What every request passes before any feature sees it: size, time, form, origin; and the headers of every answer.

A request that changes something must come from a page of ours: browsers send `Origin` with it, and it must name the
host that was asked. Together with the cookie's SameSite this keeps other sites out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vendomat.cloud.app.problems import MEDIA_TYPE, problem_body
from vendomat.cloud.catalog import PICTURE_TYPES
from vendomat.cloud.platform.workbook import XLSX
from vendomat.cloud.reconciliation import BILL_BYTES_MAX, BILL_TYPES
from vendomat.kernel import ErrorCode

BODY_BYTES_MAX = 65_536
BODY_TIMEOUT_S = 20.0
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSED_BYTES = (b"\x00", b"\\u0000")
_ANSWER_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}


class _RefusedError(Exception):
    def __init__(self, status: int, code: ErrorCode, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Upload:
    """What one path takes instead of JSON: a file of these media types, up to so many bytes, zero bytes among them.

    `is_streamed`: large, so that the route reads it itself, once it knows who sends it.
    """

    bytes_max: int
    media_types: frozenset[str]
    is_streamed: bool = False


UPLOADS: Mapping[str, Upload] = {
    "/api/v1/products/import": Upload(2_000_000, frozenset({"text/csv", XLSX})),
    "/api/v1/planograms/import": Upload(2_000_000, frozenset({"text/csv", XLSX})),
    "/api/v1/pictures": Upload(2_000_000, frozenset(PICTURE_TYPES)),
    "/api/v1/reconciliation/bills": Upload(BILL_BYTES_MAX, BILL_TYPES, is_streamed=True),
}


class Guards:
    """ASGI middleware. `browser_paths` are the prefixes that pages call: there the origin and JSON rules hold."""

    def __init__(
        self, app: ASGIApp, *, browser_paths: Sequence[str] = ("/api/",), uploads: Mapping[str, Upload] = UPLOADS
    ) -> None:
        self._app = app
        self._browser_paths = tuple(browser_paths)
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send, upload = _with_headers(send), self._upload(scope)
        try:
            self._check_form(scope)
            if upload is not None and upload.is_streamed:
                await self._app(scope, _limited(Headers(scope=scope), receive, upload.bytes_max), send)
                return
            body = await _read_body(Headers(scope=scope), receive, upload)
        except _RefusedError as refused:
            await _refuse(scope, send, refused)
            return
        await self._app(scope, _replay(body, receive), send)

    def _upload(self, scope: Scope) -> Upload | None:
        return self._uploads.get(scope["path"]) if scope["method"] == "POST" else None

    def _check_form(self, scope: Scope) -> None:
        if "\x00" in scope["path"] or b"%00" in scope.get("query_string", b""):
            raise _RefusedError(400, ErrorCode.MALFORMED, "the address has a NUL character")
        if scope["method"] in _SAFE or not scope["path"].startswith(self._browser_paths):
            return
        headers = Headers(scope=scope)
        origin = urlsplit(headers.get("origin", ""))
        if not origin.netloc or origin.netloc != headers.get("host", ""):
            raise _RefusedError(
                403, ErrorCode.FORBIDDEN, "this request did not come from a page of this server; nothing changed"
            )
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        upload = self._upload(scope)
        allowed = frozenset({"application/json"}) if upload is None else upload.media_types
        if has_body and media_type not in allowed:
            raise _RefusedError(415, ErrorCode.MALFORMED, f"send {' or '.join(sorted(allowed))}; nothing changed")


async def _read_body(headers: Headers, receive: Receive, upload: Upload | None) -> bytes:
    """The whole body, which is small by rule and soon here by rule."""
    bytes_max = BODY_BYTES_MAX if upload is None else upload.bytes_max
    _check_declared(headers, bytes_max)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _RefusedError(400, ErrorCode.MALFORMED, "the request ended early; nothing changed")
                body += message.get("body", b"")
                if len(body) > bytes_max:
                    raise _too_large(bytes_max)
                if not message.get("more_body", False):
                    break
    except TimeoutError as error:
        raise _RefusedError(408, ErrorCode.MALFORMED, "the request came too slowly; nothing changed") from error
    if upload is None and any(refused in body for refused in _REFUSED_BYTES):
        raise _RefusedError(400, ErrorCode.MALFORMED, "the request has a NUL character; nothing changed")
    return bytes(body)


def _check_declared(headers: Headers, bytes_max: int) -> None:
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > bytes_max:
        raise _too_large(bytes_max)


def _limited(headers: Headers, receive: Receive, bytes_max: int) -> Receive:
    """`receive`, which refuses the request in the middle of a body that is too large."""
    _check_declared(headers, bytes_max)
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > bytes_max:
            raise _too_large(bytes_max)
        return message

    return limited


def _replay(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _ANSWER_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return with_headers


async def _refuse(scope: Scope, send: Send, refused: _RefusedError) -> None:
    body = problem_body(refused.status, refused.code.value, refused.detail, instance=scope["path"])
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _too_large(bytes_max: int) -> _RefusedError:
    return _RefusedError(413, ErrorCode.TOO_LARGE, f"a request has at most {bytes_max // 1024} KB; nothing changed")
