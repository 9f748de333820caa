"""The wallet page: what it shows, what its buttons do, and that it needs nothing from outside."""

from __future__ import annotations

import pytest
from httpx import AsyncClient

from vendomat.simulator.gateways import GatewayServer, Habits
from vendomat.simulator.gateways.alipay.records import Terms
from vendomat.simulator.gateways.wallet.texts import _TEXTS

from .merchant import AlipayMerchant, NoticeSink, WechatMerchant


async def code_of(wechat: WechatMerchant, **more: object) -> str:
    return str((await wechat.create(**more)).json()["code_url"])


async def test_home_lists_codes_in_the_browsers_language(wechat: WechatMerchant) -> None:
    await code_of(wechat, description="<b>冰红茶</b>")
    page = await wechat.client.get("/wallet", headers={"Accept-Language": "zh-CN,zh"})
    assert "附近的收款码" in page.text
    assert "&lt;b&gt;冰红茶&lt;/b&gt;" in page.text
    assert "<b>冰红茶</b>" not in page.text
    assert "¥3.50" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    english = await wechat.client.get("/wallet", headers={"Accept-Language": "en-GB"})
    assert "Codes shown nearby" in english.text


async def test_language_and_buyer_are_remembered(wechat: WechatMerchant) -> None:
    wechat.client.follow_redirects = True
    await wechat.client.get("/wallet?lang=en")
    page = await wechat.client.get("/wallet?payer=buyer-2")
    assert "Codes shown nearby" in page.text
    assert '<option value="buyer-2" selected>Bo</option>' in page.text


@pytest.mark.parametrize("escaped", [True, False])
async def test_sheet_opens_by_address(wechat: WechatMerchant, escaped: bool) -> None:
    code = await code_of(wechat)
    address = {"params": {"code": code}} if escaped else {}
    page = await wechat.client.get("/wallet" if escaped else f"/wallet?code={code}", **address)
    assert 'role="dialog"' in page.text
    assert "确认付款 ¥3.50" in page.text
    assert "A-17" not in page.text  # the machine's number is for the merchant's books; no wallet shows it


@pytest.mark.parametrize(("deed", "state", "notices"), [("pay", "SUCCESS", 1), ("lose", "SUCCESS", 0)])
async def test_paying(
    server: GatewayServer, wechat: WechatMerchant, sink: NoticeSink, deed: str, state: str, notices: int
) -> None:
    code = await code_of(wechat, notify_url=sink.url)
    wechat.client.follow_redirects = True
    page = await wechat.client.post("/wallet/deed", data={"code": code, "deed": deed})
    assert "3.50" in page.text
    assert (await wechat.query()).json()["trade_state"] == state
    bills = await wechat.client.get("/wallet/bills")
    assert "−¥3.50" in bills.text
    if notices:
        await sink.wait_for(1)
    else:
        assert server.wechat.notices()[0].state == "lost"


async def test_refusing_leaves_the_code_payable(wechat: WechatMerchant) -> None:
    code = await code_of(wechat)
    answer = await wechat.client.post("/wallet/deed", data={"code": code, "deed": "refuse"})
    assert answer.status_code == 303
    assert (await wechat.query()).json()["trade_state"] == "NOTPAY"
    assert (await wechat.client.post("/wallet/deed", data={"code": code, "deed": "steal"})).status_code == 400


