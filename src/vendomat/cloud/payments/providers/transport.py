"""Blocking HTTP to one platform host, for use inside `CallThreads`.

Both client libraries open a new connection for each call, follow redirects and read answers of any size. Here
connections are kept, redirects are not followed, an answer is at most `ANSWER_BYTES_MAX`, and each call has a deadline.
Nothing is repeated: what goes wrong is `NotKnownError`, and the caller decides.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.kernel import Clock, ErrorCode, VendomatError

ANSWER_BYTES_MAX = 64 * 1024
_CHUNK_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer as it came; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Kept connections to the host of `base_url`, under `tls` if that is given. Thread-safe."""

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        timeout_s: float,
        connections_max: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._prefix = _checked_prefix(base_url)
        self._pool = urllib3.connection_from_url(
            base_url,
            maxsize=connections_max,
            timeout=urllib3.Timeout(connect=min(timeout_s, 5.0), read=timeout_s),
            retries=False,
            **({"ssl_context": tls} if tls is not None and base_url.startswith("https:") else {}),
        )

    def exchange(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> HttpAnswer:
        """Send one request for `target` (path and query, already encoded) and read the whole answer."""
        deadline_s = self._clock.elapsed() + self._timeout_s
        try:
            answer = self._pool.urlopen(
                method,
                self._prefix + target,
                body=body,
                headers=dict(headers),
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                content = self._read(answer, deadline_s)
            except BaseException:
                answer.close()  # half read, so the connection cannot be used again
                raise
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NotKnownError(f"no answer: {type(error).__name__}") from error
        return HttpAnswer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, content)

    def close(self) -> None:
        self._pool.close()

    def _read(self, answer: urllib3.BaseHTTPResponse, deadline_s: float) -> bytes:
        content = bytearray()
        while chunk := answer.read(_CHUNK_BYTES):
            content += chunk
            if len(content) > ANSWER_BYTES_MAX:
                raise NotKnownError(f"the answer is larger than {ANSWER_BYTES_MAX} bytes")
            if self._clock.elapsed() > deadline_s:
                raise NotKnownError("the answer came too slowly")
        return bytes(content)


def _checked_prefix(base_url: str) -> str:
    """The path part of `base_url`. Plain HTTP is for this machine only, where the emulators are."""
    parts = urlsplit(base_url)
    is_local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        raise VendomatError(ErrorCode.INVALID_VALUE, f"{base_url!r} is not an https address of a payment platform")
    if parts.query or parts.fragment:
        raise VendomatError(ErrorCode.INVALID_VALUE, f"{base_url!r} has a query; a base address has none")
    return parts.path.rstrip("/")
