"""An owner sets a way to pay up, tries one, switches it on, and takes it away from one machine."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.doubt_stage import DoubtStage, open_doubt_stage
from tests.browser.street import Street
from tests.browser.test_console_doubts import SECOND_PRESS_MS, sign_in
from tests.cloud.conftest import database_url, postgres
from tests.contracts.payments.conftest import alipay_settings
from vendomat.cloud.app.http import CONSOLE_FOLDER
from vendomat.cloud.catalog import catalogue_for
from vendomat.cloud.merchants import PaymentAccount, PaymentAccounts
from vendomat.simulator.gateways import GatewayServer, GatewaySettings

__all__ = ["database_url", "postgres"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

MARK = re.compile(r"^\s*[0-9a-f]{16}\s*$")
SECRET = "sk_test_0123456789abcdef"


@pytest_asyncio.fixture(loop_scope="session")
async def stage(database_url: str) -> AsyncIterator[DoubtStage]:
    if not (CONSOLE_FOLDER / "index.html").is_file():
        pytest.skip("the console is not built: run tools/build_web.py")
    async with open_doubt_stage(database_url) as opened:
        platforms = GatewayServer(GatewaySettings(), opened.shop.clock)
        await platforms.start()
        known = platforms.open_alipay_account("One")
        account = PaymentAccount(
            opened.shop.merchant_id, "alipay", known.app_id, alipay_settings(known) | {"timeout_s": 10.0}
        )
        await PaymentAccounts(opened.shop.database, opened.shop.master_key).put(account)
        yield opened
        await platforms.stop()


async def offered(stage: DoubtStage) -> list[list[str]]:
    async with stage.shop.database.hot.acquire() as connection:
        return [
            (await catalogue_for(connection, stage.shop.merchant_id, one.machine_id)).channels
            for one in stage.shop.seeded.machines
        ]


async def test_a_way_to_pay_is_set_up_tried_switched_on_and_taken_from_one_machine(
    stage: DoubtStage, street: Street
) -> None:
    page = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, page)
    await page.get_by_test_id("nav-ways").click()
    alipay, stripe = page.get_by_test_id("way-alipay"), page.get_by_test_id("way-stripe")
    await expect(alipay.get_by_test_id("mark-private_key")).to_have_text(MARK)
    await alipay.get_by_test_id("way-try").click()
    await expect(alipay.get_by_test_id("tried")).to_have_attribute("data-state", "reachable")

    await stripe.get_by_test_id("way-edit").click()
    form = page.get_by_test_id("way-form")
    for name, value in (
        ("account", "acct_1"),
        ("secret_key", "pk_wrong"),
        ("webhook_secrets", "whsec_1"),
        ("return_url", "https://a.example/"),
    ):
        await form.get_by_test_id(f"set-{name}").fill(value)
    await form.get_by_test_id("way-save").click()
    await expect(form.get_by_test_id("way-failure")).to_contain_text("sk_ or rk_")
    await form.get_by_test_id("set-secret_key").fill(SECRET)
    await form.get_by_test_id("way-save").click()
    await expect(form).to_have_count(0)
    await expect(stripe.locator("[data-state='off']")).to_be_visible()
    assert SECRET not in await page.content()

    await stripe.get_by_test_id("way-switch").click()
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("switch-now").click()
    await expect(stripe.locator("[data-state='on']")).to_be_visible()
    assert await offered(stage) == [["alipay", "stripe"]] * 2

    await page.goto(f"{stage.url}machines/{stage.shop.machine_id}")
    await page.get_by_test_id("offer-stripe").click()
    await expect(page.get_by_test_id("channel-stripe")).to_have_attribute("data-offered", "false")
    assert sorted(await offered(stage)) == [["alipay"], ["alipay", "stripe"]]
