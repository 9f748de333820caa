"""What holds for every purchase after every step: the checks that the table test and the random walk share."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tests.cloud.sales.purchases import ALONE, MERCHANT, Played
from vendomat.cloud.ledger import Posting, funding
from vendomat.cloud.orders import (
    FINDING_MOVES,
    ORDER_MOVES,
    CommandState,
    Finding,
    FindingMove,
    OrderState,
    UnitOutcome,
)
from vendomat.cloud.payments import (
    VERDICT_MOVES,
    WALLET_CHANNEL,
    Payment,
    PaymentState,
    Refund,
    RefundStage,
    Verdict,
    VerdictMove,
)
from vendomat.cloud.sales.model import Effect, MoveStock, Post, Purchase


def postings(effects: tuple[Effect, ...]) -> list[Posting]:
    return [e.posting for e in effects if isinstance(e, Post)]


def balances(effects: tuple[Effect, ...]) -> Counter[str]:
    """Signed minor units by account; a missing account is zero."""
    sums: Counter[str] = Counter()
    for posting in postings(effects):
        for account, amount in posting.lines:
            sums[account] += amount
    return sums


def check_step(before: Purchase, after: Purchase) -> None:
    """One step: the version counts changes, and what is final stays."""
    assert after.version == before.version + (after is not before)
    if before.state in ORDER_MOVES.final:
        assert (after.state, after.ended_at) == (before.state, before.ended_at)
    for old, new in zip(before.units, after.units, strict=True):
        if old.is_final:
            assert replace(new, finding=old.finding) == old
        assert new.finding is old.finding or any(FINDING_MOVES.may(old.finding, move) for move in FindingMove)
        assert new.finding is Finding.NONE or new.is_final
        if old.command is not None:
            assert new.command is not None and new.command.cmd_id == old.command.cmd_id
    for payment in before.payments:
        now = after.payment(payment.payment_id)
        assert now is not None
        check_wish(payment, now)
        if payment.state is PaymentState.PAID:
            assert replace(now, verdict=payment.verdict, verdict_by=payment.verdict_by) == payment
            moves = [VERDICT_MOVES.may(payment.verdict, move) for move in VerdictMove]
            assert now.verdict is payment.verdict or any(moves)
    for refund in before.refunds:
        now_refund = next(r for r in after.refunds if r.refund_id == refund.refund_id)
        assert now_refund.amount_minor == refund.amount_minor
        if refund.stage is RefundStage.FAILED:
            may_be = (RefundStage.FAILED, RefundStage.SUCCEEDED)
            assert now_refund.stage in ((*may_be, RefundStage.UNKNOWN) if refund.is_stranded else may_be)
        elif not refund.is_open:
            assert now_refund.stage is refund.stage


def check_wish(payment: Payment, now: Payment) -> None:
    """What is asked of the platform about a hold does not change while it stands."""
    if payment.state is PaymentState.HELD and now.state is PaymentState.HELD:
        assert not payment.capture_minor or now == payment
        assert now.close_wanted or not payment.close_wanted


def check_purchase(purchase: Purchase) -> None:
    """What may stand together, at any moment."""
    winning = [p for p in purchase.payments if p.is_winning]
    assert len(winning) <= 1
    assert bool(winning) == (purchase.state in (OrderState.PAID, OrderState.DISPENSING, OrderState.SETTLED))
    commands = [u.command for u in purchase.units if u.command is not None]
    assert not commands or winning, "a command without a captured payment"
    unanswered = [c for c in commands if c.state in (CommandState.QUEUED, CommandState.FENCING)]
    assert len(unanswered) <= 1, "two units under way at once"
    for payment in purchase.payments:
        check_hold(purchase, payment)
        assert not (payment.is_frozen and payment.is_winning)
        refunds = [r for r in purchase.refunds if r.payment_id == payment.payment_id]
        assert [r.ordinal for r in refunds] == list(range(1, len(refunds) + 1)), "numbered one by one"
        assert all(r.approved_by or r.asked_by or r.recorded_by for r in refunds[1:]), (
            "a person answers for every number after the first"
        )
        assert sum(r.amount_minor for r in refunds[:1]) <= payment.captured_minor, "more asked back than was paid"
        check_goodwill(purchase, payment)
        assert not (payment.is_frozen and refunds) or payment.verdict is Verdict.GIVEN_BACK, (
            "unexplained money goes back by itself"
        )
        assert (payment.verdict is Verdict.NONE) == (payment.verdict_by == "")
        assert payment.is_frozen or payment.verdict is Verdict.NONE
        check_hand_payments(refunds)
        if payment.state is PaymentState.PAID and not payment.is_winning and not payment.is_frozen:
            assert refunds[0].amount_minor == payment.captured_minor, "a late payment goes back in full"
    if purchase.state in (OrderState.EXPIRED, OrderState.CANCELLED):
        assert not any(p.is_open for p in purchase.payments if p.state is not PaymentState.HELD)
    if purchase.state is OrderState.SETTLED:
        assert all(u.is_final for u in purchase.units)
        assert winning[0].state in (PaymentState.PAID, PaymentState.CLOSED), "settled on money that is only held"
        is_late = winning[0].is_hold and winning[0].paid_at is not None  # it may have brought more after its end
        asked = sum(r.amount_minor for r in purchase.refunds if r.payment_id == winning[0].payment_id)
        assert owed(purchase) <= (asked if is_late else paid_back(purchase, winning[0].payment_id))


def check_hold(purchase: Purchase, payment: Payment) -> None:
    """Held money vends or is given up; what is taken is what was delivered, decided when every unit is final."""
    assert payment.is_hold or (payment.state is not PaymentState.HELD and not payment.capture_minor)
    if payment.state is PaymentState.HELD:
        is_decided = payment.close_wanted or payment.capture_minor > 0
        assert is_decided == (not payment.is_winning or all(u.is_final for u in purchase.units))
        assert not payment.captured_minor
    if payment.capture_minor:
        assert payment.is_winning and not payment.close_wanted
        assert payment.capture_minor == delivered(purchase)


def delivered(purchase: Purchase) -> int:
    return sum(u.price_minor for u in purchase.units if u.outcome is UnitOutcome.DELIVERED)


def check_hand_payments(refunds: list[Refund]) -> None:
    """Only what the platform gave up, once, for the same sum, and a large one by two persons."""
    for refund in refunds:
        if refund.is_by_hand:
            before = [r for r in refunds if r.ordinal < refund.ordinal and not (r.is_by_hand or r.is_goodwill)]
            assert refund.amount_minor in [r.amount_minor for r in before], "no refund called for it"
            assert not refund.is_goodwill and refund.recorded_by and refund.approved_by != refund.recorded_by
            assert refund.stage in (RefundStage.HELD, RefundStage.SUCCEEDED, RefundStage.FAILED), "a platform is asked"
    assert sum(r.is_by_hand and r.stage is not RefundStage.FAILED for r in refunds) <= 1, "paid by hand twice"


def check_goodwill(purchase: Purchase, payment: Payment) -> None:
    """Only of a sale that is over, never more than is left of the money, and large sums by two persons."""
    refunds = [r for r in purchase.refunds if r.payment_id == payment.payment_id]
    given = [r for r in refunds if r.is_goodwill]
    assert not given or (purchase.state is OrderState.SETTLED and payment.is_winning)
    assert not given or sum(r.is_open for r in refunds) <= 1, "two numbers under way at once"
    for refund in given:
        others = [r for r in refunds if r is not refund and r.stage is RefundStage.SUCCEEDED]
        before = sum(r.amount_minor for r in others if r.ordinal < refund.ordinal)
        assert refund.amount_minor + before <= payment.captured_minor, "more given than was left"
        assert refund.approved_by != refund.asked_by
        is_to_be_asked = refund.stage in (RefundStage.REQUESTED, RefundStage.UNKNOWN)
        assert refund.amount_minor <= ALONE or refund.approved_by or not is_to_be_asked, "a large sum by one person"


def owed(purchase: Purchase) -> int:
    winning = purchase.winning
    if winning is not None and winning.is_hold:
        return max(0, winning.captured_minor - delivered(purchase)) if is_hold_over(purchase, winning) else 0
    return sum(u.price_minor for u in purchase.units if u.is_final and u.outcome is not UnitOutcome.DELIVERED)


def is_hold_over(purchase: Purchase, winning: Payment) -> bool:
    """Whether it is known what was delivered, and what became of the money."""
    return winning.state is not PaymentState.HELD and all(u.is_final for u in purchase.units)


def check_claim(purchase: Purchase, books: Counter[str]) -> None:
    """A buyer owes for goods had on a hold, until it is taken, or its end is known: then the rest is a loss."""
    winning = purchase.winning
    if winning is None or not winning.is_hold:
        claim, loss = 0, 0
    elif is_hold_over(purchase, winning):
        claim, loss = 0, max(0, delivered(purchase) - winning.captured_minor)
    else:
        claim, loss = delivered(purchase) - winning.captured_minor, 0
    assert sum(minor for account, minor in books.items() if account.startswith("asset:receivable:")) == claim
    assert books["expense:uncollected"] == loss


def _owed_of(purchase: Purchase, payment: Payment) -> int:
    if payment.is_frozen:
        return payment.captured_minor if payment.verdict is Verdict.GIVEN_BACK else 0
    return owed(purchase) if payment.is_winning else payment.captured_minor


def paid_back(purchase: Purchase, payment_id: str) -> int:
    done = [r for r in purchase.refunds if r.payment_id == payment_id and r.stage is RefundStage.SUCCEEDED]
    return sum(r.amount_minor for r in done)


def check_books(played: Played) -> None:
    """The whole story of one purchase against its ledger and stock: nothing lost, doubled or stranded."""
    purchase, effects = played.purchase, played.effects
    keys = [posting.key for posting in postings(effects)]
    assert len(keys) == len(set(keys)), "one event booked twice"
    books = balances(effects)
    assert sum(books.values()) == 0
    paid = [p for p in purchase.payments if p.state is PaymentState.PAID]
    back = sum(paid_back(purchase, p.payment_id) for p in paid)
    funds = {account for account in books if account.startswith("asset:clearing:")}
    funds |= {funding(p.channel, p.account) for p in paid if p.channel == WALLET_CHANNEL}
    by_hand = sum(r.amount_minor for r in purchase.refunds if r.is_by_hand and r.stage is RefundStage.SUCCEEDED)
    came_back = sum(r.amount_minor for r in purchase.refunds if r.came_back == "bank")
    assert sum(books[fund] for fund in funds) == sum(p.captured_minor for p in paid) - back + by_hand - came_back
    assert books["asset:bank"] == came_back - by_hand
    check_suspense(purchase, effects, books)
    winning = purchase.winning
    check_claim(purchase, books)
    is_taken_first = winning is not None and not winning.is_hold
    waiting = sum(u.price_minor for u in purchase.units if not u.is_final) if is_taken_first else 0
    assert books["liab:undelivered"] == -waiting
    late = sum(_owed_of(purchase, p) for p in paid if not p.is_winning)
    on_top = books["expense:goodwill"]
    assert on_top == sum(max(0, paid_back(purchase, p.payment_id) - _owed_of(purchase, p)) for p in paid)
    assert books["liab:refund_payable"] == -((owed(purchase) if winning else 0) + late - back + on_top)
    open_findings = (Finding.NONE, Finding.NOT_KNOWABLE)
    assert books["memo:ambiguous"] == -books["memo:ambiguous_contra"]
    assert books["memo:ambiguous"] == sum(
        u.price_minor
        for u in purchase.units
        if u.outcome is UnitOutcome.UNKNOWN and u.is_final and u.finding in open_findings
    )
    given = [u for u in purchase.units if u.outcome is UnitOutcome.DELIVERED or u.finding is Finding.CAME_OUT]
    assert books["expense:sensor_fault"] == sum(u.price_minor for u in given if u.finding is Finding.CAME_OUT)
    kept = sum(p.captured_minor for p in paid if p.verdict is Verdict.KEPT)
    assert books[f"income:sales:{MERCHANT}"] == -sum(u.price_minor for u in given) - kept
    moves = Counter((e.unit, e.released) for e in effects if isinstance(e, MoveStock))
    taken = Counter(e.unit for e in effects if isinstance(e, MoveStock) and e.delivered)
    for unit in purchase.units:
        assert taken[unit.unit] == (unit in given), "what came out leaves the stock once"
        assert moves[unit.unit, 1] == unit.is_final, "a reservation ends once, with its unit"


def check_suspense(purchase: Purchase, effects: tuple[Effect, ...], books: Counter[str]) -> None:
    """What did not fit is in suspense until people decide, and every booking about it in the currency it came in."""
    frozen = [p for p in purchase.payments if p.is_frozen]
    undecided = [p for p in frozen if p.verdict not in (Verdict.GIVEN_BACK, Verdict.KEPT)]
    in_suspense = sum(amount for account, amount in books.items() if account.startswith("suspense:"))
    assert in_suspense == -sum(p.captured_minor for p in undecided)
    for post in (e for e in effects if isinstance(e, Post)):
        _, _, number = post.posting.key.partition(":")
        payments = {r.refund_id: r.payment_id for r in purchase.refunds} | {p.payment_id: p.payment_id for p in frozen}
        payment = purchase.payment(payments.get(number, ""))
        if payment is not None and payment.is_frozen:
            assert post.currency == payment.currency, post.posting.key
