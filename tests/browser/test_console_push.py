"""An alarm reaches a browser whose console is closed: turned on, pushed through a push service, shown, and opened.

The town's cloud, a push service on this machine and the console's own service worker are real. Two things a browser
without its maker's servers and without a hand cannot do are stood in for: the subscription its push service would give,
and the finger on the notice.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, CDPSession, Page, Worker, expect

from tests.browser.axe import violations
from tests.browser.console_stage import PHONE, SECOND_PRESS_MS, ConsoleStage
from tests.browser.test_console_told import TOLD_WITHIN_S, motor_ended_at
from tests.cloud.alarms.push_service import PushService, push_service
from vendomat.cloud.app.http import CONSOLE_FOLDER
from vendomat.simulator.town import Town
from vendomat.simulator.town.shopper import Story

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

MAKERS_PUSH_SERVICE = """
(() => {
  const said = %s, KEY = "tests.subscription";
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  const standing = () => ({
    endpoint: said.endpoint,
    options: { applicationServerKey: bytes(localStorage.getItem(KEY)).buffer },
    toJSON: () => said,
    unsubscribe: async () => (localStorage.removeItem(KEY), true),
  });
  PushManager.prototype.getSubscription = async () => (localStorage.getItem(KEY) === null ? null : standing());
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    if (said.endpoint === "") throw new DOMException("push service not available", "AbortError");
    localStorage.setItem(KEY, applicationServerKey);
    return standing();
  };
})();
"""  # noqa: E501 - a script
SHOWN = "async () => (await registration.getNotifications()).map(({ title, body, data }) => ({ title, body, data }))"
PRESSED = """
async (title) => {
  const opened = [];
  clients.openWindow = async (address) => void opened.push(address);
  const notification = (await registration.getNotifications()).find((one) => one.title === title);
  dispatchEvent(new NotificationEvent("notificationclick", { notification }));
  return opened;
}
"""
CLEAR = """
async (id) => {
  const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
  return (await fetch(`/api/v1/alarms/${id}/clear`, { method: "POST", headers, body: "{}" })).status;
}
"""
REMOVE_ALL = """
async () => {
  const { data } = await (await fetch("/api/v1/account/browsers")).json();
  return Promise.all(data.map(async ({ id }) => (await fetch(`/api/v1/account/browsers/${id}`, { method: "DELETE" })).status));
}
"""  # noqa: E501 - a script
UNSUBSCRIBED = """
async () => localStorage.getItem("tests.subscription") === null && (await navigator.serviceWorker.getRegistrations()).length === 0
"""  # noqa: E501 - a script


class Device:
    """The browser's own end: what its maker's push service brings it is handed to the console's service worker."""

    def __init__(self, page: Page, devtools: CDPSession) -> None:
        self._page = page
        self._devtools = devtools
        self._registration = ""
        devtools.on("ServiceWorker.workerRegistrationUpdated", self._note)

    def _note(self, event: dict[str, Any]) -> None:
        for one in event["registrations"]:
            self._registration = "" if one["isDeleted"] else one["registrationId"]

    async def worker(self) -> Worker:
        context = self._page.context
        return context.service_workers[0] if context.service_workers else await context.wait_for_event("serviceworker")

    async def deliver(self, notice: dict[str, Any]) -> None:
        origin = self._page.url.split("/console/")[0]
        said = {"origin": origin, "registrationId": self._registration, "data": json.dumps(notice)}
        await self._devtools.send("ServiceWorker.deliverPushMessage", said)

    async def shown(self, count: int) -> list[dict[str, str]]:
        """The notices on the screen, once there are so many."""
        worker = await self.worker()
        for _ in range(100):
            found: list[dict[str, str]] = await worker.evaluate(SHOWN)
            if len(found) == count:
                return found
            await self._page.wait_for_timeout(100)
        raise AssertionError(f"{found} instead of {count} notices")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(browser: Browser, town: Town) -> AsyncIterator[ConsoleStage]:
    if not (CONSOLE_FOLDER / "index.html").is_file():
        pytest.skip("the console is not built: run tools/build_web.py")
    stage = ConsoleStage(town, browser)
    yield stage
    await stage.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def service() -> AsyncIterator[PushService]:
    async with push_service() as opened:
        yield opened


