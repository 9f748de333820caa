"""An operator at the console: signs in, issues a code, reads what happened to an order."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, Page, expect

from vendomat.simulator.town import Town

SEEN_WITHIN_MS = 30_000
ASK = """
async ([path, body]) => {
  const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
  return await (await fetch(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}
"""


class Office:
    """`page` is the console's, at its sign-in page."""

    def __init__(self, page: Page, town: Town) -> None:
        self.page = page
        self._town = town

    def at(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    async def try_sign_in(self, password: str) -> None:
        await self.at("sign-in-email").fill(self._town.record.email)
        await self.at("sign-in-password").fill(password)
        await self.at("sign-in").click()

    async def sign_in(self) -> None:
        await self.try_sign_in(self._town.record.password)
        await expect(self.at("kpi-sales")).to_be_visible()

    async def issue_code(self, machine_id: str, product: str) -> str:
        """One code for the product whose name begins with `product`."""
        await self.page.goto(f"{self._town.console_url}codes?machine={machine_id}")
        await self.at("code-machine").select_option(machine_id)
        options = self.at("code-product").locator("option")
        value = await options.filter(has_text=product).first.get_attribute("value")
        await self.at("code-product").select_option(value)
        await self.at("issue-code").click()
        code = await self.at("issued-code").get_attribute("data-code")
        assert code is not None
        return code

    async def issue_coupon(self, word: str, *, uses: int, basis_points: int) -> str:
        """A new active promotion that wants a coupon, and `word` for it; the promotion's id."""
        rule = {"name": "Friends", "kind": "percent", "basis_points": basis_points, "needs_coupon": True}
        made = await self.ask("", rule)
        await self.ask(f"/{made['id']}/activate", {"version": 1})
        await self.ask(f"/{made['id']}/coupons", {"word": word, "uses_each": uses})
        return str(made["id"])

    async def ask(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        """One request of the console about promotions."""
        answer: dict[str, Any] = await self.page.evaluate(ASK, [f"/api/v1/promotions{path}", body])
        assert "status" not in answer, answer
        return answer

    async def open_order(self, reference: str) -> None:
        """The page of the order with this reference number, from the list of orders."""
        await self.page.goto(f"{self._town.console_url}orders")
        await self.page.get_by_text(reference, exact=True).first.click()
        await expect(self.at("timeline")).to_be_visible()

    async def expect_evidence(self, *kinds: str) -> None:
        """The timeline tells these, in this order; other lines may stand between."""
        await expect(self.at(f"timeline-{kinds[-1]}")).to_be_visible(timeout=SEEN_WITHIN_MS)
        lines = self.at("timeline").locator("[data-testid^='timeline-']")
        told = await lines.evaluate_all("lines => lines.map(line => line.dataset.testid.slice('timeline-'.length))")
        places = [told.index(kind) for kind in kinds]
        assert places == sorted(places), told
