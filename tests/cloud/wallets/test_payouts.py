"""How a wallet's rest is divided among the top-ups it came by."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vendomat.cloud.wallets import Division, Part, ToppedUp, divide


def topped_up(number: int, left: int) -> ToppedUp:
    return ToppedUp(f"ord_{number}", f"pay_{number}", "wechat", left)


def test_the_newest_goes_back_first_and_the_rest_is_paid_by_hand():
    three = [topped_up(3, 500), topped_up(2, 1000), topped_up(1, 2000)]
    assert divide(1150, three) == Division(
        (Part("ord_3", "pay_3", "wechat", 500), Part("ord_2", "pay_2", "wechat", 650)), 0
    )
    assert divide(4000, three).by_hand_minor == 500
    assert divide(70, []) == Division((), 70)
    assert divide(0, three) == Division((), 0)


@given(st.integers(0, 10**6), st.lists(st.integers(1, 10**5), max_size=12))
def test_it_is_the_whole_balance_and_never_more_than_was_paid(balance: int, sums: list[int]):
    newest_first = [topped_up(number, left) for number, left in enumerate(sums)]
    division = divide(balance, newest_first)
    assert sum(part.amount_minor for part in division.parts) + division.by_hand_minor == balance
    assert division.by_hand_minor == max(0, balance - sum(sums))
    left = {one.payment_id: one.left_minor for one in newest_first}
    assert all(0 < part.amount_minor <= left[part.payment_id] for part in division.parts)
