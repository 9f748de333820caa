"""The client library `stripe`, with the limits it leaves to its user.

The library gives the encoding of parameters, the headers and the check of a signature. Ours: kept connections with
size and time limits, no repetition behind our back, only the headers that are needed (nothing about this machine), and
no telemetry. Everything here blocks and belongs in `CallThreads`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.stripe.settings import StripeSettings
from vendomat.cloud.payments.providers.transport import Transport
from vendomat.kernel import Clock, ErrorCode, VendomatError

API_VERSION = "2026-10-28.endive"
"""Pinned: Stripe changes fields with its versions, and an account's default version is changed in its dashboard."""

ANSWER_BYTES_MAX = 2 * 1024 * 1024  # a page of a hundred sessions
KEYS_MAX = 24
_SENT = frozenset({"authorization", "content-type", "idempotency-key", "stripe-version"})

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Answer:
    """`is_replayed`: Stripe did nothing now and repeats what it answered when this key was first used."""

    status: int
    body: bytes
    is_replayed: bool = False


class _Http:
    """What the library sends through. Raises `NotKnownError` where the library would repeat."""

    name = "vendomat"

    def __init__(self, transport: Transport, base_url: str) -> None:
        self._transport = transport
        self._base_url = base_url

    def request_with_retries(  # noqa: PLR0917  # the library's signature
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: str | None = None,
        max_network_retries: int | None = None,
        *,
        _usage: object = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        sent = {name: value for name, value in headers.items() if name.lower() in _SENT}
        sent |= {"Accept": "application/json", "User-Agent": "vendomat"}
        body = post_data.encode() if post_data else None
        target = url.removeprefix(self._base_url)
        answer = self._transport.exchange(method.upper(), target, headers=sent, body=body)
        return answer.body, answer.status, answer.headers


class StripeCalls:
    """Calls for one account; each gives Stripe's answer, whatever it is, or raises `NotKnownError`."""

    def __init__(self, settings: StripeSettings, *, clock: Clock, connections_max: int) -> None:
        if not settings.secret_key.startswith(("sk_", "rk_")) or not settings.secret_key.isascii():
            raise VendomatError(ErrorCode.INVALID_VALUE, "the secret key of a Stripe account begins with sk_ or rk_")
        if not settings.webhook_secrets or not all(settings.webhook_secrets):
            raise VendomatError(ErrorCode.INVALID_VALUE, "webhook_secrets: without one no notice can be believed")
        base_url = settings.base_url.rstrip("/")
        self._secrets = settings.webhook_secrets
        self.transport = Transport(
            base_url,
            clock=clock,
            timeout_s=settings.timeout_s,
            connections_max=connections_max,
            answer_bytes_max=ANSWER_BYTES_MAX,
        )
        self._secret_key = settings.secret_key
        self._base_url = base_url

    @cached_property
    def _library(self) -> Any:
        """Imported on first use, in a thread: it takes half a second, and many a cloud has no account there."""
        import stripe

        stripe.enable_telemetry = False  # it would keep an id in the user's home and send how long our calls take
        return stripe

    @cached_property
    def _client(self) -> Any:
        return self._library.StripeClient(
            self._secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": self._base_url},
            max_network_retries=0,
            http_client=_Http(self.transport, self._base_url),
        )

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        return self._call("get", path, parameters or {})

    def post(self, path: str, parameters: Mapping[str, Any], *, key: str = "") -> Answer:
        """One POST under idempotency key `key`; without one under a key that is never used again."""
        return self._call("post", path, {**parameters, **({"idempotency_key": key} if key else {})})

    def post_once(
        self, path: str, parameters: Mapping[str, Any], key: str, find: Callable[[], Found | None]
    ) -> Answer | Found:
        """A POST that has its effect once, whatever was answered before: Stripe's answer, or what `find` found.

        A failure is kept under its key for a day and repeated, a 500 too, so a key may be spent while nothing was done.
        Then, and only when `find` sees nothing, the next key is taken; all who ask spend the same keys in the same
        order, so two of them at once still have one effect.
        """
        for attempt in range(1, KEYS_MAX + 1):
            answer = self.post(path, parameters, key=key if attempt == 1 else f"{key}-{attempt}")
            if not answer.is_replayed or answer.status < 400:
                return answer
            found = find()
            if found is not None:
                return found
        raise NotKnownError(f"{KEYS_MAX} tries failed within a day; the platform forgets them after that")

    def is_signed(self, body: bytes, header: str) -> bool:
        """Whether one of our secrets made one of the header's signatures; says nothing about age."""
        for secret in self._secrets:
            try:
                self._library.WebhookSignature.verify_header(body, header, secret)
            except (self._library.SignatureVerificationError, UnicodeDecodeError):
                continue
            return True
        return False

    def _call(self, method: str, path: str, parameters: Mapping[str, Any]) -> Answer:
        try:
            answer = self._client.raw_request(method, path, **parameters)
        except self._library.StripeError as error:  # not a 2xx, or no JSON
            if error.http_status is None:
                raise NotKnownError(f"{type(error).__name__}: {error}"[:200]) from error
            body = error.http_body if isinstance(error.http_body, bytes) else str(error.http_body).encode()
            return Answer(error.http_status, body, _is_replayed(error.headers))
        return Answer(answer.code, answer.body.encode(), _is_replayed(answer.headers))


def _is_replayed(headers: Mapping[str, str] | None) -> bool:
    return (headers or {}).get("idempotent-replayed", "") == "true"
