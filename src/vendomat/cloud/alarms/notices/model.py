"""Notices: what becomes of one, when, and in which words. Pure.

A notice is due when its alarm was raised, or when nobody has acknowledged it for as long as the merchant's rule says.
What is over or seen by then is told to nobody; quiet hours hold back everything that is not critical. Refuses to give
up before a day has passed, and to be told more than once a minute: what comes closer together is one message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from vendomat.cloud.alarms.model import AlarmState, Severity
from vendomat.cloud.alarms.notices.words import title_of, word
from vendomat.kernel import Moves

BETWEEN_MESSAGES = timedelta(minutes=1)
GIVEN_UP_AFTER = timedelta(hours=24)
FIRST_WAIT_S, LONGEST_WAIT_S = 10, 600
LINES_MAX = 20
SCHEMES = frozenset(
    {"mailto", "mailtos", "dingtalk", "wecombot", "feishu", "lark", "slack", "json", "jsons"},
)
"""Where a merchant's notices may go; a webhook is `json` or `jsons`."""
WEB_PUSH = "webpush"
"""A person's browser."""
PUSHED_LINES_MAX, PUSHED_TITLE_MAX, PUSHED_TEXT_MAX = 4, 200, 700
"""In characters: together they fit into one push, whatever the language."""
CONSOLE_ALARMS = "/console/alarms"


NoticeKey = tuple[str, str, str, str, str]
"""Merchant, alarm, channel, step, and which of the alarm's raises."""


class NoticeState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"  # over, or seen, before it was told
    FAILED = "failed"  # a day of tries


class NoticeEvent(StrEnum):
    SEND = "send"
    DROP = "drop"
    GIVE_UP = "give_up"


MOVES = Moves(
    "notice",
    NoticeState,
    {
        (NoticeState.WAITING, NoticeEvent.SEND): NoticeState.SENT,
        (NoticeState.WAITING, NoticeEvent.DROP): NoticeState.DROPPED,
        (NoticeState.WAITING, NoticeEvent.GIVE_UP): NoticeState.FAILED,
    },
    start=NoticeState.WAITING,
    final=(NoticeState.SENT, NoticeState.DROPPED, NoticeState.FAILED),
)


class Step(StrEnum):
    RAISED = "raised"
    ESCALATED = "escalated"  # nobody has acknowledged it


