"""One port: uvicorn's HTTP protocol on a socket of ours, open and closed at once.

uvicorn's own server looks ten times a second whether it should end, and then waits a while in any case; nothing here
waits for more than an answer that is under way.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import Awaitable, Callable

import uvicorn
from uvicorn.server import ServerState

from vendomat.simulator.gateways.asgi import Receive, ResettableHttp, Scope, Send

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
UNDER_WAY_MAX_S = 1.0


class Listener:
    """Answers what comes to `bound` by `application`, over TLS where `tls` is given. `open` once, `close` once."""

    def __init__(self, application: Application, bound: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._config = uvicorn.Config(
            application, http=ResettableHttp, ws="none", lifespan="off", log_config=None, access_log=False
        )
        self._config.load()
        self._bound = bound
        self._tls = tls
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        protocol = functools.partial(ResettableHttp, config=self._config, server_state=self._state, app_state={})
        self._server = await asyncio.get_running_loop().create_server(
            protocol, sock=self._bound, ssl=self._tls, backlog=self._config.backlog
        )

    async def close(self) -> None:
        """Take nothing new; what is under way may end within `UNDER_WAY_MAX_S`; then every connection is gone."""
        assert self._server is not None, "open() first"
        self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        if under_way := set(self._state.tasks):
            _, late = await asyncio.wait(under_way, timeout=UNDER_WAY_MAX_S)
            for task in late:
                task.cancel()
        for connection in list(self._state.connections):
            connection.transport.abort()
        while self._state.connections or self._state.tasks:  # noqa: ASYNC110 - a turn or two of the loop
            await asyncio.sleep(0)
