"""Where we connect to when somebody else says where: the public internet, and nothing of our own network.

A name is looked up here, once, so that it cannot stand for another address at the moment of connecting.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

import httpcore

from vendomat.kernel import is_public


class PublicNetwork(httpcore.AnyIOBackend):
    """Connects to addresses of the public internet only."""

    async def connect_tcp(  # noqa: PLR0917 - the shape that the library asks for
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
        if not addresses or not all(map(is_public, addresses)):
            raise httpcore.ConnectError(f"{host} is not at a public address, and only those are allowed")
        return await super().connect_tcp(addresses[0], port, timeout, local_address, socket_options)


def network(*, is_private_allowed: bool) -> httpcore.AsyncNetworkBackend:
    """For `httpcore.AsyncConnectionPool`. `is_private_allowed`: the own network, too."""
    return httpcore.AnyIOBackend() if is_private_allowed else PublicNetwork()
