"""A coupon at the screen: handed on once, with the cart until goods come, named by the order, never kept itself."""

from __future__ import annotations

import msgspec
import pytest

from tests.terminal.sale.sale_talk import LINES, REQ, Talk
from vendomat.kernel import ErrorCode, IllegalMoveError
from vendomat.protocol import CouponReply, PromotionOffer
from vendomat.terminal.sale import (
    AskCoupon,
    AskOrder,
    CancelPressed,
    Checked,
    CodeEntered,
    CodeEntry,
    CouponEntered,
    CouponEntry,
    CouponKnown,
    CouponTakenOut,
    DonePressed,
    Refused,
    Sale,
    Screen,
    Unanswered,
)

CODE, ABOUT = "SUMMER", "req_1"
KNOWN = CouponReply(
    coupon_id="cpn_" + "1" * 26, offer=PromotionOffer(rule=msgspec.Raw(b"{}")), time_zone="Asia/Shanghai"
)
ACCEPTED = CouponEntry(CodeEntry("accepted"), known=KNOWN)
NONE = CouponEntry()


def enter(talk: Talk, about: str = ABOUT) -> tuple[object, ...]:
    return talk.say(CouponEntered, about=about, code=CODE)


def accepted() -> Talk:
    talk = Talk()
    enter(talk)
    talk.say(CouponKnown, about=ABOUT, known=KNOWN)
    return talk


def test_it_is_asked_for_once_and_accepted() -> None:
    talk = Talk()
    assert enter(talk) == (AskCoupon(ABOUT, CODE),)
    assert talk.sale.coupon == CouponEntry(CodeEntry("checking"), ABOUT)
    assert talk.say(CouponKnown, about=ABOUT, known=KNOWN) == ()
    assert talk.sale.coupon == ACCEPTED
    assert talk.sale.coupon.coupon_id == KNOWN.coupon_id


def test_neither_the_sale_nor_its_words_hold_the_code() -> None:
    talk = Talk()
    effects = enter(talk)
    assert CODE not in repr(talk.sale) + repr(effects)
    assert CODE not in repr(CouponEntered(at_s=0.0, about=ABOUT, code=CODE))


def test_the_order_names_it_also_when_it_is_asked_again() -> None:
    talk = accepted()
    talk.press()
    wanted = AskOrder(REQ, LINES, "wechat", None, KNOWN.coupon_id)
    assert talk.say(Checked, request_id=REQ) == (wanted,)
    assert talk.say(Unanswered, about=REQ) == (wanted,)


def test_an_order_without_one_names_none() -> None:
    talk = Talk()
    talk.press()
    assert talk.say(Checked, request_id=REQ) == (AskOrder(REQ, LINES, "wechat", None, ""),)


def test_it_stays_with_a_cart_whose_order_was_given_up() -> None:
    talk = accepted().to_paying()
    talk.say(CancelPressed)
    talk.hear(state="cancelled")
    assert (talk.sale.screen, talk.sale.coupon) == (Screen.BROWSE, ACCEPTED)


def test_it_goes_with_the_goods() -> None:
    assert accepted().to_delivering().sale.coupon == NONE
    talk = accepted().to_paying()
    talk.hear(state="settled", outcomes=["delivered", "delivered"])
    assert (talk.sale.screen, talk.sale.coupon) == (Screen.RESULT, NONE)


def test_it_can_be_taken_out() -> None:
    talk = accepted()
    assert talk.say(CouponTakenOut) == ()
    assert talk.sale.coupon == NONE


def test_an_answer_to_a_question_that_is_no_longer_asked_is_nobodys() -> None:
    talk = Talk()
    enter(talk)
    talk.say(CouponTakenOut)
    for event in (
        (CouponKnown, {"about": ABOUT, "known": KNOWN}),
        (Refused, {"about": ABOUT, "code": ErrorCode.COUPON_REFUSED}),
        (Unanswered, {"about": ABOUT}),
        (CouponKnown, {"about": "", "known": KNOWN}),
    ):
        assert talk.say(event[0], **event[1]) == ()  # type: ignore[arg-type]
        assert talk.sale.coupon == NONE


