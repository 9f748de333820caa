"""A payment platform's signed notice, made by the load generator itself: WeChat Pay APIv3 as bytes. Pure but for keys.

Used where the platform is left out of the measured cycle: the notice is sealed and signed as the real one, and the
cloud checks it as the real one.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PLATFORM_KEY = "VENDOMAT_BENCH_PLATFORM_KEY"
"""Name of the environment variable with the public key (PEM) that a benchmark's worker trusts."""

PLATFORM_KEY_ID = "PUB_KEY_ID_0100000000000000000000000000"
_KIND = "transaction"


def new_platform_key() -> tuple[str, str]:
    """A platform's RSA key pair as PEM: (private, public)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@dataclass(frozen=True)
class PaidOrder:
    """What the platform says was paid."""

    number: str
    amount_minor: int
    notice_id: str
    transaction_id: str
    at: datetime


class NoticeSigner:
    """Notices to one merchant, signed with the platform's key `key_id`."""

    def __init__(self, *, private_pem: str, key_id: str, apiv3_key: str, mchid: str, appid: str) -> None:
        key = serialization.load_pem_private_key(private_pem.encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key = key
        self._key_id = key_id
        self._seal = AESGCM(apiv3_key.encode())
        self._mchid = mchid
        self._appid = appid

    def notice(self, paid: PaidOrder) -> tuple[dict[str, str], bytes]:
        """Headers and body of the notice of success."""
        body = self._body(paid)
        timestamp, nonce = str(int(paid.at.timestamp())), secrets.token_hex(16)
        text = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
        signature = self._key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        return {
            "Content-Type": "application/json",
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": base64.b64encode(signature).decode(),
            "Wechatpay-Serial": self._key_id,
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }, body

    def _body(self, paid: PaidOrder) -> bytes:
        at = paid.at.isoformat(timespec="seconds")
        amount = {"total": paid.amount_minor, "payer_total": paid.amount_minor}
        trade = {
            "appid": self._appid,
            "mchid": self._mchid,
            "out_trade_no": paid.number,
            "transaction_id": paid.transaction_id,
            "trade_type": "NATIVE",
            "trade_state": "SUCCESS",
            "trade_state_desc": "",
            "bank_type": "OTHERS",
            "attach": "",
            "success_time": at,
            "payer": {"openid": "o" + "0" * 27},
            "amount": amount | {"currency": "CNY", "payer_currency": "CNY"},
        }
        nonce = secrets.token_hex(6)
        sealed = self._seal.encrypt(nonce.encode(), msgspec.json.encode(trade), _KIND.encode())
        return msgspec.json.encode(
            {
                "id": paid.notice_id,
                "create_time": at,
                "resource_type": "encrypt-resource",
                "event_type": "TRANSACTION.SUCCESS",
                "summary": "",
                "resource": {
                    "original_type": _KIND,
                    "algorithm": "AEAD_AES_256_GCM",
                    "ciphertext": base64.b64encode(sealed).decode(),
                    "associated_data": _KIND,
                    "nonce": nonce,
                },
            }
        )
