"""A client that gives every request that does something a key of its own, as our pages do."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable

import httpx

_numbers = itertools.count(1)


async def _add_key(request: httpx.Request) -> None:
    if request.method == "POST" and "Idempotency-Key" not in request.headers:
        request.headers["Idempotency-Key"] = f"test-{next(_numbers)}"


ONE_KEY_EACH: dict[str, list[Callable[[httpx.Request], Awaitable[None]]]] = {"request": [_add_key]}
"""For `httpx.AsyncClient(event_hooks=...)`."""
