"""One platform's port: its wire, with faults on demand, and beside it the buyer's wallet page."""

from __future__ import annotations

import asyncio
from typing import Protocol

from vendomat.kernel import Clock
from vendomat.simulator.gateways.asgi import (
    Answer,
    Exchange,
    Receive,
    Scope,
    Send,
    read_exchange,
    reset_connection,
    send_answer,
)
from vendomat.simulator.gateways.faults import BEFORE, CallFault, FaultBook

_RESETS = (CallFault.RESET_BEFORE, CallFault.RESET_AFTER)
_TIMEOUTS = (CallFault.TIMEOUT_BEFORE, CallFault.TIMEOUT_AFTER)


class Api(Protocol):
    """A platform's wire: which verb a request is, and its answer under a fault of the answer."""

    name: str

    def verb_of(self, exchange: Exchange) -> str: ...

    def answer(self, exchange: Exchange, fault: CallFault | None) -> Answer: ...


class Pages(Protocol):
    def answer(self, exchange: Exchange) -> Answer: ...


class Front:
    """The ASGI application of one platform."""

    def __init__(self, api: Api, wallet: Pages, faults: FaultBook[CallFault], *, clock: Clock, hold_s: float) -> None:
        self._api = api
        self._wallet = wallet
        self._faults = faults
        self._clock = clock
        self._hold_s = hold_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = await read_exchange(scope, receive)
        if exchange is None:
            reset_connection(scope)
            return
        if exchange.raw_path == "/" or exchange.raw_path.startswith("/wallet"):
            await send_answer(send, self._wallet.answer(exchange))
            return
        fault = self._fault_of(exchange)
        if fault in _RESETS or fault in _TIMEOUTS:
            if fault not in BEFORE:
                self._api.answer(exchange, None)
            if fault in _TIMEOUTS:
                await self._hold(receive)
            reset_connection(scope)
            return
        await send_answer(send, self._api.answer(exchange, fault))

    def _fault_of(self, exchange: Exchange) -> CallFault | None:
        if not self._faults.rules:
            return None
        verb = self._api.verb_of(exchange)
        text = f"{exchange.target}\n{exchange.body.decode('utf-8', 'replace')}"
        rule = self._faults.take(self._api.name, verb, text) if verb else None
        return rule.fault if rule else None

    async def _hold(self, receive: Receive) -> None:
        """Leave the client waiting until it goes away or the hold is over."""
        gone = asyncio.ensure_future(receive())
        over = asyncio.ensure_future(self._clock.sleep(self._hold_s))
        try:
            await asyncio.wait({gone, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            over.cancel()