def test_a_wrong_one_is_told_and_another_may_follow() -> None:
    talk = Talk()
    enter(talk)
    assert talk.say(Refused, about=ABOUT, code=ErrorCode.COUPON_REFUSED, detail="not here") == ()
    assert talk.sale.coupon == CouponEntry(CodeEntry("refused", "not here"))
    assert talk.sale.notice is None and talk.sale.code_entry == CodeEntry()
    assert enter(talk, "req_2") == (AskCoupon("req_2", CODE),)


def test_a_refusal_without_words_tells_its_code() -> None:
    talk = Talk()
    enter(talk)
    talk.say(Refused, about=ABOUT, code=ErrorCode.COUPON_REFUSED)
    assert talk.sale.coupon.entry.reason == "coupon_refused"


def test_silence_is_told_and_not_asked_again_by_itself() -> None:
    talk = Talk()
    enter(talk)
    assert talk.say(Unanswered, about=ABOUT) == ()
    assert talk.sale.coupon == CouponEntry(CodeEntry("refused", "unanswered"))


def test_a_lock_holds_until_its_time_is_over_and_cannot_be_taken_out() -> None:
    talk = Talk()
    enter(talk)
    talk.say(Refused, about=ABOUT, code=ErrorCode.CODE_LOCKED, detail="later", locked_for_s=60.0)
    locked = CouponEntry(CodeEntry("locked", "later", talk.at_s + 60.0))
    assert talk.sale.coupon == locked
    assert enter(talk) == () and talk.sale.coupon == locked
    talk.say(CouponTakenOut)
    assert talk.sale.coupon == locked
    talk.later(59.9)
    assert talk.sale.coupon == locked
    talk.later(0.1)
    assert talk.sale.coupon == NONE
    assert enter(talk) == (AskCoupon(ABOUT, CODE),)


def test_a_lock_is_over_at_its_moment_whether_or_not_the_screen_has_looked() -> None:
    for after in (CouponEntered, CouponTakenOut):
        talk = Talk()
        enter(talk)
        talk.say(Refused, about=ABOUT, code=ErrorCode.CODE_LOCKED, detail="later", locked_for_s=60.0)
        talk.at_s += 60.0
        if after is CouponEntered:
            assert enter(talk) == (AskCoupon(ABOUT, CODE),)
        else:
            talk.say(CouponTakenOut)
            assert talk.sale.coupon == NONE


def test_an_accepted_one_is_not_over_with_time() -> None:
    talk = accepted()
    talk.later(10_000.0)
    assert talk.sale.coupon == ACCEPTED


def test_none_is_entered_while_one_is_looked_up_or_something_else_is_shown() -> None:
    talk = Talk()
    enter(talk)
    with pytest.raises(IllegalMoveError, match=r"^a coupon cannot be entered now$"):
        enter(talk)
    for other in (Talk().to_paying(), Talk().to_delivering()):
        before = other.sale
        with pytest.raises(IllegalMoveError):
            enter(other)
        assert other.sale == before


def test_a_pickup_code_and_a_coupon_do_not_answer_for_each_other() -> None:
    talk = Talk()
    talk.say(CodeEntered, request_id="req_9", code="12345678")
    enter(talk)
    talk.say(Refused, about="req_9", code=ErrorCode.CODE_REFUSED, detail="no code")
    assert talk.sale.code_entry == CodeEntry("refused", "no code")
    assert talk.sale.coupon.entry.state == "checking"
    talk.say(CouponKnown, about=ABOUT, known=KNOWN)
    assert talk.sale.code_entry.state == "refused"


def test_a_result_that_closes_keeps_no_coupon_of_the_last_buyer() -> None:
    talk = accepted().to_delivering()
    talk.hear(state="settled", outcomes=["delivered", "delivered"])
    talk.say(DonePressed)
    keeps = {"local", "closed_id", "expires_at_s", "expires_total_s"}
    assert talk.sale == Sale(is_online=True, **{name: getattr(talk.sale, name) for name in keeps})
