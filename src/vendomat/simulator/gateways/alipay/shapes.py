"""The fields Alipay answers and notifies: trades, refunds, notices, and its books for the audit. Yuan are strings."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from vendomat.simulator.gateways.alipay import wire
from vendomat.simulator.gateways.alipay.books import AlipayBooks
from vendomat.simulator.gateways.alipay.records import Application, Refund, RefundState, Trade, key_of

OK = {"code": "10000", "msg": "Success"}
AGAIN = {"retry_flag": "Y"}


def buyer_id_of(payer: str) -> str:
    """A buyer's number: 2088 and twelve digits, the same each time."""
    return f"2088{int(hashlib.sha256(payer.encode()).hexdigest(), 16) % 10**12:012d}"


def logon_id_of(payer: str) -> str:
    """The masked log-in name shown to sellers."""
    return f"{payer[:3]}***@example.com"


def precreate_answer(trade: Trade) -> dict[str, object]:
    return {**OK, "out_trade_no": trade.terms.out_trade_no, "qr_code": trade.code}


def charge_answer(trade: Trade) -> dict[str, object]:
    """A paid charge, or one that waits for the buyer."""
    yuan = wire.to_yuan(trade.terms.total_fen)
    answer: dict[str, object] = {
        "buyer_logon_id": logon_id_of(trade.scanned_by),
        "buyer_user_id": buyer_id_of(trade.scanned_by),
        "out_trade_no": trade.terms.out_trade_no,
        "total_amount": yuan,
        "trade_no": trade.trade_no,
    }
    if trade.paid_at is None:
        return {"code": "10003", "msg": "order success pay inprocess", **answer}
    return {
        **OK,
        **answer,
        "buyer_pay_amount": yuan,
        "fund_bill_list": [{"amount": yuan, "fund_channel": "ALIPAYACCOUNT"}],
        "gmt_payment": wire.to_time(trade.paid_at),
        "invoice_amount": yuan,
        "point_amount": "0.00",
        "receipt_amount": yuan,
    }


def query_answer(trade: Trade) -> dict[str, object]:
    """A scanned trade as query shows it."""
    yuan = wire.to_yuan(trade.terms.total_fen)
    answer: dict[str, object] = {
        **OK,
        "buyer_logon_id": logon_id_of(trade.scanned_by),
        "buyer_pay_amount": yuan if trade.is_paid else "0.00",
        "buyer_user_id": buyer_id_of(trade.scanned_by),
        "invoice_amount": yuan if trade.is_paid else "0.00",
        "out_trade_no": trade.terms.out_trade_no,
        "point_amount": "0.00",
        "receipt_amount": yuan if trade.is_paid else "0.00",
        "total_amount": yuan,
        "trade_no": trade.trade_no,
        "trade_status": trade.state.value,
    }
    if trade.paid_at is not None:
        answer["send_pay_date"] = wire.to_time(trade.paid_at)
        answer["fund_bill_list"] = [{"amount": yuan, "fund_channel": "ALIPAYACCOUNT"}]
    if trade.terms.terminal_id:
        answer["terminal_id"] = trade.terms.terminal_id
    return answer


def cancel_answer(trade: Trade, action: str) -> dict[str, object]:
    answer: dict[str, object] = {
        **OK,
        "out_trade_no": trade.terms.out_trade_no,
        "retry_flag": "N",
    }
    if trade.trade_no:
        answer["trade_no"] = trade.trade_no
    if action:
        answer["action"] = action
    return answer


def close_answer(trade: Trade) -> dict[str, object]:
    return {**OK, "out_trade_no": trade.terms.out_trade_no, "trade_no": trade.trade_no}


def refund_answer(trade: Trade, refund: Refund, refunded_fen: int, *, has_moved: bool) -> dict[str, object]:
    """`refund_fee` is the sum of all refunds of the trade; `fund_change` is Y only when this call moved money."""
    return {
        **OK,
        "buyer_logon_id": logon_id_of(trade.payer),
        "buyer_user_id": buyer_id_of(trade.payer),
        "fund_change": "Y" if has_moved else "N",
        "gmt_refund_pay": wire.to_time(refund.settled_at or refund.created_at),
        "out_trade_no": trade.terms.out_trade_no,
        "refund_fee": wire.to_yuan(refunded_fen),
        "send_back_fee": wire.to_yuan(refund.amount_fen),
        "trade_no": trade.trade_no,
    }


