"""A NATS connection whose subscriptions are known to hold and which really ends, whatever happened to it."""

from __future__ import annotations

import asyncio
import contextlib

import nats.errors
from nats.aio.client import Client

CLOSE_S_MAX = 2.0
FLUSH_TIMEOUT_S = 10


async def taken_up(client: Client, timeout_s: int = FLUSH_TIMEOUT_S) -> None:
    """Return once the server has dealt with all that was sent before, subscriptions and their refusals among it.

    nats-py writes the question of `flush` past what still waits to be written (seen in 2.16), so its answer says only
    that the server lives. By then the rest is written, and a second question stands behind it.
    """
    await client.flush(timeout_s)
    await client.flush(timeout_s)


async def let_go(client: Client) -> None:
    """End the connection. The client waits for ever for one that was torn in the middle of its TLS greeting."""
    try:
        with contextlib.suppress(nats.errors.Error, OSError):  # it is gone, which is all we want of it
            async with asyncio.timeout(CLOSE_S_MAX):
                await client.close()
    finally:
        _abort(client)  # nothing stays open either when we are cancelled here


def _abort(client: Client) -> None:
    """End both layers of the connection without a farewell: the client offers no call for that."""
    layers = getattr(client, "_transport", None)
    for name in ("_io_writer", "_bare_io_writer"):
        writer = getattr(layers, name, None)
        if writer is not None:
            writer.transport.abort()
