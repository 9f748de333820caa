"""The steps of a visit. Pure: the visit and an event in, the visit and effects out. Nothing else assigns a state.

1. The door's command exists only after the platform's own word that it vouches for the buyer, and only once.
2. What is not known is the buyer's: a door whose run is not known, or a cooler that cannot count, costs nothing.
3. A bill is fixed when the run of the door ends; later it only falls. What is recognised too late is given, and said.
4. Completed and not collected is owed and asked for until it is paid; only a person writes it off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from vendomat.cloud.coolers import receivables
from vendomat.cloud.coolers.model import (
    OVER,
    OWED,
    VISIT_MOVES,
    AgreeTimeUp,
    Alarm,
    ChangeRefused,
    DoorDeadline,
    DoorFactSeen,
    DoorSaid,
    DoorSilent,
    MoveStock,
    Note,
    NotVouched,
    OrderSeen,
    Recounted,
    Step,
    Visit,
    VisitEvent,
    VisitMove,
    VisitState,
    WriteOffAsked,
)
from vendomat.cloud.coolers.recognition import with_taken
from vendomat.cloud.orders import COMMAND_MOVES, Command, CommandMove, CommandState
from vendomat.cloud.payments import ServiceState
from vendomat.kernel import ErrorCode, VendomatError, derive_id

AGREED_LATE = timedelta(seconds=30)
"""Agreed this long after the visit's time still opens: the buyer stands there."""
_S = VisitState


def step(visit: Visit, event: VisitEvent) -> Step:
    """The visit after `event`, and what is to be done. Raises `VendomatError(conflict)` for what has to come later."""
    now = _STEPS[type(event)](Step(visit), event)
    if now.visit != visit:
        now = now.with_(version=visit.version + 1)
    return now


def command_of(visit_id: str) -> str:
    """A visit has one command: its number follows from it."""
    return derive_id("cmd", visit_id, 1)


# --- the platform's word ---------------------------------------------------------------------------------------------


def _on_order(now: Step, event: OrderSeen) -> Step:
    return _SEEN.get(event.order.state, _ignored)(now, event)


def _ignored(now: Step, event: OrderSeen) -> Step:
    return now


def _on_created(now: Step, event: OrderSeen) -> Step:
    if now.visit.state is not _S.ASKED:
        return now
    return now.moved(VisitMove.OFFER, agreement=event.order.agreement, payer="")


def _on_open(now: Step, event: OrderSeen) -> Step:
    visit = now.visit
    if visit.state not in (_S.ASKED, _S.OFFERED, _S.ENDED):
        return now
    now = now.plus(Note("platform", "visit.vouched", {"via": event.via}))
    is_late = event.at > visit.agree_by + AGREED_LATE
    if visit.state is _S.ENDED or is_late or not event.may_open:
        why = "agreed_late" if is_late or visit.state is _S.ENDED else "cooler_not_ready"
        return _abandon(now, why)
    command = Command(command_of(visit.visit_id), CommandState.QUEUED, event.at, event.at)
    return now.moved(VisitMove.VOUCH, command=command, payer="", agreement="")


def _on_collecting(now: Step, event: OrderSeen) -> Step:
    visit, owed = now.visit, event.order.owed
    is_ours = owed is not None and owed.minor_units == _wanted_minor(visit) and owed.currency == visit.currency
    if visit.state is _S.COMPLETING:
        return _completed(now, event) if is_ours else _bill_differs(now, event)
    if visit.state is _S.LOWERING and is_ours:
        return _lowered(now).moved(VisitMove.LOWERED, owed_minor=visit.lower_minor, lower_minor=0)
    return now


def _on_settled(now: Step, event: OrderSeen) -> Step:
    visit, order = now.visit, event.order
    if visit.state is _S.COMPLETING:
        if order.owed is None or order.owed.minor_units != _wanted_minor(visit):
            return _bill_differs(now, event)
        now = _completed(now, event)
        visit = now.visit
    paid_minor = 0 if order.paid is None else order.paid.minor_units
    if visit.state is _S.LOWERING and paid_minor == 0 and visit.lower_minor == 0 and _owes_nothing(event):
        return _lowered(now).moved(VisitMove.END, owed_minor=0)
    if visit.state not in (*OWED, _S.WRITTEN_OFF):
        return now
    is_ours = order.paid is not None and order.paid.currency == visit.currency
    if not is_ours or paid_minor not in (visit.owed_minor, _wanted_minor(visit)) or paid_minor == 0:
        return _bill_differs(now, event)
    return _collected(now, event, paid_minor)


def _owes_nothing(event: OrderSeen) -> bool:
    return event.order.owed is not None and event.order.owed.minor_units == 0


