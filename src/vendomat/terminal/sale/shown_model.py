"""Steps of a purchase at the screen: the payment code that a buyer shows to the scanner. Pure.

A code is handed to the cloud once and kept nowhere. One read at any other moment, or while an earlier one may be
paying, is nobody's wish and is not even handed on.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.terminal.sale import terms
from vendomat.terminal.sale.terms import NOTICE_S, AskScan, AskStatus, Notice, Sale, SaleEffect, Screen, Shown
from vendomat.terminal.sale.views import charge_state_of, payment_state_of

UNANSWERED = "scan_unanswered"
"""The notice for a code of which it is not known whether the cloud heard."""


def on_code_shown(sale: Sale, event: terms.CodeShown) -> tuple[Sale, tuple[SaleEffect, ...]]:
    if sale.screen is not Screen.PAYING or sale.order is None or not sale.is_online:
        return sale, ()
    is_ending = payment_state_of(sale, event.at_s) in ("closing", "expired")
    if is_ending or charge_state_of(sale) not in ("none", "closed"):
        return sale, ()
    ask = AskScan(sale.order.order_id, event.scan_id, event.code)
    return replace(sale, shown=Shown(event.scan_id), notice=None), (ask,)


def is_shown(sale: Sale, about: str) -> bool:
    """Whether an answer is about the code that was handed on."""
    return sale.shown is not None and about == sale.shown.scan_id


def scan_unanswered(sale: Sale, at_s: float) -> tuple[Sale, tuple[SaleEffect, ...]]:
    """The code is not kept, so it cannot be sent again: ask what stands. The cloud takes no second one meanwhile."""
    assert sale.order is not None
    return replace(sale, shown=None, notice=Notice(UNANSWERED, "", at_s + NOTICE_S)), (AskStatus(sale.order.order_id),)
