"""Recorded-like answers of WeChat Pay and a check of what our client signed."""

from __future__ import annotations

import base64
import re

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.cloud.payments.providers.scripted_platform import APPID, MCHID, Received

NUMBER = "pay_00000000000000000000000001"


def wechat_trade(**changes):
    return {
        "appid": APPID,
        "mchid": MCHID,
        "out_trade_no": NUMBER,
        "transaction_id": "4200000000000000000000000001",
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "success_time": "2026-01-01T08:00:10+08:00",
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "amount": {"total": 350, "payer_total": 300, "currency": "CNY", "payer_currency": "CNY"},
    } | changes


def wechat_refund(**changes):
    return {
        "refund_id": "50000000000000000000000000001",
        "out_refund_no": "ref_00000000000000000000000001",
        "transaction_id": "4200000000000000000000000001",
        "out_trade_no": NUMBER,
        "channel": "ORIGINAL",
        "status": "PROCESSING",
        "create_time": "2026-01-01T08:01:00+08:00",
        "amount": {"total": 350, "refund": 150, "payer_total": 350, "payer_refund": 150, "currency": "CNY"},
    } | changes


def check_signature(request: Received, merchant_key) -> None:
    fields = dict(re.findall(r'(\w+)="([^"]*)"', request.headers["authorization"]))
    text = f"{request.method}\n{request.target}\n{fields['timestamp']}\n{fields['nonce_str']}\n".encode()
    merchant_key.public_key().verify(
        base64.b64decode(fields["signature"]), text + request.body + b"\n", padding.PKCS1v15(), hashes.SHA256()
    )