def refund_query_answer(trade: Trade, refund: Refund | None) -> dict[str, object]:
    """Nothing but success when the refund is unknown, failed or not through yet."""
    if refund is None or refund.state != RefundState.SUCCESS:
        return dict(OK)
    return {
        **OK,
        "out_request_no": refund.out_request_no,
        "out_trade_no": trade.terms.out_trade_no,
        "refund_amount": wire.to_yuan(refund.amount_fen),
        "refund_status": "REFUND_SUCCESS",
        "total_amount": wire.to_yuan(trade.terms.total_fen),
        "trade_no": trade.trade_no,
    }


def payment_notice(trade: Trade, application: Application, notice_id: str) -> dict[str, str]:
    """The fields of a payment notice but the signature and `notify_time`; none is empty."""
    yuan = wire.to_yuan(trade.terms.total_fen)
    paid_at = wire.to_time(trade.paid_at or trade.created_at)
    fields = {
        "notify_type": "trade_status_sync",
        "notify_id": notice_id,
        "app_id": application.app_id,
        "auth_app_id": application.app_id,
        "charset": "utf-8",
        "version": "1.0",
        "sign_type": "RSA2",
        "trade_no": trade.trade_no,
        "out_trade_no": trade.terms.out_trade_no,
        "buyer_id": buyer_id_of(trade.payer),
        "buyer_logon_id": logon_id_of(trade.payer),
        "seller_id": application.seller_id,
        "trade_status": trade.state.value,
        "total_amount": yuan,
        "receipt_amount": yuan,
        "buyer_pay_amount": yuan,
        "invoice_amount": yuan,
        "point_amount": "0.00",
        "subject": trade.terms.subject,
        "body": trade.terms.body,
        "gmt_create": wire.to_time(trade.scanned_at or trade.created_at),
        "gmt_payment": paid_at,
        "fund_bill_list": msgspec.json.encode([{"amount": yuan, "fundChannel": "ALIPAYACCOUNT"}]).decode(),
    }
    return {name: value for name, value in fields.items() if value}


def notice_id_of(now: datetime, digits: str) -> str:
    return f"{now.astimezone(wire.CHINA):%Y%m%d}00222{digits}"


def _is_reversed(books: AlipayBooks, trade: Trade) -> bool:
    """A charge by payment code that was cancelled after it was paid: the merchant never had that money."""
    refunds = books.refunds.of(trade)
    return not trade.code and any(r.out_request_no == f"cancel_{trade.trade_no}" for r in refunds)


def books_answer(books: AlipayBooks) -> dict[str, object]:
    """The platform's own books for an audit: integer fen, every trade and refund with its end.

    A reversed charge stands there as unpaid, and what its reverse gave back is no refund.
    """
    reversed_keys = {trade.key for trade in books.trades.values() if _is_reversed(books, trade)}
    return {
        "accounts": [
            {"account": a.app_id, "name": a.name, "seller_id": a.seller_id, "balance_fen": a.balance_fen}
            for a in books.applications.values()
        ],
        "trades": [
            {
                "account": trade.terms.app_id,
                "number": trade.terms.out_trade_no,
                "transaction_id": trade.trade_no,
                "state": trade.state,
                "is_paid": trade.is_paid and trade.key not in reversed_keys,
                "amount_fen": trade.terms.total_fen,
                "machine": trade.terms.terminal_id,
                "payer": trade.payer,
                "created_at": trade.created_at,
                "paid_at": trade.paid_at,
                "closed_at": trade.closed_at,
                "refunded_fen": books.refunds.taken_fen(trade),
            }
            for trade in books.trades.values()
        ],
        "refunds": [
            {
                "account": refund.app_id,
                "number": refund.out_trade_no,
                "refund_number": refund.out_request_no,
                "refund_id": refund.out_request_no,
                "state": refund.state,
                "amount_fen": refund.amount_fen,
                "created_at": refund.created_at,
                "settled_at": refund.settled_at,
            }
            for refund in books.refunds.all()
            if key_of(refund.app_id, refund.out_trade_no) not in reversed_keys
        ],
    }
