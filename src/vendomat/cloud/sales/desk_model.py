"""What people say about a buyer's money, as events for the purchase. Pure.

Each carries who said it (`by`, an operator's id) and why. What it does is decided by the purchase's step.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HeldFor(StrEnum):
    """Whose refunds were too many lately."""

    MACHINE = "machine"
    PAYER = "payer"


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """A person (`by`, an operator's id) wants the money of a paid order back: no further unit is begun, and a motor
    that may be turning is waited for. What was delivered stays sold."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RefundHeld:
    """`earlier` refunds were asked for before this one, of its machine within the hour or of its payer within
    `payer_days`: a person has to look first."""

    refund_id: str
    earlier: int
    at: datetime
    because: HeldFor = HeldFor.MACHINE
    payer_days: int = 0


@dataclass(frozen=True, slots=True)
class RefundReleased:
    """A person lets a held refund go."""

    refund_id: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RefundRetried:
    """A person has the platform asked again, under the next number, for a refund it gave up."""

    refund_id: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class GoodwillGiven:
    """A person gives `amount_minor` of a settled order back although nothing is owed.

    `ordinal` is the place it is meant for among the payment's refunds: one that came between makes it void. Above
    `alone_minor` a second person has to release it.
    """

    by: str
    reason: str
    amount_minor: int
    ordinal: int
    alone_minor: int
    at: datetime


@dataclass(frozen=True, slots=True)
class RefundDeclined:
    """A person refuses a refund that another person asked for, and that is held."""

    refund_id: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MoneyJudged:
    """A person decides what becomes of money that did not fit its order: all of it goes back, or (`is_kept`) it is
    income, because the buyer has had goods for it.

    A sum above `alone_minor`, or in a currency that is not the order's, takes a second person.
    """

    payment_id: str
    is_kept: bool
    by: str
    reason: str
    alone_minor: int
    at: datetime


@dataclass(frozen=True, slots=True)
class VerdictAgreed:
    """The second person agrees: that it goes back, or (`is_kept`) that it is kept."""

    payment_id: str
    is_kept: bool
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class VerdictDeclined:
    """The verdict that was asked for is not carried out: the money waits for another."""

    payment_id: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredMoneyReturned:
    """A member leaves: `amount_minor` of what was topped up by this payment goes back. Who answers for it is `by`."""

    payment_id: str
    amount_minor: int
    payout_id: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SendOnWanted:
    """A person wants refund `refund_id`, which reached nobody, sent on: `to` is `merchant`, or `card:` and the card's
    last four digits. A sum above `alone_minor` takes a second person, who says the same.
    """

    refund_id: str
    to: str
    by: str
    reason: str
    alone_minor: int
    at: datetime


@dataclass(frozen=True, slots=True)
class PaidByHand:
    """A person pays the buyer outside the platform what refund `refund_id`, given up by it, did not bring.

    `way` and `reference` say how it can be found again. A sum above `alone_minor` takes a second person.
    """

    refund_id: str
    way: str
    reference: str
    by: str
    reason: str
    alone_minor: int
    at: datetime
