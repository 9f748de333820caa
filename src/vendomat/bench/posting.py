"""HTTP POST over kept connections, at a fraction of what a full client costs: the load must not be the bottleneck.

Knows servers that say how long their answer is, or that it has none. Refuses anything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from vendomat.kernel import ErrorCode, VendomatError

IDLE_S_MAX = 2.0
"""A server closes what it was not spoken on for some seconds; we are sooner, so that no post meets a closing door."""

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Poster:
    """One server; as many connections as there are posts at once."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        assert parts.hostname is not None and parts.port is not None
        self._host, self._port = parts.hostname, parts.port
        self._idle: list[tuple[float, _Connection]] = []

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer. Raises `OSError` or `VendomatError` when there was none that could be read."""
        reader, writer = self._kept() or await asyncio.open_connection(self._host, self._port)
        lines = [f"POST {path} HTTP/1.1", f"Host: {self._host}:{self._port}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        try:
            status = await _read_answer(reader)
        except (asyncio.IncompleteReadError, OSError, VendomatError):
            writer.close()
            raise
        self._idle.append((asyncio.get_running_loop().time(), (reader, writer)))
        return status

    def _kept(self) -> _Connection | None:
        """The connection used last, unless it has been idle for too long; those older than it are idle longer."""
        if not self._idle:
            return None
        used_at, connection = self._idle.pop()
        if asyncio.get_running_loop().time() - used_at < IDLE_S_MAX:
            return connection
        connection[1].close()
        for _, (_, writer) in self._idle:
            writer.close()
        self._idle.clear()
        return None

    async def aclose(self) -> None:
        for _, (_, writer) in self._idle:
            writer.close()
        self._idle.clear()


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ", 2)[1])
    named = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    if "content-length" in named:
        await reader.readexactly(int(named["content-length"]))
    elif status != 204:
        raise VendomatError(ErrorCode.MALFORMED, "the server does not say how long its answer is")
    return status
