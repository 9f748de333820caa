"""Stripe's books alone, on a time of our choosing: moves, long lives, and money that is never lost or made."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vendomat.kernel import IllegalMoveError, Moves
from vendomat.simulator.gateways import BuyerRefusedError, GatewaySettings
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.stripe import records
from vendomat.simulator.gateways.stripe.books import StripeBooks
from vendomat.simulator.gateways.stripe.refusals import Refusals, StripeRefusedError

START = datetime(2026, 1, 1, tzinfo=UTC)
OPENING = 1_000


@pytest.mark.parametrize("moves", [records.SESSION_MOVES, records.REFUND_MOVES])
def test_every_state_and_event(moves: Moves) -> None:  # type: ignore[type-arg]
    events = {event for _, event in moves.table}
    for state, event in product(moves.states, events):
        if moves.may(state, event):
            assert moves.next(state, event) in moves.states
        else:
            with pytest.raises(IllegalMoveError):
                moves.next(state, event)


def stripe_books() -> StripeBooks:
    books = StripeBooks(GatewaySettings(refund_delay_s=60.0), Numbers(random.Random(7).getrandbits))
    books.add_account(
        records.Account(account="a", name="x", secret_key="k", webhook_secrets=("s",), balance_fen=OPENING)
    )
    return books


def terms(number: str, now: datetime, *, life: timedelta = timedelta(hours=1)) -> records.Terms:
    return records.Terms(
        account="a",
        number=number,
        product_id=number,
        name="tea",
        amount=350,
        currency="cny",
        expires_at=now + life,
        success_url="https://vend.example/thanks",
        payment_method_types=("card",),
        metadata="{}",
        intent_metadata="{}",
    )


@pytest.mark.parametrize(("minutes", "is_made"), [(29, False), (30, True), (24 * 60, True), (24 * 60 + 1, False)])
def test_a_session_lives_half_an_hour_to_a_day(minutes: int, is_made: bool) -> None:
    books, life = stripe_books(), timedelta(minutes=minutes)
    if is_made:
        assert books.open_session(terms("pay_1", START, life=life), START).state == "open"
        return
    with pytest.raises(StripeRefusedError) as refused:
        books.open_session(terms("pay_1", START, life=life), START)
    assert refused.value.refusal == Refusals.EXPIRES_AT


DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["open", "pay", "late", "expire", "refund", "wait", "failed", "canceled", "requires_action"]),
        st.integers(0, 2),
        st.integers(1, 400),
    ),
    max_size=40,
).map(lambda deeds: [("open", 0, 1), ("pay", 0, 1), ("open", 1, 1), ("pay", 1, 1), *deeds])
"""Two paid sessions to begin with, so that refunds have something to go wrong on."""


@settings(max_examples=100, deadline=None)
@given(DEEDS)
def test_money_adds_up(deeds: list[tuple[str, int, int]]) -> None:
    books, now = stripe_books(), START
    newest: dict[int, str] = {}
    for deed, which, amount in deeds:
        session = books.sessions.get(newest.get(which, ""))
        try:
            if deed == "open":
                newest[which] = books.open_session(terms(f"pay_{which}", now), now).session_id
            elif deed in ("pay", "late"):
                books.pay(newest.get(which, ""), "ann", now, is_late=deed == "late")
            elif deed == "expire" and session:
                books.expire(session, now)
            elif deed == "refund" and session:
                asked = records.RefundAsked(intent_id=session.intent_id, amount=amount, reason="", metadata="{}")
                books.refund("a", asked, now)
            elif deed == "wait":
                now += timedelta(seconds=amount * amount)
                books.settle_due(now)
            elif deed in ("failed", "canceled", "requires_action"):
                books.refunds.settle_next_as(records.RefundState(deed), 1)
        except (StripeRefusedError, BuyerRefusedError):
            pass
        paid = [one for one in books.sessions.values() if one.paid_at is not None]
        taken = [books.refunds.taken(one) for one in paid]
        assert all(minor <= 350 for minor in taken)
        assert books.accounts["a"].balance_fen == OPENING + 350 * len(paid) - sum(taken) >= 0
        assert all((one.state == "complete") == (one.paid_at is not None) for one in books.sessions.values())
