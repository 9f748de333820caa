"""What a visit owes, as bookings: completed, lowered, collected, written off, given. Pure.

Refuses to raise a bill: what is recognised after it was fixed is a loss that stands in the books beside the sale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vendomat.cloud.coolers.model import Alarm, MoveStock, Post, Seen, Step, VisitMove, VisitState
from vendomat.cloud.coolers.recognition import with_recount
from vendomat.cloud.ledger import postings


def complete(now: Step) -> Step:
    """What was taken is income, and owed."""
    visit = now.visit
    return now.plus(
        Post(
            postings.visit_completed(
                visit.visit_id, _receivable(now), merchant_id=visit.merchant_id, amount_minor=visit.owed_minor
            )
        )
    )


def lower(now: Step) -> Step:
    """The platform has taken the lower bill."""
    visit = now.visit
    less_minor = visit.owed_minor - visit.lower_minor
    # Each bill is lower than the one before, so its sum names it.
    number = f"{visit.visit_id}:{visit.lower_minor}"
    return now.plus(
        Post(postings.visit_lowered(number, _receivable(now), merchant_id=visit.merchant_id, amount_minor=less_minor))
    )


def collect(now: Step) -> Step:
    """The platform has the money."""
    visit = now.visit
    clearing = postings.funding(visit.channel, visit.account)
    source = postings.BAD_DEBT if visit.state is VisitState.WRITTEN_OFF else _receivable(now)
    return now.plus(Post(postings.visit_collected(visit.visit_id, clearing, source, visit.owed_minor)))


def write_off(now: Step) -> Step:
    return now.plus(Post(postings.visit_written_off(now.visit.visit_id, _receivable(now), now.visit.owed_minor)))


def owe_back(now: Step, amount_minor: int) -> Step:
    """Collected before it could be lowered: a person gives it back."""
    detail = f"{now.visit.visit_id}: {amount_minor} too much was collected; give it back at the platform"
    return now.plus(Alarm("cooler.refund_due", True, detail)) if amount_minor else now


def give_all(now: Step, why: str) -> Step:
    """Taken, and nobody can be asked for it any more."""
    goods = tuple(replace(good, taken=0, given=good.given + good.taken) for good in now.visit.goods)
    now = _give(now, now.with_(goods=goods))
    return now.plus(Alarm("cooler.not_collectable", True, f"{now.visit.visit_id}: {why}"))


def recount(now: Step, seen: Sequence[Seen]) -> Step:
    """Recognised after the bill was fixed: it falls while it is collected, and never rises."""
    visit = now.visit
    goods = with_recount(visit.goods, seen, may_lower=visit.state is VisitState.COLLECTING)
    after = _give(now, now.with_(goods=goods))
    for old, new in zip(visit.goods, goods, strict=True):
        if back := old.taken - new.taken:
            after = after.plus(MoveStock(old.slot, -back))
        if more := new.given - old.given:
            after = after.plus(MoveStock(old.slot, more))
    lower_minor = min(after.visit.goods_minor, visit.ceiling_minor)
    if visit.state is VisitState.COLLECTING and lower_minor < visit.owed_minor:
        return after.moved(VisitMove.LOWER, lower_minor=lower_minor)
    if visit.state is VisitState.PAID:
        return owe_back(after, _too_much(now, seen))
    return after


def _too_much(now: Step, seen: Sequence[Seen]) -> int:
    """What was paid for pieces that were not taken after all."""
    visit = now.visit
    less = with_recount(visit.goods, seen, may_lower=True)
    return visit.paid_minor - min(visit.paid_minor, sum(good.billed_minor for good in less))


def _give(before: Step, after: Step) -> Step:
    """Book what is given more than before, once for each sum."""

    def given_minor(step: Step) -> int:
        return sum(good.given * good.price_minor for good in step.visit.goods)

    more_minor = given_minor(after) - given_minor(before)
    if more_minor <= 0:
        return after
    visit = after.visit
    number = f"{visit.visit_id}:{given_minor(after)}"
    detail = f"{visit.visit_id}: goods of {more_minor} were recognised too late to be charged"
    return after.plus(
        Post(postings.visit_given(number, visit.merchant_id, more_minor)),
        Alarm("cooler.given", False, detail),
    )


def _receivable(now: Step) -> str:
    return postings.receivable(now.visit.channel, now.visit.account)
