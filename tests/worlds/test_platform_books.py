"""The platforms of a world are honest: they never take money twice nor give back more than they took."""

from __future__ import annotations

from datetime import timedelta

import pytest

from vendomat.simulator.worlds.platform_books import PlatformBooks, PlatformRefund, RefusedError
from vendomat.simulator.worlds.virtual_time import START

LATER = START + timedelta(seconds=30)
END = START + timedelta(seconds=60)


@pytest.fixture
def books() -> PlatformBooks:
    return PlatformBooks("wechat", "account", makes_trade_on_scan=False)


def refund(number: str, amount_minor: int, payment: str = "pay_1") -> PlatformRefund:
    return PlatformRefund(payment, number, amount_minor, LATER, LATER)


def test_the_same_number_gives_the_same_code_and_another_amount_is_refused(books: PlatformBooks) -> None:
    assert books.start("pay_1", 500, END) == books.start("pay_1", 500, END)
    with pytest.raises(RefusedError):
        books.start("pay_1", 501, END)


def test_a_code_is_paid_once_and_not_after_it_was_closed(books: PlatformBooks) -> None:
    code = books.start("pay_1", 500, END)
    books.pay(code, "somebody", LATER)
    with pytest.raises(RefusedError):
        books.pay(code, "somebody", LATER)
    other = books.start("pay_2", 500, END)
    books.close("pay_2", LATER)
    with pytest.raises(RefusedError):
        books.pay(other, "somebody", LATER)


def test_a_close_does_not_undo_a_payment(books: PlatformBooks) -> None:
    books.pay(books.start("pay_1", 500, END), "somebody", LATER)
    found = books.close("pay_1", LATER)
    assert found is not None and found.paid_at == LATER and not found.is_closed


def test_a_code_dies_by_itself_a_little_after_its_end(books: PlatformBooks) -> None:
    code = books.start("pay_1", 500, END)
    with pytest.raises(RefusedError):
        books.pay(code, "somebody", END + timedelta(seconds=5))
    books.pay(code, "somebody", END + timedelta(seconds=5), is_late=True)


def test_where_a_trade_is_made_by_the_scan_there_is_none_before() -> None:
    books = PlatformBooks("alipay", "account", makes_trade_on_scan=True)
    code = books.start("pay_1", 500, END)
    assert books.find("pay_1", LATER) is None and books.close("pay_1", LATER) is None
    books.pay(code, "somebody", LATER)
    assert books.find("pay_1", LATER) is not None


def test_refunds_stay_within_what_was_paid_and_a_repetition_is_one(books: PlatformBooks) -> None:
    with pytest.raises(RefusedError):
        books.refund(refund("rfd_1", 100))
    books.pay(books.start("pay_1", 500, END), "somebody", LATER)
    first = books.refund(refund("rfd_1", 300))
    assert books.refund(refund("rfd_1", 300)) is first
    with pytest.raises(RefusedError):
        books.refund(refund("rfd_1", 200))
    with pytest.raises(RefusedError):
        books.refund(refund("rfd_2", 300))
    assert books.refunded_minor("pay_1") == 300
