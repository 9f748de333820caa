"""Steps of a purchase: what is found out about a unit after its last word, by the machine or by a person. Pure.

A unit's outcome stays what it was, and so does what the buyer got back; a finding moves only the books of the goods. An
ambiguity ends when it is found out whether the goods came out. Goods that came out although their money goes back leave
the stock and are declared lost. Refuses to find out anything about a unit that is not final, or twice.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.ledger import postings
from vendomat.cloud.orders import FINDING_MOVES, Finding, FindingMove, Unit, UnitOutcome
from vendomat.cloud.sales.model import (
    AmbiguityResolved,
    MoveStock,
    Note,
    Post,
    RaiseAlarm,
    Source,
    Step,
    Tell,
    VendFactSeen,
    VendSaid,
)

_IS_OPEN = (Finding.NONE, Finding.NOT_KNOWABLE)
"""While one of these stands, an ambiguous unit is on the account of ambiguities."""


def after_final(now: Step, unit: Unit, event: VendFactSeen) -> Step:
    """The machine's late word about a unit that is final. It changes no money; goods that came out are said aloud."""
    if event.said is VendSaid.DELIVERED and unit.outcome is not UnitOutcome.DELIVERED:
        found = _find(now, unit, FindingMove.REPORT_OUT, pieces=pieces_of(event.result))
        detail = f"{now.purchase.order_id} unit {unit.unit}: goods reported after the money went back"
        return now if found is now else found.plus(RaiseAlarm("delivered_after_refund", "warning", unit.slot, detail))
    if event.said is VendSaid.NOT_DELIVERED and unit.outcome is UnitOutcome.UNKNOWN:
        return _find(now, unit, FindingMove.SEE_IN)
    return now


def pieces_of(result: str) -> int:
    """How many pieces left the slot."""
    return 2 if result == "delivered_double" else 1


def on_ambiguity_resolved(now: Step, event: AmbiguityResolved) -> Step:
    unit = next((u for u in now.purchase.units if u.unit == event.unit), None)
    if unit is None or not unit.is_final or unit.outcome is not UnitOutcome.UNKNOWN:
        return now
    found = _find(now, unit, event.move)
    if found is now:
        return now
    said = {"unit": unit.unit, "slot": unit.slot, "finding": FINDING_MOVES.next(unit.finding, event.move).value}
    words = {"operator_id": event.operator_id, "reason": event.reason}
    return found.plus(Note(Source.OPERATOR, "vend.resolved", said | words))


def _find(now: Step, unit: Unit, move: FindingMove, *, pieces: int = 1) -> Step:
    """Move the finding by its table and book what follows; a move that the table has not changes nothing."""
    if not FINDING_MOVES.may(unit.finding, move):
        return now
    finding = FINDING_MOVES.next(unit.finding, move)
    now = now.set_unit(replace(unit, finding=finding))
    order_id, merchant_id = now.purchase.order_id, now.purchase.merchant_id
    if unit.outcome is UnitOutcome.UNKNOWN and unit.finding in _IS_OPEN and finding not in _IS_OPEN:
        now = now.plus(Post(postings.unit_found(order_id, unit.unit, unit.price_minor)))
    if finding is Finding.CAME_OUT:
        loss = postings.unit_came_out_late(order_id, unit.unit, merchant_id, unit.price_minor)
        now = now.plus(Post(loss), MoveStock(unit.slot, unit.unit, pieces, 0))
    said = {"unit": unit.unit, "slot": unit.slot, "outcome": unit.outcome.value, "finding": finding.value}
    return now.plus(Tell("vend.found", said))
