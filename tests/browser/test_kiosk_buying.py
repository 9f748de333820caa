"""Journeys of a buyer who pays: by each wallet, one thing or two, in another language, across a restart."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.axe import violations
from tests.browser.buyer import CALM_MS
from tests.browser.conftest import BuyerAt
from tests.browser.office import Office

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(("channel", "slot"), [("wechat", "A1"), ("alipay", "A2"), ("stripe", "A3")])
async def test_buys_one_thing(buyer_at: BuyerAt, channel: str, slot: str) -> None:
    buyer = await buyer_at(0)
    before = await buyer.machine.world()
    await buyer.wake()
    await buyer.choose(slot)
    await buyer.ask_for_code(channel)
    await expect(buyer.at("qr").locator("img")).to_be_visible()
    size = await buyer.at("qr").bounding_box()
    assert size is not None and size["width"] >= 60 * 3.78  # 60 mm on this panel
    await expect(buyer.page.get_by_text("阳光售货", exact=True)).to_be_visible()  # the name the wallet will show
    await buyer.pay()
    await buyer.expect_result("delivered")
    await buyer.expect_units("delivered")
    await expect(buyer.at("refund-state")).to_have_count(0)
    after = await buyer.machine.world()
    assert after["stock"][slot] == before["stock"][slot] - 1
    assert len(after["starts"]) == len(before["starts"]) + 1
    await buyer.leave()


async def test_two_things_of_which_one_jams_cost_what_came_out(buyer_at: BuyerAt, office: Office) -> None:
    buyer = await buyer_at(0)
    await buyer.machine.fault("B4", "jam")
    before = await buyer.machine.world()
    await buyer.buy("B4", "C3", channel="alipay")
    await buyer.expect_result("partly")
    await buyer.expect_units("not_delivered", "delivered")
    await buyer.expect_refund("refunded")
    await expect(buyer.at("refund-state")).to_contain_text("¥5.50 已退回支付宝")
    reference = await buyer.reference()
    after = await buyer.machine.world()
    assert (after["stock"]["B4"], after["stock"]["C3"]) == (before["stock"]["B4"], before["stock"]["C3"] - 1)
    await office.sign_in()
    await office.open_order(reference)
    await expect(office.page.locator("[data-testid^='refund-rfd_']")).to_have_count(1)
    await expect(office.page.locator("[data-testid^='refund-rfd_']")).to_contain_text("5.50")
    await buyer.leave()
    await expect(buyer.at("product-B4")).to_be_disabled()  # nobody buys from a slot that failed


async def test_another_language_keeps_the_cart(buyer_at: BuyerAt) -> None:
    buyer = await buyer_at(1)
    await buyer.wake()
    await buyer.choose("A4", "B1")
    await expect(buyer.at("cart-pay")).to_contain_text("去付款")
    await buyer.at("language").click()
    await expect(buyer.at("cart-pay")).to_contain_text("Pay")
    await expect(buyer.at("product-A4")).to_have_attribute("data-count", "1")
    await expect(buyer.at("product-A4")).to_contain_text("Hazelnut chocolate")
    await expect(buyer.at("product-B1")).to_have_attribute("data-count", "1")
    assert await buyer.page.evaluate("document.documentElement.lang") == "en"


async def test_what_is_in_it_is_read_before_it_is_chosen(buyer_at: BuyerAt) -> None:
    buyer = await buyer_at(1)
    await buyer.wake()
    await expect(buyer.at("product-A4")).to_contain_text("241 千卡")
    await buyer.at("product-A4-more").click()
    sheet = buyer.at("product-sheet")
    await expect(buyer.at("allergens")).to_have_text("含有 奶、坚果和大豆")
    await expect(sheet.get_by_role("row").last).to_have_text("钠60 mg")
    assert await violations(buyer.page) == []
    await buyer.at("sheet-close").click()
    await expect(sheet).to_have_count(0)
    await expect(buyer.at("product-A4")).to_have_attribute("data-count", "0")
    await buyer.page.wait_for_timeout(CALM_MS)
    await buyer.at("product-A4-more").click()
    await buyer.at("sheet-add").click()
    await expect(buyer.at("product-A4")).to_have_attribute("data-count", "1")
    await buyer.at("cart-less-A4").click()
    await expect(buyer.at("product-A4")).to_have_attribute("data-count", "0")


async def test_back_closes_the_order_and_keeps_the_cart(buyer_at: BuyerAt) -> None:
    buyer = await buyer_at(1)
    await buyer.wake()
    await buyer.choose("A4")
    await buyer.ask_for_code("wechat")
    await buyer.at("cancel").click()
    await expect(buyer.at("browse")).to_be_visible()
    await expect(buyer.at("message")).to_have_count(0)
    await expect(buyer.at("product-A4")).to_have_attribute("data-count", "1")


async def test_a_machine_killed_while_it_shows_a_code_goes_on_with_the_same_order(buyer_at: BuyerAt) -> None:
    buyer = await buyer_at(1)
    terminal = buyer.machine.town.terminals[buyer.machine.machine.machine_id]
    await buyer.wake()
    await buyer.choose("C4")
    await buyer.ask_for_code("wechat")
    wallet = await buyer.open_wallet()
    reference = await buyer.reference()
    await terminal.kill()
    await expect(buyer.at("wallet-link")).to_have_count(0)  # no code while nobody could serve it
    await terminal.start()
    await expect(buyer.at("wallet-link")).to_be_visible()
    await wallet.locator("button[name=deed][value=pay]").click()
    await wallet.wait_for_url("**/wallet/result*")
    await buyer.expect_result("delivered")
    assert await buyer.reference() == reference
    await buyer.leave()
