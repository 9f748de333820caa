"""What every event does to a purchase, as recorded: every field, every posting, every word of the evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.cloud.sales.purchases import (
    ACCOUNTS,
    AT,
    EVENTS,
    FIRST,
    HOLD,
    MACHINE,
    MERCHANT,
    ORDER,
    SECOND,
    SECOND_PERSON,
    STATES,
    TOTAL,
    paid,
    state,
)
from tests.recorded_steps import Speller, check_recorded, told
from vendomat.cloud.payments import refund_number
from vendomat.cloud.sales.model import Event
from vendomat.cloud.sales.refund_steps import owed_minor
from vendomat.cloud.sales.steps import step
from vendomat.cloud.sales.vend_steps import command_number

NAMES = {
    MERCHANT: "MERCHANT",
    MACHINE: "MACHINE",
    ORDER: "ORDER",
    FIRST: "FIRST",
    SECOND: "SECOND",
    HOLD: "HOLD",
    refund_number(HOLD, 1): "REFUND1_OF_HOLD",
    **{command_number(ORDER, unit): f"COMMAND{unit}" for unit in (1, 2)},
    **{refund_number(FIRST, n): f"REFUND{n}_OF_FIRST" for n in (1, 2, 3)},
    **{refund_number(SECOND, n): f"REFUND{n}_OF_SECOND" for n in (1, 2)},
    SECOND_PERSON: "SECOND_PERSON",
    ACCOUNTS["wechat"]: "WECHAT",
    ACCOUNTS["alipay"]: "ALIPAY",
    ACCOUNTS["stripe"]: "STRIPE",
}


ODD_MONEY: dict[str, Event] = {
    "nothing was paid": paid(amount=0),
    "one fen was paid": paid(amount=1),
    "one fen too much was paid": paid(amount=TOTAL + 1),
    "paid in dollars": replace(paid(), currency="USD"),
    "nothing was paid in dollars": replace(paid(amount=0), currency="USD"),
    "paid at the last moment": paid(at=AT + timedelta(seconds=150)),
    "paid a moment too late": paid(at=AT + timedelta(seconds=150, microseconds=1)),
}


def test_the_purchase_does_what_is_recorded() -> None:
    purchases = {name: state(name).purchase for name in STATES}
    check_recorded("purchase", told(purchases, EVENTS, step, Speller(NAMES, AT)))


def test_of_frozen_money_nothing_is_owed_before_somebody_decides() -> None:
    frozen = state("frozen").purchase
    assert [owed_minor(frozen, payment) for payment in frozen.payments] == [0]


def test_money_that_does_not_fit_does_what_is_recorded() -> None:
    purchases = {name: state(name).purchase for name in ("awaiting", "expiring", "cancelling", "late")}
    check_recorded("purchase_odd_money", told(purchases, ODD_MONEY, step, Speller(NAMES, AT)))
