"""The cloud's notify address on a real socket, with the till of the test's worker behind it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from vendomat.cloud.payments import NoticeAnswer
from vendomat.cloud.sales import Till


@dataclass(frozen=True)
class Knock:
    """One notice as it arrived, and the status it was answered with."""

    channel: str
    status: int


class NotifyDoor:
    """`till` None: nobody is at home, and the platform is told so (503)."""

    def __init__(self) -> None:
        self.till: Till | None = None
        self.knocks: list[Knock] = []

    async def open(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        _, _, merchant_id, channel = head[0].split(" ")[1].split("/")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        answer = await self._answer(merchant_id, channel, headers, body)
        self.knocks.append(Knock(channel, answer.status))
        length = f"Content-Length: {len(answer.body)}\r\n" if answer.status != 204 else ""
        start = f"HTTP/1.1 {answer.status} -\r\nContent-Type: {answer.media_type}\r\n{length}Connection: close\r\n\r\n"
        writer.write(start.encode() + answer.body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _answer(self, merchant_id: str, channel: str, headers: dict[str, str], body: bytes) -> NoticeAnswer:
        answer = await self.till.take_notice(merchant_id, channel, headers, body) if self.till else None
        return answer or NoticeAnswer(503, b"", "text/plain")
