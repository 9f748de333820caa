"""What a person may do about a buyer's money: over HTTP, with a role, a reason and a trace, and only once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.cloud.one_key_each import ONE_KEY_EACH
from tests.cloud.sales.conftest import MERCHANT, World
from tests.cloud.sales.selling_stage import MASTER, Stage, fact, open_stage
from tests.cloud.sales.test_use_cases import create, new_order, paid
from vendomat.cloud.app import PublicParts, build_public_app
from vendomat.cloud.codes import CodePosting
from vendomat.cloud.merchants import Merchants, NewOperator, Passwords, Role
from vendomat.cloud.payments import refund_number
from vendomat.cloud.reports import EventFeeds
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import TimeOrderedIds, derive_id
from vendomat.protocol import FactKind

pytestmark = pytest.mark.slow

HOST = "http://console.example"
PASSWORD = "correct horse battery"
ORDER, PAYMENT = derive_id("ord", 1), derive_id("pay", 1)
FIRST, SECOND = refund_number(PAYMENT, 1), refund_number(PAYMENT, 2)
PATH = f"/api/v1/orders/{ORDER}"
WHY = {"reason": "the buyer's new card"}


async def _no_ledger(_connection: AsyncConnection, _postings: Sequence[CodePosting]) -> None:
    """No code is issued here."""


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    async with open_stage(world, is_following=False) as opened:
        yield opened


@pytest.fixture
async def browser(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the console of the worker on the stage, signed in as a manager."""
    database, clock = stage.world.database, stage.clock
    ids, passwords = TimeOrderedIds(clock), Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    merchants = Merchants(database, passwords, ids, clock)
    for role in (Role.OWNER, Role.MANAGER, Role.READ_ONLY):
        await merchants.add_operator(
            MERCHANT, NewOperator(email=f"{role}@vendomat.example", name=role, password=PASSWORD, role=role)
        )
    app = build_public_app(
        PublicParts(
            database=database,
            master_key=MASTER,
            passwords=passwords,
            ids=ids,
            clock=clock,
            post_ledger=_no_ledger,
            feeds=EventFeeds(database, clock),
            refunds=stage.refunds,
            payouts=stage.payouts,
        )
    )
    transport = httpx.ASGITransport(app, client=("10.9.9.9", 1), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url=HOST, headers={"Origin": HOST}, event_hooks=ONE_KEY_EACH
    ) as client:
        await sign_in(client, Role.MANAGER)
        yield client
    passwords.close()


async def sign_in(client: httpx.AsyncClient, role: Role) -> None:
    answer = await client.post("/api/v1/session", json={"email": f"{role}@vendomat.example", "password": PASSWORD})
    assert answer.status_code == 200, answer.text


async def undelivered(stage: Stage) -> None:
    """Paid, and refused by the machine: the refund is requested."""
    await create(stage.world, new_order(1))
    await stage.writer.apply(paid(1))
    stage.platform.take_money(PAYMENT, 350)
    body = {"cmd_id": command_number(ORDER, 1), "order_id": ORDER, "unit": 1, "slot": "A1", "reason": "door_open"}
    await stage.say("facts", {"facts": [fact(FactKind.REFUSED, body)]})


async def given_up(stage: Stage) -> None:
    await undelivered(stage)
    stage.platform.given_up.add(FIRST)
    for _ in range(2):
        await stage.sweeps.ask_refunds()
        await stage.clock.advance(60)
    assert await stage.one("SELECT state FROM refund") == "failed"


