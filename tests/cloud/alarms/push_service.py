"""A push service on this machine (RFC 8030) and the browsers behind it, which read what is meant for them alone.

Written from the RFCs on its own, and checked by their vectors: it shares nothing with what the cloud sends by.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vendomat.cloud.alarms.notices.push_wire import Subscription, decoded, encoded

WITHIN_S = 60.0
BODY_BYTES_MAX = 4096


def check_authorization(header: str) -> dict[str, Any]:
    """The claims of a `vapid` header. Raises `InvalidSignature` where its key did not sign them."""
    assert header.startswith("vapid t=")
    token, _, key = header.removeprefix("vapid t=").partition(", k=")
    said, _, signature = token.rpartition(".")
    half = len(decoded(signature)) // 2
    r, s = (int.from_bytes(part, "big") for part in (decoded(signature)[:half], decoded(signature)[half:]))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(key))
    public.verify(encode_dss_signature(r, s), said.encode(), ec.ECDSA(SHA256()))
    claims: dict[str, Any] = json.loads(decoded(said.partition(".")[2]))
    return claims


class Receiver:
    """A browser's end of one subscription."""

    def __init__(self, url: str, private: bytes, auth: bytes) -> None:
        self._url = url
        self._key = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
        self._auth = auth

    @property
    def subscription(self) -> Subscription:
        return Subscription(self._url, encoded(_point(self._key.public_key())), encoded(self._auth))

    def read(self, body: bytes) -> bytes:
        """Raises `InvalidTag` for what was meant for another."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= size, "more than one record"
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        pseudo = _mac(self._auth, self._key.exchange(ec.ECDH(), theirs))
        shared = _mac(pseudo, b"WebPush: info\0" + _point(self._key.public_key()) + sender + b"\1")
        pseudo = _mac(salt, shared)
        key = _mac(pseudo, b"Content-Encoding: aes128gcm\0\1")[:16]
        nonce = _mac(pseudo, b"Content-Encoding: nonce\0\1")[:12]
        padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert padded[-1:] == b"\2", "not the last record"
        return padded[:-1]


def _mac(key: bytes, data: bytes) -> bytes:
    made = hmac.HMAC(key, SHA256())
    made.update(data)
    return made.finalize()


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass(frozen=True)
class Pushed:
    """What arrived: the notice as the browser reads it, and the headers it came with."""

    name: str
    notice: dict[str, Any]
    headers: dict[str, str]


@dataclass
class PushService:
    """`took` is what it took for its browsers. `status` and `headers` are its answer; `is_silent`: it gives none."""

    port: int = 0
    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    is_silent: bool = False
    receivers: dict[str, Receiver] = field(default_factory=dict)
    took: list[Pushed] = field(default_factory=list)
    asked: int = 0
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    def subscribe(self, name: str = "laptop") -> Subscription:
        """A browser that lets pushes come."""
        number = len(self.receivers) + 1
        url = f"http://127.0.0.1:{self.port}/push/{name}"
        self.receivers[name] = Receiver(url, number.to_bytes(32, "big"), number.to_bytes(16, "big"))
        return self.receivers[name].subscription

    async def wait(self, count: int) -> list[Pushed]:
        """Until `count` pushes have come."""
        async with asyncio.timeout(WITHIN_S), self.came:
            await self.came.wait_for(lambda: len(self.took) >= count)
        return self.took

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one push."""
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        async with self.came:
            self.asked += 1
            status = self.status if self.status != 201 else self._took(lines[0].split(), headers, body)
            self.came.notify_all()
        if self.is_silent:
            await reader.read()
        else:
            more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
            writer.write(f"HTTP/1.1 {status} X\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    def _took(self, line: list[str], headers: dict[str, str], body: bytes) -> int:
        """What RFC 8030 says to a push: it is taken, or why it is not."""
        name = line[1].removeprefix("/push/")
        if line[0] != "POST" or name not in self.receivers:
            return 404
        if len(body) > BODY_BYTES_MAX:
            return 413
        if "ttl" not in headers or headers.get("content-encoding") != "aes128gcm":
            return 400
        claims = check_authorization(headers["authorization"])
        if claims["aud"] != f"http://127.0.0.1:{self.port}" or not claims["sub"]:
            return 403
        self.took.append(Pushed(name, json.loads(self.receivers[name].read(body)), headers))
        return 201


@asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    """Open while the block runs."""
    service = PushService()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
