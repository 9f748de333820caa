"""The console's API over HTTP: machines, orders, alarms, codes, pictures; and nobody else's."""

from __future__ import annotations

import datetime as dt
import json

import httpx
import pytest

from tests.cloud.shop_stage import MachineKey, Shop, key_of, open_shop
from vendomat.cloud.alarms import AlarmRow, Severity, raise_alarms
from vendomat.cloud.machines import HeartbeatItem, apply_heartbeats
from vendomat.kernel import derive_id

pytestmark = pytest.mark.slow


def order_id(number: int) -> str:
    return derive_id("ord", number)


async def add_order(shop: Shop, number: int, *, state: str = "settled", outcome: str = "delivered") -> str:
    """An order of two units in A1 with one payment; the second unit refunded unless delivered."""
    key, now = order_id(number), shop.clock.now()
    base = (shop.merchant_id, key)
    hot = shop.database.hot
    await hot.execute(
        "INSERT INTO sale_order (merchant_id, order_id, machine_id, request_id, origin, state, version, total_minor, "
        "currency, lines, created_at, expires_at, ended_at) "
        "VALUES ($1, $2, $3, $2, 'touch', $4::text, 3, 800, 'CNY', $5, $6, $6, "
        "CASE WHEN $4::text = 'settled' THEN $6::timestamptz END)",
        *base,
        shop.machine_id,
        state,
        [],
        now,
    )
    for unit, result in ((1, "delivered"), (2, outcome)):
        await hot.execute(
            "INSERT INTO vend_unit (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, outcome, "
            "is_final) VALUES ($1, $2, $3, $4, 'A1', $5, 400, $6, true)",
            *base,
            unit,
            shop.machine_id,
            shop.seeded.products["cola"],
            result,
        )
    payment = derive_id("pay", number)
    await hot.execute(
        "INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, state, "
        "is_winning, captured_minor, transaction_id, created_at, expires_at) "
        "VALUES ($1, $3, $2, 'wechat', 'acc', 800, 'CNY', 'paid', true, 800, $3, $4, $4)",
        *base,
        payment,
        now,
    )
    if outcome != "delivered":
        await hot.execute(
            "INSERT INTO refund (merchant_id, payment_id, ordinal, refund_id, order_id, amount_minor, reason, state, "
            "requested_at) VALUES ($1, $3, 1, $4, $2, 400, 'not delivered', 'processing', $5)",
            *base,
            payment,
            derive_id("ref", number),
            now,
        )
    await add_traces(shop, key)
    return key


async def add_traces(shop: Shop, order: str) -> None:
    """What an order of 800 leaves in the ledger and among the evidence."""
    base, now = (shop.merchant_id, order), shop.clock.now()
    await shop.database.hot.execute(
        "WITH t AS (INSERT INTO ledger_transaction (merchant_id, txn_key, kind, order_id, posted_at) "
        "VALUES ($1, $2, 'payment_confirmed', $2, $3)) INSERT INTO ledger_line (merchant_id, txn_key, line, account, "
        "amount_minor, currency, posted_at) "
        "VALUES ($1, $2, 1, 'asset', 800, 'CNY', $3), ($1, $2, 2, 'liab', -800, 'CNY', $3)",
        *base,
        now,
    )
    for kind in ("order.created", "payment.paid"):
        await shop.database.hot.execute(
            "INSERT INTO evidence (merchant_id, order_id, at, source, kind, data) VALUES ($1, $2, $3, 'cloud', $4, $5)",
            *base,
            now,
            kind,
            {"amount_minor": 800},
        )


async def test_machines_show_what_they_said_and_sold(shop: Shop, browser: httpx.AsyncClient) -> None:
    await shop.enrol_all()
    first, second = shop.seeded.machines
    now = shop.clock.now()
    async with shop.database.hot.acquire() as connection:
        await apply_heartbeats(
            connection,
            [
                HeartbeatItem(
                    shop.merchant_id,
                    first.machine_id,
                    1,
                    "nonce",
                    now,
                    is_ready=True,
                    temperature_c=4.0,
                    seq=1,
                    public_key=key_of(first.machine_id).public,
                )
            ],
        )
    await add_order(shop, 1, outcome="not_delivered")
    page = (await browser.get("/api/v1/machines")).json()
    assert (page["has_more"], page["next_cursor"]) == (False, None)
    online, offline = sorted(page["data"], key=lambda machine: str(machine["number"]))
    assert (online["number"], online["state"], online["is_ready"]) == ("SH-001", "online", True)
    assert online["slots"] == {"ok": 12, "sold_out": 0, "closed": 0}
    assert online["sales_today"] == {"count": 1, "amount_minor": 400, "currency": "CNY"}
    assert (offline["id"], offline["state"], offline["seen_at"]) == (second.machine_id, "offline", None)
    await shop.as_hot_owner(
        "UPDATE stock_slot SET closed_reason = 'jam' WHERE machine_id = $1 AND slot = 'A1'", first.machine_id
    )
    detail = (await browser.get(f"/api/v1/machines/{first.machine_id}")).json()
    assert (detail["state"], detail["slots"]["closed"]) == ("attention", 1)
    assert len(detail["planogram"]) == 12 and detail["planogram"][0]["state"] == "closed"
    await shop.clock.advance(8)
    assert {m["state"] for m in (await browser.get("/api/v1/machines")).json()["data"]} == {"offline"}


