"""The purchase at the screen where two things meet: what only one field, one wallet or one moment tells apart."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from tests.terminal.fake_cloud import FakeOrder
from tests.terminal.sale.sale_talk import LINES, ORD, REQ, Talk
from vendomat.kernel import derive_id
from vendomat.protocol import PaymentOffer, UnitStatus
from vendomat.terminal.sale import (
    AskCancel,
    AskStatus,
    CancelPressed,
    ChannelChosen,
    Checked,
    CodeEntered,
    DonePressed,
    HealthChanged,
    LocalUnit,
    Ordered,
    Refused,
    Remember,
    Resumed,
    Screen,
    StatusArrived,
    UnitOutcome,
    UnitSeen,
    code_url_of,
    refund_of,
    units_of,
)


def test_another_wallet_takes_the_old_refusal_off_the_screen() -> None:
    talk = Talk().to_paying()
    talk.say(Refused, about=ORD, code="method_unavailable")
    assert talk.sale.notice is not None
    talk.say(ChannelChosen, channel="alipay")
    assert talk.sale.notice is None


def test_an_order_that_ran_out_here_is_cancelled_in_the_cloud_too() -> None:
    talk = Talk().to_paying()
    talk.later(121.0)
    assert talk.say(CancelPressed) == (AskCancel(ORD), Remember(None))


def test_an_order_found_again_without_any_offer_waits_for_one() -> None:
    order = FakeOrder(ORD, list(LINES), "wechat", outcomes=["pending", "pending"])
    talk = Talk()
    talk.say(Resumed, status=order.status(), channel="")
    talk.order = order
    assert talk.hear() == ()
    assert talk.sale.channel == "" and talk.sale.ask_at_s == talk.at_s + 1.0
    talk.hear(channels=["alipay"])
    assert talk.sale.channel == "alipay" and talk.sale.screen is Screen.PAYING


def test_an_order_given_up_for_faults_names_them_all() -> None:
    talk = Talk()
    talk.press()
    talk.say(Checked, request_id=REQ)
    talk.sale = replace(talk.sale, faults=("door_open", "sensor_blocked"))
    talk.hear(about=REQ)
    assert talk.sale.notice is not None and talk.sale.notice.detail == "door_open, sensor_blocked"


def test_an_order_that_is_settled_is_over_whatever_its_units_say() -> None:
    talk = Talk().to_delivering()
    talk.hear(state="settled")
    assert talk.sale.screen is Screen.RESULT


def test_an_order_nobody_answers_for_is_cancelled_on_a_machine_out_of_order_too() -> None:
    order = FakeOrder(ORD, list(LINES), "wechat", channels=["wechat"], outcomes=["pending", "pending"])
    talk = Talk()
    talk.say(Resumed, status=order.status(), channel="wechat")
    talk.say(HealthChanged, faults=("door_open",))
    assert talk.later(61) == (AskCancel(ORD), Remember(None))
    assert talk.sale.screen is Screen.OUT_OF_ORDER
    assert (talk.sale.order, talk.sale.close_at_s, talk.sale.ask_at_s) == (None, None, None)


def test_a_code_refused_over_a_result_is_gone_with_it() -> None:
    talk = Talk().to_delivering()
    talk.hear(state="settled")
    talk.say(CodeEntered, request_id=derive_id("req", 2), code="12345678")
    talk.say(Refused, about=derive_id("req", 2), code="code_refused")
    talk.say(DonePressed)
    assert talk.sale.code_entry.state == "idle"


def test_a_closed_result_does_not_come_back_with_an_answer_that_was_under_way() -> None:
    talk = Talk().to_delivering()
    for unit in (1, 2):
        talk.see(unit, UnitOutcome.DELIVERED)
    talk.say(DonePressed)
    for about in (ORD, ""):
        assert talk.hear(about, state="dispensing") == ()
    assert talk.sale.screen is Screen.BROWSE and talk.sale.order is None


def test_a_code_typed_over_a_result_shows_its_own_delivery() -> None:
    talk = Talk().to_delivering()
    talk.hear(state="settled")
    request = derive_id("req", 2)
    talk.say(CodeEntered, request_id=request, code="12345678")
    assert talk.sale.screen is Screen.RESULT
    talk.order = FakeOrder(derive_id("ord", 2), list(LINES[:1]), "", state="dispensing", origin="code")
    talk.order.outcomes = ["pending"]
    effects = talk.hear(about=request)
    assert talk.sale.screen is Screen.DELIVERING and talk.sale.code_entry.state == "idle"
    assert effects == (Remember(None), Remember(talk.order.status(), ""))
    assert [unit.outcome for unit in units_of(talk.sale)] == ["pending"]


def test_a_unit_that_only_the_machine_knows_of_is_shown_and_costs_nothing() -> None:
    talk = Talk().to_delivering()
    for unit in (1, 2):
        talk.see(unit, UnitOutcome.DELIVERED)
    talk.say(UnitSeen, unit=LocalUnit(ORD, 3, "B9", "prd_x", UnitOutcome.NOT_DELIVERED, "jam"))
    more = UnitStatus(unit=3, slot="B9", product_id="prd_x", outcome="not_delivered", reason="jam")
    assert units_of(talk.sale)[2] == more
    assert refund_of(talk.sale) is None


@pytest.mark.parametrize("outcome", ["delivered", "unknown"])
def test_a_final_word_of_the_cloud_goes_before_a_motor_that_was_seen_to_start(outcome: str) -> None:
    talk = Talk().to_delivering()
    talk.see(1, UnitOutcome.STARTED)
    talk.hear(outcomes=["pending", "pending"])
    assert units_of(talk.sale)[0].outcome == "started"
    talk.hear(outcomes=[outcome, "pending"])
    assert units_of(talk.sale)[0].outcome == outcome


@pytest.mark.parametrize(
    ("looked_at", "states", "told"),
    [
        ("alipay", {"wechat": "paid", "alipay": "created"}, "wechat"),
        ("alipay", {"wechat": "created", "alipay": "created"}, "alipay"),
        ("alipay", {}, "alipay"),
        ("", {}, "wallet"),
    ],
)
def test_the_refund_names_the_wallet_that_paid_else_the_one_on_the_screen(
    looked_at: str, states: dict[str, str], told: str
) -> None:
    talk = Talk().to_delivering()
    talk.see(1, UnitOutcome.NOT_DELIVERED)
    assert talk.sale.order is not None
    offers = [PaymentOffer(payment_id="p", channel=channel, state=state) for channel, state in states.items()]
    talk.sale = replace(talk.sale, channel=looked_at, order=msgspec.structs.replace(talk.sale.order, offers=offers))
    refund = refund_of(talk.sale)
    assert refund is not None and refund.channel == told


@pytest.mark.parametrize(("told", "back"), [((300, 450), 450), ((300, None), 500), ((None, None), 500)])
def test_what_comes_back_is_what_was_paid_for_the_unit(told: tuple[int | None, int | None], back: int) -> None:
    talk = Talk().to_delivering()
    talk.see(2, UnitOutcome.NOT_DELIVERED, "jam")
    assert talk.sale.order is not None
    units = [
        msgspec.structs.replace(unit, price_minor=price)
        for unit, price in zip(talk.sale.order.units, told, strict=True)
    ]
    talk.sale = replace(talk.sale, order=msgspec.structs.replace(talk.sale.order, units=units))
    refund = refund_of(talk.sale)
    assert refund is not None and refund.amount_minor == back


def test_a_closed_offer_shows_no_code() -> None:
    offer = PaymentOffer(payment_id="p", channel="wechat", state="created", code_url="weixin://x")
    order = msgspec.structs.replace(Talk().order.status(), offers=[offer])
    assert code_url_of(order, "wechat") == "weixin://x"
    closed = msgspec.structs.replace(order, offers=[msgspec.structs.replace(offer, state="closed")])
    assert code_url_of(closed, "wechat") == ""


def test_a_new_order_is_not_given_up_because_the_old_one_was() -> None:
    talk = Talk().to_paying()
    talk.say(CancelPressed)
    talk.at_s += 121.0
    talk.say(Ordered, request_id=derive_id("req", 2), lines=LINES, channel="wechat")
    assert talk.sale.screen is Screen.PREPARING and not talk.sale.is_cancelling


def test_what_is_told_unasked_counts_only_when_it_is_newer() -> None:
    talk = Talk().to_paying()
    talk.order.state = "dispensing"
    talk.say(StatusArrived, status=talk.order.status(), about="")
    assert talk.sale.screen is Screen.PAYING
    talk.order.version += 1
    talk.say(StatusArrived, status=talk.order.status(), about="")
    assert talk.sale.screen is Screen.DELIVERING


@pytest.mark.parametrize(
    ("state", "is_asked_for"), [("paid", True), ("dispensing", True), ("settled", False), ("awaiting_payment", False)]
)
def test_an_order_told_unasked_to_an_idle_screen_is_asked_for_when_goods_are_due(
    state: str, is_asked_for: bool
) -> None:
    talk = Talk()
    talk.order.state = state
    effects = talk.say(StatusArrived, status=talk.order.status(), about="")
    assert effects == ((AskStatus(ORD),) if is_asked_for else ()) and talk.sale.order is None


def test_the_time_to_pay_counts_down_from_where_this_order_began() -> None:
    talk = Talk().to_paying()
    talk.say(StatusArrived, status=talk.order.status(expires_in_s=40.0), about=ORD)
    assert talk.sale.expires_total_s == 120.0
    talk.say(CancelPressed)
    talk.hear(state="cancelled")
    talk.say(Ordered, request_id=derive_id("req", 2), lines=LINES, channel="wechat")
    talk.say(Checked, request_id=derive_id("req", 2))
    second = FakeOrder(derive_id("ord", 2), list(LINES), "wechat", outcomes=["pending", "pending"])
    talk.say(StatusArrived, status=second.status(expires_in_s=0.5), about=derive_id("req", 2))
    assert talk.sale.order is not None and talk.sale.expires_total_s == 0.5
