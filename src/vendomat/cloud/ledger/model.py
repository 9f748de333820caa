"""Double entry: accounts, and the postings of each event. Pure.

Amounts are signed minor units: debit positive, credit negative. Each transaction sums to zero and has a key that names
the event it books, so it is booked once.
"""

from __future__ import annotations

from dataclasses import dataclass

UNDELIVERED = "liab:undelivered"
REFUND_PAYABLE = "liab:refund_payable"
VOUCHER = "liab:voucher"
GIFT = "expense:gift"
BANK = "asset:bank"
AMBIGUOUS = "memo:ambiguous"
AMBIGUOUS_CONTRA = "memo:ambiguous_contra"
SENSOR_FAULT = "expense:sensor_fault"
GOODWILL = "expense:goodwill"
CASH_IN_HAND = "asset:cash_in_hand"
CASH_SHORT = "expense:cash_short"
CASH_OVER = "income:cash_over"
BAD_DEBT = "expense:bad_debt"
COOLER_LOSS = "expense:cooler_loss"
UNCOLLECTED = "expense:uncollected"
"""Goods that were given for a hold whose money never came. It is declared a loss at once: nobody collects it here."""
_WALLET = "liab:wallet:"


@dataclass(frozen=True, slots=True)
class Posting:
    """One balanced transaction. `lines` are (account, signed minor units)."""

    key: str
    kind: str
    lines: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        assert sum(amount for _, amount in self.lines) == 0, f"{self.key} does not balance"
        assert all(amount for _, amount in self.lines), f"{self.key} has an empty line"


def sales_income(merchant_id: str) -> str:
    return f"income:sales:{merchant_id}"


def funding(channel: str, account: str) -> str:
    """Where a payment's money stands: at the platform, for a code what the code was issued against, or with us."""
    if channel == "code":
        return VOUCHER if account == "prepaid" else GIFT
    if channel == "wallet":
        return wallet(account)
    if channel == "cash":
        return cash(account)
    return f"asset:clearing:{channel}:{account}"


def receivable(channel: str, account: str) -> str:
    """What buyers owe for goods they have had: their money is held, or promised, at the platform and not taken yet."""
    return f"asset:receivable:{channel}:{account}"


def cash(machine_id: str) -> str:
    """What lies in a machine's cash box."""
    return f"asset:cash:{machine_id}"


def wallet(member_id: str) -> str:
    """What a member has stored with the merchant, who owes it."""
    return f"{_WALLET}{member_id}"


def wallet_member(account: str) -> str | None:
    """Whose wallet `account` is; None for every other account."""
    return account.removeprefix(_WALLET) if account.startswith(_WALLET) else None


def suspense_long(channel: str) -> str:
    """Money we hold and cannot explain."""
    return f"suspense:long:{channel}"


def suspense_short(channel: str) -> str:
    """Money that should stand at the platform, and does not."""
    return f"suspense:short:{channel}"


def fee_expense(channel: str) -> str:
    return f"expense:fee:{channel}"


def _move(key: str, kind: str, accounts: tuple[str, str], amount_minor: int) -> Posting:
    """Debit the first of `accounts`, credit the second."""
    debit, credit = accounts
    return Posting(key, kind, ((debit, amount_minor), (credit, -amount_minor)))


def site_rent(site_id: str) -> str:
    """What is owed to the owner of a site."""
    return f"liab:site_rent:{site_id}"


def site_share(site_id: str) -> str:
    """What is on its way to the owner of a site by the platform: stated, and to be paid by nobody else."""
    return f"liab:site_share:{site_id}"


def payment_confirmed(payment_id: str, fund: str, amount_minor: int) -> Posting:
    return _move(f"paid:{payment_id}", "payment_confirmed", (fund, UNDELIVERED), amount_minor)


def payment_late(payment_id: str, fund: str, amount_minor: int) -> Posting:
    """A late or second payment: owed back from the first moment."""
    return _move(f"paid:{payment_id}", "payment_late", (fund, REFUND_PAYABLE), amount_minor)


def payment_unexplained(payment_id: str, fund: str, channel: str, amount_minor: int) -> Posting:
    """Money whose amount is not the order's: held in suspense for a person."""
    return _move(f"paid:{payment_id}", "payment_unexplained", (fund, suspense_long(channel)), amount_minor)