async def test_a_refund_the_platform_gave_up_is_tried_again_and_the_order_settles(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    await given_up(stage)
    assert await stage.one("SELECT state FROM sale_order") == "paid", "the buyer is owed still"
    for _ in range(2):
        answer = await browser.post(f"{PATH}/refunds/{FIRST}/again", json=WHY)
        assert (answer.status_code, answer.json()["state"]) == (200, "paid"), answer.text
    for _ in range(2):
        await stage.sweeps.ask_refunds()
        await stage.clock.advance(60)
    assert [c for c in stage.platform.calls if c[0] == "refund"] == [("refund", FIRST), ("refund", SECOND)]
    assert stage.platform.refunded_minor == 350
    assert await stage.one("SELECT state FROM sale_order") == "settled"
    order = (await browser.get(PATH)).json()
    assert [(r["ordinal"], r["state"]) for r in order["refunds"]] == [(1, "failed"), (2, "succeeded")]
    (told,) = [e for e in order["timeline"] if e["kind"] == "refund.retried"]
    me = (await browser.get("/api/v1/session")).json()["operator"]["id"]
    assert (told["source"], told["data"]["by"], told["data"]["reason"]) == ("operator", me, WHY["reason"])
    assert order["refunds"][1]["approved_by"] == me


async def test_one_that_was_paid_after_all_is_booked_and_gets_no_second_number(
    stage: Stage, browser: httpx.AsyncClient
) -> None:
    await given_up(stage)
    stage.platform.given_up.clear()
    stage.platform.refunds[FIRST] = stage.platform.trades[PAYMENT].amount  # type: ignore[assignment]
    answer = await browser.post(f"{PATH}/refunds/{FIRST}/again", json=WHY)
    assert (answer.status_code, answer.json()["state"]) == (200, "settled")
    assert await stage.one("SELECT count(*) FROM refund") == 1
    assert await stage.one("SELECT sum(amount_minor) FROM ledger_line WHERE account LIKE 'liab:%'") == 0


async def test_without_the_platforms_word_there_is_no_second_number(stage: Stage, browser: httpx.AsyncClient) -> None:
    await given_up(stage)
    stage.platform.is_away = True
    answer = await browser.post(f"{PATH}/refunds/{FIRST}/again", json=WHY)
    assert (answer.status_code, answer.json()["code"]) == (503, "platform_unreachable")
    assert await stage.one("SELECT count(*) FROM refund") == 1


async def test_one_that_may_still_pay_gets_no_second_number(stage: Stage, browser: httpx.AsyncClient) -> None:
    await undelivered(stage)
    answer = await browser.post(f"{PATH}/refunds/{FIRST}/again", json=WHY)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await browser.post(f"{PATH}/refunds/{SECOND}/again", json=WHY)).status_code == 404
    assert await stage.one("SELECT count(*) FROM refund") == 1


async def test_an_order_that_ended_has_nothing_to_give_back(stage: Stage, browser: httpx.AsyncClient) -> None:
    await create(stage.world, new_order(1))
    answer = await browser.post(f"{PATH}/refund", json=WHY)
    assert (answer.status_code, answer.json()["code"]) == (409, "order_not_open")
    other = derive_id("ord", 99)
    assert (await browser.post(f"/api/v1/orders/{other}/refund", json=WHY)).status_code == 404


@pytest.mark.parametrize("path", ["refund", f"refunds/{FIRST}/again", f"refunds/{FIRST}/release"])
async def test_who_may_only_look_moves_no_money_and_a_reason_is_needed(
    stage: Stage, browser: httpx.AsyncClient, path: str
) -> None:
    await given_up(stage)
    assert (await browser.post(f"{PATH}/{path}", json={"reason": "  "})).status_code == 422
    assert (await browser.post(f"{PATH}/{path}", json=WHY | {"amount_minor": 1})).status_code == 422
    await browser.delete("/api/v1/session")
    assert (await browser.post(f"{PATH}/{path}", json=WHY)).status_code == 401
    await sign_in(browser, Role.READ_ONLY)
    assert (await browser.post(f"{PATH}/{path}", json=WHY)).status_code == 403
    assert await stage.one("SELECT count(*) FROM refund") == 1


async def test_the_order_of_another_merchant_is_not_there(stage: Stage, browser: httpx.AsyncClient) -> None:
    await given_up(stage)
    stranger = "mer_" + "9" * 26
    await stage.world.superuser.execute("INSERT INTO merchant VALUES ($1, 'x', 'x', 'CNY', '', now())", stranger)
    await browser.delete("/api/v1/session")
    await stage.world.superuser.execute("UPDATE operator SET merchant_id = $1", stranger)
    await sign_in(browser, Role.MANAGER)
    for path in ("refund", f"refunds/{FIRST}/again", f"refunds/{FIRST}/release"):
        assert (await browser.post(f"{PATH}/{path}", json=WHY)).status_code == 404
    assert await stage.one("SELECT count(*) FROM refund") == 1


async def sold(stage: Stage) -> None:
    """Paid, and the machine says that it came out."""
    await create(stage.world, new_order(1))
    await stage.writer.apply(paid(1))
    stage.platform.take_money(PAYMENT, 350)
    body = {"cmd_id": command_number(ORDER, 1), "order_id": ORDER, "unit": 1, "slot": "A1", "result": "delivered"}
    await stage.say("facts", {"facts": [fact(FactKind.OUTCOME, body)]})
    assert await stage.one("SELECT state FROM sale_order") == "settled"


