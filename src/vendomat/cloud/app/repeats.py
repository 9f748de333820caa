"""A request of the console with an `Idempotency-Key` is done once; whoever repeats it gets the first answer again.

ASGI middleware, inside the guards. Only answers of work that was done (2xx) are kept: a refusal changed nothing, so the
same request may be made again. Answers are sealed, as some hold a secret that is shown once. Of a person who is not
known, and of pages that prove themselves by a link, it keeps nothing: their use cases have request ids of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vendomat.cloud.app.problems import problem_of
from vendomat.cloud.merchants import COOKIE, MasterKey, Operator, SignIns
from vendomat.cloud.platform.http import KeptAnswer, KeptAnswers, RepeatKey, Turn, is_good_key
from vendomat.kernel import VendomatError

_log = structlog.get_logger("repeats")


@dataclass
class _Heard:
    """What the application answered."""

    status: int = 500
    headers: Headers = field(default_factory=Headers)
    body: bytearray = field(default_factory=bytearray)

    @property
    def is_done(self) -> bool:
        """Work was done, and its answer can be said again: what sets a cookie cannot."""
        return 200 <= self.status < 300 and "set-cookie" not in self.headers


class KeepsAnswers:
    """`sign_ins` says who asks; `kept` has the keys; `master_key` seals the answers."""

    def __init__(self, app: ASGIApp, *, sign_ins: SignIns, kept: KeptAnswers, master_key: MasterKey) -> None:
        self._app = app
        self._sign_ins = sign_ins
        self._kept = kept
        self._master_key = master_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key_of(scope)
        operator = await self._operator(scope) if key else None
        if not key or operator is None:
            await self._app(scope, receive, send)
            return
        body = await _body_of(receive)
        place = f"{operator.operator_id} {scope['path']}?{scope.get('query_string', b'').decode('latin-1')}"
        asked = RepeatKey(operator.merchant_id, place, key, body)
        try:
            begun = await self._kept.begin(asked)
        except VendomatError as refusal:
            await problem_of(refusal, scope["path"])(scope, receive, send)
            return
        if isinstance(begun, KeptAnswer):
            await self._again(asked, begun, send)
        else:
            await self._first(begun, scope, _given(body, receive), send)

    async def _operator(self, scope: Scope) -> Operator | None:
        token = cookie_parser(Headers(scope=scope).get("cookie", "")).get(COOKIE, "")
        try:
            return await self._sign_ins.operator_of(token)
        except VendomatError:
            return None  # the route says so, in its own words

    async def _first(self, turn: Turn, scope: Scope, receive: Receive, send: Send) -> None:
        heard = _Heard()

        async def hear(message: Message) -> None:
            if message["type"] == "http.response.start":
                heard.status, heard.headers = message["status"], Headers(raw=message["headers"])
            elif message["type"] == "http.response.body":
                heard.body += message.get("body", b"")
                if not message.get("more_body", False):
                    await self._settle(turn, heard)  # before its last byte: who has the answer can have it again
            await send(message)

        try:
            await self._app(scope, receive, hear)
        except Exception:
            await self._settle(turn, _Heard())
            raise

    async def _settle(self, turn: Turn, heard: _Heard) -> None:
        """Keep or let go. That this failed does not undo the work: its answer goes out, and the turn ends by itself."""
        try:
            if heard.is_done:
                await self._kept.keep(turn, self._sealed(turn.key, heard))
            else:
                await self._kept.release(turn)
        except Exception as error:
            _log.error("an answer was not kept", merchant=turn.key.merchant_id, error=repr(error))

    def _sealed(self, key: RepeatKey, heard: _Heard) -> KeptAnswer:
        sealed = self._master_key.seal({"body": heard.body.decode()}, purpose=_purpose(key))
        return KeptAnswer(heard.status, heard.headers.get("content-type", ""), sealed)

    async def _again(self, key: RepeatKey, kept: KeptAnswer, send: Send) -> None:
        body = str(self._master_key.unseal(kept.sealed, purpose=_purpose(key))["body"]).encode()
        headers = [(b"cache-control", b"no-store")]
        if kept.media_type:
            headers += [(b"content-type", kept.media_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": kept.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _key_of(scope: Scope) -> str:
    """The key of a request that may be kept; empty for any other. One that is malformed is the route's to refuse."""
    if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith("/api/v1/"):
        return ""
    key = Headers(scope=scope).get("idempotency-key", "")
    return key if is_good_key(key) else ""


async def _body_of(receive: Receive) -> bytes:
    """The body, which the guards have read already and given a limit."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def _given(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def give() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give


def _purpose(key: RepeatKey) -> str:
    return f"kept_answer/{key.merchant_id}/{key.key}"