def frozen_given_back(payment_id: str, channel: str, amount_minor: int) -> Posting:
    """People decided that money in suspense goes back: owed to its buyer from now on."""
    return _move(f"verdict:{payment_id}", "frozen_given_back", (suspense_long(channel), REFUND_PAYABLE), amount_minor)


def frozen_kept(payment_id: str, channel: str, merchant_id: str, amount_minor: int) -> Posting:
    """People found that the buyer has had goods for money in suspense: it is income."""
    accounts = (suspense_long(channel), sales_income(merchant_id))
    return _move(f"verdict:{payment_id}", "frozen_kept", accounts, amount_minor)


def unit_delivered(order_id: str, unit: int, merchant_id: str, amount_minor: int) -> Posting:
    return _move(f"unit:{order_id}:{unit}", "delivered", (UNDELIVERED, sales_income(merchant_id)), amount_minor)


def topped_up(order_id: str, unit: int, member_id: str, amount_minor: int) -> Posting:
    """The unit of such an order is stored money: what was paid for it is owed to the member from now on."""
    return _move(f"unit:{order_id}:{unit}", "topped_up", (UNDELIVERED, wallet(member_id)), amount_minor)


def paid_out_of_wallet(payment_id: str, member_id: str, amount_minor: int) -> Posting:
    """A member leaves: what was topped up by this payment is owed back to its payer, and no longer stored."""
    accounts = (wallet(member_id), REFUND_PAYABLE)
    return _move(f"wallet_out:{payment_id}", "wallet_paid_out", accounts, amount_minor)


def wallet_paid_by_hand(payout_id: str, member_id: str, amount_minor: int) -> Posting:
    """A member leaves: what no platform gives back any more was paid by hand."""
    return _move(f"wallet_hand:{payout_id}", "wallet_paid_by_hand", (wallet(member_id), BANK), amount_minor)


def cash_counted(machine_id: str, origin: str, expected_minor: int, counted_minor: int) -> Posting | None:
    """A cash box was emptied: the expected sum leaves it, the counted one is in hand; None when there was nothing."""
    lines = (
        (CASH_IN_HAND, counted_minor),
        (cash(machine_id), -expected_minor),
        (CASH_SHORT, max(0, expected_minor - counted_minor)),
        (CASH_OVER, min(0, expected_minor - counted_minor)),
    )
    moved = tuple((account, amount) for account, amount in lines if amount)
    return Posting(f"cash:{machine_id}:{origin}", "cash_counted", moved) if moved else None


def unit_not_delivered(order_id: str, unit: int, amount_minor: int) -> Posting:
    return _move(f"unit:{order_id}:{unit}", "not_delivered", (UNDELIVERED, REFUND_PAYABLE), amount_minor)


def unit_ambiguous(order_id: str, unit: int, amount_minor: int) -> Posting:
    """Unknown at the deadline: the money goes back, and the goods that may be gone are declared."""
    return Posting(
        f"unit:{order_id}:{unit}",
        "ambiguous",
        (
            (UNDELIVERED, amount_minor),
            (AMBIGUOUS, amount_minor),
            (REFUND_PAYABLE, -amount_minor),
            (AMBIGUOUS_CONTRA, -amount_minor),
        ),
    )


def unit_delivered_on_hold(place: tuple[str, int], merchant_id: str, debtor: str, amount_minor: int) -> Posting:
    """Goods for money that is only held: income, and a claim until it is taken. `place` is (order, unit)."""
    return _move(f"unit:{place[0]}:{place[1]}", "delivered", (debtor, sales_income(merchant_id)), amount_minor)


def unit_ambiguous_on_hold(order_id: str, unit: int, amount_minor: int) -> Posting:
    """Unknown at the deadline: nothing is taken for it, and the goods that may be gone are declared."""
    return _move(f"unit:{order_id}:{unit}", "ambiguous", (AMBIGUOUS, AMBIGUOUS_CONTRA), amount_minor)


def hold_captured(payment_id: str, fund: str, debtor: str, amount_minor: int) -> Posting:
    """The platform took money that was held: the claim on it is paid."""
    return _move(f"paid:{payment_id}", "hold_captured", (fund, debtor), amount_minor)


