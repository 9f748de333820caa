"""What every event does to a visit to a cooler, as recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from tests.cloud.coolers.visits import AT, CMD, EVENTS, GOODS, TWO_TEAS, door, seen, step, visit
from tests.recorded_steps import Speller, check_recorded, told
from vendomat.cloud.coolers.model import (
    ChangeRefused,
    DoorDeadline,
    DoorSaid,
    DoorSilent,
    NotVouched,
    Seen,
    Visit,
    VisitEvent,
    VisitState,
    WriteOffAsked,
)
from vendomat.cloud.orders import Command, CommandState
from vendomat.cloud.payments import ServiceRefusal, ServiceState
from vendomat.kernel import VendomatError

STRANGE = "cmd_of_another_visit"
MORE: dict[str, VisitEvent] = {
    "order paid 500": seen(ServiceState.SETTLED, 500, 500),
    "order paid, nothing owed": seen(ServiceState.SETTLED, 0, 0),
    "order open, at the last moment": seen(ServiceState.OPEN, after_s=120),
    "order open, a moment later": seen(ServiceState.OPEN, after_s=120.001),
    "order open, as late as may be": seen(ServiceState.OPEN, after_s=150),
    "order open, a moment too late": seen(ServiceState.OPEN, after_s=150.001),
    "not vouched, with many words": NotVouched(ServiceRefusal.RISK, "n" * 201, AT),
    "written off, with many words": WriteOffAsked("opr_1", "w" * 201, AT),
    "refused, with many words": ChangeRefused("complete", "r" * 301, AT),
    "door shut, a thing of no shelf": door(DoorSaid.TAKEN, (Seen("Z9", 1, "vision"), *TWO_TEAS), "door_shut"),
    "door shut, one of each": door(DoorSaid.TAKEN, (Seen("A1", 1, "weight"), Seen("A2", 1, "vision")), "door_shut"),
    "door shut, more than the ceiling": door(DoorSaid.TAKEN, (Seen("A1", 9, "weight"),), "door_shut"),
    "order settled, nothing of 700 paid": seen(ServiceState.SETTLED, 700, 0),
    "another visit's door": replace(door(DoorSaid.STARTED), cmd_id=STRANGE),
    "another visit's recount": replace(EVENTS["recounted less"], cmd_id=STRANGE),  # type: ignore[type-var]
    "another visit's silence": DoorSilent(STRANGE, AT),
    "another visit's deadline": DoorDeadline(STRANGE, AT),
    "cancel refused": ChangeRefused("cancel", "no", AT),
    "modify refused": ChangeRefused("modify", "no", AT),
}


def command(state: CommandState, *, is_quoted: bool = True) -> Command:
    quoted = {"epoch": 1, "nonce": "n", "nonce_at": AT} if is_quoted else {}
    before = AT - timedelta(seconds=5)
    return Command(CMD, state, before, before, **quoted)  # type: ignore[arg-type]


def visits() -> dict[str, Visit]:
    found = {str(state): visit(state) for state in VisitState}
    for sent in (CommandState.QUEUED, CommandState.FENCING, CommandState.WAITING):
        found[f"opening, {sent}"] = visit(VisitState.OPENING, command=command(sent))
    found["asked, of a known buyer"] = visit(VisitState.ASKED, payer="openid")
    found["offered to a known buyer"] = visit(VisitState.OFFERED, payer="openid", agreement="ask the buyer")
    found["lowering to nothing"] = visit(VisitState.LOWERING, goods=GOODS, lower_minor=0)
    found["opening, never sent"] = visit(VisitState.OPENING, command=command(CommandState.QUEUED, is_quoted=False))
    two_goods = (replace(GOODS[0], taken=1, evidence="weight"), replace(GOODS[1], taken=1, evidence="vision"))
    for state in (VisitState.COMPLETING, VisitState.COLLECTING, VisitState.WRITTEN_OFF, VisitState.PAID):
        found[f"{state}, one of each"] = visit(state, goods=two_goods, owed_minor=550)
    return found


def done(before: Visit, event: VisitEvent) -> tuple[Visit, Iterable[object]]:
    try:
        after = step(before, event)
    except VendomatError as refusal:
        return before, [f"{refusal.code}: {refusal.message}"]
    return after.visit, after.effects


def test_a_visit_does_what_is_recorded() -> None:
    check_recorded("visit", told(visits(), EVENTS | MORE, done, Speller({CMD: "COMMAND"}, AT)))
