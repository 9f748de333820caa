"""What every event does to a purchase, as recorded: every field, every posting, every word of the evidence."""

from __future__ import annotations

from tests.cloud.sales.purchases import ACCOUNTS, AT, EVENTS, FIRST, MACHINE, MERCHANT, ORDER, SECOND, STATES, state
from tests.recorded_steps import Speller, check_recorded, told
from vendomat.cloud.payments import refund_number
from vendomat.cloud.sales.steps import step
from vendomat.cloud.sales.vend_steps import command_number

NAMES = {
    MERCHANT: "MERCHANT",
    MACHINE: "MACHINE",
    ORDER: "ORDER",
    FIRST: "FIRST",
    SECOND: "SECOND",
    **{command_number(ORDER, unit): f"COMMAND{unit}" for unit in (1, 2)},
    **{refund_number(FIRST, n): f"REFUND{n}_OF_FIRST" for n in (1, 2)},
    **{refund_number(SECOND, n): f"REFUND{n}_OF_SECOND" for n in (1, 2)},
    ACCOUNTS["wechat"]: "WECHAT",
    ACCOUNTS["alipay"]: "ALIPAY",
}


def test_the_purchase_does_what_is_recorded() -> None:
    purchases = {name: state(name).purchase for name in STATES}
    check_recorded("purchase", told(purchases, EVENTS, step, Speller(NAMES, AT)))
