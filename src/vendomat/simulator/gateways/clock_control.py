"""The control port's calls about time: what the platforms' clock says, and moving it ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from vendomat.kernel import Clock, ErrorCode, VendomatError
from vendomat.simulator.gateways.notices import NoticeEngine
from vendomat.simulator.gateways.store import Change, RecordStore
from vendomat.simulator.gateways.virtual_clock import VirtualClock, travel

Routes = dict[tuple[str, str], Callable[[bytes], object]]
KIND = "clock"


class _Journey(msgspec.Struct):
    days: float = 0.0
    hours: float = 0.0
    seconds: float = 0.0


class _Ahead(msgspec.Struct):
    ahead_s: float


def clock_routes(clock: Clock, engine: NoticeEngine, store: RecordStore) -> Routes:
    """Method and path below `/control/`, and what each does; a journey is awaited, one at a time."""
    one_at_a_time = asyncio.Lock()

    def tell(_: bytes = b"") -> dict[str, object]:
        is_movable = isinstance(clock, VirtualClock)
        ahead_s = clock.ahead_s if isinstance(clock, VirtualClock) else 0.0
        return {"now": clock.now(), "ahead_s": ahead_s, "is_movable": is_movable}

    async def advance(body: bytes) -> dict[str, object]:
        asked = msgspec.json.decode(body, type=_Journey)
        if not isinstance(clock, VirtualClock):
            raise VendomatError(ErrorCode.CONFLICT, "this clock is moved by whoever started the emulators")
        async with one_at_a_time:
            await travel(clock, asked.days * 86_400 + asked.hours * 3_600 + asked.seconds, engine.settled)
            store.save([Change(KIND, "ahead", _Ahead(clock.ahead_s))])
        return tell()

    return {("GET", "clock"): tell, ("POST", "clock/advance"): advance}


def restore_clock(clock: Clock, store: RecordStore) -> None:
    """As far ahead as a former process was, so that its books do not lie in the future."""
    if isinstance(clock, VirtualClock):
        for _, kept in store.load(KIND, _Ahead):
            clock.put_ahead(kept.ahead_s)
