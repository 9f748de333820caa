"""Visits and the platform's words, for tests of the steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from vendomat.cloud.coolers.model import (
    AgreeTimeUp,
    ChangeRefused,
    DoorDeadline,
    DoorFactSeen,
    DoorSaid,
    DoorSilent,
    Good,
    NotVouched,
    OrderSeen,
    Post,
    Recounted,
    Seen,
    Step,
    Visit,
    VisitEvent,
    VisitState,
    WriteOffAsked,
)
from vendomat.cloud.coolers.steps import command_of, step
from vendomat.cloud.orders import Command, CommandState
from vendomat.cloud.payments import ServiceOrder, ServiceRefusal, ServiceState
from vendomat.kernel import Money

AT = datetime(2026, 6, 1, tzinfo=UTC)
CMD = command_of("vis_1")
GOODS = (Good("A1", "prd_1", "tea", 350), Good("A2", "prd_2", "juice", 200))
TWO_TEAS = (Seen("A1", 2, "weight"),)


def visit(state: VisitState = VisitState.ASKED, **changes: object) -> Visit:
    """A visit as it stands in `state`: from the opening on it has a command, from the bill on two teas were taken."""
    found = Visit(
        merchant_id="mer_1",
        visit_id="vis_1",
        machine_id="mch_1",
        request_id="req_1",
        channel="wechat",
        account="19",
        currency="CNY",
        ceiling_minor=2_000,
        created_at=AT,
        agree_by=AT + timedelta(seconds=120),
        goods=GOODS,
        state=state,
    )
    before_the_door = (VisitState.ASKED, VisitState.OFFERED, VisitState.REFUSED)
    if state not in before_the_door:
        is_open = state is VisitState.OPENING
        command_state = CommandState.QUEUED if is_open else CommandState.DONE
        found = replace(found, command=Command(CMD, command_state, AT, AT, epoch=1, nonce="n", nonce_at=AT))
    if state in (*before_the_door, VisitState.OPENING, VisitState.CANCELLING, VisitState.ENDED):
        return replace(found, **changes)  # type: ignore[arg-type]
    goods = (replace(GOODS[0], taken=2, evidence="weight"), GOODS[1])
    found = replace(found, goods=goods, owed_minor=700, shut_at=AT, door="door_shut")
    if state is VisitState.LOWERING:
        found = replace(found, goods=(replace(GOODS[0], taken=1), GOODS[1]), lower_minor=350)
    if state is VisitState.PAID:
        found = replace(found, paid_minor=700, paid_at=AT, transaction_id="42")
    return replace(found, **changes)  # type: ignore[arg-type]


def order(state: ServiceState, owed: int | None = None, paid: int | None = None) -> ServiceOrder:
    return ServiceOrder(
        state,
        "vis_1",
        agreement="ask the buyer",
        owed=None if owed is None else Money(owed, "CNY"),
        paid=None if paid is None else Money(paid, "CNY"),
        transaction_id="42" if paid else "",
    )


def seen(
    state: ServiceState, owed: int | None = None, paid: int | None = None, *, after_s: float = 1, may_open: bool = True
) -> OrderSeen:
    return OrderSeen(order(state, owed, paid), "test", AT + timedelta(seconds=after_s), may_open)


def door(said: DoorSaid, goods: tuple[Seen, ...] = (), result: str = "") -> DoorFactSeen:
    return DoorFactSeen(CMD, said, result, goods, "1/1", AT)


def recount(**pieces: int) -> Recounted:
    return Recounted(CMD, tuple(Seen(slot, count, "vision") for slot, count in pieces.items()), "1/9", AT)


EVENTS: dict[str, VisitEvent] = {
    **{f"order {state}": seen(state) for state in ServiceState},
    "order open, cooler busy": seen(ServiceState.OPEN, may_open=False),
    "order open, late": seen(ServiceState.OPEN, after_s=1_000),
    "order collecting 700": seen(ServiceState.COLLECTING, 700),
    "order collecting 350": seen(ServiceState.COLLECTING, 350),
    "order paid 700": seen(ServiceState.SETTLED, 700, 700),
    "order paid 350": seen(ServiceState.SETTLED, 350, 350),
    "order settled for nothing": seen(ServiceState.SETTLED, 0),
    "not vouched": NotVouched(ServiceRefusal.RISK, "no", AT),
    "time up": AgreeTimeUp(AT),
    "door started": door(DoorSaid.STARTED),
    "door not opened": door(DoorSaid.NOT_OPENED),
    "door not known": door(DoorSaid.NOT_KNOWN),
    "door shut, nothing": door(DoorSaid.TAKEN, result="door_shut"),
    "door shut, two": door(DoorSaid.TAKEN, TWO_TEAS, "door_shut"),
    "door left open, two": door(DoorSaid.TAKEN, TWO_TEAS, "door_left_open"),
    "silent": DoorSilent(CMD, AT),
    "deadline": DoorDeadline(CMD, AT),
    "recounted less": recount(A1=1),
    "recounted more": recount(A1=3, A2=1),
    "recounted nothing": recount(A1=0),
    "refused": ChangeRefused("complete", "no", AT),
    "written off": WriteOffAsked("opr_1", "gone", AT),
}


def booked(done: Step) -> dict[str, int]:
    """What the step's postings moved, by account."""
    sums: dict[str, int] = {}
    for effect in done.effects:
        if isinstance(effect, Post):
            for account, minor in effect.posting.lines:
                sums[account] = sums.get(account, 0) + minor
    return {account: minor for account, minor in sums.items() if minor}


__all__ = ["AT", "CMD", "EVENTS", "GOODS", "TWO_TEAS", "booked", "door", "order", "recount", "seen", "step", "visit"]
