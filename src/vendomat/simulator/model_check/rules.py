"""What must hold in every state and at every step, by the ids of the reliability document. Changes nothing.

Each rule answers with "" or with the words of what is broken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from vendomat.cloud.orders import ORDER_MOVES, Finding, OrderState, Unit, UnitOutcome
from vendomat.cloud.payments import Payment, PaymentState, RefundStage
from vendomat.cloud.sales import model as sales
from vendomat.simulator.model_check.parts import Cloud, Machine, Platform, RefundEnd, Truth


def broken_by_step(before: Cloud, after: sales.Purchase, effects: tuple[sales.Effect, ...]) -> str:
    """One step of the purchase: what is final stays, nothing is booked or released twice."""
    return next(_broken_lattice(before.purchase, after), "") or next(_broken_by_effects(before, effects), "")


def _broken_lattice(old: sales.Purchase, after: sales.Purchase) -> Iterator[str]:
    if old.state in ORDER_MOVES.final and after.state is not old.state:
        yield f"I8: the order leaves {old.state} for {after.state}"
    for was, unit in zip(old.units, after.units, strict=True):
        if was.is_final and replace(unit, finding=was.finding) != was:
            yield f"I8: unit {unit.unit} was final and changes"
        if was.finding is Finding.CAME_OUT and unit.finding is not was.finding:
            yield f"I8: goods of unit {unit.unit} that had come out are found inside"
    for payment in old.payments:
        if payment.state is PaymentState.PAID and after.payment(payment.payment_id) != payment:
            yield "I8: a paid payment changes"
    stages = {refund.refund_id: refund for refund in after.refunds}
    for refund in old.refunds:
        now = stages[refund.refund_id]
        is_undone = refund.stage is RefundStage.SUCCEEDED and now.stage is not refund.stage
        if now.amount_minor != refund.amount_minor or is_undone:
            yield "I3: a refund row changes its amount, or was paid and is not"


def _broken_by_effects(before: Cloud, effects: tuple[sales.Effect, ...]) -> Iterator[str]:
    keys = {posting.key for posting in before.postings}
    for effect in effects:
        if isinstance(effect, sales.Post) and effect.posting.key in keys:
            yield f"I4: {effect.posting.kind} is booked twice"
        if isinstance(effect, sales.MoveStock) and effect.released and effect.unit in before.released:
            yield f"I11: the reservation of unit {effect.unit} ends twice"
        if isinstance(effect, sales.SecurityAlert):
            yield f"a security alert ({effect.kind}) without an attacker"


def broken_machine(machine: Machine) -> str:
    """I1, on what really happened."""
    for index, part in enumerate(machine.units):
        if part.starts > 1 or part.drops > 1:
            return f"I1: the motor of unit {index + 1} ran {part.starts} times and {part.drops} items fell"
    return ""


def broken_cloud(cloud: Cloud) -> str:
    """I3, I4, I6, I7 as far as the cloud's rows and books show them."""
    return next(_broken_rows(cloud), "") or next(_broken_books(cloud), "")


def _broken_rows(cloud: Cloud) -> Iterator[str]:
    purchase, winning = cloud.purchase, cloud.purchase.winning
    if winning is None and any(unit.command for unit in purchase.units):
        yield "I7: a command without a captured payment"
    for payment in purchase.payments:
        asked = _asked(purchase, payment)
        if sum(asked) > payment.captured_minor:
            yield "I3: more is asked back than was captured"
        is_late = payment.state is PaymentState.PAID and not payment.is_winning
        if is_late and asked != [payment.captured_minor]:
            yield "I6: a late or second payment does not go back in full"
    if winning is not None and all(unit.is_final for unit in purchase.units):
        asked = _asked(purchase, winning)
        if sum(asked) != _owed(purchase):
            yield f"I6: {_owed(purchase)} is owed and {asked} is asked back"
    back = sum(r.amount_minor for r in purchase.refunds if r.stage is RefundStage.SUCCEEDED)
    if purchase.state is OrderState.SETTLED and back < _owed(purchase):
        yield "I6: the order is settled while its money is owed"
    is_open = any(p.is_open and p.state is not PaymentState.HELD for p in purchase.payments)
    if purchase.state in (OrderState.EXPIRED, OrderState.CANCELLED) and is_open:
        yield "I6: the order ended while a payment of it was open"
    if any(p.state is PaymentState.HELD and not (p.is_winning or p.close_wanted) for p in purchase.payments):
        yield "I6: money is held that no order wants, and it is not given up"


