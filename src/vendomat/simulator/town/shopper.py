"""A buyer at one kiosk: presses its buttons over HTTP and pays with the emulated wallet, sometimes badly.

Knows only what a person could: the screen, and the code it shows.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, urlparse

import httpx

from vendomat.kernel import Clock, Ids, VendomatError
from vendomat.simulator.gateways import CallFault, GatewayControl, NoticeFault

LOOK_EVERY_S = 0.15
PATIENCE_S = 60.0
LATE_S = 4.0
SHRUG_S = 1.0

Screen = dict[str, Any]


class Story(StrEnum):
    """What happens during one purchase."""

    GOOD = "good"
    JAM = "jam"
    SENSOR_MISS = "sensor_miss"
    WALKS_AWAY = "walks_away"
    PAYS_LATE = "pays_late"
    PAYS_TWICE = "pays_twice"
    NOTICE_LOST = "notice_lost"
    NOTICE_DOUBLED = "notice_doubled"
    RESTART = "restart"


class Shopper:
    """One buyer after another at the kiosk of one machine. `restart` kills the terminal and starts it again."""

    def __init__(  # noqa: PLR0913 - named parts, put together in one place
        self,
        kiosk_url: str,
        control: GatewayControl,
        restart: Callable[[], Any],
        *,
        clock: Clock,
        ids: Ids,
        chance: random.Random,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._patience_s = patience_s
        self._control = control
        self._restart = restart
        self._clock = clock
        self._ids = ids
        self._chance = chance
        self._kiosk = httpx.AsyncClient(
            base_url=kiosk_url, trust_env=False, timeout=15.0, headers={"Origin": kiosk_url}
        )

    async def aclose(self) -> None:
        await self._kiosk.aclose()

    async def buy(self, story: Story, *, channels: Sequence[str] = ("wechat", "alipay"), coupon: str = "") -> str:
        """Play one purchase to the end of its screen, paying by one of `channels`; how it ended for the buyer."""
        screen = await self._wait(_is_selling, press="/api/order/done")  # what the last buyer left is pressed away
        if screen is None:
            return f"machine not selling: {await self._why_not()}"
        goods = self._chance.choice(_goods(screen))
        fault = {Story.JAM: "jam", Story.SENSOR_MISS: "miss"}.get(story)
        if fault is not None:
            await self._post("/sim/fault", {"slot": goods["slot"], "fault": fault, "is_once": True})
        channel = self._chance.choice(channels)
        if coupon:
            await self._enter_coupon(coupon)
        code = await self._choose(goods, channel)
        if code is None:
            await self._clock.sleep(SHRUG_S)
            return "refused"
        await self._pay(story, channel, code)
        screen = await self._wait(_is_over)
        ended = _ending(screen)
        # The next buyer finds whatever this one left on the screen, and presses it away.
        for button in ("/api/order/cancel", "/api/order/done", "/api/coupon/out"):
            await self._post(button, {})
        return ended

    async def _why_not(self) -> str:
        """What the screen of a machine that does not sell says."""
        try:
            screen: Screen = (await self._kiosk.get("/api/state")).json()
        except httpx.HTTPError:
            return "no answer"
        return f"{screen['screen']} {screen['link']} {screen['out_of_order_reason']}"

    async def _choose(self, goods: dict[str, Any], channel: str) -> str | None:
        line = {"slot": goods["slot"], "quantity": 1, "price_minor": goods["price_minor"]}
        body = {"request_id": self._ids.new("req"), "lines": [line], "channel": channel}
        if not await self._post("/api/order", body):
            return None
        return await self._code(channel)

    async def _enter_coupon(self, code: str) -> None:
        """Type it and wait for what the machine says; who is refused buys without."""
        if await self._post("/api/coupon", {"code": code}):
            await self._wait(lambda screen: screen["coupon"]["state"] != "checking")

    async def _code(self, channel: str) -> str | None:
        """The code on the screen for `channel`, once it is there."""
        screen = await self._wait(lambda s: _code_of(s, channel) is not None or _is_over(s))
        return _code_of(screen, channel) if screen is not None else None

    async def _pay(self, story: Story, channel: str, code: str) -> None:
        if story is Story.WALKS_AWAY:
            return
        if story is Story.PAYS_LATE:
            await self._pay_late(channel, code)
            return
        if story is Story.PAYS_TWICE:
            await self._pay_twice(channel, code)
            return
        if story is Story.NOTICE_DOUBLED:
            await self._try(self._control.add_notice_fault(NoticeFault.DUPLICATE, platform=channel, count=1))
        await self._try_pay(channel, code, lose_network=story is Story.NOTICE_LOST)
        if story is Story.RESTART:
            await self._wait(lambda s: s["screen"] in ("delivering", "result"))
            await self._restart()

    async def _pay_late(self, channel: str, code: str) -> None:
        """Pay a code whose order is being given up, while the platform has not heard of that yet."""
        await self._try(self._control.add_call_fault(CallFault.ERROR_BEFORE, platform=channel, verb="close", count=4))
        await self._wait(lambda s: _code_of(s, channel) is None)
        await self._clock.sleep(LATE_S)
        await self._try_pay(channel, code, late=True)

    async def _pay_twice(self, channel: str, code: str) -> None:
        other = "alipay" if channel == "wechat" else "wechat"
        await self._post("/api/order/channel", {"channel": other})
        second = await self._code(other)
        payments = [self._try_pay(channel, code)]
        if second is not None:
            payments.append(self._try_pay(other, second))
        await asyncio.gather(*payments)

    async def _try_pay(self, channel: str, code: str, *, late: bool = False, lose_network: bool = False) -> None:
        await self._try(self._control.pay(channel, code=code, late=late, lose_network=lose_network))

    async def _try(self, request: Awaitable[object]) -> None:
        try:
            await request
        except VendomatError:
            return  # the platform says no, or is down: the buyer does what buyers do, and looks at the screen

    async def _wait(self, is_there: Callable[[Screen], bool], *, press: str = "") -> Screen | None:
        """Look at the screen until `is_there`, pressing `press` while a result is shown; None when patience ends."""
        until = self._clock.elapsed() + self._patience_s
        while self._clock.elapsed() < until:
            try:
                screen: Screen = (await self._kiosk.get("/api/state")).json()
                if is_there(screen):
                    return screen
                if press and screen["screen"] == "result":
                    await self._post(press, {})
            except httpx.HTTPError:
                pass  # the terminal is being started again
            await self._clock.sleep(LOOK_EVERY_S)
        return None

    async def _post(self, path: str, body: dict[str, Any]) -> bool:
        try:
            return (await self._kiosk.post(path, json=body)).is_success
        except httpx.HTTPError:
            return False


def _is_selling(screen: Screen) -> bool:
    return screen["screen"] == "browse" and screen["link"] == "online" and bool(_goods(screen))


def _goods(screen: Screen) -> list[dict[str, Any]]:
    return [p for p in screen["products"] if p["state"] == "ok" and p["available"] > 0]


def _code_of(screen: Screen, channel: str) -> str | None:
    """The payment code the screen shows for `channel` (it stands in the demo's wallet link)."""
    sale = screen["sale"]
    if screen["screen"] != "paying" or sale is None or sale["channel"] != channel:
        return None
    if sale["payment"]["state"] != "waiting" or not sale["payment"]["wallet_url"]:
        return None
    return parse_qs(urlparse(str(sale["payment"]["wallet_url"])).query)["code"][0]


def _is_over(screen: Screen) -> bool:
    """The buyer has nothing to wait for any more."""
    if screen["screen"] == "paying" and screen["sale"] is not None:
        return bool(screen["sale"]["payment"]["state"] == "expired")
    return screen["screen"] in ("result", "browse", "out_of_order")


def _ending(screen: Screen | None) -> str:
    if screen is None:
        return "screen stuck"
    if screen["screen"] != "result" or screen["sale"] is None:
        return "left unpaid"
    return "+".join(sorted({unit["outcome"] for unit in screen["sale"]["units"]}))
