"""The step of a purchase: which rule follows which event. Pure.

Order of rules, wherever several apply: what a platform or machine says is noted first; money that came is booked before
anything is decided about it; goods are decided by the unit's table; the refund follows once every unit is final; the
order ends last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from vendomat.cloud.sales.by_hand_steps import on_paid_by_hand
from vendomat.cloud.sales.cash_steps import on_cash_sold
from vendomat.cloud.sales.desk_model import (
    GoodwillGiven,
    MoneyJudged,
    PaidByHand,
    RefundAsked,
    RefundDeclined,
    RefundHeld,
    RefundReleased,
    RefundRetried,
    SendOnWanted,
    StoredMoneyReturned,
    VerdictAgreed,
    VerdictDeclined,
)
from vendomat.cloud.sales.finding_steps import on_ambiguity_resolved
from vendomat.cloud.sales.frozen_steps import on_money_judged, on_verdict_agreed, on_verdict_declined
from vendomat.cloud.sales.goodwill_steps import on_goodwill_given
from vendomat.cloud.sales.model import (
    AmbiguityResolved,
    CashSold,
    ChargeAnswered,
    CloseAsked,
    CommandSilent,
    DeadlinePassed,
    Effect,
    Event,
    PaymentAdded,
    PaymentClosed,
    PaymentHeld,
    PaymentPaid,
    PaymentUncertain,
    Purchase,
    RefundSeen,
    ReverseWanted,
    Step,
    VendFactSeen,
)
from vendomat.cloud.sales.paid_out_steps import on_stored_money_returned
from vendomat.cloud.sales.payment_steps import (
    on_charge_answered,
    on_close_asked,
    on_payment_added,
    on_payment_closed,
    on_payment_held,
    on_payment_paid,
    on_payment_uncertain,
    on_reverse_wanted,
)
from vendomat.cloud.sales.refund_steps import (
    on_refund_declined,
    on_refund_held,
    on_refund_released,
    on_refund_retried,
    on_refund_seen,
)
from vendomat.cloud.sales.send_on_steps import on_send_on_wanted
from vendomat.cloud.sales.vend_steps import on_command_silent, on_deadline, on_refund_asked, on_vend_fact

_RULES: dict[type, Callable[[Step, Any], Step]] = {
    PaymentPaid: on_payment_paid,
    PaymentHeld: on_payment_held,
    PaymentClosed: on_payment_closed,
    PaymentUncertain: on_payment_uncertain,
    CloseAsked: on_close_asked,
    PaymentAdded: on_payment_added,
    ChargeAnswered: on_charge_answered,
    ReverseWanted: on_reverse_wanted,
    VendFactSeen: on_vend_fact,
    CommandSilent: on_command_silent,
    DeadlinePassed: on_deadline,
    AmbiguityResolved: on_ambiguity_resolved,
    CashSold: on_cash_sold,
    RefundSeen: on_refund_seen,
    RefundAsked: on_refund_asked,
    RefundHeld: on_refund_held,
    RefundReleased: on_refund_released,
    RefundRetried: on_refund_retried,
    GoodwillGiven: on_goodwill_given,
    RefundDeclined: on_refund_declined,
    MoneyJudged: on_money_judged,
    VerdictAgreed: on_verdict_agreed,
    VerdictDeclined: on_verdict_declined,
    PaidByHand: on_paid_by_hand,
    SendOnWanted: on_send_on_wanted,
    StoredMoneyReturned: on_stored_money_returned,
}


def step(purchase: Purchase, event: Event) -> tuple[Purchase, tuple[Effect, ...]]:
    """Apply one event. A purchase that changed has a version one higher; one that did not is the same object."""
    after = _RULES[type(event)](Step(purchase, event.at), event)
    moved = after.purchase
    if moved == purchase:
        return purchase, after.effects
    return replace(moved, version=purchase.version + 1), after.effects