async def test_other_sites_cannot_press_the_buttons(wechat: WechatMerchant) -> None:
    code = await code_of(wechat)
    answer = await wechat.client.post(
        "/wallet/deed", data={"code": code, "deed": "pay"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert (await wechat.query()).json()["trade_state"] == "NOTPAY"


async def test_refusals_are_explained(wechat: WechatMerchant) -> None:
    page = await wechat.client.get("/wallet", params={"code": "weixin://nothing"}, headers={"Accept-Language": "en"})
    assert "This code is not known here" in page.text
    code = await code_of(wechat)
    await wechat.client.get("/wallet", params={"code": code})
    page = await wechat.client.get("/wallet", params={"code": code}, headers={"Cookie": "wallet_payer=buyer-3"})
    assert "商家订单信息有误" in page.text


async def test_refunds_appear_in_the_bills(server: GatewayServer, alipay: AlipayMerchant) -> None:
    server.alipay.pay((await alipay.precreate())["qr_code"], "buyer-1")
    await alipay.call("refund", refund_amount="1.00", out_request_no="r1")
    async with AsyncClient(base_url=f"http://127.0.0.1:{server.ports.alipay}") as client:
        page = await client.get("/wallet/bills", headers={"Accept-Language": "en"})
        assert "Partly refunded +¥1.00" in page.text
        await alipay.call("refund", refund_amount="2.50", out_request_no="r2")
        assert "Refunded +¥3.50" in (await client.get("/wallet/bill-rows", headers={"Accept-Language": "en"})).text


def test_both_languages_have_every_text() -> None:
    for key, (chinese, english) in _TEXTS.items():
        assert chinese, key
        assert english, key
        assert ("{}" in chinese) == ("{}" in english), key


@pytest.mark.slow
async def test_a_buyer_with_a_real_browser(server: GatewayServer, wechat: WechatMerchant) -> None:
    from playwright.async_api import async_playwright

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": 390, "height": 844}, locale="en-US")
        page = await context.new_page()
        outside: list[str] = []
        problems: list[str] = []
        page.on("request", lambda request: None if "//127.0.0.1:" in request.url else outside.append(request.url))
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(f"{wechat.account.base_url}/wallet")
        code = await code_of(wechat)
        await page.click("a.row", timeout=5_000)
        await page.click("text=Refuse")
        await page.click("text=Back to the wallet")
        await page.fill("input[name=code]", code)
        await page.click("text=Open")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.click("button[value=pay]")
        await page.click("text=See bills")
        assert await page.locator("text=−¥3.50").count() == 1
        await browser.close()
        assert outside == []
        assert problems == []
    assert (await wechat.query()).json()["trade_state"] == "SUCCESS"


async def test_the_code_that_is_shown_is_the_one_that_is_charged(server: GatewayServer, wechat: WechatMerchant) -> None:
    page = await wechat.client.get("/wallet/show")
    code = server.wechat.show_code("buyer-1").code
    assert f'data-code="{code}"' in page.text
    assert "<svg" in page.text
    assert code in (await wechat.client.get("/wallet/shown")).text
    assert code != server.wechat.show_code("buyer-2").code


@pytest.mark.parametrize(("deed", "state"), [("confirm", "TRADE_SUCCESS"), ("decline", "TRADE_CLOSED")])
async def test_the_password_is_given_or_not(
    server: GatewayServer, alipay: AlipayMerchant, deed: str, state: str
) -> None:
    server.alipay.set_habits("buyer-1", Habits(asks_password=True))
    terms = Terms(app_id=alipay.account.app_id, out_trade_no="pay_0000000001", subject="Tea", total_fen=350)
    trade = server.alipay.charge(terms, server.alipay.show_code("buyer-1").code)
    alipay.client.follow_redirects = True
    wallet = alipay.account.gateway_url.replace("/gateway.do", "/wallet")
    assert "请输入支付密码" in (await alipay.client.get(f"{wallet}/show")).text
    form = {"number": trade.terms.out_trade_no, "deed": deed}
    done = "付款成功" if deed == "confirm" else "没有扣款"
    assert done in (await alipay.client.post(f"{wallet}/deed", data=form)).text
    assert server.alipay.books_now.trades[trade.key].state == state
    assert "请输入支付密码" not in (await alipay.client.get(f"{wallet}/show")).text
    assert "无法付款" in (await alipay.client.post(f"{wallet}/deed", data=form)).text
