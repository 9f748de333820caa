"""The screen's server: the kiosk page, `/api`, the event stream, pictures, and a tester's hand on a simulated machine.

Server-sent events are written here by hand (three lines of text): the library for them follows the process's signals,
which belong to the terminal.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import uvicorn
from msgspec import Meta
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import COUPON_PATTERN, LINES_MAX, Channel, Minor, OrderLine
from vendomat.terminal.screen.contract import CartLine, Desk, SimControl
from vendomat.terminal.screen.guard import Guard, problem, read_body

BEAT_S = 15.0
NOT_BUILT = """<!doctype html><meta charset="utf-8"><title>Vendomat</title>
<p style="font:16px/1.5 sans-serif;margin:3rem">The machine's program runs; its page is not built yet.<br>
Run <code>make web</code>, then load this page again.</p>"""


class OrderBody(msgspec.Struct, frozen=True, kw_only=True):
    request_id: Annotated[str, Meta(min_length=1, max_length=80)]
    lines: Annotated[list[OrderLine], Meta(min_length=1, max_length=LINES_MAX)]
    channel: Channel
    shown_minor: Minor | None = None


class PriceBody(msgspec.Struct, frozen=True, kw_only=True):
    lines: Annotated[list[CartLine], Meta(min_length=1, max_length=LINES_MAX)]


class ChannelBody(msgspec.Struct, frozen=True, kw_only=True):
    channel: Channel


class CodeBody(msgspec.Struct, frozen=True, kw_only=True):
    code: Annotated[str, Meta(pattern=r"^[0-9]{8}\Z")]


class CouponBody(msgspec.Struct, frozen=True, kw_only=True):
    code: Annotated[str, Meta(pattern=rf"^{COUPON_PATTERN}\Z")]


class NoBody(msgspec.Struct, frozen=True, kw_only=True):
    pass


class FaultBody(msgspec.Struct, frozen=True, kw_only=True):
    """`slot` is `*` for a fault of the whole machine."""

    slot: Annotated[str, Meta(pattern=r"^([A-Z0-9]{1,6}|\*)\Z")]
    fault: Annotated[str, Meta(max_length=20)] = ""
    is_once: bool = False
    is_on: bool = True


class FillBody(msgspec.Struct, frozen=True, kw_only=True):
    slot: Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,6}\Z")]
    count: Annotated[int, Meta(ge=0, le=200)]


class HandBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a buyer's hand does at a simulated cooler; `count` below zero puts back."""

    deed: Annotated[str, Meta(max_length=20)]
    slot: Annotated[str, Meta(pattern=r"^[A-Z0-9]{0,6}\Z")] = ""
    count: Annotated[int, Meta(ge=-200, le=200)] = 1


class ScanBody(msgspec.Struct, frozen=True, kw_only=True):
    """What is held before the simulated scanner."""

    line: Annotated[str, Meta(max_length=200)]


_Body = TypeVar("_Body")


def build_app(desk: Desk, *, hosts: list[str], static: Path, sim: SimControl | None = None) -> Guard:
    """The whole site. `hosts` are the `Host` values that are ours; `sim` exists on a simulated machine only."""
    routes: list[BaseRoute] = [
        Route("/api/state", _state(desk)),
        Route("/api/events", _events(desk)),
        _button("/api/order", OrderBody, lambda b: desk.order(b.request_id, b.lines, b.channel, b.shown_minor)),
        _button("/api/price", PriceBody, lambda b: desk.price(b.lines)),
        _button("/api/order/channel", ChannelBody, lambda b: desk.choose_channel(b.channel)),
        _button("/api/order/cancel", NoBody, lambda _: desk.cancel()),
        _button("/api/order/done", NoBody, lambda _: desk.done()),
        _button("/api/code", CodeBody, lambda b: desk.enter_code(b.code)),
        _button("/api/coupon", CouponBody, lambda b: desk.enter_coupon(b.code)),
        _button("/api/coupon/out", NoBody, lambda _: desk.take_coupon_out()),
        _button("/api/awake", NoBody, lambda _: desk.awake()),
        Route("/media/{name}", _picture(desk)),
    ]
    if sim is not None:
        routes += _sim_routes(sim)
    if (static / "index.html").is_file():
        routes.append(Mount("/", StaticFiles(directory=static, html=True)))
    else:
        routes.append(Route("/", _not_built))
    return Guard(Starlette(routes=routes), hosts)


def _sim_routes(sim: SimControl) -> list[BaseRoute]:
    async def state(_: Request) -> Response:
        return _json(sim.state())

    def fault(body: FaultBody) -> None:
        sim.set_fault(body.slot, body.fault, is_once=body.is_once, is_on=body.is_on)

    return [
        Route("/sim/state", state),
        _button("/sim/fault", FaultBody, fault),
        _button("/sim/hand", HandBody, lambda b: sim.act(b.deed, b.slot, b.count)),
        _button("/sim/scan", ScanBody, lambda b: sim.scan(b.line)),
        _button("/sim/fill", FillBody, lambda b: sim.fill(b.slot, b.count)),
    ]


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json", headers={"Cache-Control": "no-store"})


async def _not_built(_: Request) -> Response:
    return HTMLResponse(NOT_BUILT)


def _state(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def state(_: Request) -> Response:
        return _json(desk.snapshot())

    return state


def _events(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def lines() -> AsyncIterator[bytes]:
        async for is_news in desk.stream.follow(beat_s=BEAT_S):
            if is_news:
                yield b"event: state\ndata: " + msgspec.json.encode(desk.snapshot()) + b"\n\n"
            else:
                yield b": beat\n\n"

    async def events(_: Request) -> Response:
        return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return events


_PICTURES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
_AS_SAID = {"X-Content-Type-Options": "nosniff"}


def _picture(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def picture(request: Request) -> Response:
        path = desk.picture(request.path_params["name"])
        if path is None:
            return problem(ErrorCode.NOT_FOUND, "there is no such picture here")
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Content-Security-Policy": "sandbox"}
        return FileResponse(path, media_type=_PICTURES[path.suffix], headers=headers | _AS_SAID)

    return picture


def _button(path: str, body_type: type[_Body], press: Callable[[_Body], dict[str, Any] | None]) -> Route:
    decoder = msgspec.json.Decoder(body_type)

    async def pressed(request: Request) -> Response:
        try:
            answer = press(decoder.decode(await read_body(request) or b"{}"))
        except msgspec.MsgspecError as error:
            return problem(ErrorCode.MALFORMED, str(error))
        except VendomatError as error:
            return problem(error.code, error.message)
        return _json(answer or {})

    return Route(path, pressed, methods=["POST"])


class _Server(uvicorn.Server):
    """Leaves the process's signals to the terminal."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


class ScreenServer:
    """Listens on 127.0.0.1 only. `port` 0 takes a free one; the real one is known before `start`."""

    def __init__(self, port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def hosts(self) -> list[str]:
        return [f"127.0.0.1:{self.port}", f"localhost:{self.port}"]

    async def start(self, app: Guard) -> None:
        """Serve `app`; accepting when this returns."""
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=2
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        up = asyncio.create_task(self._server.is_up.wait())
        await asyncio.wait({up, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self._serving.done():
            await self._serving

    async def stop(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        self._socket.close()
