"""Journeys with a pickup code: issued at the console, typed in at the machine, good once and in one place."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import BuyerAt
from tests.browser.office import Office

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_a_code_gives_its_goods_once_and_only_at_its_machine(buyer_at: BuyerAt, office: Office) -> None:
    buyer = await buyer_at(0)
    await office.sign_in()
    code = await office.issue_code(buyer.machine.machine.machine_id, "Latte")
    elsewhere = await buyer_at(1)
    await elsewhere.redeem(code)
    await expect(elsewhere.at("code-state")).to_have_attribute("data-state", "refused")

    await buyer.redeem(code)
    await buyer.expect_result("delivered")
    assert len((await buyer.machine.world())["drops"]) >= 1
    await buyer.leave()

    before = await buyer.machine.world()
    await buyer.redeem(code)
    await expect(buyer.at("code-state")).to_have_attribute("data-state", "refused")
    assert (await buyer.machine.world())["starts"] == before["starts"]
