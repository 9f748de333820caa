"""HTTP as bytes: one exchange in, one answer out, and a connection that can be reset on demand.

Signatures are checked over the raw request target and body, so nothing here decodes, re-encodes or re-orders.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it came. Header names are lower case.

    `peer_serial` is the serial of the certificate the client showed in the TLS handshake, or "".
    """

    method: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, str]
    body: bytes
    peer_serial: str = ""

    @property
    def target(self) -> str:
        """Path and query exactly as sent."""
        return f"{self.raw_path}?{self.raw_query}" if self.raw_query else self.raw_path


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    media_type: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=())

    @classmethod
    def of_json(cls, status: int, value: object) -> Answer:
        return cls(status, msgspec.json.encode(value), "application/json")


class ResettableHttp(HttpToolsProtocol):
    """uvicorn's httptools protocol, telling the application how to reset its connection.

    httptools also reads absolute-form request targets as a path, which h11 under uvicorn does not.
    """

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {"reset": {"transport": self.transport}}


async def read_exchange(scope: Scope, receive: Receive) -> Exchange | None:
    """The whole request, or None when the client left or sent too much."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            return None
        chunks.append(chunk)
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Exchange(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1"),
        raw_query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=b"".join(chunks),
        peer_serial=_peer_serial(scope),
    )


def _peer_serial(scope: Scope) -> str:
    shown = scope["extensions"]["reset"]["transport"].get_extra_info("peercert")
    return str(shown.get("serialNumber", "")) if shown else ""


async def send_answer(send: Send, answer: Answer) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers]
    if answer.media_type:
        headers.append((b"content-type", answer.media_type.encode()))
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def reset_connection(scope: Scope) -> None:
    """Answer with a TCP reset: the client sees its connection broken, not closed."""
    transport = scope["extensions"]["reset"]["transport"]
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # already gone: then it is as broken as it should be
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
