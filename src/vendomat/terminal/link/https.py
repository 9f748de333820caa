"""A few HTTPS requests to the cloud (enrolment, renewal, pictures), checked against the project's authority only.

The standard library's client on a thread: a handful of requests a day do not pay for a larger one's start-up.
"""

from __future__ import annotations

import asyncio
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from vendomat.kernel import Clock, ErrorCode, LiftedClock, VendomatError
from vendomat.terminal.link.contract import NotAnsweredError
from vendomat.terminal.link.tls import client_context

TIMEOUT_S = 10.0
DATE_STEP_S = 1.0
"""A Date header leaves out what is less."""
ANSWER_BYTES_MAX = 2 * 1024 * 1024


class _ProblemBody(msgspec.Struct):
    code: str = ErrorCode.INTERNAL
    detail: str = ""


class CloudHttps:
    """`base_url` is `https://host[:port]`. Refuses anything but HTTPS."""

    def __init__(self, base_url: str, ca_file: Path, clock: Clock) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "https" or parts.hostname is None:
            raise VendomatError(ErrorCode.INVALID_VALUE, f"the cloud's address must be https://, not {base_url!r}")
        self._host, self._port = parts.hostname, parts.port or 443
        self.ca_file = ca_file
        self._clock = clock

    async def post(self, path: str, body: object) -> bytes:
        """The answer's body. Raises `NotAnsweredError`, or `VendomatError` for a refusal."""
        return await asyncio.to_thread(self._ask, "POST", path, msgspec.json.encode(body))

    async def get(self, path: str) -> bytes:
        """As `post`."""
        return await asyncio.to_thread(self._ask, "GET", path, None)

    def _hear(self, date: str) -> None:
        """A machine that does not know the time takes it from the cloud's answer, to the second."""
        if not isinstance(self._clock, LiftedClock) or not date:
            return
        try:
            at = parsedate_to_datetime(date).astimezone(UTC)
        except ValueError as error:
            raise HTTPException(f"the answer is dated {date[:40]!r}") from error
        if self._clock.is_off(at):
            self._clock.hear(at, DATE_STEP_S)

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        try:
            context = client_context(self.ca_file, self._clock)
            connection = HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S, context=context)
            try:
                headers = {"Content-Type": "application/json"} if body is not None else {}
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                self._hear(response.getheader("Date", ""))
                status, data = response.status, response.read(ANSWER_BYTES_MAX + 1)
            finally:
                connection.close()
        except (OSError, HTTPException) as error:
            raise NotAnsweredError(f"{method} {path}: {error}") from error
        if len(data) > ANSWER_BYTES_MAX:
            raise VendomatError(ErrorCode.TOO_LARGE, f"{method} {path}: the answer is too long")
        if status >= 500:
            raise NotAnsweredError(f"{method} {path}: status {status}")
        if status >= 300:
            raise _problem_of(data, f"{method} {path}: status {status}")
        return data


def _problem_of(data: bytes, what: str) -> VendomatError:
    try:
        body = msgspec.json.decode(data, type=_ProblemBody)
    except msgspec.MsgspecError:
        body = _ProblemBody()
    return VendomatError(code_of(body.code), body.detail or what)


def code_of(text: str) -> ErrorCode:
    """The catalogue's code; a code of a newer cloud is an internal error to us."""
    try:
        return ErrorCode(text)
    except ValueError:
        return ErrorCode.INTERNAL
