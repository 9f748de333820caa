"""Refund notices in the form of WeChat Pay v2: XML with its contents encrypted under the v2 key. Pure.

A merchant gets them, whatever protocol it speaks, for refunds that name no notify address when its portal has one.
"""

from __future__ import annotations

import base64
import hashlib

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.padding import PKCS7

from vendomat.simulator.gateways.notices import Notice
from vendomat.simulator.gateways.wechat import v2_wire, wire
from vendomat.simulator.gateways.wechat.records import Merchant

KIND = "refund_xml"
"""The kind of notice that is always sent in this form."""


def refund_xml(notice: Notice, merchant: Merchant) -> bytes:
    """The document for a refund notice whose `content` is the sealed JSON of v3, the same for every sending."""
    resource = msgspec.json.decode(notice.content)["resource"]
    plain = wire.unseal(
        merchant.apiv3_key.encode(), resource["nonce"], resource["associated_data"], resource["ciphertext"]
    )
    assert plain is not None, "the content was sealed with the merchant's own key"
    refund = msgspec.json.decode(plain)
    amount = refund.get("amount", {})
    inside = {
        "out_refund_no": refund.get("out_refund_no", ""),
        "out_trade_no": refund.get("out_trade_no", ""),
        "refund_account": "REFUND_SOURCE_RECHARGE_FUNDS",
        "refund_fee": str(amount.get("refund", 0)),
        "refund_id": refund.get("refund_id", ""),
        "refund_recv_accout": refund.get("user_received_account", ""),  # the platform's own spelling
        "refund_request_source": "API",
        "refund_status": {"CLOSED": "REFUNDCLOSE", "ABNORMAL": "CHANGE"}.get(refund.get("refund_status"), "SUCCESS"),
        "settlement_refund_fee": str(amount.get("refund", 0)),
        "settlement_total_fee": str(amount.get("total", 0)),
        "success_time": refund.get("success_time", "")[:19].replace("T", " "),
        "total_fee": str(amount.get("total", 0)),
        "transaction_id": refund.get("transaction_id", ""),
    }
    root = v2_wire.write_xml({name: value for name, value in inside.items() if value}).decode()
    told = root.replace("<xml>", "<root>", 1).removesuffix("</xml>") + "</root>"
    outside = {
        "return_code": "SUCCESS",
        "appid": merchant.appid,
        "mch_id": merchant.mchid,
        "nonce_str": hashlib.sha256(notice.notice_id.encode()).hexdigest()[:32],
        "req_info": encrypt(told.encode(), merchant.apiv2_key),
    }
    return v2_wire.write_xml(outside)


def encrypt(plain: bytes, apiv2_key: str) -> str:
    """AES-256-ECB with PKCS #7, under the lower-case MD5 of the v2 key; base64."""
    padder = PKCS7(128).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = _cipher(apiv2_key).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypt(text: str, apiv2_key: str) -> bytes:
    """The plaintext of `req_info`. Raises ValueError when it is not under this key."""
    decryptor = _cipher(apiv2_key).decryptor()
    padded = decryptor.update(base64.b64decode(text, validate=True)) + decryptor.finalize()
    unpadder = PKCS7(128).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def _cipher(apiv2_key: str) -> Cipher[ECB]:
    key = hashlib.md5(apiv2_key.encode(), usedforsecurity=False).hexdigest().encode()
    return Cipher(AES(key), ECB())  # noqa: S305 - the platform's choice, not ours
