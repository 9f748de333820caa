"""The control page: its words, its limits, and a person in a real browser who needs nothing but it."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Page, Route, async_playwright, expect

from vendomat.simulator.gateways import GatewayServer, GatewaySettings
from vendomat.simulator.gateways.desk.texts import texts_of
from vendomat.simulator.gateways.desk.vocabulary import vocabulary
from vendomat.simulator.gateways.wallet import Language

from .merchant import AlipayMerchant, NoticeSink

NUMBER = "pay_0000000001"


@pytest.fixture
def settings() -> GatewaySettings:
    return GatewaySettings(notice_first_delay_s=0.01, notice_timeout_s=60.0, fee_basis_points=0)


def test_both_languages_have_every_text() -> None:
    chinese, english = texts_of(Language.ZH), texts_of(Language.EN)
    assert chinese.keys() == english.keys()
    assert all(chinese.values())
    assert all(english.values())
    assert {key for key in chinese if "{}" in chinese[key]} == {key for key in english if "{}" in english[key]}


async def test_e13_the_page_and_what_it_refuses(server: GatewayServer) -> None:
    async with httpx.AsyncClient(base_url=server.control_url, trust_env=False, timeout=30) as client:
        for language, title in (("en", "Emulated payment platforms"), ("zh-CN", "支付平台模拟器")):
            page = await client.get("/", headers={"Accept-Language": language})
            assert title in page.text
            assert "'unsafe" not in page.headers["content-security-policy"]
        script = await client.get("/desk.js")
        used = set(re.findall(r"\bt\.([a-z_0-9]+)|(?:say|label|press|card)\('([a-z_0-9]+)'", script.text))
        assert {one or other for one, other in used} <= texts_of(Language.EN).keys()
        assert "innerHTML" not in script.text
        foreign = {"Sec-Fetch-Site": "cross-site"}
        opened = await client.post("/control/merchants", content=b"{}", headers=foreign)
        assert opened.status_code == 403
        assert server.wechat.books()["accounts"] == []
        assert (await client.post("/", content=b"")).status_code == 404


def test_the_pages_lists_are_what_the_emulators_take() -> None:
    words = vocabulary()
    assert {"charge", "refund", "face", "certificate", "bill_download"} <= set(words["verbs"]["alipay"])  # type: ignore[index]
    assert "PROCESSING" not in words["outcomes"]["wechat"]  # type: ignore[index]


@pytest.mark.slow
async def test_e13_everything_by_the_page_alone(
    server: GatewayServer, alipay: AlipayMerchant, sink: NoticeSink
) -> None:
    """A code is paid, its notice refused and repeated as days go by, sent again by hand; a fault is set and cleared."""
    sink.answers = [(500, b"not now"), (200, b"success")]
    await alipay.precreate(notify_url=sink.url)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = await browser.new_page(locale="en-GB")
        page.set_default_timeout(60_000)
        outside: list[str] = []
        await page.route("**/*", lambda route: within(route, server.control_url, outside))
        await page.goto(f"{server.control_url}/#p=alipay")
        await press(page, "code", "pay")
        await expect(page.get_by_test_id("code")).to_have_count(0, timeout=60_000)
        await sink.wait_for(1)
        await page.get_by_test_id("days_7").click()
        await expect(page.get_by_test_id("ahead")).to_contain_text("7 d", timeout=60_000)
        await expect(page.get_by_test_id("notice")).to_contain_text("accepted", timeout=60_000)
        await page.get_by_test_id("notice").get_by_role("combobox").select_option("forged")
        await press(page, "notice", "resend")
        await expect(page.get_by_role("status")).to_contain_text("forged: 200 success", timeout=60_000)
        await page.get_by_test_id("call-fault").get_by_role("button").click()
        await expect(page.get_by_test_id("fault")).to_have_count(1, timeout=60_000)
        await page.get_by_test_id("open_account").click()
        await expect(page.get_by_test_id("keys")).to_contain_text("BEGIN PRIVATE KEY", timeout=60_000)
        await browser.close()
    assert outside == []
    assert len(sink.received) == 3
    assert server.call_faults.rules[0].platform == "alipay"


async def press(page: Page, place: str, button: str) -> None:
    await page.get_by_test_id(place).get_by_test_id(button).click()


async def within(route: Route, home: str, outside: list[str]) -> None:
    if route.request.url.startswith((home, "data:")):
        await route.continue_()
    else:
        outside.append(route.request.url)
        await route.abort()
