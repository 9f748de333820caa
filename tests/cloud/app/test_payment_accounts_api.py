"""Ways to pay over HTTP: settings go in, marks come out; who may, what is told, and nobody else's."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import structlog

from tests.cloud.payments.providers.scripted_platform import APIV3_KEY, private_pem, public_pem, rsa_key
from tests.cloud.shop_stage import PASSWORD, Shop, open_shop
from vendomat.cloud.catalog import catalogue_for
from vendomat.cloud.merchants import Merchants, NewOperator, PaymentAccount, PaymentAccounts, Role

pytestmark = pytest.mark.slow

ACCOUNTS = "/api/v1/payment-accounts"
KEY, PLATFORM = rsa_key(), rsa_key()
SECRET_KEY, WEBHOOK_SECRET = "sk_test_0123456789abcdef", "whsec_0123456789abcdef"
SECRETS = [APIV3_KEY, SECRET_KEY, WEBHOOK_SECRET, *private_pem(KEY).strip().splitlines()[1:-1]]
WECHAT: dict[str, Any] = {
    "mchid": "1900000001",
    "appid": "wx0000000000000001",
    "private_key": private_pem(KEY),
    "serial_no": "AA" * 20,
    "apiv3_key": APIV3_KEY,
    "public_key_id": "PUB_KEY_ID_0119000000012026",
    "public_key": public_pem(PLATFORM),
}
STRIPE: dict[str, Any] = {
    "account": "acct_1000000000000001",
    "secret_key": SECRET_KEY,
    "webhook_secrets": [WEBHOOK_SECRET],
    "return_url": "https://vend.example/thanks",
}


async def put(browser: httpx.AsyncClient, channel: str, **settings: object) -> httpx.Response:
    return await browser.put(f"{ACCOUNTS}/{channel}", json={"settings": settings})


async def seen(browser: httpx.AsyncClient, channel: str) -> dict[str, Any]:
    listed = (await browser.get(ACCOUNTS)).json()["data"]
    return next(one for one in listed if one["channel"] == channel)


async def told(shop: Shop) -> list[tuple[str, str]]:
    rows = await shop.database.hot.fetch(
        "SELECT kind, data ->> 'operator_id' AS who FROM outbox WHERE merchant_id = $1 ORDER BY event_id",
        shop.merchant_id,
    )
    return [(row["kind"], row["who"]) for row in rows if "channel" in row["kind"] or "account" in row["kind"]]


async def offered(shop: Shop, machine: int = 0) -> tuple[int, list[str]]:
    async with shop.database.hot.acquire() as connection:
        catalogue = await catalogue_for(connection, shop.merchant_id, shop.seeded.machines[machine].machine_id)
    return catalogue.version, catalogue.channels


@pytest.fixture
async def colleague(shop: Shop, stranger: httpx.AsyncClient) -> AsyncIterator[dict[Role, httpx.AsyncClient]]:
    """Signed-in people of the same merchant who are no owners."""
    people = Merchants(shop.database, shop.passwords, shop.ids, shop.clock)
    clients = {}
    for role in (Role.MANAGER, Role.READ_ONLY):
        email = f"{role}.{shop.seeded.email}"
        await people.add_operator(shop.merchant_id, NewOperator(email, role.value, PASSWORD, role))
        client = httpx.AsyncClient(transport=stranger._transport, base_url=stranger.base_url, headers=stranger.headers)
        assert (await client.post("/api/v1/session", json={"email": email, "password": PASSWORD})).status_code == 200
        clients[role] = client
    yield clients


async def test_a_new_account_begins_off_and_is_switched_on_and_off(browser: httpx.AsyncClient, shop: Shop) -> None:
    assert (await seen(browser, "wechat"))["account"] is None
    made = (await put(browser, "wechat", **WECHAT)).json()["account"]
    assert (made["account"], made["is_active"], made["changed_by_name"]) == ("1900000001", False, "Demo")
    before, channels = await offered(shop)
    assert channels == []
    for _ in range(2):
        assert (await browser.post(f"{ACCOUNTS}/wechat/activate")).json()["account"]["is_active"]
    assert await offered(shop) == (before + 1, ["wechat"])
    for _ in range(2):
        off = (await browser.post(f"{ACCOUNTS}/wechat/deactivate")).json()["account"]
    assert not off["is_active"] and off["off_since"]
    assert await offered(shop) == (before + 2, []), "every machine of the merchant hears of it, once"
    assert (await offered(shop, machine=1))[1] == []
    assert await told(shop) == [
        (f"payment_account.{word}", shop.seeded.operator_id) for word in ("changed", "activated", "deactivated")
    ]
    refused = await browser.post(f"{ACCOUNTS}/alipay/activate")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


async def test_one_key_is_replaced_and_the_others_stay(browser: httpx.AsyncClient, shop: Shop) -> None:
    first = (await put(browser, "wechat", **WECHAT)).json()
    assert first["account"]["settings"]["appid"] == WECHAT["appid"]
    assert set(first["account"]["marks"]) == {"private_key", "apiv3_key", "public_key"}
    await shop.clock.advance(60)
    after = (await put(browser, "wechat", apiv3_key="f" * 32)).json()
    marks = [one["account"]["marks"] for one in (first, after)]
    assert marks[0]["private_key"] == marks[1]["private_key"] and marks[0]["apiv3_key"] != marks[1]["apiv3_key"]
    assert after["account"]["changed_at"] > first["account"]["changed_at"]
    kept = await PaymentAccounts(shop.database, shop.master_key).find(shop.merchant_id, "wechat")
    assert kept is not None and kept.settings == WECHAT | {
        "apiv3_key": "f" * 32,
        "private_key": WECHAT["private_key"].strip(),
        "public_key": WECHAT["public_key"].strip(),
    }
    await shop.clock.advance(60)
    again = (await put(browser, "wechat", apiv3_key="f" * 32)).json()
    assert again == after, "the same again is no change"
    names = await shop.database.hot.fetch(
        "SELECT data -> 'settings' AS names FROM outbox WHERE merchant_id = $1 ORDER BY event_id", shop.merchant_id
    )
    assert [row["names"] for row in names] == [sorted(WECHAT), ["apiv3_key"]]


@pytest.mark.parametrize(
    ("channel", "settings", "word"),
    [
        ("wechat", {"apiv3_key": "too short"}, "32 characters"),
        ("wechat", {"private_key": "-----BEGIN PRIVATE KEY-----\nsecret-words"}, "key"),
        ("wechat", {"public_key": None}, "together"),
        ("wechat", {"base_url": "https://collect.example"}, "base_url"),
        ("wechat", {"apiv2_key": "a" * 32}, "certificate"),
        ("alipay", {"app_id": "2021000000000001"}, "missing"),
    ],
)
async def test_what_opens_no_provider_changes_nothing(
    browser: httpx.AsyncClient, channel: str, settings: dict[str, object], word: str
) -> None:
    await put(browser, "wechat", **WECHAT)
    before = (await browser.get(ACCOUNTS)).json()
    refused = await put(browser, channel, **settings)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_value")
    assert word in refused.json()["detail"] and "secret-words" not in refused.text
    assert (await browser.get(ACCOUNTS)).json() == before


async def test_another_account_waits_until_the_old_one_is_not_needed(browser: httpx.AsyncClient, shop: Shop) -> None:
    await put(browser, "wechat", **WECHAT)
    await browser.post(f"{ACCOUNTS}/wechat/activate")
    order, payment = shop.ids.new("ord"), shop.ids.new("pay")
    at = shop.clock.now()
    await shop.as_hot_owner(
        "INSERT INTO sale_order (merchant_id, order_id, machine_id, request_id, origin, state, version, total_minor, "
        "currency, lines, created_at, expires_at) VALUES ($1, $2, $3, 'r', 'touch', 'awaiting_payment', 1, 350, 'CNY', "
        "'[]', $4, $4)",
        shop.merchant_id,
        order,
        shop.machine_id,
        at,
    )
    await shop.as_hot_owner(
        "INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, state, "
        "created_at, expires_at, next_try_at) VALUES ($1, $2, $3, 'wechat', '1900000001', 350, 'CNY', 'created', "
        "$4, $4, $4)",
        shop.merchant_id,
        payment,
        order,
        at,
    )

    async def move() -> tuple[int, str]:
        answer = await put(browser, "wechat", mchid="1900000002")
        return answer.status_code, answer.json().get("detail", "")

    code, detail = await move()
    assert code == 409 and "Switch this way to pay off" in detail
    await browser.post(f"{ACCOUNTS}/wechat/deactivate")
    assert (await move())[0] == 409
    await shop.clock.advance(61)
    assert "1 payments" in (await move())[1]
    await shop.as_hot_owner(
        "UPDATE payment SET state = 'closed', next_try_at = NULL WHERE merchant_id = $1", shop.merchant_id
    )
    assert (await move())[0] == 200
    assert (await seen(browser, "wechat"))["account"]["account"] == "1900000002"


async def test_a_channel_is_taken_away_from_one_machine_and_given_back(browser: httpx.AsyncClient, shop: Shop) -> None:
    for channel, settings in (("wechat", WECHAT), ("stripe", STRIPE)):
        await put(browser, channel, **settings)
        await browser.post(f"{ACCOUNTS}/{channel}/activate")
    path = f"/api/v1/machines/{shop.machine_id}/channels"
    version, channels = await offered(shop)
    assert channels == ["wechat", "stripe"]
    for _ in range(2):
        answer = (await browser.put(f"{path}/stripe", json={"is_offered": False})).json()["data"]
    assert answer == (await browser.get(path)).json()["data"]
    assert {one["channel"]: one["is_offered"] for one in answer} == {"stripe": False, "wechat": True}
    assert await offered(shop) == (version + 1, ["wechat"])
    assert await offered(shop, machine=1) == (version, ["wechat", "stripe"])
    assert (await seen(browser, "stripe"))["machines_off"] == 1
    await browser.put(f"{path}/stripe", json={"is_offered": True})
    assert await offered(shop) == (version + 2, ["wechat", "stripe"])
    assert [kind for kind, _ in await told(shop)][-2:] == ["machine.channel_changed"] * 2
    assert (await browser.put(f"{path}/cash", json={"is_offered": True})).status_code == 404
    nobody = "mch_" + "0" * 26
    assert (await browser.get(f"/api/v1/machines/{nobody}/channels")).status_code == 404


async def test_a_try_asks_the_platform_and_says_what_it_said(browser: httpx.AsyncClient, shop: Shop) -> None:
    assert (await browser.post(f"{ACCOUNTS}/wechat/try")).status_code == 404
    away = PaymentAccount(shop.merchant_id, "wechat", "1900000001", WECHAT | {"base_url": "http://127.0.0.1:9"})
    await PaymentAccounts(shop.database, shop.master_key).put(away)
    tried = (await browser.post(f"{ACCOUNTS}/wechat/try")).json()
    assert tried["state"] == "not_reachable" and tried["detail"].startswith("no answer")


async def test_owners_change_accounts_managers_switch_machines_and_others_look(
    browser: httpx.AsyncClient, colleague: dict[Role, httpx.AsyncClient], shop: Shop
) -> None:
    await put(browser, "stripe", **STRIPE)
    at_machine = f"/api/v1/machines/{shop.machine_id}/channels/stripe"
    for role, client in colleague.items():
        assert (await client.get(ACCOUNTS)).status_code == 200
        assert (await put(client, "stripe", secret_key="sk_test_other")).status_code == 403
        for verb in ("activate", "deactivate"):
            assert (await client.post(f"{ACCOUNTS}/stripe/{verb}")).status_code == 403
        may = role is Role.MANAGER
        assert (await client.put(at_machine, json={"is_offered": False})).status_code == (200 if may else 403)
        if not may:
            assert (await client.post(f"{ACCOUNTS}/stripe/try")).status_code == 403
    assert [kind for kind, _ in await told(shop)] == ["payment_account.changed", "machine.channel_changed"]


async def test_another_merchants_accounts_and_machines_are_nobodys(
    browser: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    await put(browser, "stripe", **STRIPE)
    async with open_shop(database_url) as other:
        theirs = other.machine_id
        assert (await PaymentAccounts(other.database, other.master_key).find(other.merchant_id, "stripe")) is None
    for answer in (
        await browser.get(f"/api/v1/machines/{theirs}/channels"),
        await browser.put(f"/api/v1/machines/{theirs}/channels/stripe", json={"is_offered": False}),
    ):
        assert answer.status_code == 404
    count = await shop.database.hot.fetchval("SELECT count(*) FROM machine_channel_off WHERE machine_id = $1", theirs)
    assert count == 0


async def test_strangers_see_nothing(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get(ACCOUNTS)).status_code == 401
    assert (await put(stranger, "stripe", **STRIPE)).status_code == 401


async def test_no_secret_is_in_any_answer_log_event_or_row(
    browser: httpx.AsyncClient, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []

    async def ask(method: str, path: str, **more: Any) -> None:
        said.append((await browser.request(method, ACCOUNTS + path, **more)).text)

    with structlog.testing.capture_logs() as logs, caplog.at_level("DEBUG"):
        for channel, settings in (("wechat", WECHAT), ("stripe", STRIPE)):
            await ask("PUT", f"/{channel}", json={"settings": settings})
            await ask("PUT", f"/{channel}", json={"settings": settings | {"nonsense": APIV3_KEY}})
            await ask(
                "PUT", f"/{channel}", json={"settings": {"code_pay": SECRET_KEY, "account": WEBHOOK_SECRET + "\n\n"}}
            )
            await ask("PUT", f"/{channel}", json={"settings": {"private_key": private_pem(KEY)[:-60]}})
            await ask("PUT", f"/{channel}", json={"settings": SECRET_KEY})
            await ask("PUT", f"/{channel}", json=settings)
            await ask("POST", f"/{channel}/activate")
        away = PaymentAccount(shop.merchant_id, "wechat", "1900000001", WECHAT | {"base_url": "http://127.0.0.1:9"})
        await PaymentAccounts(shop.database, shop.master_key).put(away)
        await ask("POST", "/wechat/try")
        await ask("GET", "")
    said += [str(logs), caplog.text]
    for table in ("outbox", "payment_account", "security_event", "evidence", "idempotency_key"):
        rows = await shop.database.hot.fetch(f"SELECT t::text AS row FROM {table} t")
        said += [row["row"] for row in rows]
    text = "\n".join(said)
    assert "acct_1000000000000001" in text and "payment_account.changed" in text, "it was looked at at all"
    assert [secret for secret in SECRETS if secret in text] == []


def test_an_opened_account_hides_its_settings() -> None:
    account = PaymentAccount("mer", "wechat", "1900000001", WECHAT)
    assert APIV3_KEY not in repr(account) and APIV3_KEY not in str(dataclasses.replace(account, is_active=False))