def hold_uncollected(payment_id: str, debtor: str, amount_minor: int) -> Posting:
    """Goods were given, and less or no money came of the hold: the rest of the claim is a loss."""
    return _move(f"hold:{payment_id}", "hold_uncollected", (UNCOLLECTED, debtor), amount_minor)


def hold_overtaken(payment_id: str, debtor: str, amount_minor: int) -> Posting:
    """More was taken than delivered, by somebody else than us: owed back."""
    return _move(f"hold:{payment_id}", "hold_overtaken", (debtor, REFUND_PAYABLE), amount_minor)


def hold_recovered(payment_id: str, debtor: str, *, taken_minor: int, lost_minor: int) -> Posting:
    """Money came of a hold whose end had been settled without it: no loss as far as it reaches, owed back beyond."""
    recovered = min(taken_minor, lost_minor)
    lines = ((debtor, taken_minor), (UNCOLLECTED, -recovered), (REFUND_PAYABLE, recovered - taken_minor))
    return Posting(f"recovered:{payment_id}", "hold_recovered", tuple(line for line in lines if line[1]))


def unit_found(order_id: str, unit: int, amount_minor: int) -> Posting:
    """It was found out whether the goods came out: what was only declared ambiguous is taken back."""
    return _move(f"found:{order_id}:{unit}", "found", (AMBIGUOUS_CONTRA, AMBIGUOUS), amount_minor)


def unit_came_out_late(order_id: str, unit: int, merchant_id: str, amount_minor: int) -> Posting:
    """The goods came out although the money had been promised back: sold, and the price is the merchant's loss.

    No buyer's money moves.
    """
    return _move(f"late:{order_id}:{unit}", "came_out_late", (SENSOR_FAULT, sales_income(merchant_id)), amount_minor)


def refund_succeeded(refund_id: str, fund: str, amount_minor: int) -> Posting:
    return _move(f"refund:{refund_id}", "refund_succeeded", (REFUND_PAYABLE, fund), amount_minor)


def refund_came_back(refund_id: str, fund: str, amount_minor: int) -> Posting:
    """The platform paid a refund to the merchant's bank: its buyer is owed it still."""
    return _move(f"came_back:{refund_id}", "refund_came_back", (BANK, fund), amount_minor)


def refund_paid_on_top(refund_id: str, amount_minor: int) -> Posting:
    """More went back than was owed: what is on top is the merchant's loss."""
    return _move(f"goodwill:{refund_id}", "refund_paid_on_top", (GOODWILL, REFUND_PAYABLE), amount_minor)


def voucher_issued(code_id: str, amount_minor: int) -> Posting:
    """A pre-paid code was sold: its money stands in the bank until the code is redeemed."""
    return _move(f"code:{code_id}", "voucher_issued", (BANK, VOUCHER), amount_minor)


def voucher_withdrawn(code_id: str, amount_minor: int) -> Posting:
    """A pre-paid code was withdrawn before it was used: its money is the merchant's to give back."""
    return _move(f"code_withdrawn:{code_id}", "voucher_withdrawn", (VOUCHER, BANK), amount_minor)


def fees_of_day(account_day: str, channel: str, fund: str, *, taken_minor: int, returned_minor: int) -> Posting | None:
    """What the platform took and gave back by its bill of one day; None when it did neither."""
    expense = fee_expense(channel)
    taken = ((expense, taken_minor), (fund, -taken_minor)) if taken_minor else ()
    returned = ((fund, returned_minor), (expense, -returned_minor)) if returned_minor else ()
    if not taken and not returned:
        return None
    return Posting(f"fee:{account_day}", "bill_fees", (*taken, *returned))


def bill_long(number: str, channel: str, fund: str, amount_minor: int) -> Posting:
    """The bill lists money that we know nothing of: held for a person to find its owner."""
    return _move(f"long:{number}", "bill_long", (fund, suspense_long(channel)), amount_minor)


def bill_short(payment_id: str, channel: str, fund: str, amount_minor: int) -> Posting:
    """We booked money that neither the bill nor the platform knows of: it does not stand there."""
    return _move(f"short:{payment_id}", "bill_short", (suspense_short(channel), fund), amount_minor)


