"""What moved a merchant's money at the emulated Alipay, made from trades, refunds and transfers. Pure.

A fee is a line of its own beside its payment, and so is a fee that comes back beside its refund. A refund takes its
money when it is asked for; one that fails brings it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from vendomat.simulator.gateways.alipay.records import Refund, RefundState, Trade, key_of
from vendomat.simulator.gateways.funds import FundEntry, Transfer, transfer_entries

PAYMENT, REFUND, FEE = "交易付款", "退款", "收费"


def moments_of(trades: Iterable[Trade], refunds: Iterable[Refund]) -> list[tuple[str, datetime]]:
    """(app_id, moment) of everything that moved money."""
    moments = [(trade.terms.app_id, trade.paid_at) for trade in trades if trade.paid_at is not None]
    for refund in refunds:
        moments += [(refund.app_id, at) for at in (refund.created_at, refund.settled_at) if at is not None]
        moments += [(refund.app_id, at) for begun, failed, _ in refund.failed for at in (begun, failed)]
    return moments


def entries_of(
    app_id: str, trades: Iterable[Trade], refunds: Iterable[Refund], transfers: Iterable[Transfer]
) -> list[FundEntry]:
    """Every movement on the account of `app_id`, of all days, in no order."""
    paid = {trade.key: trade for trade in trades if trade.terms.app_id == app_id and trade.paid_at is not None}
    entries = transfer_entries(transfers)
    for trade in paid.values():
        entries += _payment_entries(trade)
    for refund in refunds:
        if refund.app_id == app_id:
            entries += _refund_entries(refund, paid[key_of(refund.app_id, refund.out_trade_no)])
    return entries


def _payment_entries(trade: Trade) -> list[FundEntry]:
    assert trade.paid_at is not None, "only paid trades move money"
    taken = FundEntry(
        at=trade.paid_at,
        name="交易收款",
        business=PAYMENT,
        amount_fen=trade.terms.total_fen,
        platform_number=trade.trade_no,
        voucher=trade.terms.out_trade_no,
        note=trade.terms.subject,
    )
    fee = replace(taken, name="服务费", business=FEE, amount_fen=-trade.fee_fen)
    return [taken, fee] if trade.fee_fen else [taken]


def _refund_entries(refund: Refund, trade: Trade) -> list[FundEntry]:
    given = FundEntry(
        at=refund.created_at,
        name=f"交易退款 {refund.out_request_no}",
        business=REFUND,
        amount_fen=-refund.amount_fen,
        platform_number=trade.trade_no,
        voucher=refund.out_trade_no,
        note=refund.reason,
    )
    entries = [given]
    if refund.fee_fen:
        entries.append(
            replace(given, name=f"服务费退回 {refund.out_request_no}", business=FEE, amount_fen=refund.fee_fen)
        )
    if refund.state == RefundState.FAILED and refund.settled_at is not None:
        entries.append(_failed(given, refund.settled_at, refund.net_fen))
    for number, (begun_at, failed_at, net_fen) in enumerate(refund.failed):
        former = replace(given, at=begun_at, name=f"{given.name} {number}", amount_fen=-net_fen)
        entries += [former, _failed(former, failed_at, net_fen)]
    return entries


def _failed(given: FundEntry, at: datetime, net_fen: int) -> FundEntry:
    return replace(given, at=at, name=f"{given.name} 失败退回", amount_fen=net_fen)