def _on_gone(now: Step, event: OrderSeen) -> Step:
    """Cancelled, or never agreed to: nothing can be collected any more."""
    visit = now.visit
    if visit.state in (_S.OFFERED, _S.CANCELLING):
        return now.moved(VisitMove.END, reason=visit.reason or event.order.state.value)
    if visit.state is _S.ASKED:  # it was made, and is over already
        return now.moved(VisitMove.OFFER, payer="").moved(VisitMove.END, reason=event.order.state.value)
    if visit.state is _S.COMPLETING:
        return receivables.give_all(now, "the platform's order is gone").moved(
            VisitMove.END, owed_minor=0, reason="lost"
        )
    return now


def _on_absent(now: Step, event: OrderSeen) -> Step:
    """The platform has no such order: an attempt to make it never arrived, and nothing was ever agreed to."""
    return now.moved(VisitMove.END) if now.visit.state is _S.CANCELLING else now


def _on_not_vouched(now: Step, event: NotVouched) -> Step:
    if now.visit.state is not _S.ASKED:
        return now
    said = {"reason": event.reason.value, "error": event.error[:200]}
    return now.moved(VisitMove.REFUSE, reason=event.reason.value, payer="").plus(
        Note("platform", "visit.refused", said)
    )


def _on_agree_time_up(now: Step, _: AgreeTimeUp) -> Step:
    return _abandon(now, "not_agreed") if now.visit.state in (_S.ASKED, _S.OFFERED) else now


def _abandon(now: Step, why: str) -> Step:
    return now.moved(VisitMove.ABANDON, reason=why, agreement="").plus(Note("cloud", "visit.given_up", {"why": why}))


# --- money -----------------------------------------------------------------------------------------------------------


def _wanted_minor(visit: Visit) -> int:
    return visit.lower_minor if visit.state is _S.LOWERING else visit.owed_minor


def _completed(now: Step, event: OrderSeen) -> Step:
    visit = now.visit
    said = {"owed_minor": visit.owed_minor, "via": event.via}
    return receivables.complete(now).moved(VisitMove.COMPLETE).plus(Note("platform", "visit.completed", said))


def _lowered(now: Step) -> Step:
    said = {"owed_minor": now.visit.lower_minor, "was_minor": now.visit.owed_minor}
    return receivables.lower(now).plus(Note("platform", "visit.lowered", said))


def _collected(now: Step, event: OrderSeen, paid_minor: int) -> Step:
    """Paid. A bill that was about to fall may have fallen unseen, or been collected as it was."""
    visit = now.visit
    if visit.state is _S.LOWERING and paid_minor == visit.lower_minor != visit.owed_minor:
        now = _lowered(now).with_(owed_minor=visit.lower_minor)
    elif visit.state is _S.LOWERING:
        now = receivables.owe_back(now, visit.owed_minor - visit.lower_minor)
    said = {"paid_minor": paid_minor, "transaction_id": event.order.transaction_id, "via": event.via}
    return (
        receivables.collect(now)
        .moved(
            VisitMove.COLLECT,
            lower_minor=0,
            paid_minor=paid_minor,
            paid_at=event.order.paid_at or event.at,
            transaction_id=event.order.transaction_id,
        )
        .plus(Note("platform", "visit.paid", said))
    )


def _bill_differs(now: Step, event: OrderSeen) -> Step:
    """The platform names another sum than we do: nothing is booked, and a person has to look."""
    order = event.order
    detail = f"{now.visit.visit_id}: {order.state}, owed {order.owed}, paid {order.paid}; here {now.visit.owed_minor}"
    return now.plus(Alarm("cooler.sum_differs", True, detail))


def _on_write_off(now: Step, event: WriteOffAsked) -> Step:
    if now.visit.state is _S.WRITTEN_OFF:
        return now
    if now.visit.state is not _S.COLLECTING:
        raise VendomatError(ErrorCode.CONFLICT, "only what is owed and being collected is written off; nothing changed")
    said = {"by": event.by, "reason": event.why[:200], "owed_minor": now.visit.owed_minor}
    return receivables.write_off(now).moved(VisitMove.WRITE_OFF).plus(Note("operator", "visit.written_off", said))


def _on_change_refused(now: Step, event: ChangeRefused) -> Step:
    detail = f"{now.visit.visit_id}: {event.verb} is refused: {event.error}"
    return now if now.visit.state in OVER else now.plus(Alarm("cooler.platform_refuses", True, detail[:300]))


# --- the door --------------------------------------------------------------------------------------------------------


def _with_command(now: Step, move: CommandMove, **changes: Any) -> Step:
    command = now.visit.command
    assert command is not None, f"{now.visit.visit_id} has no command"
    if not COMMAND_MOVES.may(command.state, move):
        return now
    return now.with_(command=replace(command, state=COMMAND_MOVES.next(command.state, move), **changes))


