"""People's browsers over HTTP: keys go in and never come out, nonsense is refused, nobody touches another's."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cloud.alarms.push_service import PushService
from tests.cloud.alarms.test_browsers import ann, office, service, turned_on
from tests.cloud.app.conftest import browser, public_app, stranger
from tests.cloud.merchants.test_people import Office
from tests.cloud.shop_stage import Shop
from vendomat.cloud.alarms.notices.push_wire import PushKey, Subscription

__all__ = ["browser", "office", "public_app", "service", "stranger"]
pytestmark = pytest.mark.slow

BROWSERS = "/api/v1/account/browsers"


def body_of(one: Subscription, **more: Any) -> dict[str, Any]:
    keys = {"p256dh": one.p256dh, "auth": one.auth}
    return {"endpoint": one.url, "keys": keys, "language": "en", "min_severity": "critical"} | more


async def test_keys_go_in_and_never_come_out(shop: Shop, browser: httpx.AsyncClient, service: PushService) -> None:
    one = service.subscribe()
    answer = await browser.put(BROWSERS, json=body_of(one), headers={"User-Agent": "Firefox/140 Linux"})
    assert answer.status_code == 200, answer.text
    listed = await browser.get(BROWSERS)
    assert listed.json()["data"] == [answer.json()] and listed.json()["data"][0]["agent"] == "Firefox/140 Linux"
    assert listed.json()["public_key"] == PushKey.of(shop.master_key.derive("web_push")).public
    logged = await shop.database.hot.fetch("SELECT * FROM change_entry WHERE merchant_id = $1", shop.merchant_id)
    row = await shop.database.hot.fetchrow("SELECT * FROM notify_channel WHERE operator_id IS NOT NULL")
    for secret in (one.url, one.auth, one.p256dh):
        assert secret not in answer.text + listed.text + repr(logged) + repr(row)
    place = f"{BROWSERS}/{answer.json()['id']}"
    assert (await browser.post(f"{place}/test")).json() == {"is_sent": True, "reason": ""}
    assert service.took[0].notice["title"] == "Test message"
    assert (await browser.get("/api/v1/notification-channels")).json()["data"] == []
    rule = {"escalate_after_min": 5, "escalate_to": answer.json()["id"]}
    assert (await browser.put("/api/v1/alarm-rules/vend_failed", json=rule)).status_code == 422
    assert (await browser.delete(place)).status_code == 204
    assert (await browser.delete(place)).status_code == 404 and (await browser.post(f"{place}/test")).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "ftp://push.example/1"},
        {"endpoint": "https://push.example/" + "1" * 2000},
        {"keys": {"p256dh": "AAAA", "auth": "AAAA"}},
        {"keys": {}},
        {"min_severity": "none"},
        {"language": "fr"},
        {"more": 1},
    ],
)
async def test_what_is_no_subscription_is_refused(
    browser: httpx.AsyncClient, service: PushService, change: dict[str, Any]
) -> None:
    answer = await browser.put(BROWSERS, json=body_of(service.subscribe(), **change))
    assert answer.status_code == 422, answer.text
    assert (await browser.get(BROWSERS)).json()["data"] == []


async def test_nobody_touches_anothers(
    shop: Shop, office: Office, browser: httpx.AsyncClient, service: PushService
) -> None:
    theirs = await turned_on(shop, await ann(office), service.subscribe())
    assert (await browser.get(BROWSERS)).json()["data"] == []
    assert (await browser.delete(f"{BROWSERS}/{theirs}")).status_code == 404
    assert (await browser.post(f"{BROWSERS}/{theirs}/test")).status_code == 404
