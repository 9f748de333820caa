"""Notices, pure: what is told, what waits, what nobody has to hear any more, and in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from vendomat.cloud.alarms.model import AlarmState, Severity
from vendomat.cloud.alarms.notices.model import (
    MOVES,
    Notice,
    NoticeEvent,
    NoticeState,
    QuietHours,
    Step,
    after_failure,
    judged,
    message_of,
)
from vendomat.kernel import IllegalMoveError, is_public

AT = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)  # half past eleven at night in Shanghai
NIGHT = QuietHours(22 * 60, 7 * 60, "Asia/Shanghai")


def notice(**more: object) -> Notice:
    fields: dict[str, object] = {
        "key": ("mer", "alm", "ntc", "raised", "alm"),
        "step": Step.RAISED,
        "kind": "vend_failed",
        "severity": Severity.WARNING,
        "alarm_state": AlarmState.RAISED,
        "machine_number": "SH-001",
        "slot": "A1",
        "raised_at": AT,
        "is_same_raise": True,
        "snoozed_until": None,
    }
    return Notice(**(fields | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(("state", "event"), list(product(NoticeState, NoticeEvent)))
def test_every_state_and_event(state: NoticeState, event: NoticeEvent) -> None:
    ends = {NoticeEvent.SEND: "sent", NoticeEvent.DROP: "dropped", NoticeEvent.GIVE_UP: "failed"}
    if state is NoticeState.WAITING:
        assert MOVES.next(state, event).value == ends[event]
    else:
        with pytest.raises(IllegalMoveError):
            MOVES.next(state, event)


@pytest.mark.parametrize(
    ("one", "event"),
    [
        (notice(), NoticeEvent.SEND),
        (notice(alarm_state=AlarmState.ACKNOWLEDGED), NoticeEvent.DROP),
        (notice(alarm_state=AlarmState.PASSED), NoticeEvent.DROP),
        (notice(alarm_state=AlarmState.CLEARED), NoticeEvent.DROP),
        (notice(is_same_raise=False), NoticeEvent.DROP),
        (notice(snoozed_until=AT), NoticeEvent.SEND),
        (notice(snoozed_until=AT + timedelta(seconds=1)), None),
    ],
)
def test_only_what_still_needs_somebody_is_told(one: Notice, event: NoticeEvent | None) -> None:
    assert judged(one, AT, None).event is event


def test_quiet_hours_hold_back_until_morning_all_but_the_critical() -> None:
    verdict = judged(notice(), AT, NIGHT)
    assert (verdict.event, verdict.until) == (None, datetime(2026, 11, 22, 23, 0, tzinfo=UTC))
    assert judged(notice(severity=Severity.CRITICAL), AT, NIGHT).event is NoticeEvent.SEND


@pytest.mark.parametrize(
    ("hours", "local", "ends"),
    [
        ((22 * 60, 7 * 60), "21:59", None),
        ((22 * 60, 7 * 60), "22:00", "07:00"),
        ((22 * 60, 7 * 60), "06:59", "07:00"),
        ((22 * 60, 7 * 60), "07:00", None),
        ((13 * 60, 14 * 60), "13:30", "14:00"),
        ((13 * 60, 14 * 60), "12:59", None),
        ((600, 600), "10:00", None),
    ],
)
def test_quiet_hours_by_the_merchants_own_clock(hours: tuple[int, int], local: str, ends: str | None) -> None:
    quiet = QuietHours(*hours, "Asia/Shanghai")
    now = datetime.fromisoformat(f"2026-11-22T{local}:00+08:00")
    until = quiet.ends_at(now)
    assert (until.strftime("%H:%M") if until is not None else None) == ends
    assert until is None or timedelta(0) < until - now <= timedelta(hours=9)


def test_what_is_refused_is_tried_again_ever_more_slowly_for_a_day() -> None:
    waits = [after_failure(notice(tries=tries), AT).until for tries in range(9)]
    seconds = [(until - AT).total_seconds() for until in waits if until is not None]
    assert seconds == [10, 20, 40, 80, 160, 320, 600, 600, 600]
    old = notice(raised_at=AT - timedelta(hours=24))
    assert after_failure(old, AT).event is NoticeEvent.GIVE_UP


def test_one_alarm_is_a_headline_and_many_are_one_message_the_critical_first() -> None:
    title, text = message_of([notice()], "en", "http://here/console/alarms")
    assert title == "Vendomat: SH-001 A1: Slot failed and was closed"
    assert text.splitlines() == ["[warning] SH-001 A1: Slot failed and was closed", "", "http://here/console/alarms"]
    late = notice(severity=Severity.CRITICAL, machine_number="SH-002", slot="", step=Step.ESCALATED)
    title, text = message_of([*[notice(slot=f"B{n}") for n in range(30)], late], "zh-CN", "http://here")
    lines = text.splitlines()
    assert title == "Vendomat: 31 条告警" and lines[0].startswith("[严重] SH-002") and "尚无人确认" in lines[0]
    assert lines[20] == "……另有 11 条" and len(lines) == 23


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("224.0.0.1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_only_addresses_of_the_public_internet_are_public(host: str, expected: bool) -> None:
    assert is_public(host) is expected
