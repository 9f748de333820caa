"""What an order's own records answer to a claim, without a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from vendomat.cloud.claims.evidence import (
    Bar,
    OrderRecord,
    PaymentRecord,
    RefundRecord,
    Says,
    UnitRecord,
    bar_of,
    goes_back_already,
    what_records_say,
)
from vendomat.cloud.claims.model import CLAIM_WITHIN, What
from vendomat.cloud.orders import OrderState, UnitOutcome
from vendomat.cloud.payments import Refund, RefundStage

AT = datetime(2026, 6, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def unit(n: int, outcome: str = "delivered", price: int = 350) -> UnitRecord:
    said = UnitOutcome(outcome)
    is_final = said not in (UnitOutcome.PENDING, UnitOutcome.STARTED)
    return UnitRecord(unit=n, price_minor=price, outcome=said, is_final=is_final)


def payment(n: int = 1, amount: int = 350, **other: object) -> PaymentRecord:
    made = PaymentRecord(
        payment_id=f"pay_{n}",
        channel="wechat",
        amount_minor=amount,
        captured_minor=amount,
        currency="CNY",
        is_winning=n == 1,
        paid_at=AT,
    )
    return replace(made, **other)  # type: ignore[arg-type]


def refund(
    amount: int = 350, *, of: int = 1, stage: RefundStage = RefundStage.REQUESTED, asked_by: str = ""
) -> RefundRecord:
    return RefundRecord(refund=Refund(f"pay_{of}", 1, "rfd_1", amount, "r", stage, asked_by=asked_by), ended_at=None)


def order(*units: UnitRecord, **other: object) -> OrderRecord:
    made = OrderRecord(
        merchant_id="mer_1",
        order_id="ord_1",
        machine_id="mch_1",
        state=OrderState.SETTLED,
        currency="CNY",
        total_minor=350,
        created_at=AT,
        ended_at=AT,
        units=units or (unit(1),),
        payments=(payment(),),
        refunds=(),
    )
    return replace(made, **other)  # type: ignore[arg-type]


JAMMED = order(unit(1, "not_delivered"), refunds=(refund(),))
HALF = order(unit(1), unit(2, "not_delivered", 200), payments=(payment(amount=550),), refunds=(refund(200),))

HELD = replace(HALF, payments=(payment(amount=550, captured_minor=350, is_hold=True),), refunds=())


@pytest.mark.parametrize(
    ("made", "now", "bar"),
    [
        (order(), AT, None),
        (order(), AT + CLAIM_WITHIN, None),
        (order(), AT + CLAIM_WITHIN + SECOND, Bar.TOO_LATE),
        (order(payments=()), AT, Bar.NOT_PAID),
        (order(payments=(payment(channel="code"),)), AT, Bar.CODE),
        (order(payments=(payment(captured_minor=0, is_hold=True, is_held=True),)), AT, Bar.UNDER_WAY),
        (order(payments=(payment(captured_minor=0, is_hold=True),)), AT, Bar.NOT_PAID),
        (order(unit(1, "started"), state=OrderState.DISPENSING, ended_at=None), AT, Bar.UNDER_WAY),
        (order(unit(1, "not_delivered"), state=OrderState.DISPENSING, ended_at=None), AT, None),
        (order(unit(1, "pending"), state=OrderState.EXPIRED), AT, None),
    ],
)
def test_when_something_may_be_claimed(made: OrderRecord, now: datetime, bar: Bar | None) -> None:
    assert bar_of(made, now) is bar


@pytest.mark.parametrize(
    ("made", "what", "units", "is_back"),
    [
        (JAMMED, What.NOTHING_CAME, (), True),
        (JAMMED, What.BAD_GOODS, (), True),  # all of it goes back, whatever is wrong
        (replace(JAMMED, refunds=()), What.NOTHING_CAME, (), False),
        (replace(JAMMED, refunds=(refund(stage=RefundStage.FAILED),)), What.NOTHING_CAME, (), False),
        (replace(JAMMED, refunds=(refund(stage=RefundStage.SUCCEEDED),)), What.OTHER, (), True),
        (order(), What.NOTHING_CAME, (), False),  # a sensor saw it fall: a person reads this
        (HALF, What.NOT_ALL_CAME, (), True),
        (HALF, What.NOT_ALL_CAME, (2,), True),
        (HALF, What.NOT_ALL_CAME, (1, 2), False),
        (HALF, What.NOTHING_CAME, (), False),
        (HALF, What.WRONG_GOODS, (1,), False),
        (replace(HALF, refunds=(refund(200, asked_by="opr_1"),)), What.NOT_ALL_CAME, (2,), False),
        (replace(HALF, refunds=(refund(199),)), What.NOT_ALL_CAME, (2,), False),
        (HELD, What.NOT_ALL_CAME, (), True),
        (HELD, What.NOT_ALL_CAME, (1,), False),
        (replace(HELD, payments=(payment(amount=550, is_hold=True),)), What.NOT_ALL_CAME, (2,), False),
        (order(), What.NOT_ALL_CAME, (), False),
        (order(), What.PAID_TWICE, (), False),
        (order(payments=(payment(), payment(2))), What.PAID_TWICE, (), False),
        (order(payments=(payment(), payment(2)), refunds=(refund(of=2),)), What.PAID_TWICE, (), True),
        (order(payments=(payment(), payment(2)), refunds=(refund(349, of=2),)), What.PAID_TWICE, (), False),
        (order(payments=(payment(), payment(2)), refunds=(refund(of=1),)), What.PAID_TWICE, (), False),
        (order(payments=(payment(2),), state=OrderState.EXPIRED), What.NOTHING_CAME, (), False),
        (order(payments=(payment(2),), refunds=(refund(of=2),)), What.NOTHING_CAME, (), True),
    ],
)
def test_whose_money_goes_back_already(made: OrderRecord, what: What, units: tuple[int, ...], *, is_back: bool) -> None:
    assert goes_back_already(made, what, units) is is_back


def test_nothing_is_answered_that_the_refunds_do_not_cover() -> None:
    """Whatever is claimed, an answer without a person means that the money of the units asked about is on its way."""
    outcomes = ("delivered", "not_delivered", "unknown")
    for first, second, back, what in product(outcomes, outcomes, (0, 200, 350, 550), What):
        made = order(unit(1, first), unit(2, second, 200), payments=(payment(amount=550),))
        made = replace(made, refunds=(refund(back),) if back else ())
        for units in ((), (1,), (2,), (1, 2)):
            if goes_back_already(made, what, units) and what is not What.PAID_TWICE:
                asked = sum(u.price_minor for u in made.units if u.unit in units)
                assert back and back >= asked


@pytest.mark.parametrize(
    ("units", "delivered", "not_known", "payments", "says"),
    [
        (2, 2, 0, 1, Says.CAME_OUT),
        (2, 1, 0, 1, Says.PARTLY),
        (2, 0, 0, 1, Says.NOTHING),
        (2, 1, 1, 1, Says.NOT_KNOWN),
        (2, 2, 0, 2, Says.PAID_TWICE),
    ],
)
def test_the_records_in_one_word(units: int, delivered: int, not_known: int, payments: int, says: Says) -> None:
    assert what_records_say(units=units, delivered=delivered, not_known=not_known, payments=payments) is says
