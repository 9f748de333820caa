"""The purchase at the screen as a conversation. Time is a number here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.terminal.fake_cloud import FakeOrder
from tests.terminal.sale.sale_talk import LINES, ORD, REQ, Talk
from vendomat.kernel import IllegalMoveError, derive_id
from vendomat.protocol import HoldStatus, OrderStatus, RefundStatus
from vendomat.terminal.sale import (
    AskCancel,
    AskChannel,
    AskOrder,
    AskRedeem,
    AskStatus,
    CancelPressed,
    ChannelChosen,
    Checked,
    CheckReady,
    CodeEntered,
    DonePressed,
    HealthChanged,
    LinkChanged,
    LocalUnit,
    MoreTimePressed,
    Ordered,
    Refused,
    Remember,
    Resumed,
    SaleEffect,
    Screen,
    StatusArrived,
    Unanswered,
    UnitOutcome,
    UnitSeen,
    payment_state_of,
    refund_of,
    units_of,
)


def test_ready_is_asked_before_the_cloud_and_the_qr_comes_last() -> None:
    talk = Talk()
    assert talk.press() == (CheckReady(REQ, LINES),)
    assert talk.sale.screen is Screen.PREPARING
    assert talk.say(Checked, request_id=REQ) == (AskOrder(REQ, LINES, "wechat"),)
    assert talk.hear(about=REQ) == (Remember(talk.order.status(), "wechat"),)
    assert talk.sale.screen is Screen.PAYING and payment_state_of(talk.sale, talk.at_s) == "waiting"


def test_not_ready_asks_nobody_and_says_why() -> None:
    talk = Talk()
    talk.press()
    assert talk.say(Checked, request_id=REQ, code="sold_out", detail="A1") == ()
    assert talk.sale.screen is Screen.BROWSE and talk.sale.notice is not None
    assert (talk.sale.notice.code, talk.sale.notice.detail) == ("sold_out", "A1")
    talk.later(10.1)
    assert talk.sale.notice is None


@pytest.mark.parametrize("change", [{"is_online": False}, {"faults": ("sensor_blocked",)}])
def test_no_qr_when_the_machine_stopped_being_ready_meanwhile(change: dict[str, object]) -> None:
    talk = Talk()
    talk.press()
    talk.say(Checked, request_id=REQ)
    talk.sale = replace(talk.sale, **change)  # type: ignore[arg-type]
    assert AskCancel(ORD) in talk.hear(about=REQ)
    assert talk.sale.screen in (Screen.BROWSE, Screen.OUT_OF_ORDER) and talk.sale.order is None


def test_a_qr_that_the_platform_has_not_given_is_asked_for_again_then_given_up() -> None:
    talk = Talk()
    talk.press()
    talk.say(Checked, request_id=REQ)
    talk.hear(about=REQ, has_url=False)
    assert talk.sale.screen is Screen.PREPARING
    assert talk.later(1.0) == (AskChannel(ORD, "wechat"),)
    effects = talk.later(20.0)
    assert AskCancel(ORD) in effects and talk.sale.notice is not None
    assert talk.sale.notice.code == "method_unavailable"


def test_the_same_press_twice_is_one_order() -> None:
    talk = Talk()
    talk.press()
    assert talk.press() == ()
    with pytest.raises(IllegalMoveError):
        talk.say(Ordered, request_id=derive_id("req", 2), lines=LINES, channel="wechat")


def test_what_the_page_showed_goes_to_the_cloud_with_every_try() -> None:
    talk = Talk()
    talk.say(Ordered, request_id=REQ, lines=LINES, channel="wechat", shown_minor=700)
    assert talk.say(Checked, request_id=REQ) == (AskOrder(REQ, LINES, "wechat", 700),)
    assert talk.say(Unanswered, about=REQ) == (AskOrder(REQ, LINES, "wechat", 700),)


def test_silence_asks_the_same_request_again_and_then_gives_up() -> None:
    talk = Talk()
    talk.press()
    talk.say(Checked, request_id=REQ)
    assert talk.say(Unanswered, about=REQ) == (AskOrder(REQ, LINES, "wechat"),)
    assert talk.say(Unanswered, about=REQ) == (AskOrder(REQ, LINES, "wechat"),)
    assert talk.say(Unanswered, about=REQ) == ()
    assert talk.sale.screen is Screen.BROWSE
    # the order may exist all the same: its late answer is cancelled, not shown
    assert talk.hear(about=REQ) == (AskCancel(ORD),)


def test_an_older_answer_is_ignored() -> None:
    talk = Talk().to_paying()
    old = talk.order.status()
    talk.hear(state="dispensing")
    assert talk.say(StatusArrived, status=old, about=ORD) == ()
    assert talk.sale.order is not None and talk.sale.order.state == "dispensing"


def test_while_paying_the_status_is_asked_every_two_seconds() -> None:
    talk = Talk().to_paying()
    assert talk.later(1.9) == ()
    assert talk.later(0.2) == (AskStatus(ORD),)
    assert talk.later(0.2) == ()
    assert talk.later(2.0) == (AskStatus(ORD),)


def test_another_wallet_for_the_same_order() -> None:
    talk = Talk().to_paying()
    assert talk.say(ChannelChosen, channel="alipay") == (AskChannel(ORD, "alipay"),)
    assert payment_state_of(talk.sale, talk.at_s) == "starting"
    talk.hear(channels=["wechat", "alipay"])
    assert payment_state_of(talk.sale, talk.at_s) == "waiting"
    talk.say(Refused, about=ORD, code="method_unavailable")
    talk.say(ChannelChosen, channel="other")
    talk.say(Refused, about=ORD, code="method_unavailable")
    assert payment_state_of(talk.sale, talk.at_s) == "unavailable"


def test_cancel_waits_for_the_cloud_because_the_order_may_be_paid() -> None:
    talk = Talk().to_paying()
    assert talk.say(CancelPressed) == (AskCancel(ORD),)
    assert talk.sale.screen is Screen.PAYING
    assert talk.hear(state="cancelled") == (Remember(None),)
    assert talk.sale.screen is Screen.BROWSE

    paid = Talk().to_paying()
    paid.say(CancelPressed)
    paid.hear(state="dispensing")
    assert paid.sale.screen is Screen.DELIVERING and not paid.sale.is_cancelling
    with pytest.raises(IllegalMoveError):
        paid.say(CancelPressed)


def test_cancel_without_an_answer_leaves_after_a_second() -> None:
    talk = Talk().to_paying()
    talk.say(CancelPressed)
    talk.later(1.1)
    assert talk.sale.screen is Screen.BROWSE


def test_an_expired_code_is_shown_as_such_then_a_new_one_or_home() -> None:
    talk = Talk().to_paying()
    talk.at_s += 119
    assert payment_state_of(talk.sale, talk.at_s) == "waiting"
    talk.later(1.5)
    assert payment_state_of(talk.sale, talk.at_s) == "expired" and talk.sale.close_at_s == talk.at_s + 30
    talk.at_s += 25
    talk.say(MoreTimePressed)
    assert talk.sale.close_at_s == talk.at_s + 60
    again = derive_id("req", 2)
    effects = talk.say(Ordered, request_id=again, lines=LINES, channel="wechat")
    assert effects == (AskCancel(ORD), CheckReady(again, LINES))

    left = Talk().to_paying()
    left.hear(state="expired")
    left.later(29)
    assert left.sale.screen is Screen.PAYING
    left.later(2)
    assert left.sale.screen is Screen.BROWSE


def test_the_machines_own_eyes_go_before_the_clouds_word() -> None:
    talk = Talk().to_delivering()
    talk.see(1, UnitOutcome.STARTED)
    talk.see(1, UnitOutcome.NOT_DELIVERED, "jam")
    talk.hear(version=talk.order.version)  # the cloud has not heard yet
    assert [str(unit.outcome) for unit in units_of(talk.sale)] == ["not_delivered", "pending"]
    refund = refund_of(talk.sale)
    assert refund == RefundStatus(state="refunding", amount_minor=350, channel="wechat")
    talk.see(2, UnitOutcome.DELIVERED)
    assert talk.sale.screen is Screen.RESULT


def test_a_known_outcome_is_not_taken_back() -> None:
    talk = Talk().to_delivering()
    talk.see(1, UnitOutcome.DELIVERED)
    talk.see(1, UnitOutcome.NOT_DELIVERED)
    assert units_of(talk.sale)[0].outcome == "delivered"


def test_of_money_that_is_only_held_nothing_is_called_a_refund() -> None:
    talk = Talk().to_delivering()
    held = HoldStatus(state="held", amount_minor=700, channel="stripe")
    talk.hear(hold=held)
    talk.see(1, UnitOutcome.NOT_DELIVERED)
    talk.see(2, UnitOutcome.NOT_DELIVERED)
    assert talk.sale.screen is Screen.RESULT and refund_of(talk.sale) is None
    assert talk.sale.ask_at_s is not None, "it is not known yet that nothing was taken"
    talk.later(2.1)
    let_go = HoldStatus(state="released", amount_minor=700, channel="stripe")
    talk.hear(state="settled", hold=let_go, outcomes=["not_delivered", "not_delivered"])
    assert talk.sale.ask_at_s is None and talk.sale.order is not None and talk.sale.order.hold == let_go


def test_the_refund_turns_to_returned_when_the_cloud_says_so() -> None:
    talk = Talk().to_delivering()
    talk.see(1, UnitOutcome.NOT_DELIVERED)
    talk.see(2, UnitOutcome.DELIVERED)
    refunded = RefundStatus(state="refunded", amount_minor=350, channel="wechat")
    assert talk.later(2.1) == (AskStatus(ORD),)
    talk.hear(state="settled", refund=refunded, outcomes=["not_delivered", "delivered"])
    assert refund_of(talk.sale) == refunded and talk.sale.ask_at_s is None
    assert talk.later(5.0) == ()


@pytest.mark.parametrize(("outcome", "stay_s"), [(UnitOutcome.DELIVERED, 15), (UnitOutcome.NOT_DELIVERED, 60)])
def test_the_result_closes_by_itself(outcome: UnitOutcome, stay_s: float) -> None:
    talk = Talk().to_delivering()
    talk.see(1, outcome)
    talk.see(2, UnitOutcome.DELIVERED)
    talk.later(stay_s - 1)
    assert talk.sale.screen is Screen.RESULT
    talk.later(1.1)
    assert talk.sale.screen is Screen.BROWSE and talk.sale.order is None


def test_done_closes_the_result_and_pressed_twice_is_harmless() -> None:
    talk = Talk().to_delivering()
    talk.see(1, UnitOutcome.DELIVERED)
    talk.see(2, UnitOutcome.DELIVERED)
    assert talk.say(DonePressed) == (Remember(None),)
    assert talk.say(DonePressed) == ()


def test_delivering_without_any_news_ends_with_what_is_known() -> None:
    talk = Talk().to_delivering()
    talk.see(1, UnitOutcome.DELIVERED)
    talk.later(119)
    assert talk.sale.screen is Screen.DELIVERING
    talk.later(2)
    assert talk.sale.screen is Screen.RESULT


def test_a_command_for_an_order_that_nobody_sees_asks_for_it_and_shows_it() -> None:
    talk = Talk()
    talk.order.state = "dispensing"
    assert talk.see(1, UnitOutcome.STARTED) == (AskStatus(ORD),)
    talk.hear(about=ORD)
    assert talk.sale.screen is Screen.DELIVERING
    assert units_of(talk.sale)[0].outcome == "started"


def test_a_pickup_code() -> None:
    talk = Talk()
    assert talk.say(CodeEntered, request_id=REQ, code="12345678") == (AskRedeem(REQ, "12345678"),)
    talk.say(Refused, about=REQ, code="code_refused", detail="4 tries left")
    assert talk.sale.code_entry.state == "refused"
    second = derive_id("req", 2)
    talk.say(CodeEntered, request_id=second, code="12345678")
    talk.say(Refused, about=second, code="code_locked", locked_for_s=60.0)
    assert talk.sale.code_entry.state == "locked"
    assert talk.say(CodeEntered, request_id=derive_id("req", 3), code="12345678") == ()
    talk.later(61)
    assert talk.sale.code_entry.state == "idle"
    third = derive_id("req", 4)
    talk.say(CodeEntered, request_id=third, code="12345678")
    assert talk.say(Unanswered, about=third) == (AskRedeem(third, "12345678"),)
    talk.order.state, talk.order.origin = "dispensing", "code"
    talk.hear(about=third)
    assert talk.sale.screen is Screen.DELIVERING


def test_faults_close_the_machine_and_their_end_opens_it() -> None:
    talk = Talk()
    talk.say(HealthChanged, faults=("door_open",))
    assert talk.sale.screen is Screen.OUT_OF_ORDER
    with pytest.raises(IllegalMoveError):
        talk.press()
    talk.say(HealthChanged, faults=())
    assert talk.sale.screen is Screen.BROWSE
    assert talk.say(LinkChanged, is_online=False) == () and talk.sale.screen is Screen.BROWSE


def test_a_fault_takes_no_paid_order_off_the_screen() -> None:
    talk = Talk().to_delivering()
    talk.say(HealthChanged, faults=("door_open",))
    assert talk.sale.screen is Screen.DELIVERING
    talk.see(1, UnitOutcome.NOT_DELIVERED)
    talk.see(2, UnitOutcome.NOT_DELIVERED)
    talk.say(DonePressed)
    assert talk.sale.screen is Screen.OUT_OF_ORDER


def resumed(status: OrderStatus, *seen: LocalUnit) -> tuple[Talk, tuple[SaleEffect, ...]]:
    talk = Talk()
    for unit in seen:
        talk.say(UnitSeen, unit=unit)
    return talk, talk.say(Resumed, status=status, channel="wechat")


def test_after_a_restart_the_order_is_asked_for_and_its_result_shown() -> None:
    order = FakeOrder(ORD, list(LINES), "wechat", channels=["wechat"], outcomes=["started", "pending"])
    order.state = "dispensing"
    unknown = LocalUnit(ORD, 1, "A1", "", UnitOutcome.UNKNOWN, "restarted")
    talk, effects = resumed(order.status(), unknown)
    assert effects == (AskStatus(ORD),) and talk.sale.screen is Screen.DELIVERING
    assert units_of(talk.sale)[0].outcome == "unknown"

    waiting = replace(order, state="awaiting_payment", outcomes=["pending", "pending"])
    talk, effects = resumed(waiting.status())
    assert talk.sale.screen is Screen.BROWSE
    talk.hear()
    assert talk.sale.screen is Screen.PAYING


def test_after_a_restart_an_order_nobody_answers_for_is_cancelled_not_forgotten() -> None:
    order = FakeOrder(ORD, list(LINES), "wechat", channels=["wechat"], outcomes=["pending", "pending"])
    talk, _ = resumed(order.status())
    assert talk.later(61) == (AskCancel(ORD), Remember(None))


def test_an_order_given_up_shows_no_code_and_asks_for_none() -> None:
    talk = Talk().to_paying()
    talk.later(1.5)
    assert talk.say(CancelPressed) == (AskCancel(ORD),)
    talk.order.version += 1
    talk.hear(has_url=False)
    assert payment_state_of(talk.sale, talk.at_s) == "closing"
    assert talk.later(0.6) == (AskStatus(ORD),)
    with pytest.raises(IllegalMoveError):
        talk.say(ChannelChosen, channel="alipay")


def test_an_order_that_is_over_says_so_once() -> None:
    talk = Talk().to_paying()
    talk.later(121.0)
    talk.say(Refused, about=ORD, code="order_not_open", detail="")
    assert payment_state_of(talk.sale, talk.at_s) == "expired" and talk.sale.notice is None
