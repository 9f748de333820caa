"""A payment code before the scanner: handed on once, at the right moment only, and shown as what it becomes."""

from __future__ import annotations

import pytest

from tests.terminal.sale.sale_talk import ORD, Talk
from vendomat.kernel import derive_id
from vendomat.terminal.sale import (
    AskScan,
    AskStatus,
    CancelPressed,
    CodeShown,
    LinkChanged,
    Refused,
    Screen,
    Unanswered,
    charge_state_of,
    code_url_of,
    payment_state_of,
)

SCAN, CODE = derive_id("scn", 1), "134567890123456789"


def show(talk: Talk, scan_id: str = SCAN) -> tuple[object, ...]:
    return talk.say(CodeShown, scan_id=scan_id, code=CODE)


def test_it_is_handed_on_at_once() -> None:
    talk = Talk().to_paying()
    assert show(talk) == (AskScan(ORD, SCAN, CODE),)
    assert charge_state_of(talk.sale) == "asking"
    assert payment_state_of(talk.sale, talk.at_s) == "waiting"  # the code on the screen stays good


def test_neither_the_sale_nor_its_words_hold_the_code() -> None:
    talk = Talk().to_paying()
    effects = show(talk)
    assert CODE not in repr(talk.sale)
    assert CODE not in repr(effects)
    assert CODE not in repr(CodeShown(at_s=0.0, scan_id=SCAN, code=CODE))


def test_no_second_one_while_the_first_may_be_paying() -> None:
    talk = Talk().to_paying()
    show(talk)
    assert show(talk, derive_id("scn", 2)) == ()
    for state in ("charging", "password", "reversing", "paid"):
        talk.hear(about=SCAN, charge=(state, ""))
        assert charge_state_of(talk.sale) == state
        assert show(talk, derive_id("scn", 2)) == ()


def test_after_a_refusal_another_one_may_be_shown() -> None:
    talk = Talk().to_paying()
    show(talk)
    talk.hear(about=SCAN, charge=("closed", "not_enough"))
    assert charge_state_of(talk.sale) == "closed"
    second = derive_id("scn", 2)
    assert show(talk, second) == (AskScan(ORD, second, CODE),)
    assert charge_state_of(talk.sale) == "asking"


def test_a_charge_is_no_code_on_the_screen() -> None:
    talk = Talk().to_paying()
    show(talk)
    talk.hear(about=SCAN, charge=("charging", ""))
    assert talk.sale.order is not None
    assert code_url_of(talk.sale.order, "alipay") == ""
    assert code_url_of(talk.sale.order, "wechat") != ""


@pytest.mark.parametrize("where", ["browse", "preparing", "delivering", "closing", "expired", "offline"])
def test_at_any_other_moment_it_is_not_handed_on(where: str) -> None:
    talk = Talk()
    if where == "preparing":
        talk.press()
    elif where == "delivering":
        talk.to_delivering()
    elif where != "browse":
        talk.to_paying()
    if where == "closing":
        talk.say(CancelPressed)
    elif where == "expired":
        talk.at_s += 121
    elif where == "offline":
        talk.say(LinkChanged, is_online=False)
    assert show(talk) == ()
    assert talk.sale.shown is None


def test_a_refusal_of_the_cloud_is_said() -> None:
    talk = Talk().to_paying()
    show(talk)
    talk.say(Refused, about=SCAN, code="method_unavailable")
    assert (charge_state_of(talk.sale), talk.sale.screen) == ("none", Screen.PAYING)
    assert talk.sale.notice is not None and talk.sale.notice.code == "method_unavailable"


def test_no_answer_is_not_known_and_asked_about_not_sent_again() -> None:
    talk = Talk().to_paying()
    show(talk)
    assert talk.say(Unanswered, about=SCAN) == (AskStatus(ORD),)
    assert talk.sale.notice is not None and talk.sale.notice.code == "scan_unanswered"
    talk.hear(charge=("charging", ""))
    assert show(talk, derive_id("scn", 2)) == ()


def test_an_answer_to_another_scan_changes_nothing() -> None:
    talk = Talk().to_paying()
    show(talk)
    before = talk.sale
    for event in (Refused, Unanswered):
        talk.say(event, about=derive_id("scn", 9), **({"code": "x"} if event is Refused else {}))
    assert talk.sale == before


def test_leaving_forgets_it() -> None:
    talk = Talk().to_paying()
    show(talk)
    talk.hear(about=SCAN, charge=("paid", ""), state="dispensing")
    assert talk.sale.screen is Screen.DELIVERING
    assert talk.sale.shown is None
