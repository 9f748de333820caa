"""Steps of a top-up: an order whose one unit is stored money. Pure.

It is paid, looked up, closed, frozen and paid back like every order; only its delivery differs: no machine is asked,
the wallet's account is credited in the step that books the payment, and the order settles with it.
"""

from __future__ import annotations

from vendomat.cloud.ledger import postings
from vendomat.cloud.orders import UnitMove
from vendomat.cloud.sales.model import Note, Post, Source, Step, Tell
from vendomat.cloud.sales.refund_steps import settle
from vendomat.cloud.sales.vend_steps import final_unit


def credit(now: Step) -> Step:
    """The order is paid: its money is the member's now."""
    purchase = now.purchase
    for unit in purchase.units:
        said = {"unit": unit.unit, "member_id": purchase.member_id, "amount_minor": unit.price_minor}
        now = now.set_unit(final_unit(unit, UnitMove.DELIVER, "credited", "")).plus(
            Post(postings.topped_up(purchase.order_id, unit.unit, purchase.member_id, unit.price_minor)),
            Note(Source.CLOUD, "wallet.credited", said),
            Tell("wallet.credited", said),
        )
    return settle(now)