def bill_refund_long(number: str, channel: str, fund: str, amount_minor: int) -> Posting:
    """The platform paid back what we had not asked it to: money gone, for a person to explain."""
    return _move(f"refund_long:{number}", "bill_refund_long", (suspense_short(channel), fund), amount_minor)


def paid_out(number: str, fund: str, amount_minor: int) -> Posting:
    """The platform paid its balance to the merchant's bank; a negative amount is a payout that came back."""
    return _move(f"payout:{number}", "bill_payout", (BANK, fund), amount_minor)


def site_rent_stated(site_id: str, position: int, link: str, amount_minor: int) -> Posting:
    """A statement was issued to a site's owner. Its link in the chain is part of the key, so the ledger knows it, too.

    A negative amount is what corrections take back.
    """
    accounts = (f"expense:site_rent:{site_id}", site_rent(site_id))
    return _move(f"rent:{site_id}:{position}:{link}", "site_rent_stated", accounts, amount_minor)


def site_rent_paid(payout_id: str, site_id: str, amount_minor: int) -> Posting:
    """The merchant paid a site's owner."""
    return _move(f"rent_paid:{payout_id}", "site_rent_paid", (site_rent(site_id), BANK), amount_minor)


def share_planned(share_id: str, site_id: str, amount_minor: int) -> Posting:
    """Part of what is owed to a site's owner is to come from the platform: it cannot be paid by hand as well."""
    accounts = (site_rent(site_id), site_share(site_id))
    return _move(f"share_planned:{share_id}", "share_planned", accounts, amount_minor)


def share_given(share_id: str, site_id: str, fund: str, amount_minor: int) -> Posting:
    """The platform gave a site's owner their share of a payment."""
    return _move(f"share_end:{share_id}", "share_given", (site_share(site_id), fund), amount_minor)


def share_closed(share_id: str, site_id: str, amount_minor: int) -> Posting:
    """The owner gets nothing by this number: it is owed to them again."""
    accounts = (site_share(site_id), site_rent(site_id))
    return _move(f"share_end:{share_id}", "share_closed", accounts, amount_minor)


def share_given_late(share_id: str, site_id: str, fund: str, amount_minor: int) -> Posting:
    """The platform gave a share that had been given up: it counts against what is owed, and may be too much."""
    return _move(f"share_late:{share_id}", "share_given_late", (site_rent(site_id), fund), amount_minor)


def share_taken_back(share_id: str, site_id: str, fund: str, amount_minor: int) -> Posting:
    """Part of what a site's owner was given came back."""
    return _move(f"share_back:{share_id}", "share_taken_back", (fund, site_rent(site_id)), amount_minor)


def visit_completed(visit_id: str, receivable: str, *, merchant_id: str, amount_minor: int) -> Posting:
    """A buyer took goods from an open-door cooler, and the platform was told: sold, and owed."""
    accounts = (receivable, sales_income(merchant_id))
    return _move(f"visit:{visit_id}", "visit_completed", accounts, amount_minor)


def visit_lowered(number: str, receivable: str, *, merchant_id: str, amount_minor: int) -> Posting:
    """Less was taken than was billed. `number` names the visit and its new sum."""
    accounts = (sales_income(merchant_id), receivable)
    return _move(f"visit_lowered:{number}", "visit_lowered", accounts, amount_minor)


def visit_collected(visit_id: str, fund: str, source: str, amount_minor: int) -> Posting:
    """The platform has collected what was owed, or what nobody expected any more (`source`)."""
    return _move(f"visit_paid:{visit_id}", "visit_collected", (fund, source), amount_minor)


def visit_written_off(visit_id: str, receivable: str, amount_minor: int) -> Posting:
    return _move(f"visit_off:{visit_id}", "visit_written_off", (BAD_DEBT, receivable), amount_minor)


def visit_given(number: str, merchant_id: str, amount_minor: int) -> Posting:
    """Goods that were recognised too late to be charged: sold, and their price is the merchant's loss.

    `number` names the visit and the sum of all that it was given.
    """
    accounts = (COOLER_LOSS, sales_income(merchant_id))
    return _move(f"visit_given:{number}", "visit_given", accounts, amount_minor)