async def test_today_is_the_machines_day(shop: Shop, browser: httpx.AsyncClient) -> None:
    await add_order(shop, 2)  # the clock starts at 08:00 in Shanghai
    for hours, count in ((0, 2), (15, 2), (1, 0)):
        await shop.clock.advance(hours * 3600)
        if shop.clock.now() >= dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC):
            log_in = {"email": shop.seeded.email, "password": "correct horse battery"}
            await browser.post("/api/v1/session", json=log_in)
        machine = (await browser.get(f"/api/v1/machines/{shop.machine_id}")).json()
        assert machine["sales_today"]["count"] == count, hours


async def test_orders_page_newest_first_and_narrow(shop: Shop, browser: httpx.AsyncClient) -> None:
    made = []
    for number in range(10, 15):
        made.append(await add_order(shop, number, state="paid" if number == 12 else "settled"))
        await shop.clock.advance(number % 2)
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await browser.get("/api/v1/orders", params=query)).json()
        seen += [order["id"] for order in page["data"]]
        cursor = page["next_cursor"]
        assert page["has_more"] is (cursor is not None)
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
    paid = (await browser.get("/api/v1/orders", params={"state": "paid"})).json()["data"]
    assert [order["id"] for order in paid] == [made[2]]
    other = shop.seeded.machines[1].machine_id
    assert (await browser.get("/api/v1/orders", params={"machine": other})).json()["data"] == []


async def test_one_order_with_everything_known_of_it(shop: Shop, browser: httpx.AsyncClient) -> None:
    key = await add_order(shop, 20, outcome="not_delivered")
    order = (await browser.get(f"/api/v1/orders/{key}")).json()
    assert order["reference"] == f"{key[-8:-4]}-{key[-4:]}".upper()
    assert (order["channel"], order["units"], order["units_delivered"]) == ("wechat", 2, 1)
    assert (order["refunded_minor"], order["refunding_minor"]) == (0, 400)
    assert [unit["name_en"] for unit in order["unit_list"]] == ["Iced cola"] * 2
    assert [payment["captured_minor"] for payment in order["payments"]] == [800]
    assert [refund["state"] for refund in order["refunds"]] == ["processing"]
    assert sum(line["amount_minor"] for line in order["ledger"]) == 0 and len(order["ledger"]) == 2
    assert [(e["kind"], e["data"]) for e in order["timeline"]] == [
        ("order.created", {"amount_minor": 800}),
        ("payment.paid", {"amount_minor": 800}),
    ]


async def test_alarms_are_acknowledged_and_cleared(shop: Shop, browser: httpx.AsyncClient) -> None:
    row = AlarmRow(shop.merchant_id, shop.machine_id, "slot.jam", Severity.WARNING, shop.clock.now(), slot="A1")
    async with shop.database.hot.acquire() as connection:
        (alarm_id,) = await raise_alarms(connection, [row], ids=shop.ids)
    (listed,) = (await browser.get("/api/v1/alarms", params={"state": "open"})).json()["data"]
    assert (listed["id"], listed["machine_number"]) == (alarm_id, "SH-001")
    for action, state in (("acknowledge", "acknowledged"), ("clear", "cleared"), ("clear", "cleared")):
        answer = await browser.post(f"/api/v1/alarms/{alarm_id}/{action}")
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    refused = await browser.post(f"/api/v1/alarms/{alarm_id}/acknowledge")
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_move")
    assert (await browser.get("/api/v1/alarms", params={"state": "open"})).json()["data"] == []


