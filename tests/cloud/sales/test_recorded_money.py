"""What every event does to a purchase that no platform is asked about, as recorded: from a wallet, in cash, by a code;
and to a top-up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from tests.cloud.sales.purchases import (
    ALONE,
    AT,
    EVENTS,
    FIRST,
    MACHINE,
    MERCHANT,
    OPERATOR,
    ORDER,
    SECOND,
    SECOND_PERSON,
    TOTAL,
    new_purchase,
    paid,
    play,
)
from tests.cloud.sales.test_wallet_steps import FROM_WALLET, MEMBER, NUMBER, top_up
from tests.recorded_steps import Speller, check_recorded, told
from vendomat.cloud.payments import CASH_CHANNEL, CODE_CHANNEL, Payment, PaymentState, refund_number
from vendomat.cloud.sales.desk_model import GoodwillGiven, RefundDeclined, RefundReleased, StoredMoneyReturned
from vendomat.cloud.sales.model import CashEnd, CashSold, ChargeAnswered, Event, PaymentClosed, Purchase, VendSaid
from vendomat.cloud.sales.steps import step
from vendomat.cloud.sales.vend_steps import command_number

NAMES = {
    MERCHANT: "MERCHANT",
    MACHINE: "MACHINE",
    ORDER: "ORDER",
    FIRST: "FIRST",
    SECOND: "SECOND",
    NUMBER: "WALLET",
    MEMBER: "MEMBER",
    OPERATOR: "OPERATOR",
    SECOND_PERSON: "SECOND_PERSON",
    **{command_number(ORDER, unit): f"COMMAND{unit}" for unit in (1, 2)},
    **{
        refund_number(payment, n): f"REFUND{n}_OF_{name}"
        for payment, name in ((FIRST, "FIRST"), (NUMBER, "WALLET"))
        for n in (1, 2, 3)
    },
}
GOODS = {name: event for name, event in EVENTS.items() if name.startswith(("unit ", "deadline ", "command "))}
CODES = {
    name: EVENTS[name] for name in ("first paid", "first paid too late", "first closed", "expiry asked", "cancel asked")
}
WORDS: dict[str, Event] = {
    "called off by a person": EVENTS["refund asked"],
    **{
        f"goodwill {word}": GoodwillGiven(OPERATOR, "the buyer was kind", amount, 1, ALONE, AT)
        for word, amount in (("small", ALONE), ("large", ALONE + 1), ("of all", TOTAL), ("too large", TOTAL + 1))
    },
    "the rest as goodwill": GoodwillGiven(OPERATOR, "the rest too", TOTAL - ALONE, 2, TOTAL, AT),
}


def agreed(payment_id: str) -> dict[str, Event]:
    number = refund_number(payment_id, 1)
    return {
        "goodwill released": RefundReleased(number, SECOND_PERSON, "seen", AT),
        "goodwill released by its giver": RefundReleased(number, OPERATOR, "mine", AT),
        "goodwill declined": RefundDeclined(number, SECOND_PERSON, "no", AT),
    }


def check(file: str, start: Purchase, events: Mapping[str, Event], stories: Iterable[tuple[str, ...]]) -> None:
    purchases = {", ".join(story) or "new": play((events[e] for e in story), start).purchase for story in stories}
    check_recorded(file, told(purchases, events, step, Speller(NAMES, AT)))


def test_a_wallet_pays_and_is_paid_back_as_recorded() -> None:
    events = {
        **CODES,
        **GOODS,
        **WORDS,
        **agreed(NUMBER),
        "wallet shown": FROM_WALLET[0],
        "wallet paid": FROM_WALLET[1],
        "wallet refused": ChargeAnswered(NUMBER, True, "wallet_short", "wallet_short", AT),
        "wallet closed": PaymentClosed(NUMBER, AT),
    }
    bought = ("wallet shown", "wallet paid")
    sold = (*bought, "unit 1 delivered", "unit 2 delivered")
    stories = [
        (),
        bought[:1],
        (bought[0], "wallet refused"),
        (bought[0], "first paid"),
        (bought[0], "cancel asked"),
        ("first paid", *bought),
        bought,
        (*bought, "unit 1 started"),
        (*bought, "unit 1 delivered"),
        (*bought, "unit 1 not_delivered"),
        (*bought, "unit 1 unknown", "deadline 1"),
        (*bought, "unit 1 not_delivered", "unit 2 not_delivered"),
        (*bought, "unit 1 not_delivered", "unit 2 delivered"),
        sold,
        (*sold, "goodwill small"),
        (*sold, "goodwill large"),
        (*sold, "goodwill large", "goodwill released"),
        (*sold, "goodwill large", "goodwill declined"),
        (*sold, "goodwill small", "the rest as goodwill"),
    ]
    check("purchase_wallet", replace(new_purchase(), member_id=MEMBER), events, stories)


def test_cash_is_booked_as_recorded() -> None:
    ends = {
        "all": (VendSaid.DELIVERED, VendSaid.DELIVERED),
        "the first": (VendSaid.DELIVERED, VendSaid.NOT_DELIVERED),
        "none": (VendSaid.NOT_DELIVERED, VendSaid.NOT_DELIVERED),
        "one not known": (VendSaid.UNKNOWN, VendSaid.DELIVERED),
    }
    payment = Payment(FIRST, CASH_CHANNEL, MACHINE, TOTAL, PaymentState.CREATED)
    start = replace(new_purchase("cash"), payments=(payment,))
    events: dict[str, Event] = {
        **{
            f"sold: {word}": CashSold(FIRST, tuple(CashEnd(said, str(said)) for said in said_of), "3/7", AT)
            for word, said_of in ends.items()
        },
        "sold by another payment": CashSold(SECOND, (), "3/8", AT),
        **{n: EVENTS[n] for n in ("unit 1 resolved see_out", "unit 1 resolved see_in", "unit 1 resolved give_up")},
        **WORDS,
        **agreed(FIRST),
    }
    stories = [
        (),
        *((f"sold: {word}",) for word in ends),
        ("sold: all", "goodwill small"),
        ("sold: all", "goodwill large"),
    ]
    check("purchase_cash", start, events, stories)


def test_cash_for_other_goods_than_the_order_has_is_a_defect() -> None:
    payment = Payment(FIRST, CASH_CHANNEL, MACHINE, TOTAL, PaymentState.CREATED)
    start = replace(new_purchase("cash"), payments=(payment,))
    with pytest.raises(ValueError, match="zip"):
        step(start, CashSold(FIRST, (CashEnd(VendSaid.DELIVERED, "delivered"),), "3/9", AT))


def test_a_code_is_redeemed_and_good_again_as_recorded() -> None:
    payment = Payment(FIRST, CODE_CHANNEL, "cod_1", TOTAL, PaymentState.CREATED)
    start = replace(new_purchase("code"), payments=(payment,), code_id="cod_1")
    redeemed = replace(paid(account="cod_1"), via="code")
    events = {**GOODS, **WORDS, "redeemed": redeemed}
    stories = [
        ("redeemed",),
        ("redeemed", "unit 1 not_delivered"),
        ("redeemed", "unit 1 delivered"),
        ("redeemed", "unit 1 unknown", "deadline 1"),
        ("redeemed", "unit 1 delivered", "unit 2 delivered"),
        ("redeemed", "unit 1 not_delivered", "unit 2 not_delivered"),
    ]
    check("purchase_code", start, events, stories)


def test_a_top_up_is_credited_as_recorded() -> None:
    names = (
        "second added",
        "second paid",
        "second closed",
        "first paid with too little",
        "first paid to a stranger",
        "refund never",
        "refund succeeded",
        "paid by hand",
    )
    events = {**CODES, **WORDS, **{name: EVENTS[name] for name in names}}
    amounts = {"paid out": TOTAL - 50, "one fen paid out": 1, "all paid out": TOTAL, "too much paid out": TOTAL + 1}
    for word, minor in amounts.items():
        events[word] = StoredMoneyReturned(FIRST, minor, "wpo_1", OPERATOR, "moves away", AT)
    stories = [
        (),
        ("second added",),
        ("expiry asked", "first closed"),
        ("first paid with too little",),
        ("first paid",),
        ("first paid", "paid out"),
        ("second added", "first paid", "second paid"),
        ("first paid", "paid out", "refund never"),
    ]
    check("top_up", top_up(), events, stories)
