"""Alarms: one open per thing and kind, moved by people, reopening the slot when its last one is cleared."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import product

import asyncpg
import pytest

from tests.cloud.shop_stage import Shop
from vendomat.cloud.alarms import (
    ACTIVE,
    Alarm,
    AlarmEvent,
    AlarmFilter,
    AlarmRow,
    Alarms,
    AlarmState,
    Severity,
    clear_alarms,
    find_open_alarms,
    raise_alarms,
)
from vendomat.cloud.alarms.model import MOVES
from vendomat.cloud.platform.http import Cursor
from vendomat.kernel import ErrorCode, IllegalMoveError, VendomatError

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("state", "event"), list(product(AlarmState, AlarmEvent)))
def test_every_state_and_event(state: AlarmState, event: AlarmEvent) -> None:
    allowed = {
        (AlarmState.RAISED, AlarmEvent.ACKNOWLEDGE): AlarmState.ACKNOWLEDGED,
        (AlarmState.RAISED, AlarmEvent.END): AlarmState.PASSED,
        (AlarmState.RAISED, AlarmEvent.CLEAR): AlarmState.CLEARED,
        (AlarmState.ACKNOWLEDGED, AlarmEvent.END): AlarmState.CLEARED,
        (AlarmState.ACKNOWLEDGED, AlarmEvent.CLEAR): AlarmState.CLEARED,
        (AlarmState.PASSED, AlarmEvent.RAISE): AlarmState.RAISED,
        (AlarmState.PASSED, AlarmEvent.ACKNOWLEDGE): AlarmState.CLEARED,
        (AlarmState.PASSED, AlarmEvent.CLEAR): AlarmState.CLEARED,
    }
    if (state, event) in allowed:
        assert MOVES.next(state, event) is allowed[state, event]
    else:
        with pytest.raises(IllegalMoveError):
            MOVES.next(state, event)


def row(shop: Shop, slot: str = "A1", kind: str = "slot.jam", **more: str) -> AlarmRow:
    severity = Severity(more.pop("severity", "warning"))
    return AlarmRow(shop.merchant_id, shop.machine_id, kind, severity, shop.clock.now(), slot=slot, **more)


async def raise_all(shop: Shop, *rows: AlarmRow) -> list[str]:
    async with shop.database.hot.acquire() as connection, connection.transaction():
        return await raise_alarms(connection, rows, ids=shop.ids)


async def move(shop: Shop, alarm_id: str, event: AlarmEvent) -> Alarm:
    return await Alarms(shop.database, shop.clock).move(shop.merchant_id, alarm_id, event, operator_id="opr_1")


async def events(shop: Shop) -> list[str]:
    rows = await shop.database.hot.fetch(
        "SELECT kind FROM outbox WHERE merchant_id = $1 ORDER BY event_id", shop.merchant_id
    )
    return [r["kind"] for r in rows]


async def test_more_of_the_same_counts_up_and_is_no_news(shop: Shop) -> None:
    (first,) = await raise_all(shop, row(shop, detail="one"), row(shop, detail="two"))
    (second,) = await raise_all(shop, row(shop, detail="three", severity="critical"))
    assert first == second
    (alarm,) = await Alarms(shop.database, shop.clock).list_alarms(shop.merchant_id)
    assert (alarm.count, alarm.detail, alarm.severity) == (3, "three", Severity.CRITICAL)
    assert alarm.machine_number == "SH-001"
    assert await events(shop) == ["alarm.raised"]


async def test_slots_and_kinds_stand_apart(shop: Shop) -> None:
    made = await raise_all(shop, row(shop), row(shop, "A2"), row(shop, kind="slot.low"), row(shop, ""))
    assert len(set(made)) == 4
    assert await raise_all(shop) == []


async def test_after_clearing_a_new_cause_raises_a_new_alarm(shop: Shop) -> None:
    (old,) = await raise_all(shop, row(shop))
    cleared = await move(shop, old, AlarmEvent.CLEAR)
    assert cleared.state is AlarmState.CLEARED and cleared.cleared_at == shop.clock.now()
    (new,) = await raise_all(shop, row(shop))
    assert new != old


async def test_workers_raising_at_once_never_stumble_over_each_other(shop: Shop) -> None:
    rows = [row(shop, f"A{n}") for n in range(1, 5)]
    await asyncio.gather(*(raise_all(shop, *(rows if n % 2 else rows[::-1])) for n in range(8)))
    alarms = await Alarms(shop.database, shop.clock).list_alarms(shop.merchant_id)
    assert [alarm.count for alarm in alarms] == [8] * 4


async def test_clearing_the_last_alarm_of_a_slot_reopens_it(shop: Shop) -> None:
    await shop.as_hot_owner(
        "UPDATE stock_slot SET closed_reason = 'jam' WHERE machine_id = $1 AND slot IN ('A1', 'A2')", shop.machine_id
    )
    jam, fault, other = await raise_all(shop, row(shop), row(shop, kind="slot.motor"), row(shop, "A2"))
    assert other not in (jam, fault)

    async def closed() -> list[str]:
        rows = await shop.database.hot.fetch(
            "SELECT slot FROM stock_slot WHERE machine_id = $1 AND closed_reason <> '' ORDER BY slot", shop.machine_id
        )
        return [r["slot"] for r in rows]

    async def version() -> int:
        return int(
            await shop.database.hot.fetchval(
                "SELECT catalogue_version FROM machine WHERE machine_id = $1", shop.machine_id
            )
        )

    before = await version()
    await move(shop, jam, AlarmEvent.ACKNOWLEDGE)
    await move(shop, jam, AlarmEvent.CLEAR)
    assert await closed() == ["A1", "A2"] and await version() == before
    await move(shop, fault, AlarmEvent.CLEAR)
    assert await closed() == ["A2"] and await version() == before + 1
    await move(shop, fault, AlarmEvent.CLEAR)
    assert await version() == before + 1
    assert await events(shop) == ["alarm.raised"] * 3 + ["alarm.acknowledged", "alarm.cleared", "alarm.cleared"]


async def test_a_machines_alarm_reopens_no_slot(shop: Shop) -> None:
    await shop.as_hot_owner("UPDATE stock_slot SET closed_reason = 'jam' WHERE machine_id = $1", shop.machine_id)
    (alarm,) = await raise_all(shop, row(shop, "", "machine.clone"))
    await move(shop, alarm, AlarmEvent.CLEAR)
    closed = await shop.database.hot.fetchval(
        "SELECT count(*) FROM stock_slot WHERE machine_id = $1 AND closed_reason <> ''", shop.machine_id
    )
    assert closed == 12


async def test_what_was_cleared_is_not_acknowledged(shop: Shop) -> None:
    (alarm,) = await raise_all(shop, row(shop))
    await move(shop, alarm, AlarmEvent.CLEAR)
    with pytest.raises(IllegalMoveError):
        await move(shop, alarm, AlarmEvent.ACKNOWLEDGE)


async def test_another_merchants_alarm_does_not_exist(shop: Shop) -> None:
    (alarm,) = await raise_all(shop, row(shop))
    alarms = Alarms(shop.database, shop.clock)
    with pytest.raises(VendomatError) as caught:
        await alarms.move("mer_other", alarm, AlarmEvent.CLEAR, operator_id="opr_thief")
    assert caught.value.code is ErrorCode.NOT_FOUND
    assert await alarms.list_alarms("mer_other") == []


async def test_lists_are_newest_first_and_page_by_cursor(shop: Shop) -> None:
    made = []
    for number in range(5):
        made += await raise_all(shop, row(shop, f"B{number}"))
        await shop.clock.advance(number % 2)  # some share a moment
    await move(shop, made[0], AlarmEvent.CLEAR)
    alarms = Alarms(shop.database, shop.clock)
    seen: list[str] = []
    after = None
    while page := await alarms.list_alarms(shop.merchant_id, after=after, limit=2):
        seen += [alarm.alarm_id for alarm in page]
        after = Cursor(page[-1].raised_at, page[-1].alarm_id)
    assert sorted(seen) == sorted(made) and len(seen) == 5
    assert len(await alarms.list_alarms(shop.merchant_id, AlarmFilter(states=ACTIVE))) == 4
    assert [
        a.alarm_id for a in await alarms.list_alarms(shop.merchant_id, AlarmFilter(states=(AlarmState.CLEARED,)))
    ] == made[:1]
    assert await alarms.list_alarms(shop.merchant_id, AlarmFilter(machine_id="mch_other")) == []


async def pass_all(shop: Shop, kind: str) -> None:
    """The cause of every alarm of `kind` goes away."""

    async def work(connection: asyncpg.Connection) -> None:
        standing = [one for one in await find_open_alarms(connection, [kind]) if one.merchant_id == shop.merchant_id]
        await clear_alarms(connection, standing, at=shop.clock.now())

    await shop.database.write(work)


async def only(shop: Shop) -> Alarm:
    (alarm,) = await Alarms(shop.database, shop.clock).list_alarms(shop.merchant_id)
    return alarm


async def said(shop: Shop, alarm_id: str) -> list[tuple[str, str]]:
    _, lines = await Alarms(shop.database, shop.clock).timeline(shop.merchant_id, alarm_id)
    return [(line.what, line.said) for line in lines]


async def test_what_went_away_unseen_stays_until_somebody_has_seen_it(shop: Shop) -> None:
    (alarm_id,) = await raise_all(shop, row(shop, "", "machine.offline"))
    await pass_all(shop, "machine.offline")
    assert (await only(shop)).state is AlarmState.PASSED
    await move(shop, alarm_id, AlarmEvent.ACKNOWLEDGE)
    assert (await only(shop)).state is AlarmState.CLEARED
    assert [what for what, _ in await said(shop, alarm_id)] == ["raised", "passed", "acknowledged"]


async def test_what_was_seen_is_over_with_its_cause(shop: Shop) -> None:
    (alarm_id,) = await raise_all(shop, row(shop, "", "machine.offline"))
    await move(shop, alarm_id, AlarmEvent.ACKNOWLEDGE)
    await pass_all(shop, "machine.offline")
    assert (await only(shop)).state is AlarmState.CLEARED


async def test_a_cause_that_comes_back_unseen_is_the_same_alarm_raised_again(shop: Shop) -> None:
    (first,) = await raise_all(shop, row(shop, "", "machine.offline"))
    await pass_all(shop, "machine.offline")
    await shop.clock.advance(60)
    (again,) = await raise_all(shop, row(shop, "", "machine.offline"))
    alarm = await only(shop)
    assert again == first and (alarm.state, alarm.count) == (AlarmState.RAISED, 2)
    assert alarm.raised_at == shop.clock.now() and alarm.cleared_at is None
    assert await events(shop) == ["alarm.raised", "alarm.cleared", "alarm.raised"]


async def test_a_rule_sets_the_severity_and_lets_what_is_over_be_over(shop: Shop) -> None:
    await shop.as_merchant(
        "INSERT INTO alarm_rule (merchant_id, kind, severity, is_auto_cleared) VALUES ($1, 'machine.offline', "
        "'critical', true)",
        shop.merchant_id,
    )
    await raise_all(shop, row(shop, "", "machine.offline"))
    assert (await only(shop)).severity is Severity.CRITICAL
    await pass_all(shop, "machine.offline")
    assert (await only(shop)).state is AlarmState.CLEARED


async def test_an_alarm_is_given_put_off_and_talked_about_and_its_timeline_says_so(shop: Shop) -> None:
    (alarm_id,) = await raise_all(shop, row(shop))
    alarms = Alarms(shop.database, shop.clock)
    (person, name), *_ = await alarms.people(shop.merchant_id)
    until = shop.clock.now() + timedelta(hours=1)
    given = await alarms.assign(shop.merchant_id, alarm_id, person, operator_id=person)
    assert (given.assigned_to, given.assigned_name) == (person, name)
    assert (await alarms.snooze(shop.merchant_id, alarm_id, until, operator_id=person)).snoozed_until == until
    await alarms.comment(shop.merchant_id, alarm_id, "spare motor ordered", operator_id=person)
    assert await said(shop, alarm_id) == [
        ("raised", "warning"),
        ("assigned", name),
        ("snoozed", until.isoformat()),
        ("comment", "spare motor ordered"),
    ]
    for wrong in (shop.clock.now(), shop.clock.now() + timedelta(days=31)):
        with pytest.raises(VendomatError) as caught:
            await alarms.snooze(shop.merchant_id, alarm_id, wrong, operator_id=person)
        assert caught.value.code is ErrorCode.INVALID_VALUE
    with pytest.raises(VendomatError) as caught:
        await alarms.assign(shop.merchant_id, alarm_id, "opr_" + "0" * 26, operator_id=person)
    assert caught.value.code is ErrorCode.INVALID_VALUE


async def test_many_are_acknowledged_at_once_or_none(shop: Shop) -> None:
    made = await raise_all(shop, row(shop), row(shop, "A2"), row(shop, "A3"))
    await move(shop, made[0], AlarmEvent.CLEAR)
    alarms = Alarms(shop.database, shop.clock)
    with pytest.raises(VendomatError) as caught:
        await alarms.acknowledge_all(shop.merchant_id, [*made, "alm_" + "0" * 26], operator_id="opr_1")
    assert caught.value.code is ErrorCode.NOT_FOUND
    states = {one.alarm_id: one.state for one in await alarms.list_alarms(shop.merchant_id)}
    assert states[made[1]] is AlarmState.RAISED
    moved = await alarms.acknowledge_all(shop.merchant_id, made, operator_id="opr_1")
    assert sorted(one.state.value for one in moved) == ["acknowledged", "acknowledged", "cleared"]
