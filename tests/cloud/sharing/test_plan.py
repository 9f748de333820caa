"""Dividing what is owed over payments: never more than may be, never lost, and what is not needed is free."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vendomat.cloud.sharing.plan import Frozen, Given, plan_shares, plan_take_back

START = datetime(2026, 1, 5, tzinfo=UTC)
MONTH_END = START + timedelta(days=20)


def payment(n: int, minor: int = 1_000, *, may_give: bool = True, day: int | None = None) -> Frozen:
    return Frozen(f"pay_{n}", f"42{n}", minor, START + timedelta(days=n if day is None else day), may_give)


def test_the_oldest_carry_it_and_the_rest_of_the_month_is_free() -> None:
    plan = plan_shares(700, [payment(n) for n in (21, 3, 1, 2, 4)], ceiling_bp=3_000, month_end=MONTH_END)
    assert [(one.payment_id, minor) for one, minor in plan.gives] == [("pay_1", 300), ("pay_2", 300), ("pay_3", 100)]
    assert [one.payment_id for one in plan.frees] == ["pay_4"], "what was paid after the month waits for its own"
    assert plan.missing_minor == 0


def test_what_went_back_carries_nothing_and_what_is_missing_is_said() -> None:
    plan = plan_shares(500, [payment(1, may_give=False), payment(2)], ceiling_bp=3_000, month_end=MONTH_END)
    assert [(one.payment_id, minor) for one, minor in plan.gives] == [("pay_2", 300)]
    assert ([one.payment_id for one in plan.frees], plan.missing_minor) == (["pay_1"], 200)


def test_payments_after_the_month_carry_it_when_the_month_does_not() -> None:
    plan = plan_shares(400, [payment(1), payment(25)], ceiling_bp=3_000, month_end=MONTH_END)
    assert [minor for _, minor in plan.gives] == [300, 100] and not plan.frees


payments = st.lists(
    st.builds(payment, st.integers(0, 40), st.integers(1, 5_000), may_give=st.booleans()),
    max_size=30,
    unique_by=lambda one: one.payment_id,
)


@given(st.integers(-100, 20_000), payments, st.integers(1, 10_000))
def test_nothing_is_lost_or_given_twice(wanted: int, frozen: list[Frozen], ceiling_bp: int) -> None:
    plan = plan_shares(wanted, frozen, ceiling_bp=ceiling_bp, month_end=MONTH_END)
    assert plan.given_minor + plan.missing_minor == max(0, wanted)
    assert all(0 < minor * 10_000 <= one.captured_minor * ceiling_bp and one.may_give for one, minor in plan.gives)
    touched = [one.payment_id for one, _ in plan.gives] + [one.payment_id for one in plan.frees]
    assert len(touched) == len(set(touched))
    left = [one for one in frozen if one.payment_id not in touched]
    assert all(one.paid_at >= MONTH_END for one in left)
    if plan.missing_minor:
        given_of = {one.payment_id: minor for one, minor in plan.gives}
        assert all(
            given_of.get(one.payment_id, 0) == one.captured_minor * ceiling_bp // 10_000
            for one in frozen
            if one.may_give
        ), "something is missing only when everything gives what it may"


def test_the_newest_is_taken_back_from_first() -> None:
    given_ = [Given("a", 300, START), Given("b", 100, START + timedelta(days=1)), Given("c", 0, START)]
    assert [(one.share_id, minor) for one, minor in plan_take_back(250, given_)] == [("b", 100), ("a", 150)]
    assert sum(minor for _, minor in plan_take_back(1_000, given_)) == 400
