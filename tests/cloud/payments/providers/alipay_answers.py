"""Recorded-like answers of Alipay, and readers of what our client sent and signed."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

NUMBER = "pay_00000000000000000000000001"
QUERY, CLOSE = "alipay.trade.query", "alipay.trade.close"
REFUND, REFUND_QUERY = "alipay.trade.refund", "alipay.trade.fastpay.refund.query"
PRECREATE = "alipay.trade.precreate"
ISSUED = {"code": "10000", "msg": "Success", "out_trade_no": NUMBER, "qr_code": "https://qr.alipay.com/bax03431"}


def alipay_trade(**changes):
    return {
        "code": "10000",
        "msg": "Success",
        "trade_no": "2026010122001400000000000001",
        "out_trade_no": NUMBER,
        "buyer_logon_id": "csq***@sandbox.com",
        "buyer_user_id": "2088102169481075",
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "3.50",
        "receipt_amount": "3.50",
        "send_pay_date": "2026-01-01 08:00:10",
    } | changes


def failed(sub_code, code="40004"):
    return {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "because"}


WAITING = alipay_trade(trade_status="WAIT_BUYER_PAY", send_pay_date="")
CLOSED = alipay_trade(trade_status="TRADE_CLOSED", send_pay_date="")
NO_TRADE = failed("ACQ.TRADE_NOT_EXIST")
NOT_KNOWN = failed("isp.unknow-error", "20000")


def asked(platform, index=0):
    """The parameters of a request, and its business content."""
    query = parse_qs(urlsplit(platform.received[index].target).query, strict_parsing=True)
    parameters = {name: values[0] for name, values in query.items()}
    return parameters, json.loads(parameters["biz_content"])


def methods(platform):
    return [asked(platform, index)[0]["method"] for index in range(len(platform.received))]


def check_signature(platform, merchant_key):
    parameters, _ = asked(platform)
    text = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if name != "sign" and value)
    signature = base64.b64decode(parameters["sign"])
    merchant_key.public_key().verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