async def subscribing(page: Page, service: PushService | None) -> None:
    """From the next page on, its maker's push service is `service`; or it is out of reach."""
    said: dict[str, Any] = {"endpoint": "", "keys": {}}
    if service is not None:
        one = service.subscribe()
        said = {"endpoint": one.url, "keys": {"p256dh": one.p256dh, "auth": one.auth}}
    await page.add_init_script(MAKERS_PUSH_SERVICE % json.dumps(said))


async def test_a_jam_is_pushed_shown_and_opened_by_a_click(
    stage: ConsoleStage, service: PushService, record_property: Callable[[str, object], None]
) -> None:
    home = stage.town.console_url
    async with stage.visit("en-GB") as visit:
        page = visit.page
        await page.context.grant_permissions(["notifications"])
        await subscribing(page, service)
        devtools = await page.context.new_cdp_session(page)
        device = Device(page, devtools)
        await stage.sign_in(page)
        await expect(page.get_by_test_id("kpi-sales")).to_be_visible()
        assert page.context.service_workers == []  # nobody has turned it on
        await devtools.send("ServiceWorker.enable")
        await page.goto(f"{home}account")
        await page.get_by_test_id("push-on").click()
        await expect(page.get_by_test_id("browser-this")).to_contain_text("this browser")
        assert await violations(page) == []
        await page.wait_for_timeout(SECOND_PRESS_MS)
        await page.get_by_test_id("browser-test").click()
        (tested,) = await service.wait(1)
        await device.deliver(tested.notice)
        assert [one["title"] for one in await device.shown(1)] == ["Test message"]

        assert await stage.buy(0, Story.JAM) == "not_delivered"
        _, pushed = await service.wait(2)
        told_s = (datetime.now(UTC) - motor_ended_at(stage.town)).total_seconds()
        record_property("pushed_s", round(told_s, 1))
        assert told_s <= TOLD_WITHIN_S, told_s
        for _ in range(2):  # told twice, shown once
            await device.deliver(pushed.notice)
        shown = await device.shown(2)
        (jam,) = [one for one in shown if one["title"] != "Test message"]
        assert stage.town.record.machines[0].number in jam["title"] and jam["body"] == "critical"
        (opened,) = await (await device.worker()).evaluate(PRESSED, jam["title"])
        await page.goto(opened)
        await expect(page.get_by_test_id("alarm-drawer")).to_contain_text("Slot failed")
        await page.keyboard.press("Escape")
        await expect(page).to_have_url(f"{home}alarms")
        assert await page.evaluate(CLEAR, pushed.notice["path"].partition("=")[2]) == 200

        await page.goto(f"{home}account")
        await expect(page.get_by_test_id("browser-this")).to_contain_text("last told")
        assert await page.evaluate(REMOVE_ALL) == [204]  # on another device
        await page.goto(home)
        await page.wait_for_function(UNSUBSCRIBED)

        await page.goto(f"{home}account")
        await page.get_by_test_id("push-on").click()
        await expect(page.get_by_test_id("browser-this")).to_be_visible()
        await page.get_by_test_id("account").first.click()
        await page.get_by_test_id("sign-out").click()
        await page.wait_for_function(UNSUBSCRIBED)
        await stage.sign_in(page)
        await expect(page.get_by_test_id("push-on")).to_be_visible()
        await expect(page.get_by_test_id("browser-this")).to_have_count(0)
        assert visit.faults == []


async def test_a_browser_that_cannot_says_why_and_names_the_other_ways(stage: ConsoleStage) -> None:
    home = stage.town.console_url
    async with stage.visit("zh-CN", PHONE) as visit:
        page = visit.page
        await page.context.grant_permissions(["notifications"])
        await subscribing(page, None)
        await stage.sign_in(page)
        await expect(page.get_by_test_id("kpi-sales")).to_be_visible()
        await page.goto(f"{home}account")
        await page.get_by_test_id("push-on").click()
        await expect(page.get_by_test_id("push-hindrance")).to_contain_text("无法连接浏览器的推送服务")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.context.add_init_script("delete window.PushManager")
        await page.goto(f"{home}account")
        await expect(page.get_by_test_id("push-hindrance")).to_contain_text("不支持")
        await page.get_by_test_id("push-channels").click()
        await expect(page.get_by_test_id("channels")).to_be_visible()
        assert visit.faults == []