def _asked(purchase: sales.Purchase, payment: Payment) -> list[int]:
    """What is asked back of `payment`; a number that was given up counts until another takes its place."""
    rows = [r for r in purchase.refunds if r.payment_id == payment.payment_id]
    return [r.amount_minor for r in rows if not r.is_replaced_in(purchase.refunds)]


def _owed(purchase: sales.Purchase) -> int:
    if purchase.winning is not None and purchase.winning.is_hold:
        return max(0, purchase.winning.captured_minor - _delivered(purchase))
    return sum(u.price_minor for u in purchase.units if u.is_final and u.outcome is not UnitOutcome.DELIVERED)


def _delivered(purchase: sales.Purchase) -> int:
    return sum(u.price_minor for u in purchase.units if u.is_final and u.outcome is UnitOutcome.DELIVERED)


def _is_all_in(purchase: sales.Purchase) -> bool:
    """Whether it is certain that nothing was given for the money."""
    return all(u.is_final and u.outcome is not UnitOutcome.DELIVERED for u in purchase.units)


def _claim_and_loss(purchase: sales.Purchase) -> tuple[int, int]:
    """What a buyer owes for goods had on a hold, and what is declared lost of it once the hold has ended."""
    winning = purchase.winning
    if winning is None or not winning.is_hold:
        return 0, 0
    missing = _delivered(purchase) - winning.captured_minor
    is_over = winning.state is not PaymentState.HELD and all(u.is_final for u in purchase.units)
    return (0, missing) if is_over else (missing, 0)


def _broken_books(cloud: Cloud) -> Iterator[str]:
    purchase, books = cloud.purchase, Counter[str]()
    for posting in cloud.postings:
        for account, amount_minor in posting.lines:
            books[account] += amount_minor
    paid = [p for p in purchase.payments if p.state is PaymentState.PAID]
    done = [r for r in purchase.refunds if r.stage is RefundStage.SUCCEEDED]
    back = sum(r.amount_minor for r in done)
    by_hand = sum(r.amount_minor for r in done if r.is_by_hand)
    late = sum(p.captured_minor for p in paid if not p.is_winning)
    is_won = purchase.winning is not None and not purchase.winning.is_hold
    claim, loss = _claim_and_loss(purchase)
    expected = {
        "asset:clearing": sum(p.captured_minor for p in paid) - back + by_hand,
        "asset:bank": -by_hand,
        "liab:undelivered": -sum(u.price_minor for u in purchase.units if not u.is_final) if is_won else 0,
        "liab:refund_payable": back - late - (_owed(purchase) if purchase.winning is not None else 0),
        "asset:receivable": claim,
        "expense:uncollected": loss,
        "income:sales": -sum(u.price_minor for u in purchase.units if _has_come_out(u)),
        "memo:ambiguous": sum(
            u.price_minor
            for u in purchase.units
            if u.outcome is UnitOutcome.UNKNOWN and u.is_final and u.finding in (Finding.NONE, Finding.NOT_KNOWABLE)
        ),
        "expense:sensor_fault": sum(u.price_minor for u in purchase.units if u.finding is Finding.CAME_OUT),
        "expense:goodwill": 0,
    }
    for account, amount_minor in expected.items():
        booked = sum(amount for name, amount in books.items() if name.split("_contra")[0].startswith(account))
        booked -= books["memo:ambiguous_contra"] if account == "memo:ambiguous" else 0
        if booked != amount_minor:
            yield f"I4: {account} has {booked}, and should have {amount_minor}"


def _has_come_out(unit: Unit) -> bool:
    return unit.outcome is UnitOutcome.DELIVERED or unit.finding is Finding.CAME_OUT


def broken_together(machine: Machine, cloud: Cloud, platform: Platform) -> Iterator[str]:
    """What only all three show: I3 and I5 against what really happened."""
    yield from _broken_money(cloud, platform)
    yield from _broken_goods(machine, cloud, platform)


