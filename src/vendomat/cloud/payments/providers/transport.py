"""Blocking HTTP to one platform host, for use inside `CallThreads`.

The client libraries open a new connection for each call, follow redirects and read answers of any size. Here
connections are kept, redirects are not followed, an answer has a largest size, and each call has a deadline.
Nothing is repeated: what goes wrong is `NotKnownError`, and the caller decides.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.kernel import Clock, ErrorCode, VendomatError

ANSWER_BYTES_MAX = 64 * 1024
_CHUNK_BYTES = 8 * 1024
_DOWNLOAD_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer as it came; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """What one download may cost. Five million rows of a bill are below the size; a bank's evening is the time."""

    bytes_max: int = 2 * 1024**3
    timeout_s: float = 600.0


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
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> None:
        self._clock = clock
        self._answer_bytes_max = answer_bytes_max
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
        with self._opened(method, target, headers, body) as answer:
            content = bytearray()
            while chunk := answer.read(_CHUNK_BYTES):
                content += chunk
                if len(content) > self._answer_bytes_max:
                    raise NotKnownError(f"the answer is larger than {self._answer_bytes_max} bytes")
                self._check_time(deadline_s)
        return HttpAnswer(
            answer.status, {name.lower(): value for name, value in answer.headers.items()}, bytes(content)
        )

    def download(
        self, target: str, *, headers: Mapping[str, str], sink: Callable[[bytes], None], limits: DownloadLimits
    ) -> None:
        """Send the body of `target` to `sink` piece by piece. Any status but 200 is `NotKnownError`, a redirect too."""
        deadline_s = self._clock.elapsed() + limits.timeout_s
        with self._opened("GET", target, headers, None) as answer:
            if answer.status != 200:
                raise NotKnownError(f"HTTP_{answer.status} instead of the file")
            size = 0
            while chunk := answer.read1(_DOWNLOAD_CHUNK_BYTES):  # what is there now: a trickle meets the deadline too
                size += len(chunk)
                self._check_time(deadline_s)
                if size > limits.bytes_max:
                    raise NotKnownError(f"the file is larger than {limits.bytes_max} bytes")
                sink(chunk)

    @contextmanager
    def _opened(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """An answer whose body is not read yet. Its connection is kept only when the body was read to its end."""
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
                yield answer
            except BaseException:
                answer.close()  # half read, so the connection cannot be used again
                raise
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NotKnownError(f"no answer: {type(error).__name__}") from error

    def _check_time(self, deadline_s: float) -> None:
        if self._clock.elapsed() > deadline_s:
            raise NotKnownError("the answer came too slowly")

    def close(self) -> None:
        self._pool.close()


def _checked_prefix(base_url: str) -> str:
    """The path part of `base_url`. Plain HTTP is for this machine only, where the emulators are."""
    parts = urlsplit(base_url)
    is_local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        raise VendomatError(ErrorCode.INVALID_VALUE, f"{base_url!r} is not an https address of a payment platform")
    if parts.query or parts.fragment:
        raise VendomatError(ErrorCode.INVALID_VALUE, f"{base_url!r} has a query; a base address has none")
    return parts.path.rstrip("/")
