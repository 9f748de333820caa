"""Topping a wallet up, as the member's page asks it: begun once, credited once, back when it came too late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.cloud.app.conftest import HOST, _no_ledger
from tests.cloud.sales.conftest import MERCHANT, World
from tests.cloud.sales.selling_stage import MASTER, Stage, open_stage
from tests.cloud.sales.test_wallet_payments import assert_in_order, order, scan
from vendomat.cloud.app import PublicParts, build_public_app
from vendomat.cloud.members import Member, NewMember
from vendomat.cloud.merchants import Passwords
from vendomat.cloud.reports import EventFeeds
from vendomat.kernel import TimeOrderedIds

pytestmark = pytest.mark.slow


@dataclass
class Phone:
    """The member's page on a phone."""

    stage: Stage
    member: Member
    client: httpx.AsyncClient

    async def get(self, path: str = "", **query: Any) -> dict[str, Any]:
        answer = await self.client.get(f"/api/v1/member{path}", params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def post(self, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        answer = await self.client.post(f"/api/v1/member{path}", json=body)
        return answer.status_code, dict(answer.json())

    async def top_up(self, amount: int, nth: int = 1, channel: str = "wechat") -> tuple[int, dict[str, Any]]:
        body = {"request_id": f"request-{nth}", "channel": channel, "amount_minor": amount}
        return await self.post("/top-ups", body)

    async def number(self, top_up: dict[str, Any]) -> str:
        return str(await self.stage.one("SELECT payment_id FROM payment WHERE order_id = $1", top_up["id"]))


@pytest.fixture
async def phone(world: World) -> AsyncIterator[Phone]:
    async with open_stage(world, is_following=False) as stage:
        link = await stage.members.create(MERCHANT, NewMember("Ann"))
        passwords = Passwords()
        app = build_public_app(
            PublicParts(
                database=world.database,
                master_key=MASTER,
                passwords=passwords,
                ids=TimeOrderedIds(stage.clock),
                clock=stage.clock,
                post_ledger=_no_ledger,
                feeds=EventFeeds(world.database, stage.clock),
                top_ups=stage.top_ups,
            )
        )
        headers = {"Origin": HOST, "Authorization": f"Bearer {link.key}"}
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=HOST, headers=headers) as client:
            yield Phone(stage, link.member, client)
        passwords.close()


class TestTheGoodWay:
    async def test_paid_by_notice_it_is_credited_and_on_the_statement(self, phone: Phone):
        status, begun = await phone.top_up(1000)
        assert (status, begun["state"], begun["amount_minor"]) == (201, "waiting", 1000)
        assert begun["qr"].startswith("<svg") and begun["code_url"].startswith("weixin://")
        number = await phone.number(begun)
        phone.stage.platform.take_money(number)
        body = f'{{"id": "n1", "number": "{number}"}}'.encode()
        for _ in range(2):  # and once more, as platforms do
            answer = await phone.stage.till.take_notice(MERCHANT, "wechat", {"x-signature": "good"}, body)
            assert answer is not None and answer.status == 204
        assert (await phone.get(f"/top-ups/{begun['id']}"))["state"] == "credited"
        wallet = await phone.get()
        assert (wallet["name"], wallet["balance_minor"], wallet["channels"]) == ("Ann", 1000, ["wechat"])
        (entry,) = (await phone.get("/statement"))["data"]
        assert (entry["kind"], entry["amount_minor"], entry["balance_minor"]) == ("topped_up", 1000, 1000)
        await assert_in_order(phone.stage)

    async def test_without_any_notice_it_is_found_by_asking(self, phone: Phone):
        _, begun = await phone.top_up(1000)
        phone.stage.platform.take_money(await phone.number(begun))
        await phone.stage.clock.advance(4)
        await phone.stage.sweeps.look_up_payments()
        assert (await phone.get())["balance_minor"] == 1000

    async def test_the_code_pays_at_a_machine(self, phone: Phone):
        _, begun = await phone.top_up(1000)
        phone.stage.platform.take_money(await phone.number(begun))
        await phone.stage.till.confirm_payment(MERCHANT, await phone.number(begun))
        status, code = await phone.post("/code")
        assert status == 201 and code["qr"].startswith("<svg")
        _, told = await scan(phone.stage, await order(phone.stage), code["digits"])
        assert told["state"] == "paid"
        first = await phone.get("/statement", limit=1)
        assert [(e["amount_minor"], e["balance_minor"]) for e in first["data"]] == [(-350, 650)]
        older = await phone.get("/statement", limit=1, before=first["next_before"])
        assert ([e["amount_minor"] for e in older["data"]], older["next_before"]) == ([1000], None)


class TestOnce:
    async def test_the_same_request_is_the_same_top_up(self, phone: Phone):
        answers = await asyncio.gather(*(phone.top_up(1000) for _ in range(3)))
        assert {(status, told["id"]) for status, told in answers} == {(201, answers[0][1]["id"])}
        assert await phone.stage.one("SELECT count(*) FROM sale_order") == 1
        assert (await phone.top_up(900))[1]["code"] == "idempotency_mismatch"

    async def test_a_platform_that_does_not_answer_is_asked_again_under_the_same_number(self, phone: Phone):
        phone.stage.platform.is_away = True
        _, begun = await phone.top_up(1000)
        assert (begun["state"], begun["qr"]) == ("starting", "")
        phone.stage.platform.is_away = False
        assert (await phone.get(f"/top-ups/{begun['id']}"))["state"] == "waiting"
        assert len({number for verb, number in phone.stage.platform.calls if verb == "start"}) == 1

    async def test_paid_after_its_end_it_goes_back_and_is_not_credited(self, phone: Phone):
        _, begun = await phone.top_up(1000)
        await phone.stage.clock.advance(301)
        await phone.stage.sweeps.expire_orders()
        await phone.stage.sweeps.look_up_payments()
        assert (await phone.get(f"/top-ups/{begun['id']}"))["state"] == "ended"
        phone.stage.platform.take_money(await phone.number(begun))
        await phone.stage.till.confirm_payment(MERCHANT, await phone.number(begun))
        assert (await phone.get(f"/top-ups/{begun['id']}"))["state"] == "checking"
        for _ in range(2):
            await phone.stage.sweeps.ask_refunds()
            await phone.stage.clock.advance(5)
        assert (await phone.get(f"/top-ups/{begun['id']}"))["state"] == "refunded"
        assert phone.stage.platform.refunded_minor == 1000
        assert (await phone.get())["balance_minor"] == 0
        await assert_in_order(phone.stage)

    async def test_an_amount_that_was_not_asked_for_is_frozen(self, phone: Phone):
        _, begun = await phone.top_up(1000)
        phone.stage.platform.take_money(await phone.number(begun), 999)
        await phone.stage.till.confirm_payment(MERCHANT, await phone.number(begun))
        assert (await phone.get(f"/top-ups/{begun['id']}"))["state"] == "checking"
        assert (await phone.get())["balance_minor"] == 0
        await assert_in_order(phone.stage)


class TestLimits:
    async def test_two_phones_together_stay_within_the_balance(self, phone: Phone):
        answers = await asyncio.gather(*(phone.top_up(50_000, nth) for nth in (1, 2, 3)))
        assert sorted(status for status, _ in answers) == [201, 201, 422]
        (refused,) = [told for status, told in answers if status == 422]
        assert (refused["code"], refused["detail"][:7]) == ("invalid_amount", "nothing")

    @pytest.mark.parametrize("amount", [99, 50_001])
    async def test_too_little_and_too_much(self, phone: Phone, amount: int):
        status, refused = await phone.top_up(amount)
        assert (status, refused["code"]) == (422, "invalid_amount")
        assert "from 1.00 CNY to 500.00 CNY" in refused["detail"]
        assert await phone.stage.one("SELECT count(*) FROM sale_order") == 0

    async def test_a_blocked_wallet_and_a_way_that_is_not_offered(self, phone: Phone):
        assert (await phone.top_up(1000, channel="bank"))[1]["code"] == "method_unavailable"
        await phone.stage.members.block(MERCHANT, phone.member.member_id)
        assert (await phone.top_up(1000))[1]["code"] == "forbidden"
        assert (await phone.post("/code"))[1]["code"] == "forbidden"


class TestWhoseItIs:
    async def test_another_members_top_up_is_not_there(self, phone: Phone):
        _, begun = await phone.top_up(1000)
        other = await phone.stage.members.create(MERCHANT, NewMember("Bob"))
        phone.client.headers["Authorization"] = f"Bearer {other.key}"
        answer = await phone.client.get(f"/api/v1/member/top-ups/{begun['id']}")
        assert answer.status_code == 404
        status, again = await phone.top_up(1000)  # Bob's first, though Ann used the same request id
        assert (status, again["id"] != begun["id"]) == (201, True)

    async def test_a_link_that_is_not_good_says_so_and_is_counted(self, phone: Phone):
        await phone.stage.members.renew_link(MERCHANT, phone.member.member_id)
        seen = [(await phone.client.get("/api/v1/member")).status_code for _ in range(21)]
        assert (seen[0], seen[-1]) == (401, 429)


async def test_no_machine_is_told_of_a_top_up(world: World) -> None:
    async with open_stage(world) as stage:
        await stage.join(stored_minor=500)
        await stage.settle_down()
        assert (stage.line.told, stage.line.asked) == ([], [])