def _broken_money(cloud: Cloud, platform: Platform) -> Iterator[str]:
    for index, (payment, truth) in enumerate(zip(cloud.purchase.payments, platform.payments, strict=True)):
        captured = (payment.capture_minor if payment.is_hold else payment.amount_minor) if truth.is_paid else 0
        if payment.is_hold and captured and captured != _delivered(cloud.purchase):
            yield f"I3: {captured} was taken of a hold, and {_delivered(cloud.purchase)} delivered"
        if truth is Truth.RELEASED and payment.is_winning and not _is_all_in(cloud.purchase):
            yield "I6: a hold is given up, and its goods are given, or still may be"
        back = (r for r in platform.refunds if r.payment == index and r.end is RefundEnd.PAID)
        refunded = sum(r.amount_minor for r in back)
        if refunded > captured:
            yield f"I3: the platform paid {refunded} back of {captured}"
    rows = {refund.refund_id for refund in cloud.purchase.refunds}
    for refund in platform.refunds:
        if refund.number.split("#")[0] not in rows:
            yield "I7: the platform was asked for a refund that has no row"


def _broken_goods(machine: Machine, cloud: Cloud, platform: Platform) -> Iterator[str]:
    purchase = cloud.purchase
    is_back = any(r.end is RefundEnd.PAID and purchase.payments[r.payment].is_winning for r in platform.refunds)
    is_back = is_back or (purchase.winning is not None and purchase.winning.is_hold)  # what is not taken is not paid
    ambiguous = {p.key.rsplit(":", 1)[1] for p in cloud.postings if p.kind == "ambiguous"}
    for part, unit in zip(machine.units, purchase.units, strict=True):
        if not unit.is_final or part.has_lied:
            continue  # a sensor that lies is a class of its own: nothing that runs can know
        if part.drops and is_back and unit.outcome is UnitOutcome.NOT_DELIVERED:
            yield f"I5: unit {unit.unit} fell, was called not delivered, and its money went back"
        if part.drops and unit.outcome is UnitOutcome.UNKNOWN and str(unit.unit) not in ambiguous:
            yield f"I5: unit {unit.unit} fell, its money goes back, and no ambiguity is booked"
        if _has_come_out(unit) and not part.drops:
            yield f"I6: unit {unit.unit} is booked as delivered and never fell"
        if unit.finding is Finding.STAYED_IN and part.drops:
            yield f"I5: unit {unit.unit} fell, and is found to have stayed inside"


def broken_acks(machine: Machine, applied: frozenset[tuple[int, int, int]]) -> str:
    """I7, I9: nothing is pruned that the cloud has not applied (`applied`: unit, epoch, seq)."""
    for index, part in enumerate(machine.units):
        for epoch, seq in part.acked:
            if (index, epoch, seq) not in applied:
                return f"I9: a fact of unit {index + 1} was pruned and the cloud does not have it"
    return ""


def broken_start(cloud: Cloud, unit: int) -> str:
    """I2: a motor starts only by a paid order's command whose unit is not decided yet."""
    found = cloud.purchase.units[unit]
    if cloud.purchase.winning is None or found.command is None:
        return f"I2: the motor of unit {unit + 1} starts and nobody has paid"
    if found.is_final:
        return f"I2: the motor of unit {unit + 1} starts after its money was declared to go back"
    return ""


def is_settled(cloud: Cloud, platform: Platform) -> bool:
    """The order is over, and with it every payment and refund, for the cloud and for the platform alike."""
    purchase = cloud.purchase
    if purchase.state not in ORDER_MOVES.final or any(p.is_open for p in purchase.payments):
        return False
    refunds = [refund for refund in purchase.refunds if not refund.is_replaced_in(purchase.refunds)]
    if any(refund.stage is not RefundStage.SUCCEEDED for refund in refunds):
        return False
    pairs = list(zip(purchase.payments, platform.payments, strict=True))
    if any(truth is Truth.HELD for _, truth in pairs):
        return False
    return all((payment.state is PaymentState.PAID) == truth.is_paid for payment, truth in pairs)
