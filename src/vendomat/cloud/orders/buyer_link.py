"""The buyer's link to an order: names it, and proves that we gave it out. Pure.

Whoever holds the link may see what became of this one purchase and say that something is wrong with it. It carries a
signature over merchant and order (128 bits of HMAC-SHA256), so knowing or guessing an order's number opens nothing.
The token stands behind the address's `#`, which browsers send to nobody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from vendomat.kernel import is_id

PAGE = "/order/"
_MERCHANT, _ORDER = "mer_", "ord_"
_SIGNATURE_BYTES = 16


class BuyerLinks:
    """Makes and reads links. `key` belongs to this installation, `base_url` is where its public pages are."""

    def __init__(self, key: bytes, base_url: str) -> None:
        self._key = key
        self._base_url = base_url.rstrip("/")

    def url_of(self, merchant_id: str, order_id: str) -> str:
        return f"{self._base_url}{PAGE}#{self.token_of(merchant_id, order_id)}"

    def token_of(self, merchant_id: str, order_id: str) -> str:
        bodies = f"{merchant_id.removeprefix(_MERCHANT)}.{order_id.removeprefix(_ORDER)}"
        return f"{bodies}.{self._signature(merchant_id, order_id)}"

    def order_of(self, token: str) -> tuple[str, str] | None:
        """`(merchant_id, order_id)` of a token that we made; None of any other text."""
        parts = token.split(".")
        if len(parts) != 3 or not token.isascii():
            return None
        merchant_id, order_id = _MERCHANT + parts[0], _ORDER + parts[1]
        is_whole = is_id(merchant_id, "mer") and is_id(order_id, "ord")
        if not is_whole or not hmac.compare_digest(parts[2], self._signature(merchant_id, order_id)):
            return None
        return merchant_id, order_id

    def _signature(self, merchant_id: str, order_id: str) -> str:
        digest = hmac.new(self._key, f"order\n{merchant_id}\n{order_id}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:_SIGNATURE_BYTES]).decode().rstrip("=")
