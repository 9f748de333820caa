"""The JSON WeChat Pay answers and sends: orders, refunds, certificates, sealed notices, and its books for the audit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from vendomat.simulator.gateways import keys
from vendomat.simulator.gateways.wechat import wire
from vendomat.simulator.gateways.wechat.books import WechatBooks
from vendomat.simulator.gateways.wechat.records import Order, OrderState, Refund, openid_of

STATE_WORDS = {
    OrderState.NOTPAY: "订单未支付",
    OrderState.SUCCESS: "支付成功",
    OrderState.REFUND: "订单发生过退款，退款详情请查询退款单",
    OrderState.CLOSED: "订单已关闭",
    OrderState.USERPAYING: "需要用户输入支付密码",
    OrderState.PAYERROR: "支付失败",
    OrderState.REVOKED: "订单已撤销",
}
_SUMMARIES = {
    "TRANSACTION.SUCCESS": "支付成功",
    "REFUND.SUCCESS": "退款成功",
    "REFUND.ABNORMAL": "退款异常",
    "REFUND.CLOSED": "退款关闭",
    "PAYSCORE.USER_CONFIRM": "用户确认成功",
    "PAYSCORE.USER_PAID": "支付成功",
    "PAYSCORE.USER_OPEN_SERVICE": "签约成功",
    "PAYSCORE.USER_CLOSE_SERVICE": "解约成功",
}
_ORIGINAL_TYPES = {"TRANSACTION": "transaction", "REFUND": "refund", "PAYSCORE": "payscore"}
_ACCOUNT = "支付用户零钱"


@dataclass(frozen=True, slots=True)
class SealedNotice:
    notice_id: str
    body: str


def order_answer(order: Order) -> dict[str, object]:
    """An order as query and payment notice show it; transaction fields are absent while unpaid."""
    terms = order.terms
    answer: dict[str, object] = {
        "appid": terms.appid,
        "mchid": terms.mchid,
        "out_trade_no": terms.out_trade_no,
        "trade_state": order.state.value,
        "trade_state_desc": STATE_WORDS[order.state],
        "attach": terms.attach,
        "amount": {"total": terms.total_fen, "currency": "CNY"},
    }
    if order.is_paid and order.paid_at is not None:
        answer |= {
            "transaction_id": order.transaction_id,
            "trade_type": order.trade_type.value,
            "bank_type": "OTHERS",
            "success_time": wire.to_rfc3339(order.paid_at),
            "payer": {"openid": openid_of(terms.appid, order.payer)},
            "amount": {
                "total": terms.total_fen,
                "payer_total": terms.total_fen,
                "currency": "CNY",
                "payer_currency": "CNY",
            },
            "promotion_detail": [],
        }
    if terms.device_id:
        answer["scene_info"] = {"device_id": terms.device_id}
    return answer


def refund_answer(refund: Refund) -> dict[str, object]:
    """A refund as refund and refund query answer it."""
    answer: dict[str, object] = {
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": refund.transaction_id,
        "out_trade_no": refund.out_trade_no,
        "channel": "OTHER_BANKCARD" if refund.sent_to else "ORIGINAL",
        "user_received_account": refund.sent_to or _ACCOUNT,
        "create_time": wire.to_rfc3339(refund.created_at),
        "status": refund.state.value,
        "funds_account": "AVAILABLE",
        "amount": {
            "total": refund.total_fen,
            "refund": refund.amount_fen,
            "payer_total": refund.total_fen,
            "payer_refund": refund.amount_fen,
            "settlement_refund": refund.amount_fen,
            "settlement_total": refund.total_fen,
            "discount_refund": 0,
            "currency": "CNY",
        },
        "promotion_detail": [],
    }
    if refund.settled_at is not None and refund.state.value == "SUCCESS":
        answer["success_time"] = wire.to_rfc3339(refund.settled_at)
    return answer


def refund_notice(refund: Refund, order: Order) -> dict[str, object]:
    """A refund as its notice shows it: `refund_status` where the query says `status`."""
    notice: dict[str, object] = {
        "mchid": refund.mchid,
        "transaction_id": order.transaction_id,
        "out_trade_no": refund.out_trade_no,
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "refund_status": refund.state.value,
        "user_received_account": refund.sent_to or _ACCOUNT,
        "amount": {
            "total": refund.total_fen,
            "refund": refund.amount_fen,
            "payer_total": refund.total_fen,
            "payer_refund": refund.amount_fen,
        },
    }
    if refund.settled_at is not None and refund.state.value == "SUCCESS":
        notice["success_time"] = wire.to_rfc3339(refund.settled_at)
    return notice


def seal_notice(
    event_type: str, plain: object, *, key: bytes, notice_id: str, nonce: str, created_at: datetime
) -> SealedNotice:
    """The body of a notice, its resource sealed once so that all sendings are the same bytes."""
    original_type = _ORIGINAL_TYPES[event_type.partition(".")[0]]
    body = {
        "id": notice_id,
        "create_time": wire.to_rfc3339(created_at),
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": _SUMMARIES[event_type],
        "resource": {
            "original_type": original_type,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": wire.seal(key, nonce, original_type, msgspec.json.encode(plain)),
            "associated_data": original_type,
            "nonce": nonce,
        },
    }
    return SealedNotice(notice_id, msgspec.json.encode(body).decode())


def certificate_row(certificate_pem: str, key: bytes, nonce: str) -> dict[str, object]:
    """One of the platform's certificates as `GET /v3/certificates` lists it: sealed with the merchant's APIv3 key."""
    begin, end = keys.valid_times_of(certificate_pem)
    return {
        "serial_no": keys.serial_of(certificate_pem),
        "effective_time": wire.to_rfc3339(begin),
        "expire_time": wire.to_rfc3339(end),
        "encrypt_certificate": {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": nonce,
            "associated_data": "certificate",
            "ciphertext": wire.seal(key, nonce, "certificate", certificate_pem.encode()),
        },
    }


def books_answer(books: WechatBooks) -> dict[str, object]:
    """The platform's own books for an audit: integer fen, every trade and refund with its end."""
    return {
        "accounts": [
            {"account": m.mchid, "name": m.name, "appid": m.appid, "mode": m.mode, "balance_fen": m.balance_fen}
            for m in books.merchants.values()
        ],
        "trades": [
            {
                "account": order.terms.mchid,
                "number": order.terms.out_trade_no,
                "transaction_id": order.transaction_id,
                "state": order.state,
                "is_paid": order.is_paid,
                "amount_fen": order.terms.total_fen,
                "machine": order.terms.device_id,
                "payer": order.payer,
                "created_at": order.created_at,
                "paid_at": order.paid_at,
                "closed_at": order.closed_at,
                "refunded_fen": books.refunds.taken_fen(order),
            }
            for order in books.orders.values()
        ],
        "refunds": [
            {
                "account": refund.mchid,
                "number": refund.out_trade_no,
                "refund_number": refund.out_refund_no,
                "refund_id": refund.refund_id,
                "state": refund.state,
                "amount_fen": refund.amount_fen,
                "created_at": refund.created_at,
                "settled_at": refund.settled_at,
            }
            for refund in books.refunds.all()
        ],
    }
