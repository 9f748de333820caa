"""A buyer in front of one machine, with a telephone in hand: presses keys, scans, looks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Locator, Page, expect

from vendomat.simulator.town import Town, TownMachine

CALM_MS = 380  # a second press of the same key within 350 ms is taken for a trembling hand
REFUND_MS = 40_000
WAKE_S = 30.0
LOOK_EVERY_S = 0.1
MOMENTS = """
() => {
  window.moments = {};
  const look = () => {
    const state = document.querySelector('[data-testid="refund-state"]')?.dataset.state;
    if (state !== undefined) window.moments[state] ??= Date.now();
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
}
"""


@dataclass(frozen=True)
class Machine:
    """One machine of the town and its address; `fault` and `world` are a tester's hand and eye inside the cabinet."""

    town: Town
    machine: TownMachine
    page: Page

    @property
    def url(self) -> str:
        return self.town.kiosk_url(self.machine)

    async def fault(self, slot: str, name: str) -> None:
        """The next vend of `slot` goes wrong."""
        body = {"slot": slot, "fault": name, "is_once": True}
        answer = await self.page.request.post(f"{self.url}/sim/fault", data=body, headers={"Origin": self.url})
        assert answer.ok, await answer.text()

    async def world(self) -> dict[str, Any]:
        """What is in the cabinet and what it did: `starts` and `drops` by command."""
        state: dict[str, Any] = await (await self.page.request.get(f"{self.url}/sim/state")).json()
        return state


class Buyer:
    """The page is a machine's, open and ready."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.page = machine.page

    def at(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    async def wake(self) -> None:
        """To the products, from wherever the last buyer left the screen."""
        async with asyncio.timeout(WAKE_S):
            while not await self.at("browse").is_visible():
                if await self.at("wake").is_visible():
                    await self.at("wake").click()
                await asyncio.sleep(LOOK_EVERY_S)

    async def choose(self, *slots: str) -> None:
        for slot in slots:
            await self.at(f"product-{slot}").click()
            await self.page.wait_for_timeout(CALM_MS)

    async def ask_for_code(self, channel: str) -> None:
        """Press Pay, choose the wallet, and wait until its code is on the screen."""
        await self.at("cart-pay").click()
        await expect(self.at("wallet-link")).to_be_visible()
        if await self.at(f"channel-{channel}").get_attribute("aria-pressed") != "true":
            await self.at(f"channel-{channel}").click()
        port = getattr(self.machine.town.record, f"{channel}_port")
        await self.page.wait_for_function(
            "port => document.querySelector('[data-testid=wallet-link]')?.href.includes(`:${port}/`)", arg=port
        )

    async def open_wallet(self) -> Page:
        """The telephone: the simulated wallet with this code's sheet open."""
        async with self.page.context.expect_page() as opened:
            await self.at("wallet-link").click()
        wallet = await opened.value
        await wallet.set_viewport_size({"width": 390, "height": 844})
        await expect(wallet.locator("button[name=deed][value=pay]")).to_be_visible()
        return wallet

    async def pay(self) -> None:
        """Confirm in the wallet, put the telephone away."""
        wallet = await self.open_wallet()
        await wallet.locator("button[name=deed][value=pay]").click()
        await wallet.wait_for_url("**/wallet/result*")
        await wallet.close()

    async def buy(self, *slots: str, channel: str) -> None:
        await self.wake()
        await self.choose(*slots)
        await self.ask_for_code(channel)
        await self.pay()

    async def expect_result(self, kind: str) -> None:
        await expect(self.at("result")).to_be_visible()
        await expect(self.at("result")).to_have_attribute("data-result", kind)

    async def expect_units(self, *outcomes: str) -> None:
        for number, outcome in enumerate(outcomes, 1):
            await expect(self.at(f"unit-{number}")).to_have_attribute("data-outcome", outcome)

    async def expect_refund(self, state: str) -> None:
        await expect(self.at("refund-state")).to_have_attribute("data-state", state, timeout=REFUND_MS)

    async def reference(self) -> str:
        return await self.at("reference").inner_text()

    async def leave(self) -> None:
        await self.at("done").click()
        await expect(self.at("browse").or_(self.at("attract")).first).to_be_visible()

    async def redeem(self, code: str) -> None:
        """Type a pickup code and send it."""
        if not await self.at("code-page").is_visible():
            await self.at("code-open").click()
        for digit in code:
            await self.at(f"code-key-{digit}").click()
        await self.at("code-submit").click()

    async def enter_coupon(self, code: str) -> None:
        """Type a coupon for the cart and send it."""
        if not await self.at("coupon-page").is_visible():
            await self.at("coupon-open").click()
        for letter in code:
            await self.at(f"coupon-key-{letter}").click()
        await self.at("coupon-submit").click()

    async def note_moments(self) -> None:
        """From now on remember when each state of a refund is first on the screen."""
        await self.page.evaluate(MOMENTS)

    async def moment(self, state: str) -> float:
        """Seconds since the epoch."""
        shown_ms: float = await self.page.evaluate("state => window.moments[state]", state)
        return shown_ms / 1000
