"""A buyer's claim over HTTP, from the link to a person's answer; and that nobody else gets anywhere near it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.cloud.claims.conftest import LINKS, Counter
from tests.cloud.sales.conftest import MACHINE, MERCHANT
from vendomat.audit import AuditSources, run_audit
from vendomat.cloud.claims.api import FAILURES_IN_ALL_MAX, FAILURES_MAX
from vendomat.cloud.claims.claim_desk import move_claim
from vendomat.cloud.claims.model import Declined
from vendomat.cloud.orders import BuyerLinks
from vendomat.cloud.payments import refund_number
from vendomat.kernel import derive_id, reference_of

pytestmark = pytest.mark.slow

ORDER, PAYMENT = derive_id("ord", 1), derive_id("pay", 1)
TWO = (("A1", 1, 350), ("A2", 1, 200))
CLAIM = f"/api/v1/claims/{ORDER}"


def bill(number: str, amount: str = "3.50", paid_at: str = "2026-06-01T08:00:00+08:00") -> dict[str, str]:
    return {"number": number, "amount": amount, "paid_at": paid_at}


async def give(client: httpx.AsyncClient, minor: int, ordinal: int = 1, reason: str = "the pusher failed") -> Any:
    return await client.post(f"{CLAIM}/grant", json={"reason": reason, "amount_minor": minor, "ordinal": ordinal})


async def no_breach(counter: Counter) -> None:
    report = await run_audit(AuditSources(counter.stage.world.superuser_url))
    assert [f"{finding.name}: {finding.rows}" for finding in report.breaches] == []


async def test_a_claim_is_read_granted_and_paid(counter: Counter) -> None:
    stage, token = counter.stage, await counter.sell(1, "delivered")
    async with counter.visitor() as buyer, counter.operator() as manager:
        seen = (await counter.see(buyer, token)).json()
        assert (seen["reference"], seen["machine_number"], seen["paid_minor"]) == (reference_of(ORDER), "T-1", 350)
        assert [g["state"] for g in seen["goods"]] == ["delivered"]
        assert (seen["money_back"], seen["claim"], seen["may_claim"]) == ([], None, True)
        told = await counter.say(buyer, token, text="  it hangs in the spiral ", units=[1])
        assert (told.status_code, told.json()["answer"]) == (200, "a_person"), told.text
        (waiting,) = (await manager.get("/api/v1/claims")).json()["data"]
        assert (waiting["order_id"], waiting["records"], waiting["machine_claims"]) == (ORDER, "came_out", 1)
        assert (waiting["payer_claims"], waiting["state"]) == (None, "opened")
        (word,) = waiting["words"]
        assert (word["what"], word["units"], word["text"]) == ("nothing_came", [1], "it hangs in the spiral")
        for _ in range(2):
            granted = await give(manager, 150)
            assert (granted.status_code, granted.json()["state"]) == (200, "granted"), granted.text
        assert granted.json()["refund_id"] == refund_number(PAYMENT, 1)
        seen = (await counter.see(buyer, token)).json()
        assert [(m["state"], m["amount_minor"]) for m in seen["money_back"]] == [("returning", 150)]
        for _ in range(2):
            await stage.sweeps.ask_refunds()
            await stage.clock.advance(60)
        assert stage.platform.refunded_minor == 150
        seen = (await counter.see(buyer, token)).json()
        assert seen["money_back"][0]["state"] == "returned" and seen["money_back"][0]["at"] is not None
        assert (seen["claim"]["state"], seen["may_claim"]) == ("granted", False)
        assert (await manager.get("/api/v1/claims")).json()["data"] == []
        (decided,) = (await manager.get("/api/v1/claims", params={"state": "decided"})).json()["data"]
        assert (decided["decided_by"], decided["reason"]) == ("manager", "the pusher failed")
        order = (await manager.get(f"/api/v1/orders/{ORDER}")).json()
        kinds = [e["kind"] for e in order["timeline"] if e["kind"].startswith(("claim.", "refund.goodwill"))]
        assert kinds == ["claim.opened", "refund.goodwill", "claim.granted"]
        again = await counter.say(buyer, token)
        assert (again.status_code, again.json()["code"]) == (409, "illegal_move")
    assert await stage.one("SELECT count(*) FROM outbox WHERE kind IN ('claim.opened', 'claim.granted')") == 2
    await no_breach(counter)


async def test_nothing_about_people_reaches_the_buyer(counter: Counter) -> None:
    token = await counter.sell(1, "delivered")
    async with counter.visitor() as buyer, counter.operator() as manager:
        await counter.say(buyer, token)
        await manager.post(f"{CLAIM}/decline", json={"reason": "the camera shows it"})
        answer = await counter.see(buyer, token)
    assert answer.headers["cache-control"] == "no-store"
    text = answer.text
    assert "the camera shows it" in text
    for private in (ORDER, PAYMENT, "420001", "1900000001", "manager", "payer", MERCHANT, MACHINE):
        assert private not in text


async def test_money_that_goes_back_anyway_is_answered_at_once(counter: Counter) -> None:
    token = await counter.sell(1, "delivered", "jam", slots=TWO)
    async with counter.visitor() as buyer:
        told = (await counter.say(buyer, token, what="not_all_came")).json()
        assert told["answer"] == "goes_back"
        assert [(m["amount_minor"], m["state"]) for m in told["order"]["money_back"]] == [(200, "returning")]
        assert await counter.stage.one("SELECT count(*) FROM claim") == 0
        told = (await counter.say(buyer, token, what="bad_goods", units=[1])).json()
        assert told["answer"] == "a_person"
    assert await counter.stage.one("SELECT count(*) FROM claim") == 1


async def test_declined_and_come_back_to_once(counter: Counter) -> None:
    token = await counter.sell(1, "delivered")
    async with counter.visitor() as buyer, counter.operator() as manager:
        await counter.say(buyer, token)
        assert (await manager.post(f"{CLAIM}/decline", json={"reason": " "})).status_code == 422
        for _ in range(2):
            assert (await manager.post(f"{CLAIM}/decline", json={"reason": "it was seen"})).status_code == 200
        seen = (await counter.see(buyer, token)).json()
        assert (seen["claim"]["state"], seen["claim"]["answer"]) == ("declined", "it was seen") and seen["may_claim"]
        assert (await counter.say(buyer, token, text="look again")).json()["answer"] == "a_person"
        (waiting,) = (await manager.get("/api/v1/claims")).json()["data"]
        assert (waiting["state"], len(waiting["words"]), waiting["reason"]) == ("reopened", 2, "")
        await manager.post(f"{CLAIM}/decline", json={"reason": "looked again"})
        seen = (await counter.see(buyer, token)).json()
        assert (seen["claim"]["state"], seen["may_claim"]) == ("refused", False)
        assert (await counter.say(buyer, token)).status_code == 409
    await no_breach(counter)


async def test_two_claims_at_once_are_one_claim(counter: Counter) -> None:
    token = await counter.sell(1, "delivered")
    async with counter.visitor() as one, counter.visitor("10.8.8.8") as two:
        answers = await asyncio.gather(
            counter.say(one, token, request_id="the-same-1"),
            counter.say(two, token, request_id="the-same-1"),
            counter.say(two, token, request_id="another-1", what="other"),
            counter.say(one, token, request_id="another-2", what="bad_goods"),
        )
        assert [a.json()["answer"] for a in answers] == ["a_person"] * 4
        seen = (await counter.see(one, token)).json()
    assert (len(seen["claim"]["words"]), await counter.stage.one("SELECT words FROM claim")) == (3, 3)
    assert await counter.stage.one("SELECT count(*) FROM outbox WHERE kind = 'claim.opened'") == 1
    assert await counter.stage.one("SELECT count(*) FROM outbox WHERE kind = 'claim.added'") == 2


async def test_of_two_people_who_decide_at_once_the_second_is_refused(counter: Counter) -> None:
    """Without the lock on the claim's row the second would not see the first one's word, and overwrite it."""
    world, token = counter.stage.world, await counter.sell(1, "delivered")
    first = Declined("opr_1", "seen", counter.stage.clock.now())
    async with counter.visitor() as buyer, counter.operator() as manager:
        await counter.say(buyer, token)
        async with world.database.hot.acquire() as deciding, deciding.transaction():
            await move_claim(deciding, merchant_id=MERCHANT, order_id=ORDER, event=first)
            second = asyncio.create_task(manager.post(f"{CLAIM}/decline", json={"reason": "not seen"}))
            async with asyncio.timeout(30):
                while not await counter.stage.one("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    await asyncio.sleep(0.01)
        assert (await second).json()["code"] == "illegal_move"
        seen = (await counter.see(buyer, token)).json()
    assert (seen["claim"]["state"], seen["claim"]["answer"]) == ("declined", "seen")


async def test_wrong_unknown_and_foreign_links_are_one_answer_and_counted(counter: Counter) -> None:
    token = await counter.sell(1, "delivered")
    foreign = LINKS.token_of(derive_id("mer", 7), ORDER)  # well signed, and the merchant has no such order
    unknown = LINKS.token_of(MERCHANT, derive_id("ord", 9))
    forged = BuyerLinks(b"x" * 32, "").token_of(MERCHANT, ORDER)
    async with counter.visitor() as stranger, counter.visitor("10.8.8.8") as other:
        answers = [await counter.see(stranger, bad) for bad in (foreign, unknown, forged, ORDER, "")]
        answers.append(await counter.say(stranger, forged))
        assert {(a.status_code, a.json()["detail"]) for a in answers} == {(404, answers[0].json()["detail"])}
        for _ in range(FAILURES_MAX - len(answers)):
            await counter.see(stranger, forged)
        assert (await counter.see(stranger, token)).status_code == 429
        assert (await counter.see(other, token)).status_code == 200
        await counter.stage.clock.advance(901)
        assert (await counter.see(stranger, token)).status_code == 200


async def test_an_order_is_found_by_its_bill(counter: Counter) -> None:
    token = await counter.sell(1, "delivered")
    reference = reference_of(ORDER)
    await counter.stage.world.superuser.execute("UPDATE payment SET transaction_id = '4200002026060112345678'")
    async with counter.visitor() as buyer:
        for number in (reference, reference.lower().replace("-", ""), PAYMENT, "4200002026060112345678"):
            for paid_at in ("2026-06-01T08:00:00+08:00", "2026-06-01T00:02:00Z", "2026-05-31T23:58:00Z"):
                found = await buyer.post("/api/v1/order/find", json=bill(number, paid_at=paid_at))
                assert (found.status_code, found.json()) == (200, {"token": token}), found.text
        wrong = [
            bill(reference, "3.51"),
            bill(reference, "3.505"),
            bill(reference, paid_at="2026-06-01T00:03:00Z"),
            bill("4200002026060112345679"),
            bill(PAYMENT, "350"),
            bill(reference_of(derive_id("ord", 2))),
            bill("%' OR 1=1 --"),
        ]
        answers = [await buyer.post("/api/v1/order/find", json=one) for one in wrong]
        assert {(a.status_code, a.json()["detail"]) for a in answers} == {(404, answers[0].json()["detail"])}
        for body in (bill(reference, "-3.5"), bill(reference, paid_at="2026-06-01T08:00:00"), bill("x")):
            assert (await buyer.post("/api/v1/order/find", json=body)).status_code == 422


async def test_guessing_bills_is_stopped_for_one_network_and_for_all(counter: Counter) -> None:
    await counter.sell(1, "delivered")
    good, bad = bill(PAYMENT), bill(derive_id("pay", 77))

    async def guess(address: str, times: int) -> int:
        async with counter.visitor(address) as guesser:
            return [(await guesser.post("/api/v1/order/find", json=bad)).status_code for _ in range(times)][-1]

    assert await guess("10.0.0.1", FAILURES_MAX) == 404
    async with counter.visitor("10.0.0.1") as caught:
        assert (await caught.post("/api/v1/order/find", json=good)).status_code == 429
    for n in range(2, 2 + FAILURES_IN_ALL_MAX // FAILURES_MAX):
        last = await guess(f"10.0.0.{n}", FAILURES_MAX)
    assert last == 429
    async with counter.visitor("10.0.1.1") as newcomer:
        assert (await newcomer.post("/api/v1/order/find", json=good)).status_code == 429
        assert (await counter.see(newcomer, LINKS.token_of(MERCHANT, ORDER))).status_code == 200


async def test_another_merchants_people_and_readers_cannot_decide(counter: Counter) -> None:
    token = await counter.sell(1, "delivered")
    await counter.stage.world.superuser.execute(
        f"INSERT INTO merchant VALUES ('{derive_id('mer', 7)}', 'Other', 'Other', 'CNY', '', now()); "
        f"UPDATE operator SET merchant_id = '{derive_id('mer', 7)}' WHERE name = 'second'"
    )
    async with counter.visitor() as buyer, counter.operator("second") as foreign, counter.operator("reader") as reader:
        await counter.say(buyer, token)
        assert (await foreign.get("/api/v1/claims")).json()["data"] == []
        assert (await foreign.get(CLAIM)).status_code == 404
        assert (await foreign.post(f"{CLAIM}/decline", json={"reason": "no"})).status_code == 404
        assert (await give(foreign, 350)).status_code == 404
        assert (await reader.get(CLAIM)).status_code == 200
        assert (await reader.post(f"{CLAIM}/decline", json={"reason": "no"})).status_code == 403
        assert (await buyer.get("/api/v1/claims")).status_code == 401
    assert await counter.stage.one("SELECT state FROM claim") == "opened"


async def test_four_eyes_and_a_grant_that_falls_through(counter: Counter) -> None:
    """Above the limit a second person releases; when that one refuses, the claim waits again."""
    stage = counter.stage
    token = await counter.sell(1, "delivered")
    async with counter.visitor() as buyer, counter.operator() as manager, counter.operator("second") as second:
        await counter.say(buyer, token, what="bad_goods")
        assert (await give(manager, 350)).json()["state"] == "granted"
        (money,) = (await counter.see(buyer, token)).json()["money_back"]
        assert money["state"] == "waiting"
        await counter.rounds.look()
        assert await stage.one("SELECT state FROM claim") == "granted"
        path = f"/api/v1/orders/{ORDER}/refunds/{refund_number(PAYMENT, 1)}"
        assert (await manager.post(f"{path}/release", json={"reason": "x"})).status_code == 409
        assert (await second.post(f"{path}/decline", json={"reason": "too much"})).status_code == 200
        await counter.rounds.look()
        (waiting,) = (await manager.get("/api/v1/claims")).json()["data"]
        assert waiting["state"] == "reopened"
        assert (await counter.see(buyer, token)).json()["money_back"] == []
        assert (await give(manager, 350)).status_code == 409, "nothing came of that one"
        assert (await give(manager, 200, 2)).json()["state"] == "granted"
    await counter.rounds.look()
    assert await stage.one("SELECT state FROM claim") == "granted"
    await no_breach(counter)


async def test_granted_by_money_that_goes_back_already(counter: Counter) -> None:
    token = await counter.sell(1, "delivered")
    async with counter.visitor() as buyer, counter.operator() as manager:
        await counter.say(buyer, token)
        body = {"reason": "given before I read this"}
        assert (await manager.post(f"{CLAIM}/grant", json=body)).status_code == 409
        assert (await manager.post(f"{CLAIM}/grant", json=body | {"ordinal": 1})).status_code == 422
        gift = {"amount_minor": 200, "ordinal": 1, "reason": "they phoned"}
        assert (await manager.post(f"/api/v1/orders/{ORDER}/goodwill", json=gift)).status_code == 200
        granted = (await manager.post(f"{CLAIM}/grant", json=body)).json()
        assert (granted["state"], granted["refund_id"]) == ("granted", refund_number(PAYMENT, 1))


async def test_old_claims_and_many_of_one_machine_are_alarms(counter: Counter) -> None:
    stage = counter.stage

    async def state_of(kind: str) -> str | None:
        return await stage.one(  # type: ignore[no-any-return]
            "SELECT state FROM alarm WHERE kind = $1 ORDER BY raised_at DESC, alarm_id DESC LIMIT 1", kind
        )

    tokens = [await counter.sell(n, "delivered") for n in (1, 2, 3)]
    async with counter.visitor() as buyer:
        for token, wanted in zip(tokens, (None, None, "raised"), strict=True):
            await counter.say(buyer, token)
            await counter.rounds.look()
            assert await state_of("claims_many") == wanted
        await stage.world.superuser.execute(
            "UPDATE alarm SET state = 'cleared', cleared_at = $1 WHERE kind = 'claims_many'", stage.clock.now()
        )
        await counter.rounds.look()
        assert await stage.one("SELECT count(*) FROM alarm WHERE kind = 'claims_many'") == 1, "a person looked"
        await stage.clock.advance(timedelta(hours=24).total_seconds())
        await counter.rounds.look()
        assert await state_of("claim_old") is None
        await stage.clock.advance(1)
        await counter.rounds.look()
        assert await state_of("claim_old") == "raised"
    async with counter.operator() as manager:
        for n in (1, 2, 3):
            path = f"/api/v1/claims/{derive_id('ord', n)}/decline"
            assert (await manager.post(path, json={"reason": "looked"})).status_code == 200
    await counter.rounds.look()
    assert await state_of("claim_old") == "passed"


async def test_what_cannot_be_claimed(counter: Counter) -> None:
    under_way = await counter.sell(1)
    sold = await counter.sell(2, "delivered")
    async with counter.visitor() as buyer:
        refused = await counter.say(buyer, under_way)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict"), refused.text
        assert (await counter.see(buyer, under_way)).json()["bar"] == "under_way"
        assert (await counter.see(buyer, under_way)).json()["goods"][0]["state"] == "checking"
        for body in ({"what": "money"}, {"units": [9]}, {"text": "x" * 501}, {"units": list(range(1, 30))}, {"x": 1}):
            assert (await counter.say(buyer, sold, **body)).status_code == 422
        await counter.stage.clock.advance(timedelta(days=30, seconds=1).total_seconds())
        seen = (await counter.see(buyer, sold)).json()
        assert (seen["may_claim"], seen["bar"]) == (False, "too_late")
        assert (await counter.say(buyer, sold)).status_code == 409
        await counter.stage.world.superuser.execute("UPDATE sale_order SET origin = 'cash'")
        assert (await counter.see(buyer, sold)).status_code == 404
    assert await counter.stage.one("SELECT count(*) FROM claim") == 0
