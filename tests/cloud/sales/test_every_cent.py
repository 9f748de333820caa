"""Whatever happens to a purchase, what buyers paid is sold, stored, given back, on its way, or declared; by currency:

    captured = (sold - declared loss) + stored + given back + on its way + suspense - claims

A claim is goods for money that is held and not taken yet; where others took it too early, it is on the other side.
It is read from the ledger's postings alone, then held against what payments and refunds say; no other account may move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cloud.sales.purchases import EVENTS, STATES, Played, play
from tests.cloud.sales.test_wallet_steps import FROM_WALLET, JAMMED, SOLD, top_up
from vendomat.cloud.ledger import Posting, funding
from vendomat.cloud.payments import PaymentState, RefundStage
from vendomat.cloud.sales.model import Effect, Event, Post, Purchase
from vendomat.cloud.sales.steps import step

IN_FLIGHT = ("liab:undelivered", "liab:refund_payable")
LOSS = ("expense:goodwill", "expense:sensor_fault", "expense:uncollected")
CLAIMS = "asset:receivable:"
STARTS: dict[str, Played] = {
    **{name: play(EVENTS[event] for event in events) for name, events in STATES.items()},
    "from a wallet": play(FROM_WALLET),
    "sold from a wallet": play(SOLD),
    "jammed, from a wallet": play(JAMMED),
    "a top-up": play((), top_up()),
    "a top-up that is paid": play((EVENTS["first paid"],), top_up()),
    "a top-up that is paid too late": play((EVENTS["expiry asked"], EVENTS["first paid too late"]), top_up()),
}


class Books:
    """What the postings of one currency say."""

    def __init__(self) -> None:
        self.by_account: Counter[str] = Counter()
        self.given_back = 0
        self.stored = 0

    def take(self, posting: Posting) -> None:
        for account, amount in posting.lines:
            self.by_account[account] += amount
            if posting.kind == "topped_up":
                self.stored += max(0, -amount)
        if posting.kind == "refund_succeeded":
            self.given_back += sum(max(0, amount) for _, amount in posting.lines)

    def of(self, *families: str) -> int:
        """What stands on the accounts of `families`, debits positive."""
        return sum(amount for account, amount in self.by_account.items() if account.startswith(families))

    @property
    def captured(self) -> int:
        sold, suspense = -self.of("income:sales:"), -self.of("suspense:long:")
        on_its_way = -self.of(*IN_FLIGHT)
        loss = self.of(*LOSS)
        assert min(sold, suspense, on_its_way, loss, self.given_back, self.stored) >= 0
        return sold - loss + self.stored + self.given_back + on_its_way + suspense - self.of(CLAIMS)


def books_of(purchase: Purchase, effects: Sequence[Effect]) -> dict[str, Books]:
    """By currency."""
    books: dict[str, Books] = {}
    for effect in effects:
        if isinstance(effect, Post):
            books.setdefault(effect.currency or purchase.currency, Books()).take(effect.posting)
    return books


def check_every_cent(purchase: Purchase, effects: Sequence[Effect]) -> None:
    """The equation in each currency, and the rows that it must agree with."""
    captured: Counter[str] = Counter()
    given_back: Counter[str] = Counter()
    funds = {"asset:bank"}
    for payment in purchase.payments:
        currency = payment.currency or purchase.currency
        if payment.state is PaymentState.PAID:
            captured[currency] += payment.captured_minor
            funds.add(funding(payment.channel, payment.account))
        mine = [r for r in purchase.refunds if r.payment_id == payment.payment_id]
        given_back[currency] += sum(r.amount_minor for r in mine if r.stage is RefundStage.SUCCEEDED)
    books = books_of(purchase, effects)
    assert {currency for currency, minor in captured.items() if minor} <= set(books)
    for currency, told in books.items():
        assert told.captured == captured[currency], currency
        assert told.given_back == given_back[currency], currency
        assert told.of("memo:") == 0
        known = ("income:sales:", "suspense:long:", "memo:ambiguous", "liab:wallet:", CLAIMS, *IN_FLIGHT, *LOSS)
        strange = [a for a in told.by_account if a not in funds and not a.startswith(known)]
        assert not strange, f"money moved where nobody looks: {strange}"


def follow(now: Played, event: Event) -> Played:
    after, effects = step(now.purchase, event)
    return Played(after, now.effects + effects)


@pytest.mark.parametrize("name", sorted(STARTS))
def test_every_cent_after_each_event_in_each_state(name: str) -> None:
    start = STARTS[name]
    check_every_cent(start.purchase, start.effects)
    for event in EVENTS.values():
        after = follow(start, event)
        check_every_cent(after.purchase, after.effects)


@settings(max_examples=250, deadline=None)
@given(start=st.sampled_from(sorted(STARTS)), story=st.lists(st.sampled_from(sorted(EVENTS)), max_size=20))
def test_every_cent_of_any_story(start: str, story: list[str]) -> None:
    now = STARTS[start]
    for name in story:
        now = follow(now, EVENTS[name])
        check_every_cent(now.purchase, now.effects)
