"""A journey with a coupon: typed at the cart, seen in its price, paid at that price, and spent for the next buyer."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import BuyerAt
from tests.browser.office import Office

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

WORD = "FRIENDS1"


async def test_a_coupon_is_typed_paid_with_and_spent(buyer_at: BuyerAt, office: Office) -> None:
    buyer = await buyer_at(0)
    await office.sign_in()
    promotion = await office.issue_coupon(WORD, uses=1, basis_points=2_000)
    await buyer.wake()
    await buyer.choose("A1")
    listed = await buyer.at("cart-total").inner_text()
    await buyer.enter_coupon("WRONG123")
    await expect(buyer.at("coupon-state")).to_have_attribute("data-state", "refused")
    await buyer.enter_coupon(WORD)
    await expect(buyer.at("cart-coupon")).to_be_visible()
    await expect(buyer.at("cart-off")).to_contain_text("Friends")
    await expect(buyer.at("cart-total")).not_to_have_text(listed)
    reduced = await buyer.at("cart-total").inner_text()

    await buyer.at("coupon-out").click()
    await expect(buyer.at("cart-total")).to_have_text(listed)
    await buyer.enter_coupon(WORD)
    await expect(buyer.at("cart-total")).to_have_text(reduced)
    await buyer.ask_for_code("wechat")
    await expect(buyer.page.get_by_text(reduced, exact=True).first).to_be_visible()
    await buyer.pay()
    await buyer.expect_result("delivered")
    await buyer.leave()

    await buyer.wake()
    await buyer.choose("A1")
    await expect(buyer.at("cart-total")).to_have_text(listed)
    await buyer.enter_coupon(WORD)
    await expect(buyer.at("coupon-state")).to_have_attribute("data-state", "refused")
    await office.ask(f"/{promotion}/end", {"version": 2})
