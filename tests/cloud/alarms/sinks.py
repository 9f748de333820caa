"""Places on this machine that notices can be sent to: a webhook and a mail server that really listen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

WITHIN_S = 60.0


class Sink:
    """`took` is what arrived. `status` is what the webhook answers; `is_silent`: it takes and never answers."""

    def __init__(self) -> None:
        self.port = 0
        self.took: list[Any] = []
        self.status = 200
        self.is_silent = False
        self.location = ""
        self.came = asyncio.Condition()

    async def keep(self, one: object) -> None:
        async with self.came:
            self.took.append(one)
            self.came.notify_all()

    async def wait(self, count: int) -> list[Any]:
        """Until `count` messages have come."""
        async with asyncio.timeout(WITHIN_S), self.came:
            await self.came.wait_for(lambda: len(self.took) >= count)
        return self.took


@asynccontextmanager
async def webhook() -> AsyncIterator[Sink]:
    """HTTP: each POST of JSON is one message."""
    sink = Sink()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length")]
        body = await reader.readexactly(int(lengths[0])) if lengths else b"null"
        await sink.keep(json.loads(body))
        if sink.is_silent:
            await reader.read()
        else:
            more = f"Location: {sink.location}\r\n" if sink.location else ""
            writer.write(f"HTTP/1.1 {sink.status} X\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    async with _listening(serve, sink):
        yield sink


@asynccontextmanager
async def mail_server() -> AsyncIterator[Sink]:
    """SMTP, as plain as it gets: each mail is one message, as text."""
    sink = Sink()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := (await reader.readline()).decode().strip():
            word = line[:4].upper()
            if word == "DATA":
                writer.write(b"354 go on\r\n")
                mail = (await reader.readuntil(b"\r\n.\r\n")).decode()
                await sink.keep(mail)
                writer.write(b"250 taken\r\n")
            elif word == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 sink\r\n")
            await writer.drain()
        writer.close()

    async with _listening(serve, sink):
        yield sink


@asynccontextmanager
async def _listening(serve: Any, sink: Sink) -> AsyncIterator[None]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