async def test_codes_are_issued_once_per_key_and_shown_once(shop: Shop, browser: httpx.AsyncClient) -> None:
    body = {"machine_id": shop.machine_id, "product_id": shop.seeded.products["cola"], "kind": "gift", "count": 3}
    missing = await browser.post("/api/v1/codes", json=body, headers={"Idempotency-Key": ""})
    assert missing.status_code == 422 and "idempotency-key" in missing.text.lower()
    first = await browser.post("/api/v1/codes", json=body, headers={"Idempotency-Key": "a"})
    again = await browser.post("/api/v1/codes", json=body, headers={"Idempotency-Key": "a"})
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert len({code["code"] for code in first.json()["data"]}) == 3
    other = await browser.post("/api/v1/codes", json=body | {"count": 1}, headers={"Idempotency-Key": "a"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    listed = (await browser.get("/api/v1/codes")).json()["data"]
    assert len(listed) == 3 and all("code" not in code for code in listed)
    withdrawn = await browser.post(f"/api/v1/codes/{listed[0]['id']}/withdraw")
    assert withdrawn.json()["state"] == "withdrawn"


async def test_nothing_of_another_merchant_is_seen_or_moved(
    shop: Shop, browser: httpx.AsyncClient, database_url: str
) -> None:
    async with open_shop(database_url, machines=1) as other:
        order = await add_order(other, 30)
        row = AlarmRow(other.merchant_id, other.machine_id, "k", Severity.WARNING, other.clock.now())
        async with other.database.hot.acquire() as connection:
            (alarm_id,) = await raise_alarms(connection, [row], ids=other.ids)
        for path in (f"machines/{other.machine_id}", f"orders/{order}"):
            assert (await browser.get(f"/api/v1/{path}")).status_code == 404
        for path in ("orders", "alarms", "codes"):
            assert (await browser.get(f"/api/v1/{path}")).json()["data"] == []
        assert len((await browser.get("/api/v1/machines")).json()["data"]) == 2
        for action in ("acknowledge", "clear"):
            assert (await browser.post(f"/api/v1/alarms/{alarm_id}/{action}")).status_code == 404
        body = {"machine_id": other.machine_id, "product_id": other.seeded.products["cola"], "kind": "gift"}
        stolen = await browser.post("/api/v1/codes", json=body, headers={"Idempotency-Key": "steal"})
        assert stolen.status_code == 404


async def test_pictures_are_served_for_good_and_cannot_act(shop: Shop, browser: httpx.AsyncClient) -> None:
    machine = (await browser.get(f"/api/v1/machines/{shop.machine_id}")).json()
    pictured = [slot["image"] for slot in machine["planogram"] if slot["image"]]
    if not pictured:
        pytest.skip("no seed picture has been drawn yet")
    answer = await browser.get(pictured[0])
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.content.startswith(b"<svg")
    assert (await browser.get(f"/media/{'0' * 64}.svg")).status_code == 404
    assert (await browser.get("/media/../secret.svg")).status_code == 404
    assert (await browser.get("/media/x.svg")).status_code == 422


async def test_a_machine_enrols_over_http(shop: Shop, machine_side: httpx.AsyncClient) -> None:
    key = MachineKey()
    request = key.enrol_request(shop.seeded.machines[0].enrolment_token)
    body = {"token": request.token, "public_key": request.public_key, "proof": request.proof}
    answer = await machine_side.post("/enrol", content=json.dumps(body))
    assert answer.status_code == 200 and answer.json()["machine_id"] == shop.machine_id
    assert answer.headers["cache-control"] == "no-store"
    refused = await machine_side.post("/enrol", content=json.dumps(body | {"token": "x" * 30}))
    assert (refused.status_code, refused.json()["code"]) == (403, "enrolment_refused")
    assert refused.headers["content-type"] == "application/problem+json"
    for content in (b"", b"{}", b"[]", b"\xff", json.dumps(body | {"public_key": "U"}).encode()):
        broken = await machine_side.post("/enrol", content=content)
        assert (broken.status_code, broken.json()["code"]) == (400, "malformed")
    assert (await machine_side.post("/enrol/renew", content=b"{}")).status_code == 400
    assert (await machine_side.get("/api/v1/machines")).status_code == 404


async def test_a_merchant_that_has_all_but_a_sale_lacks_just_that(browser: httpx.AsyncClient, shop: Shop) -> None:
    await shop.enrol_all()
    steps = (await browser.get("/api/v1/first-steps")).json()
    assert steps == {"machine": True, "products": True, "planogram": True, "way_to_pay": False, "sale": False}