@dataclass(frozen=True, slots=True)
class QuietHours:
    """By the merchant's own clock, in minutes of the day; may go over midnight. The same minute twice is never."""

    from_minute: int
    until_minute: int
    time_zone: str

    def ends_at(self, now: datetime) -> datetime | None:
        """When the quiet that reigns now is over; None when there is none."""
        local = now.astimezone(ZoneInfo(self.time_zone))
        minute = local.hour * 60 + local.minute
        since = (minute - self.from_minute) % 1440
        if since >= (self.until_minute - self.from_minute) % 1440:
            return None
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        days = 1 if self.until_minute <= minute else 0
        return (midnight + timedelta(days=days, minutes=self.until_minute)).astimezone(now.tzinfo)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice and its alarm as it stands now. `key` names the row."""

    key: NoticeKey
    step: Step
    kind: str
    severity: Severity
    alarm_state: AlarmState
    machine_number: str
    slot: str
    raised_at: datetime
    is_same_raise: bool
    snoozed_until: datetime | None
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What a browser shows. `path` is opened by a click; of two with one `tag` it shows the later."""

    title: str
    text: str
    path: str
    tag: str
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with a due notice: `event` at once, or wait `until`."""

    event: NoticeEvent | None
    until: datetime | None = None
    reason: str = ""


def judged(notice: Notice, now: datetime, quiet: QuietHours | None, *, may_see: bool = True) -> Verdict:
    """Tell it, drop it, or wait. `may_see`: whoever is told may see alarms."""
    if not may_see:
        return Verdict(NoticeEvent.DROP, reason="this person may not see alarms any more")
    if not notice.is_same_raise or notice.alarm_state in (AlarmState.PASSED, AlarmState.CLEARED):
        return Verdict(NoticeEvent.DROP, reason="over before it was told")
    if notice.alarm_state is AlarmState.ACKNOWLEDGED:
        return Verdict(NoticeEvent.DROP, reason="seen before it was told")
    if notice.snoozed_until is not None and notice.snoozed_until > now:
        return Verdict(None, notice.snoozed_until)
    quiet_until = quiet.ends_at(now) if quiet is not None and notice.severity is not Severity.CRITICAL else None
    return Verdict(NoticeEvent.SEND) if quiet_until is None else Verdict(None, quiet_until)


def after_failure(notice: Notice, now: datetime, *, wait_s: int = 0, is_hopeless: bool = False) -> Verdict:
    """Try again later, and later still, but not before `wait_s`; after a day, or without hope, it is given up."""
    if is_hopeless or now - notice.raised_at >= GIVEN_UP_AFTER:
        return Verdict(NoticeEvent.GIVE_UP)
    backoff_s = min(LONGEST_WAIT_S, FIRST_WAIT_S << min(notice.tries, 10))
    return Verdict(None, now + timedelta(seconds=max(wait_s, backoff_s)))


def message_of(notices: Sequence[Notice], language: str, console_url: str) -> tuple[str, str]:
    """`(title, text)` of one message about `notices`, machine by machine, the critical first."""
    ordered = _ordered(notices)
    return f"Vendomat: {_title(ordered, language)}", "\n".join([*_lines(ordered, language, LINES_MAX), "", console_url])


def push_of(notices: Sequence[Notice], language: str) -> Push:
    """The same for a browser, which shows little; the same notices once more take each other's place."""
    ordered = _ordered(notices)
    is_one = len(ordered) == 1
    return Push(
        title=_title(ordered, language)[:PUSHED_TITLE_MAX],
        text=_mark(ordered[0], language)
        if is_one
        else "\n".join(_lines(ordered, language, PUSHED_LINES_MAX))[:PUSHED_TEXT_MAX],
        path=f"{CONSOLE_ALARMS}?alarm={ordered[0].key[1]}" if is_one else CONSOLE_ALARMS,
        tag=hashlib.sha256("\n".join(sorted("/".join(one.key) for one in ordered)).encode()).hexdigest()[:32],
        is_urgent=any(one.severity is Severity.CRITICAL for one in ordered),
    )


def trial_push(language: str) -> Push:
    """What a person sends to see whether it arrives."""
    return Push(title=word("test", language), text=word("test_push", language), path=CONSOLE_ALARMS, tag="test")


def _ordered(notices: Sequence[Notice]) -> list[Notice]:
    return sorted(notices, key=lambda n: (n.severity is not Severity.CRITICAL, n.machine_number, n.raised_at, n.slot))


def _title(ordered: Sequence[Notice], language: str) -> str:
    return _headline(ordered[0], language) if len(ordered) == 1 else word("many", language).format(count=len(ordered))


def _lines(ordered: Sequence[Notice], language: str, lines_max: int) -> list[str]:
    lines = [_line(notice, language) for notice in ordered[:lines_max]]
    if len(ordered) > lines_max:
        lines.append(word("more", language).format(count=len(ordered) - lines_max))
    return lines


def _headline(notice: Notice, language: str) -> str:
    place = " ".join(part for part in (notice.machine_number, notice.slot) if part)
    return f"{place}: {title_of(notice.kind, language)}" if place else title_of(notice.kind, language)


def _line(notice: Notice, language: str) -> str:
    late = f" ({word('escalated', language)})" if notice.step is Step.ESCALATED else ""
    return f"[{word(notice.severity.value, language)}] {_headline(notice, language)}{late}"


def _mark(notice: Notice, language: str) -> str:
    """What a headline leaves open."""
    late = [word("escalated", language)] if notice.step is Step.ESCALATED else []
    return " · ".join([word(notice.severity.value, language), *late])
