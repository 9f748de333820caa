"""Notices over real rows to real endpoints: told once due, gathered, tried again, never lost, and never inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.cloud.alarms.sinks import Sink, mail_server, webhook
from tests.cloud.shop_stage import Shop
from vendomat.cloud.alarms import (
    AlarmEvent,
    AlarmRow,
    Alarms,
    Delivery,
    NoticeDesk,
    NoticeSender,
    Severity,
    raise_alarms,
    web_push,
)
from vendomat.cloud.alarms.notices.delivery import Message
from vendomat.cloud.alarms.notices.desk import ChannelChange, Rule
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import ErrorCode, VendomatError

pytestmark = pytest.mark.slow

INSIDE = Delivery(is_private_allowed=True)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with webhook() as opened:
        yield opened


def desk_of(shop: Shop, delivery: Delivery = INSIDE) -> NoticeDesk:
    return NoticeDesk(shop.database, shop.master_key, delivery, shop.clock)


def sender_of(shop: Shop, delivery: Delivery = INSIDE) -> NoticeSender:
    push = web_push(shop.master_key, CloudSettings(), shop.clock)
    url = "http://here/console/alarms"
    return NoticeSender(shop.database, shop.master_key, delivery, shop.clock, push=push, console_url=url)


async def channel(shop: Shop, url: str, min_severity: str = "warning") -> str:
    change = ChannelChange(name="Duty", endpoint=url, language="en", min_severity=min_severity)
    row = await desk_of(shop).add(shop.merchant_id, change, by="opr_1", request_key="one wish")
    return str(row["channel_id"])


async def jam(shop: Shop, slot: str = "A1", severity: Severity = Severity.WARNING) -> str:
    row = AlarmRow(shop.merchant_id, shop.machine_id, "vend_failed", severity, shop.clock.now(), slot=slot)
    async with shop.database.hot.acquire() as connection, connection.transaction():
        (alarm_id,) = await raise_alarms(connection, [row], ids=shop.ids)
    return alarm_id


async def states(shop: Shop) -> list[str]:
    rows = await shop.database.hot.fetch(
        "SELECT state FROM alarm_notice WHERE merchant_id = $1 ORDER BY alarm_id, step", shop.merchant_id
    )
    return [row["state"] for row in rows]


async def test_the_first_is_told_at_once_and_what_follows_within_a_minute_is_one_message(
    shop: Shop, sink: Sink
) -> None:
    await channel(shop, f"json://127.0.0.1:{sink.port}/duty")
    first = await jam(shop)
    await sender_of(shop).once()
    assert [one["title"] for one in sink.took] == ["Vendomat: SH-001 A1: Slot failed and was closed"]
    assert "http://here/console/alarms" in sink.took[0]["message"]
    for slot in ("A2", "A3", "A4"):
        await jam(shop, slot)
    assert await sender_of(shop).once() == 0
    await shop.clock.advance(60)
    await sender_of(shop).once()
    assert [one["title"] for one in sink.took][1:] == ["Vendomat: 3 alarms"]
    assert await states(shop) == ["sent"] * 4
    _, lines = await Alarms(shop.database, shop.clock).timeline(shop.merchant_id, first)
    assert [(line.what, line.said) for line in lines] == [("raised", "warning"), ("told_raised", "Duty")]


async def test_mail_arrives_as_mail(shop: Shop) -> None:
    async with mail_server() as mail:
        await channel(shop, f"mailto://127.0.0.1:{mail.port}?mode=insecure&from=cloud@example.com&to=duty@example.com")
        await jam(shop)
        await sender_of(shop).once()
        (text,) = mail.took
        assert "duty@example.com" in text and "Slot failed and was closed" in text


async def test_a_worker_killed_between_sending_and_marking_sends_again(shop: Shop, sink: Sink) -> None:
    await channel(shop, f"json://127.0.0.1:{sink.port}/")
    await jam(shop)
    sink.is_silent = True
    dying = asyncio.create_task(sender_of(shop).once())
    await sink.wait(1)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert await states(shop) == ["waiting"]
    sink.is_silent = False
    assert await sender_of(shop).once() == 0  # still claimed by the dead one
    await shop.clock.advance(60)
    assert await sender_of(shop).once() == 1
    assert len(sink.took) == 2 and await states(shop) == ["sent"]


async def test_two_workers_send_it_once(shop: Shop, sink: Sink) -> None:
    await channel(shop, f"json://127.0.0.1:{sink.port}/")
    await jam(shop)
    await asyncio.gather(sender_of(shop).once(), sender_of(shop).once())
    assert len(sink.took) == 1 and await states(shop) == ["sent"]


async def test_what_is_refused_says_why_and_is_tried_again(shop: Shop, sink: Sink) -> None:
    await channel(shop, f"json://127.0.0.1:{sink.port}/")
    await jam(shop)
    sink.status = 503
    await sender_of(shop).once()
    (row,) = await desk_of(shop).channels(shop.merchant_id)
    assert "503" in row["error"] and row["waiting"] == 1 and row["last_sent_at"] is None
    assert await sender_of(shop).once() == 0
    sink.status = 200
    await shop.clock.advance(10)
    await sender_of(shop).once()
    (row,) = await desk_of(shop).channels(shop.merchant_id)
    assert (row["error"], row["waiting"], row["last_sent_at"]) == ("", 0, shop.clock.now())


async def test_what_was_seen_or_is_quiet_by_rule_or_below_the_channel_is_not_told(shop: Shop, sink: Sink) -> None:
    await channel(shop, f"json://127.0.0.1:{sink.port}/", "critical")
    await jam(shop)
    assert await states(shop) == []
    alarm_id = await jam(shop, "A2", Severity.CRITICAL)
    await Alarms(shop.database, shop.clock).move(
        shop.merchant_id, alarm_id, AlarmEvent.ACKNOWLEDGE, operator_id="opr_1"
    )
    await sender_of(shop).once()
    assert await states(shop) == ["dropped"]
    await desk_of(shop).put_rule(shop.merchant_id, Rule(kind="vend_failed", is_silent=True), by="opr_1")
    await jam(shop, "A3", Severity.CRITICAL)
    assert await states(shop) == ["dropped"] and sink.took == []


async def test_nobody_acknowledges_so_somebody_else_is_told(shop: Shop, sink: Sink) -> None:
    chief = await channel(shop, f"json://127.0.0.1:{sink.port}/chief", "none")
    rule = Rule(kind="vend_failed", delay_s=30, escalate_after_min=10, escalate_to=chief)
    await desk_of(shop).put_rule(shop.merchant_id, rule, by="opr_1")
    await jam(shop)
    await shop.clock.advance(10 * 60 + 29)
    assert await sender_of(shop).once() == 0
    await shop.clock.advance(1)
    await sender_of(shop).once()
    assert "nobody has acknowledged it" in sink.took[0]["message"]


async def test_quiet_hours_wait_for_the_morning(shop: Shop, sink: Sink) -> None:
    await channel(shop, f"json://127.0.0.1:{sink.port}/")
    row = await desk_of(shop).quiet_hours(shop.merchant_id)
    assert row["from_minute"] is None and row["time_zone"] == "Asia/Shanghai"
    minute = (shop.clock.now().hour * 60 + shop.clock.now().minute + 8 * 60) % 1440
    await desk_of(shop).put_quiet_hours(shop.merchant_id, (minute, (minute + 60) % 1440), by="opr_1")
    await jam(shop)
    await sender_of(shop).once()
    assert sink.took == [] and await states(shop) == ["waiting"]
    await shop.clock.advance(3600)
    await sender_of(shop).once()
    assert len(sink.took) == 1


async def test_endpoints_are_sealed_and_only_their_kind_is_shown(shop: Shop, sink: Sink) -> None:
    channel_id = await channel(shop, f"json://user:very-secret@127.0.0.1:{sink.port}/x")
    row = await shop.database.hot.fetchrow("SELECT * FROM notify_channel WHERE channel_id = $1", channel_id)
    assert row is not None and row["scheme"] == "json" and b"secret" not in bytes(row["endpoint_sealed"])
    logged = await shop.database.hot.fetch("SELECT * FROM change_entry WHERE merchant_id = $1", shop.merchant_id)
    assert [one["action"] for one in logged] == ["notification.added"] and "secret" not in repr(logged)
    assert await channel(shop, f"json://user:very-secret@127.0.0.1:{sink.port}/x") == channel_id  # the same wish
    tested = await desk_of(shop).test(shop.merchant_id, channel_id)
    assert tested.is_sent and sink.took[0]["title"] == "Vendomat: Test message"


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "syslog://", "gotify://host/token", "not an endpoint", "http://127.0.0.1/", "json://"]
)
async def test_other_kinds_of_endpoints_are_refused_before_they_are_kept(shop: Shop, url: str) -> None:
    with pytest.raises(VendomatError) as caught:
        await channel(shop, url)
    assert caught.value.code is ErrorCode.INVALID_VALUE
    assert await desk_of(shop).channels(shop.merchant_id) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_nothing_is_sent_inside_unless_a_setting_says_so(sink: Sink, host: str) -> None:
    answer = await Delivery().send(Message(f"json://{host}:{sink.port}/", "t", "x"))
    assert not answer.is_sent and "not a public address" in answer.reason and sink.took == []


async def test_an_endpoint_that_never_answers_is_given_up(sink: Sink) -> None:
    sink.is_silent = True
    answer = await Delivery(is_private_allowed=True, timeout_s=3.0).send(
        Message(f"json://127.0.0.1:{sink.port}/", "t", "x")
    )
    assert not answer.is_sent and answer.reason != ""


async def test_another_merchants_channel_does_not_exist(shop: Shop, sink: Sink) -> None:
    channel_id = await channel(shop, f"json://127.0.0.1:{sink.port}/")
    with pytest.raises(VendomatError) as caught:
        await desk_of(shop).test("mer_other", channel_id)
    assert caught.value.code is ErrorCode.NOT_FOUND