async def send_refunds(stage: Stage) -> None:
    for _ in range(2):
        await stage.sweeps.ask_refunds()
        await stage.clock.advance(60)


async def test_goodwill_goes_back_once_however_often_it_is_sent(stage: Stage, browser: httpx.AsyncClient) -> None:
    await sold(stage)
    gift = {"reason": "it was warm", "amount_minor": 150, "ordinal": 1}
    for _ in range(2):
        answer = await browser.post(f"{PATH}/goodwill", json=gift)
        assert (answer.status_code, answer.json()["state"]) == (200, "settled"), answer.text
        await send_refunds(stage)
    assert [c for c in stage.platform.calls if c[0] == "refund"] == [("refund", FIRST)]
    assert stage.platform.refunded_minor == 150
    order = (await browser.get(PATH)).json()
    me = (await browser.get("/api/v1/session")).json()["operator"]["id"]
    assert [(r["state"], r["asked_by"], r["approved_by"]) for r in order["refunds"]] == [("succeeded", me, "")]
    (told,) = [e for e in order["timeline"] if e["kind"] == "refund.goodwill"]
    assert (told["data"]["by"], told["data"]["reason"]) == (me, gift["reason"])
    loss = "SELECT sum(amount_minor) FROM ledger_line WHERE account = 'expense:goodwill'"
    assert await stage.one(loss) == 150


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"amount_minor": 351}, 422, "at most 3.50 CNY"),
        ({"ordinal": 2}, 409, "changed meanwhile"),
        ({"amount_minor": 0}, 422, ""),
        ({"amount_minor": 1.5}, 422, ""),
        ({"reason": " "}, 422, ""),
    ],
)
async def test_goodwill_that_cannot_be_is_refused_and_nothing_moves(
    stage: Stage, browser: httpx.AsyncClient, changes: dict[str, object], status: int, says: str
) -> None:
    await sold(stage)
    gift = {"reason": "it was warm", "amount_minor": 150, "ordinal": 1} | changes
    answer = await browser.post(f"{PATH}/goodwill", json=gift)
    assert answer.status_code == status and says in answer.text, answer.text
    assert await stage.one("SELECT count(*) FROM refund") == 0


async def test_money_that_is_owed_or_not_decided_is_no_goodwill(stage: Stage, browser: httpx.AsyncClient) -> None:
    await undelivered(stage)
    answer = await browser.post(f"{PATH}/goodwill", json={"reason": "kind", "amount_minor": 1, "ordinal": 2})
    assert answer.status_code == 422 and "at most 0.00 CNY" in answer.text
    answer = await browser.post(f"{PATH}/refunds/{FIRST}/decline", json=WHY)
    assert answer.status_code == 409 and "owed" in answer.text


async def test_large_goodwill_needs_a_second_person(stage: Stage, browser: httpx.AsyncClient) -> None:
    await sold(stage)
    answer = await browser.post(f"{PATH}/goodwill", json={"reason": "kind", "amount_minor": 201, "ordinal": 1})
    assert answer.status_code == 200
    answer = await browser.post(f"{PATH}/refunds/{FIRST}/release", json=WHY)
    assert answer.status_code == 409 and "another person" in answer.text
    await send_refunds(stage)
    assert await stage.one("SELECT state FROM refund") == "held" and stage.platform.refunded_minor == 0
    await sign_in(browser, Role.OWNER)
    for _ in range(2):
        assert (await browser.post(f"{PATH}/refunds/{FIRST}/release", json=WHY)).status_code == 200
        await send_refunds(stage)
    assert await stage.one("SELECT state FROM refund") == "succeeded" and stage.platform.refunded_minor == 201


async def test_large_goodwill_can_be_refused_and_costs_nothing(stage: Stage, browser: httpx.AsyncClient) -> None:
    await sold(stage)
    await browser.post(f"{PATH}/goodwill", json={"reason": "kind", "amount_minor": 201, "ordinal": 1})
    for _ in range(2):
        assert (await browser.post(f"{PATH}/refunds/{FIRST}/decline", json=WHY)).status_code == 200
    await send_refunds(stage)
    assert await stage.one("SELECT state || ' ' || error FROM refund") == "failed declined"
    assert stage.platform.refunded_minor == 0
    again = {"reason": "less then", "amount_minor": 100, "ordinal": 2}
    assert (await browser.post(f"{PATH}/goodwill", json=again)).status_code == 200
    await send_refunds(stage)
    assert stage.platform.refunded_minor == 100
