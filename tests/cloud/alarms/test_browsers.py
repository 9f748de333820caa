"""People's browsers are told of alarms by a push service: by the rules of every channel, while their person may see."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.cloud.alarms.push_service import PushService, push_service
from tests.cloud.alarms.test_notices import jam, states
from tests.cloud.merchants.test_people import NEW_PASSWORD, Office
from tests.cloud.shop_stage import PASSWORD, Shop
from vendomat.cloud.alarms import AlarmEvent, Alarms, Delivery, NoticeSender, Severity, WebPush
from vendomat.cloud.alarms.notices.browsers import BROWSERS_MAX, BrowserDesk, BrowserWish
from vendomat.cloud.alarms.notices.model import trial_push
from vendomat.cloud.alarms.notices.push_delivery import answered
from vendomat.cloud.alarms.notices.push_wire import PushKey, Subscription
from vendomat.cloud.merchants import Operator, Role, Roles
from vendomat.kernel import ErrorCode, VendomatError, derive_id

pytestmark = pytest.mark.slow


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    async with push_service() as opened:
        yield opened


@pytest.fixture
def office(shop: Shop) -> Office:
    return Office(shop)


def push_of(shop: Shop, *, is_private_allowed: bool = True, timeout_s: float = 10.0) -> WebPush:
    return WebPush(
        PushKey.of(shop.master_key.derive("web_push")),
        shop.clock,
        contact="https://cloud.example",
        is_private_allowed=is_private_allowed,
        timeout_s=timeout_s,
    )


def desk_of(shop: Shop) -> BrowserDesk:
    return BrowserDesk(shop.database, shop.master_key, push_of(shop), shop.clock)


def sender_of(shop: Shop, push: WebPush | None = None) -> NoticeSender:
    delivery = Delivery(is_private_allowed=True)
    push = push or push_of(shop)
    return NoticeSender(shop.database, shop.master_key, delivery, shop.clock, push=push, console_url="http://here")


async def owner_of(shop: Shop, office: Office) -> Operator:
    session = await office.sign_ins.sign_in(shop.seeded.email, PASSWORD, address=shop.address)
    return await office.sign_ins.operator_of(session.token)


async def turned_on(
    shop: Shop, who: Operator, one: Subscription, *, severity: str = "warning", words: str = "en"
) -> str:
    wish = BrowserWish(subscription=one, agent="Firefox/140 Linux", language=words, min_severity=severity)
    return str((await desk_of(shop).turn_on(who, wish))["channel_id"])


async def ann(office: Office, role: Role = Role.RESTOCKER) -> Operator:
    """Somebody who has joined and signed in."""
    invited = await office.invite(role)
    await office.people.accept(invited.token, NEW_PASSWORD)
    return await office.sign_in()


async def test_a_jam_is_pushed_to_its_reader_in_their_words_and_opens_its_alarm(
    shop: Shop, office: Office, service: PushService
) -> None:
    who = await owner_of(shop, office)
    await turned_on(shop, who, service.subscribe("desk"), words="zh-CN")
    await turned_on(shop, who, service.subscribe("phone"))
    alarm_id = await jam(shop, severity=Severity.CRITICAL)
    assert await sender_of(shop).once() == 2
    phone, desk = sorted(service.took, key=lambda one: one.name, reverse=True)
    assert phone.notice == {
        "title": "SH-001 A1: Slot failed and was closed",
        "text": "critical",
        "path": f"/console/alarms?alarm={alarm_id}",
        "tag": phone.notice["tag"],
    }
    assert desk.notice["title"] == "SH-001 A1: 货道出货失败，已关闭"
    assert phone.headers["urgency"] == "high" and phone.headers["ttl"] == "86400"
    assert await states(shop) == ["sent", "sent"]
    _, lines = await Alarms(shop.database, shop.clock).timeline(shop.merchant_id, alarm_id)
    assert [(line.what, line.said) for line in lines][1:] == [("told_raised", who.name)] * 2
    (first, second) = await desk_of(shop).browsers(who)
    assert first["last_sent_at"] == second["last_sent_at"] == shop.clock.now() and second["error"] == ""


async def test_several_are_one_push_with_few_lines(shop: Shop, office: Office, service: PushService) -> None:
    await turned_on(shop, await owner_of(shop, office), service.subscribe())
    for number in range(7):
        await jam(shop, f"B{number}")
    await sender_of(shop).once()
    (pushed,) = service.took
    assert pushed.notice["title"] == "7 alarms" and pushed.notice["path"] == "/console/alarms"
    assert pushed.notice["text"].splitlines()[4:] == ["... and 3 more"] and pushed.headers["urgency"] == "normal"


async def test_severity_quiet_hours_and_what_was_seen_hold_for_people_too(
    shop: Shop, office: Office, service: PushService
) -> None:
    who = await owner_of(shop, office)
    await turned_on(shop, who, service.subscribe(), severity="critical")
    await jam(shop)
    assert await states(shop) == []
    alarm_id = await jam(shop, "A2", Severity.CRITICAL)
    move = Alarms(shop.database, shop.clock).move
    await move(shop.merchant_id, alarm_id, AlarmEvent.ACKNOWLEDGE, operator_id=who.operator_id)
    await sender_of(shop).once()
    assert await states(shop) == ["dropped"] and service.asked == 0
    await turned_on(shop, who, service.subscribe())
    now = shop.clock.now().astimezone(ZoneInfo("Asia/Shanghai"))
    minute = now.hour * 60 + now.minute
    await shop.as_merchant(
        "INSERT INTO notify_quiet VALUES ($1, $2, $3)", shop.merchant_id, minute, (minute + 60) % 1440
    )
    await jam(shop, "A3")
    await sender_of(shop).once()
    assert service.asked == 0
    await shop.clock.advance(3600)
    await sender_of(shop).once()
    assert [one.notice["text"] for one in service.took] == ["warning"]


async def test_who_lost_the_right_is_told_nothing_and_who_has_it_again_is(
    shop: Shop, office: Office, service: PushService
) -> None:
    who = await ann(office)
    await turned_on(shop, who, service.subscribe())
    site = [derive_id("sit", shop.merchant_id, 1)]
    await shop.as_hot_owner(
        "INSERT INTO site (merchant_id, site_id, name, owner, created_at) VALUES ($1, $2, 'Lobby', 'Wang', now())",
        shop.merchant_id,
        *site,
    )
    change = office.people.change
    await change(office.owner, who.operator_id, name="Ann", role=Role.SITE_OWNER, site_ids=site)
    await jam(shop)
    await sender_of(shop).once()
    assert await states(shop) == ["dropped"] and service.asked == 0
    await change(office.owner, who.operator_id, name="Ann", role=Role.RESTOCKER)
    await jam(shop, "A2")
    await sender_of(shop).once()
    assert len(service.took) == 1


async def test_who_has_a_role_of_the_merchants_own_is_told(shop: Shop, office: Office, service: PushService) -> None:
    role = await Roles(shop.database, ids=shop.ids, clock=shop.clock).create(office.owner, "Night", [])
    who = await ann(office)
    await office.people.change(office.owner, who.operator_id, name="Ann", role=role.role_id)
    await turned_on(shop, who, service.subscribe())
    await jam(shop)
    await sender_of(shop).once()
    assert len(service.took) == 1


@pytest.mark.parametrize("end", ["sign_out", "one", "others", "password", "deactivated"])
async def test_a_session_that_somebody_ends_takes_its_browser_with_it(
    shop: Shop, office: Office, service: PushService, end: str
) -> None:
    who = await ann(office)
    await turned_on(shop, who, service.subscribe())
    await jam(shop)
    again = await office.sign_in()
    if end == "sign_out":
        session = await office.sign_ins.sign_in(office.email, NEW_PASSWORD, address=shop.address)
        await turned_on(shop, await office.sign_ins.operator_of(session.token), service.subscribe())
        await office.sign_ins.sign_out(session.token)
    elif end == "one":
        await office.account.end_session(again, who.session_id)
    elif end == "others":
        await office.account.end_others(again)
    elif end == "password":
        await office.account.change_password(again, NEW_PASSWORD, "a third long word", address=shop.address)
    else:
        await office.people.deactivate(office.owner, who.operator_id)
    assert await states(shop) == [] and await desk_of(shop).browsers(who) == []
    assert await sender_of(shop).once() == 0 and service.asked == 0


async def test_a_session_that_runs_out_keeps_its_browser_until_somebody_ends_it(
    shop: Shop, office: Office, service: PushService
) -> None:
    who = await ann(office)
    await turned_on(shop, who, service.subscribe())
    await shop.clock.advance(timedelta(days=3).total_seconds())
    await office.sign_ins.purge()
    await jam(shop)
    await sender_of(shop).once()
    assert len(service.took) == 1
    again = await office.sign_in()
    await office.account.end_others(again)
    await jam(shop, "A2")
    await shop.clock.advance(60)
    assert await sender_of(shop).once() == 0 and await desk_of(shop).browsers(again) == []


@pytest.mark.parametrize("status", [404, 410])
async def test_what_its_browser_has_ended_is_told_no_more_and_says_so(
    shop: Shop, office: Office, service: PushService, status: int
) -> None:
    who = await owner_of(shop, office)
    browser_id = await turned_on(shop, who, service.subscribe())
    await jam(shop)
    service.status = status
    await sender_of(shop).once()
    (row,) = await desk_of(shop).browsers(who)
    assert not row["is_active"] and "ended the subscription" in row["error"] and bytes(row["endpoint_sealed"]) == b""
    await jam(shop, "A2")
    await shop.clock.advance(60)
    assert await sender_of(shop).once() == 0 and await states(shop) == ["dropped"]
    with pytest.raises(VendomatError, match="ended it itself"):
        await desk_of(shop).test(who, browser_id)
    service.status = 201
    assert await turned_on(shop, who, service.subscribe()) == browser_id
    (row,) = await desk_of(shop).browsers(who)
    assert row["is_active"] and row["error"] == ""


@pytest.mark.parametrize("status", [429, 503])
async def test_a_push_service_that_asks_to_wait_is_not_asked_sooner(
    shop: Shop, office: Office, service: PushService, status: int
) -> None:
    who = await owner_of(shop, office)
    await turned_on(shop, who, service.subscribe())
    await jam(shop)
    service.status, service.headers = status, {"Retry-After": "300"}
    await sender_of(shop).once()
    (row,) = await desk_of(shop).browsers(who)
    assert str(status) in row["error"] and row["waiting"] == 1
    service.status, service.headers = 201, {}
    await jam(shop, "A2")
    await shop.clock.advance(299)
    assert await sender_of(shop).once() == 0 and service.asked == 1
    await shop.clock.advance(1)
    await sender_of(shop).once()
    assert [one.notice["title"] for one in service.took] == ["2 alarms"] and await states(shop) == ["sent"] * 2


async def test_what_is_too_large_is_given_up_and_what_follows_is_told(
    shop: Shop, office: Office, service: PushService
) -> None:
    who = await owner_of(shop, office)
    await turned_on(shop, who, service.subscribe())
    await jam(shop)
    service.status = 413
    await sender_of(shop).once()
    (row,) = await desk_of(shop).browsers(who)
    assert "too large" in row["error"] and await states(shop) == ["failed"]
    service.status = 201
    await jam(shop, "A2")
    await sender_of(shop).once()
    assert len(service.took) == 1


async def test_a_push_service_that_never_answers_is_tried_again(
    shop: Shop, office: Office, service: PushService
) -> None:
    await turned_on(shop, await owner_of(shop, office), service.subscribe())
    await jam(shop)
    service.is_silent = True
    await sender_of(shop, push_of(shop, timeout_s=0.5)).once()
    assert await states(shop) == ["waiting"]
    service.is_silent = False
    await shop.clock.advance(10)
    await sender_of(shop).once()
    assert await states(shop) == ["sent"]


@pytest.mark.parametrize(("moment", "times"), [("before", 1), ("after", 2)])
async def test_a_worker_killed_beside_a_push_leaves_it_to_the_next(
    shop: Shop, office: Office, service: PushService, database_url: str, moment: str, times: int
) -> None:
    await turned_on(shop, await owner_of(shop, office), service.subscribe())
    await jam(shop)
    command = (sys.executable, "-m", "tests.cloud.alarms.push_victim", database_url, moment)
    victim = await asyncio.create_subprocess_exec(*command)
    assert await asyncio.wait_for(victim.wait(), 60) == -signal.SIGKILL
    assert await states(shop) == ["waiting"] and await sender_of(shop).once() == 0  # claimed by the dead one
    await shop.clock.advance(60)
    assert await sender_of(shop).once() == 1
    assert len(service.took) == times and await states(shop) == ["sent"]
    assert len({one.notice["tag"] for one in service.took}) == 1  # so its browser shows it once


async def test_two_workers_push_it_once(shop: Shop, office: Office, service: PushService) -> None:
    await turned_on(shop, await owner_of(shop, office), service.subscribe())
    await jam(shop)
    await asyncio.gather(sender_of(shop).once(), sender_of(shop).once())
    assert len(service.took) == 1 and await states(shop) == ["sent"]


async def test_one_subscription_is_one_browser_and_goes_to_whoever_turned_it_on_last(
    shop: Shop, office: Office, service: PushService
) -> None:
    owner, other = await owner_of(shop, office), await ann(office)
    one = service.subscribe()
    assert await turned_on(shop, owner, one) == await turned_on(shop, owner, one)
    assert len(await desk_of(shop).browsers(owner)) == 1
    await turned_on(shop, other, one)
    assert await desk_of(shop).browsers(owner) == [] and len(await desk_of(shop).browsers(other)) == 1
    told = [one for one in await office.told() if one.startswith("notification.")]
    assert told == ["notification.browser_added"] * 2


async def test_one_has_so_many_browsers_and_no_more(shop: Shop, office: Office, service: PushService) -> None:
    who = await owner_of(shop, office)
    for number in range(BROWSERS_MAX):
        await turned_on(shop, who, service.subscribe(f"b{number}"))
    with pytest.raises(VendomatError) as caught:
        await turned_on(shop, who, service.subscribe("more"))
    assert caught.value.code is ErrorCode.CONFLICT
    await turned_on(shop, who, service.subscribe("b0"))  # it is told already


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_nothing_is_pushed_inside_unless_a_setting_says_so(shop: Shop, service: PushService, host: str) -> None:
    one = service.subscribe()
    inside = Subscription(f"https://{host}:{service.port}/push/laptop", one.p256dh, one.auth)
    answer = await push_of(shop, is_private_allowed=False).send(inside, trial_push("en"))
    assert not answer.is_sent and "not at a public address" in answer.reason and service.asked == 0


async def test_what_answers_mean(shop: Shop) -> None:
    now = shop.clock.now()
    at = (now + timedelta(minutes=2)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert answered(503, at, now).wait_s == 120 and answered(503, "soon", now).wait_s == 0
    assert answered(429, "99999999999", now).wait_s == 86_400 and answered(503, "-5", now).wait_s == 0
    assert answered(202, "", now).is_sent and not answered(307, "", now).is_sent
    assert "clock" in answered(403, "", now).reason and not answered(403, "", now).is_hopeless