def _on_door(now: Step, event: DoorFactSeen) -> Step:
    visit = now.visit
    if visit.command is None or visit.command.cmd_id != event.cmd_id:
        raise VendomatError(ErrorCode.NOT_FOUND, "this visit has no such command")
    said: dict[str, object] = {"said": event.said.value, "result": event.result, "origin": event.origin}
    if event.goods:
        said["goods"] = [{"slot": s.slot, "pieces": s.pieces, "evidence": s.evidence} for s in event.goods]
    now = now.plus(Note("terminal", f"door.{event.said.value}", said))
    if event.said is DoorSaid.STARTED:
        return _with_command(now, CommandMove.WAIT, heard_at=event.at)
    if visit.state is not _S.OPENING:
        return receivables.recount(now, event.goods) if event.said is DoorSaid.TAKEN else now
    now = _with_command(now, CommandMove.END, heard_at=event.at).with_(door=event.result or event.said.value)
    now = now.with_(shut_at=event.at)
    if event.said is DoorSaid.TAKEN:
        return _shopped(now, event)
    if event.said is DoorSaid.NOT_KNOWN:
        return _not_known(now, event.result or "not known")
    return _abandon(now, "door_not_opened")


def _shopped(now: Step, event: DoorFactSeen) -> Step:
    goods, is_strange = with_taken(now.visit.goods, event.goods)
    now = now.with_(goods=goods)
    moved = [MoveStock(good.slot, good.taken) for good in goods if good.taken]
    if is_strange:
        now = now.plus(Alarm("cooler.count_needed", False, f"{now.visit.visit_id}: goods stand on other shelves"))
    if event.result == "door_left_open":
        now = now.plus(Alarm("cooler.left_open", True, f"{now.visit.visit_id}: nobody shut the door"))
    owed_minor = min(now.visit.goods_minor, now.visit.ceiling_minor)
    if not owed_minor:
        return _abandon(now, "nothing_taken")
    now = now.plus(*moved)
    if owed_minor < now.visit.goods_minor:
        detail = f"{now.visit.visit_id}: taken {now.visit.goods_minor}, agreed to {now.visit.ceiling_minor}"
        now = now.plus(Alarm("cooler.above_ceiling", False, detail))
    return now.moved(VisitMove.TAKE, owed_minor=owed_minor)


def _not_known(now: Step, why: str) -> Step:
    detail = (
        f"{now.visit.visit_id}: it is not known whether the door opened ({why}); nothing is charged, count the stock"
    )
    return _abandon(now.plus(Alarm("cooler.door_unknown", True, detail)), "door_unknown")


def _on_silent(now: Step, event: DoorSilent) -> Step:
    if now.visit.state is not _S.OPENING or not _is_open_command(now.visit, event.cmd_id):
        return now
    command = now.visit.command
    if command is not None and command.nonce_at is not None:
        return _with_command(now, CommandMove.FALL_SILENT)
    return _abandon(_with_command(now, CommandMove.END).with_(door="never_sent"), "cooler_not_ready")


def _on_deadline(now: Step, event: DoorDeadline) -> Step:
    if now.visit.state is not _S.OPENING or not _is_open_command(now.visit, event.cmd_id):
        return now
    return _not_known(_with_command(now, CommandMove.END).with_(door="silent", shut_at=event.at), "silent")


def _is_open_command(visit: Visit, cmd_id: str) -> bool:
    command = visit.command
    return command is not None and command.cmd_id == cmd_id and command.state not in COMMAND_MOVES.final


def _on_recount(now: Step, event: Recounted) -> Step:
    visit = now.visit
    if visit.command is None or visit.command.cmd_id != event.cmd_id:
        raise VendomatError(ErrorCode.NOT_FOUND, "this visit has no such command")
    if visit.state in (_S.OPENING, _S.COMPLETING, _S.LOWERING):
        raise VendomatError(ErrorCode.CONFLICT, "the visit's bill is under way; say it again later")
    rows = [{"slot": s.slot, "pieces": s.pieces, "evidence": s.evidence} for s in event.goods]
    now = now.plus(Note("terminal", "visit.recounted", {"goods": rows, "origin": event.origin}))
    return receivables.recount(now, event.goods)


_SEEN: dict[ServiceState, Callable[[Step, OrderSeen], Step]] = {
    ServiceState.CREATED: _on_created,
    ServiceState.OPEN: _on_open,
    ServiceState.COLLECTING: _on_collecting,
    ServiceState.SETTLED: _on_settled,
    ServiceState.REVOKED: _on_gone,
    ServiceState.EXPIRED: _on_gone,
    ServiceState.NOT_FOUND: _on_absent,
}
_STEPS: dict[type, Callable[..., Step]] = {
    OrderSeen: _on_order,
    NotVouched: _on_not_vouched,
    AgreeTimeUp: _on_agree_time_up,
    DoorFactSeen: _on_door,
    DoorSilent: _on_silent,
    DoorDeadline: _on_deadline,
    Recounted: _on_recount,
    ChangeRefused: _on_change_refused,
    WriteOffAsked: _on_write_off,
}
assert set(VISIT_MOVES.states) >= {state for state, _ in VISIT_MOVES.table}
