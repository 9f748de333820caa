"""What moved a merchant's money at the emulated WeChat Pay, made from orders, refunds and transfers. Pure.

The fee is a line of its own beside its payment; a refund is one line, less the fee that comes back with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from vendomat.simulator.gateways.funds import FundEntry, Transfer, transfer_entries, yuan_of
from vendomat.simulator.gateways.wechat.records import Order, Refund


def entries_of(
    mchid: str, orders: Iterable[Order], refunds: Iterable[Refund], transfers: Iterable[Transfer]
) -> list[FundEntry]:
    """Every movement on the basic account of `mchid`, of all days, in no order."""
    entries = transfer_entries(transfers)
    for order in orders:
        if order.terms.mchid == mchid and order.paid_at is not None:
            entries += _payment_entries(order, order.paid_at)
            entries += _reverse_entries(order)
    for refund in refunds:
        if refund.mchid == mchid:
            entries += _refund_entries(refund)
    return entries


def _payment_entries(order: Order, paid_at: datetime) -> list[FundEntry]:
    taken = FundEntry(
        at=paid_at,
        name="交易",
        business="交易",
        amount_fen=order.terms.total_fen,
        platform_number=order.transaction_id,
        voucher=order.terms.out_trade_no,
    )
    fee = replace(taken, name="交易手续费", business="扣除交易手续费", amount_fen=-order.fee_fen)
    return [taken, fee] if order.fee_fen else [taken]


def _reverse_entries(order: Order) -> list[FundEntry]:
    if order.reversed_at is None:
        return []
    return [
        FundEntry(
            at=order.reversed_at,
            name="撤销",
            business="退款",
            amount_fen=-order.net_fen,
            platform_number=order.transaction_id,
            voucher=order.terms.out_trade_no,
        )
    ]


def _refund_entries(refund: Refund) -> list[FundEntry]:
    if refund.left_at is None:
        return []
    given = FundEntry(
        at=refund.left_at,
        name="退款",
        business="退款",
        amount_fen=-refund.net_fen,
        platform_number=refund.refund_id,
        voucher=refund.out_refund_no,
        note=f"退款总金额{yuan_of(refund.amount_fen)}元;含手续费{yuan_of(refund.fee_fen)}元",
    )
    if not refund.returns_money_to_merchant or refund.settled_at is None:
        return [given]
    return [given, replace(given, at=refund.settled_at, name="退款关闭", amount_fen=refund.net_fen, note="")]
