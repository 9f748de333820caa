"""The wire to the cloud as the rest of the terminal sees it: requests up, requests down, and whether it is there.

A request has three answers: the reply, a refusal (`VendomatError` with the cloud's code), or not known
(`NotAnsweredError`). A wire never repeats a request by itself and keeps none for later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import Envelope

_Reply = TypeVar("_Reply")


class NotAnsweredError(VendomatError):
    """Nobody answered in time, or there is no connection: whether the cloud acted is not known."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, message)


Down = Callable[[Envelope], Awaitable[object | None]]
"""Serve a verified request of the cloud; the value is the reply's body, None sends no reply."""


class Wire(Protocol):
    @property
    def is_connected(self) -> bool: ...

    async def request(self, kind: str, body: object, reply_type: type[_Reply], *, timeout_s: float) -> _Reply:
        """Ask the cloud. Raises `NotAnsweredError` or, for a refusal, `VendomatError`."""
        ...

    async def run(self, down: Down, changed: Callable[[bool], None]) -> None:
        """Stay connected until cancelled. `changed(True)` comes after the server confirmed the subscriptions."""
        ...


class CloudKeyBook(Protocol):
    """Which of the cloud's keys this machine trusts, and the way to learn of new ones."""

    @property
    def key_ids(self) -> tuple[str, ...]: ...

    def renew_soon(self) -> None:
        """Ask the cloud over HTTPS for its keys of now; many calls are one request."""
        ...
