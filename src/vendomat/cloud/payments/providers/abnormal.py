"""Refunds that the buyer's account could not take: the part of the contract for platforms that let them be sent on.

A refund that ended ABNORMAL has left the merchant and reached nobody. It may be sent to a card the buyer names, or to
the merchant's own bank account, after which the merchant owes the buyer by other means. Refuses to decide which: a
person does, with the buyer's word. It is the same refund under the same number; no second one is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from vendomat.cloud.payments.providers.contract import Refunded, RefundRequest


@dataclass(frozen=True, slots=True)
class BankCard:
    """A buyer's card: sent sealed, kept nowhere and shown in no log. `bank` is the platform's word for the bank."""

    bank: str
    account: str = field(repr=False)
    holder: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AbnormalRefund:
    """`request` as it was first made, `refund_id` as the platform answered it. Without a card it goes to us."""

    request: RefundRequest
    refund_id: str
    card: BankCard | None = None


@runtime_checkable
class SendsRefundsOn(Protocol):
    """What a provider of such a platform also does."""

    async def send_on(self, refund: AbnormalRefund) -> Refunded:
        """PROCESSING or SUCCEEDED: taken. REFUSED: not taken, and still ABNORMAL; `error` says why. UNKNOWN: look the
        refund up; the same again changes nothing."""
        ...
