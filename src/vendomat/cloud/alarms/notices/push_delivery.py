"""Delivers to browsers, each by the push service of its maker (RFC 8030): one request, and what its answer means.

The push service sees who is told and when, and no word of what; the browser's maker may be out of reach from here.
A person says where it is, so only public addresses are taken (those of the own network where that is allowed).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpcore
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from vendomat.cloud.alarms.notices.delivery import Delivered
from vendomat.cloud.alarms.notices.model import GIVEN_UP_AFTER, WEB_PUSH, Push
from vendomat.cloud.alarms.notices.push_wire import (
    SALT_BYTES,
    PushKey,
    Subscription,
    check_subscription,
    encrypted,
)
from vendomat.cloud.merchants import MasterKey
from vendomat.cloud.platform.http import network
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import Clock, VendomatError

AT_ONCE_MAX = 16
TIMEOUT_S = 10.0
KEPT_FOR_S = 24 * 3600
"""How long a push service keeps a notice for a browser that is switched off."""
_GONE = (404, 410)
_TOO_LARGE = 413


class WebPush:
    """One per worker. `contact` is where a push service finds whoever sends (RFC 8292, section 2.1)."""

    def __init__(
        self,
        key: PushKey,
        wall: Clock,
        *,
        contact: str,
        is_private_allowed: bool = False,
        timeout_s: float = TIMEOUT_S,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._key = key
        self._wall = wall
        self._contact = contact
        self._is_private_allowed = is_private_allowed
        self._timeout_s = timeout_s
        self._randomness = randomness
        self._turn = asyncio.Semaphore(AT_ONCE_MAX)

    @property
    def public_key(self) -> str:
        """What a browser subscribes to."""
        return self._key.public

    def check(self, one: Subscription) -> None:
        """Whether it can be told anything; connects to nothing. Raises `VendomatError(invalid_value)`."""
        check_subscription(one, is_private_allowed=self._is_private_allowed)

    async def send(self, one: Subscription, push: Push) -> Delivered:
        """Send once; says how that went."""
        try:
            self.check(one)
        except VendomatError as error:
            return _failed(error.message)
        text = {"title": push.title, "text": push.text, "path": push.path, "tag": push.tag}
        ours, salt = generate_private_key(SECP256R1()), self._randomness(SALT_BYTES)
        body = encrypted(one, msgspec.json.encode(text), salt=salt, ours=ours)
        now = self._wall.now()
        headers = {
            "Host": urlsplit(one.url).netloc,
            "User-Agent": "Vendomat",
            "Authorization": self._key.authorization(one.url, contact=self._contact, now=now),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(body)),
            "TTL": str(KEPT_FOR_S),
            "Urgency": "high" if push.is_urgent else "normal",
        }
        try:
            async with self._turn, asyncio.timeout(self._timeout_s):
                answer = await self._post(one.url, headers, body)
        except TimeoutError:
            return _failed(f"the browser's push service gave no answer within {self._timeout_s:.0f} s")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            return _failed(f"the browser's push service cannot be reached: {error or type(error).__name__}")
        return answered(answer.status, _header(answer, b"retry-after"), now)

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> httpcore.Response:
        """Without the answer's text, of which nothing is used."""
        backend = network(is_private_allowed=self._is_private_allowed)
        async with (
            httpcore.AsyncConnectionPool(network_backend=backend) as pool,
            pool.stream("POST", url, headers=list(headers.items()), content=body) as answer,
        ):
            return answer


def web_push(master_key: MasterKey, settings: CloudSettings, wall: Clock) -> WebPush:
    """The installation's own: its key follows from the master key, so that every worker has it and no table."""
    base_url = settings.base_url
    is_public = base_url.startswith("https://")
    contact = base_url if is_public else f"mailto:webmaster@{settings.public_host}"  # RFC 2142
    key = PushKey.of(master_key.derive("web_push"))
    return WebPush(key, wall, contact=contact, is_private_allowed=settings.notify_private)


def answered(status: int, retry_after: str, now: datetime) -> Delivered:
    """What an answer means (RFC 8030, sections 5 and 7.3; RFC 8292, section 4.2)."""
    if 200 <= status < 300:
        return Delivered(is_sent=True, scheme=WEB_PUSH)
    if status in _GONE:
        return _failed(f"the browser or its push service has ended the subscription ({status})", is_gone=True)
    if status == _TOO_LARGE:
        return _failed("the push service says that the notice is too large (413); it was given up", is_hopeless=True)
    wait_s = _wait_of(retry_after, now)
    if status in (401, 403):
        return _failed(f"the push service does not take the cloud's key or the time of its clock ({status})", wait_s)
    if status == 429 or status >= 500:
        return _failed(f"the push service asks to wait ({status})", wait_s)
    return _failed(f"the push service answers {status}", wait_s)


def _wait_of(retry_after: str, now: datetime) -> int:
    """Seconds of a `Retry-After`, at most as long as a notice is tried; 0 for none (RFC 9110, section 10.2.3)."""
    if retry_after.isascii() and retry_after.isdigit():
        until = now + timedelta(seconds=min(int(retry_after[:9]), KEPT_FOR_S))
    else:
        try:
            until = parsedate_to_datetime(retry_after)
        except (TypeError, ValueError):
            return 0
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    return max(0, round(min(until - now, GIVEN_UP_AFTER).total_seconds()))


def _failed(reason: str, wait_s: int = 0, *, is_hopeless: bool = False, is_gone: bool = False) -> Delivered:
    return Delivered(
        is_sent=False, scheme=WEB_PUSH, reason=reason, wait_s=wait_s, is_hopeless=is_hopeless, is_gone=is_gone
    )


def _header(answer: httpcore.Response, name: bytes) -> str:
    found = [value for one, value in answer.headers if one.lower() == name]
    return found[0].decode("latin-1").strip() if found else ""
