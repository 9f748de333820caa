"""ID tokens and keys in the forms of RFC 7515 and RFC 7517, byte by byte. Pure: made without any library of theirs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_EXPONENT = 65537
_KEY_BITS = 2048


def text_of(data: bytes) -> str:
    """Base64 for addresses, without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(frozen=True)
class SigningKey:
    """One RSA key under a name."""

    name: str
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(_EXPONENT, _KEY_BITS), repr=False)

    def published(self) -> dict[str, str]:
        """As it stands among the provider's keys."""
        numbers = self.key.public_key().public_numbers()
        modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.name,
            "n": text_of(modulus),
            "e": text_of(numbers.e.to_bytes(3, "big")),
        }

    def sign(self, claims: Mapping[str, object]) -> str:
        signed = _signed_part({"alg": "RS256", "typ": "JWT", "kid": self.name}, claims)
        return f"{signed}.{text_of(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def unsigned(claims: Mapping[str, object]) -> str:
    """With the algorithm `none`, which nobody may believe."""
    return _signed_part({"alg": "none", "typ": "JWT"}, claims) + "."


def signed_by_secret(claims: Mapping[str, object], secret: bytes, name: str) -> str:
    """With a key that the client has, too (HS256)."""
    signed = _signed_part({"alg": "HS256", "typ": "JWT", "kid": name}, claims)
    return f"{signed}.{text_of(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def _signed_part(header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    return f"{text_of(json.dumps(header).encode())}.{text_of(json.dumps(claims).encode())}"
