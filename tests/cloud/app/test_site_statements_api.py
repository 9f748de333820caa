"""Sites over HTTP: who stands where, what is agreed, a month stated and frozen, paid out, and verified."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.cloud.shop_stage import PASSWORD, Shop, open_shop
from vendomat.cloud.ledger import Entry, post, postings
from vendomat.cloud.statements import DaySums
from vendomat.kernel import derive_id

pytestmark = pytest.mark.slow

NOON = datetime(2025, 11, 10, 4, tzinfo=UTC)  # in China, two months before the shop's clock
PRICE = 350
FREE = {"steps": [], "per_unit_minor": 0, "fixed_minor": 0, "minimum_minor": 0}


async def _sell(shop: Shop, machine: int, at: datetime, *, channel: str = "wechat") -> None:
    """A unit that was paid for and came out, as the sale leaves it behind."""
    n = await shop.database.hot.fetchval("SELECT count(*) FROM sale_order")
    order_id, payment_id = derive_id("ord", "x", n), derive_id("pay", "x", n)
    machine_id = shop.seeded.machines[machine].machine_id
    account = "gift" if channel == "code" else "1900000001"
    async with shop.database.hot.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO sale_order (merchant_id, order_id, machine_id, request_id, origin, state, version, "
            "total_minor, currency, lines, created_at, expires_at, ended_at) "
            "VALUES ($1, $2, $3, $2, 'touch', 'settled', 1, 350, 'CNY', '[]', $4, $4, $4)",
            shop.merchant_id,
            order_id,
            machine_id,
            at,
        )
        await connection.execute(
            "INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, captured_minor, "
            "currency, state, is_winning, paid_at, created_at, expires_at) "
            "VALUES ($1, $2, $3, $4, $5, 350, 350, 'CNY', 'paid', true, $6, $6, $6)",
            shop.merchant_id,
            payment_id,
            order_id,
            channel,
            account,
            at,
        )
        await connection.execute(
            "INSERT INTO vend_unit (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, outcome, "
            "is_final) VALUES ($1, $2, 1, $3, 'A1', 'p', 350, 'delivered', true)",
            shop.merchant_id,
            order_id,
            machine_id,
        )
        made = (
            postings.payment_confirmed(payment_id, postings.funding(channel, account), PRICE),
            postings.unit_delivered(order_id, 1, shop.merchant_id, PRICE),
        )
        await post(connection, [Entry(shop.merchant_id, order_id, "CNY", at, one) for one in made])


async def _site(browser: httpx.AsyncClient, shop: Shop, terms: dict[str, object], *, machines: int = 2) -> str:
    """A site with machines and terms from November on; its address."""
    made = await browser.post("/api/v1/sites", json={"name": " 大厦 Lobby ", "owner": "Wang & Söhne"})
    assert made.status_code == 201, made.text
    path = f"/api/v1/sites/{made.json()['id']}"
    for machine in shop.seeded.machines[:machines]:
        stay = await browser.put(f"{path}/machines/{machine.machine_id}", json={"first_day": "2025-11-01"})
        assert stay.status_code == 200, stay.text
    agreed = await browser.put(f"{path}/rules/2025-11-01", json=FREE | terms)
    assert agreed.status_code == 200, agreed.text
    return path


async def _issue(browser: httpx.AsyncClient, path: str, month: str, **more: object) -> httpx.Response:
    return await browser.post(f"{path}/statements", json={"month": month, "despite_open_days": True, **more})


async def _owed(browser: httpx.AsyncClient, path: str) -> int:
    return int((await browser.get(f"{path}/statements")).json()["owed_minor"])


TENTH = {"steps": [{"from_minor": 0, "basis_points": 1_000}]}


async def test_a_month_is_stated_frozen_paid_and_verified(browser: httpx.AsyncClient, shop: Shop) -> None:
    path = await _site(browser, shop, TENTH | {"per_unit_minor": 5})
    for machine, count in ((0, 3), (1, 2)):
        for n in range(count):
            await _sell(shop, machine, NOON + timedelta(hours=n))
    await _sell(shop, 0, NOON, channel="code")  # a gift earns nobody anything
    assert (await browser.get(f"{path}/statements")).json()["next_month"] == "2025-11"
    preview = (await browser.get(f"{path}/statements/2025-11")).json()
    assert (preview["state"], preview["total_minor"]) == ("preview", 175 + 25)
    assert (await browser.post(f"{path}/statements", json={"month": "2025-11"})).status_code == 409  # days are open
    await DaySums(shop.database).run()
    issued = (await _issue(browser, path, "2025-11")).json()
    assert issued["lines"] == preview["lines"] and issued["machines"] == preview["machines"]
    assert [(line["kind"], line["amount_minor"]) for line in issued["lines"]] == [("share", 175), ("units", 25)]
    assert sum(machine["share_minor"] for machine in issued["machines"]) == issued["total_minor"] == 200
    assert (issued["state"], issued["position"], issued["site"]) == ("issued", 1, "大厦 Lobby")
    assert await _owed(browser, path) == 200
    await _sell(shop, 0, NOON)  # whatever is booked later: an issued statement stays
    again = (await _issue(browser, path, "2025-11")).json()
    assert again == issued == (await browser.get(f"{path}/statements/2025-11")).json()
    files = [
        await browser.get(f"{path}/statements/2025-11/statement.{name}")
        for name in ("csv", "pdf", "pdf?lang=zh", "pdf?lang=en")
    ]
    assert files[1].content == files[2].content != files[3].content
    for file, form in zip(files, ("csv", "pdf_zh", "pdf_zh", "pdf_en"), strict=True):
        digest = hashlib.sha256(file.content).hexdigest()
        found = (await browser.get(f"/api/v1/site-statements/verify/{digest}")).json()
        assert (found["position"], found["month"], found["form"], found["is_intact"]) == (1, "2025-11", form, True)
    assert (await browser.get(f"/api/v1/site-statements/verify/{'0' * 64}")).status_code == 404
    pay = {"amount_minor": 150, "paid_on": "2025-12-05", "reference": "bank 1"}
    first = await browser.post(f"{path}/payouts", json=pay)
    assert (await browser.post(f"{path}/payouts", json=pay)).json() == first.json()
    assert await _owed(browser, path) == 50
    for other in ({"amount_minor": 149}, {"amount_minor": 51, "reference": "bank 2"}):
        assert (await browser.post(f"{path}/payouts", json=pay | other)).status_code == 409
    rent = await shop.database.hot.fetch(
        "SELECT account, sum(amount_minor)::bigint AS minor FROM ledger_line WHERE merchant_id = $1 "
        "AND txn_key LIKE 'rent%' GROUP BY account ORDER BY account",
        shop.merchant_id,
    )
    site_id = path.rpartition("/")[2]
    assert {row["account"]: row["minor"] for row in rent} == {
        "asset:bank": -150,
        f"expense:site_rent:{site_id}": 200,
        f"liab:site_rent:{site_id}": -50,
    }


async def test_what_was_stated_wrongly_is_corrected_by_the_next_statement_only(
    browser: httpx.AsyncClient, shop: Shop
) -> None:
    path = await _site(browser, shop, TENTH)
    await _sell(shop, 0, NOON)
    assert (await _issue(browser, path, "2025-12")).status_code == 409  # none is left out
    assert (await _issue(browser, path, "2025-11")).json()["total_minor"] == 35
    await browser.put(f"{path}/rules/2025-11-05", json=FREE | {"steps": [{"from_minor": 0, "basis_points": 2_000}]})
    by_hand = {"month": "2025-11", "amount_minor": -10, "reason": "agreed by telephone"}
    assert (await _issue(browser, path, "2025-12", corrections=[by_hand | {"month": "2025-12"}])).status_code == 422
    december = (await _issue(browser, path, "2025-12", corrections=[by_hand])).json()
    assert [(c["month"], c["amount_minor"], c["reason"]) for c in december["corrections"]] == [
        ("2025-11", 35, ""),
        ("2025-11", -10, "agreed by telephone"),
    ]
    assert (december["total_minor"], december["position"]) == (25, 2)
    assert december["previous"] == (await browser.get(f"{path}/statements/2025-11")).json()["link"]
    assert await _owed(browser, path) == 60
    january = (await browser.get(f"{path}/statements/2026-01")).json()
    assert january["corrections"] == []  # what was corrected stays corrected, and a person's word is not undone
    now = shop.clock.now().astimezone(UTC)
    third = await _issue(browser, path, f"{now:%Y-%m}")
    assert third.status_code == 409  # it is not over


async def test_a_machine_earns_for_the_place_where_it_stood_that_day(browser: httpx.AsyncClient, shop: Shop) -> None:
    first, second = [await _site(browser, shop, TENTH, machines=0) for _ in range(2)]
    machine = shop.seeded.machines[0].machine_id
    await browser.put(f"{first}/machines/{machine}", json={"first_day": "2025-11-01"})
    await browser.put(f"{second}/machines/{machine}", json={"first_day": "2025-11-11"})
    await browser.put(f"{second}/machines/{machine}", json={"first_day": "2025-11-12", "is_leaving": True})
    for n in range(4):
        await _sell(shop, 0, NOON + timedelta(days=n))
    totals = [(await browser.get(f"{path}/statements/2025-11")).json()["total_minor"] for path in (first, second)]
    assert totals == [35, 35]


async def test_terms_that_begin_in_another_age_are_refused(browser: httpx.AsyncClient, shop: Shop) -> None:
    path = await _site(browser, shop, TENTH, machines=0)
    for first_day, status in (("2023-01-01", 422), ("1999-12-31", 422), ("9999-12-31", 422), ("2026-02-30", 422)):
        assert (await browser.put(f"{path}/rules/{first_day}", json=FREE)).status_code == status, first_day
    bad = {"steps": [{"from_minor": 5, "basis_points": 1}]}
    assert (await browser.put(f"{path}/rules/2025-11-01", json=FREE | bad)).status_code == 422
    pay = {"amount_minor": 1, "paid_on": "9999-12-31", "reference": "x"}
    assert (await browser.post(f"{path}/payouts", json=pay)).status_code == 422
    assert (await browser.get(f"{path}/statements")).json()["next_month"] == "2025-11"


async def test_two_who_issue_at_once_issue_one(browser: httpx.AsyncClient, shop: Shop) -> None:
    path = await _site(browser, shop, {"fixed_minor": 1_000})
    answers = await asyncio.gather(*(_issue(browser, path, "2025-11") for _ in range(3)))
    assert {answer.json()["link"] for answer in answers} == {answers[0].json()["link"]}
    assert await _owed(browser, path) == 1_000


async def test_a_place_and_its_hours_are_kept_and_logged(browser: httpx.AsyncClient) -> None:
    made = (await browser.post("/api/v1/sites", json={"name": "Lobby", "owner": "Wang"})).json()
    assert (made["address"], made["opening"]) == ("", [])
    path, day = f"/api/v1/sites/{made['id']}", {"from_minute": 480, "until_minute": 1320}
    place = {"name": "Lobby", "owner": "Wang", "address": "1 Nanjing Road", "opening": [*[day] * 6, None]}
    changed = await browser.put(path, json=place)
    assert changed.status_code == 200, changed.text
    assert {name: changed.json()[name] for name in place} == place
    (listed,) = (await browser.get("/api/v1/sites")).json()
    assert listed["address"] == "1 Nanjing Road"
    (entry, *_) = (await browser.get("/api/v1/changes", params={"what": "site"})).json()["data"]
    assert entry["after"]["opening"] == [*[[480, 1320]] * 6, None]
    for wrong in ([day], [{"from_minute": 0, "until_minute": 1441}] * 7):
        assert (await browser.put(path, json=place | {"opening": wrong})).status_code == 422
    assert (await browser.get(path)).json()["opening"] == place["opening"]


async def test_nobody_touches_the_sites_of_another(browser: httpx.AsyncClient, shop: Shop, database_url: str) -> None:
    path = await _site(browser, shop, {"fixed_minor": 1_000})
    link = (await _issue(browser, path, "2025-11")).json()["link"]
    async with open_shop(database_url) as other:
        await browser.post("/api/v1/session", json={"email": other.seeded.email, "password": PASSWORD})
        assert (await browser.get("/api/v1/sites")).json() == []
        for place in ("", "/statements", "/statements/2025-11", "/statements/2025-11/statement.csv"):
            assert (await browser.get(path + place)).status_code == 404, place
        assert (await browser.get(f"/api/v1/site-statements/verify/{link}")).status_code == 404
        assert (await browser.put(f"{path}/rules/2025-11-01", json=FREE)).status_code == 404
        pay = {"amount_minor": 1, "paid_on": "2025-12-05", "reference": "x"}
        assert (await browser.post(f"{path}/payouts", json=pay)).status_code == 404
        assert (await _issue(browser, path, "2025-12")).status_code == 404
        strange = f"{path}/machines/{other.seeded.machines[0].machine_id}"
        assert (await browser.put(strange, json={"first_day": "2025-11-01"})).status_code == 404
