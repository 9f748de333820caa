"""Web push as bytes: a browser's subscription, the message only it can read, and the signature that says who sends.

RFC 8291 (message encryption, one record of RFC 8188) and RFC 8292 (VAPID), on the primitives of `cryptography`. Keeps
nothing and asks nobody. Refuses a subscription whose keys are none, and a text that a push service need not take.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vendomat.kernel import ErrorCode, VendomatError, is_address

ENDPOINT_CHARACTERS_MAX = 2_000
AUTH_BYTES, SALT_BYTES, POINT_BYTES, SCALAR_BYTES = 16, 16, 65, 32
TEXT_BYTES_MAX = 3_993
"""What fits into the 4,096 bytes that every push service takes (RFC 8291, section 4)."""
TOKEN_LIFE = timedelta(hours=12)
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the curve P-256
_RECORD_BYTES = 4096
_LAST_RECORD = b"\x02"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where a browser is reached, its public key, and the secret it shares with us; all as it said them."""

    url: str
    p256dh: str
    auth: str


@dataclass(frozen=True, slots=True)
class PushKey:
    """The key by which push services know this cloud, made of `secret`; a browser subscribes to its public half."""

    private: EllipticCurvePrivateKey

    @classmethod
    def of(cls, secret: bytes) -> PushKey:
        """The same `secret` (32 bytes) always gives the same key."""
        assert len(secret) == SCALAR_BYTES, "a scalar of P-256 has 32 bytes"
        return cls(derive_private_key(int.from_bytes(secret, "big") % (_ORDER - 1) + 1, SECP256R1()))

    @property
    def public(self) -> str:
        return encoded(_point_of(self.private.public_key()))

    def authorization(self, endpoint: str, *, contact: str, now: datetime) -> str:
        """The header of that name, for one push service (RFC 8292, section 3)."""
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int((now + TOKEN_LIFE).timestamp()),
            "sub": contact,
        }
        head = encoded(msgspec.json.encode({"typ": "JWT", "alg": "ES256"}))
        said = f"{head}.{encoded(msgspec.json.encode(claims))}"
        r, s = decode_dss_signature(self.private.sign(said.encode(), ECDSA(SHA256())))
        signature = encoded(r.to_bytes(SCALAR_BYTES, "big") + s.to_bytes(SCALAR_BYTES, "big"))
        return f"vapid t={said}.{signature}, k={self.public}"


def check_subscription(one: Subscription, *, is_private_allowed: bool) -> None:
    """Raises `VendomatError(invalid_value)` for what no browser says."""
    if len(one.url) > ENDPOINT_CHARACTERS_MAX or not is_address(one.url, is_private_allowed=is_private_allowed):
        raise _invalid("its endpoint is not an https address")
    _public_key_of(one)
    _auth_of(one)


def encrypted(one: Subscription, text: bytes, *, salt: bytes, ours: EllipticCurvePrivateKey) -> bytes:
    """`text` for this browser alone. `salt` (16 random bytes) and `ours` (a fresh key) are used for nothing else."""
    assert len(text) <= TEXT_BYTES_MAX, "the text does not fit into one message"
    theirs = _public_key_of(one)
    our_point = _point_of(ours.public_key())
    info = b"WebPush: info\x00" + _point_of(theirs) + our_point
    shared = _derived(ours.exchange(ECDH(), theirs), salt=_auth_of(one), info=info, length=32)
    key = _derived(shared, salt=salt, info=b"Content-Encoding: aes128gcm\x00", length=16)
    nonce = _derived(shared, salt=salt, info=b"Content-Encoding: nonce\x00", length=12)
    head = salt + _RECORD_BYTES.to_bytes(4, "big") + bytes([POINT_BYTES]) + our_point
    return head + AESGCM(key).encrypt(nonce, text + _LAST_RECORD, None)


def encoded(data: bytes) -> str:
    """Base64url without padding, as everything here is written."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """Raises `ValueError` for what is not base64url."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("this is not base64url") from error


def _derived(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def _public_key_of(one: Subscription) -> EllipticCurvePublicKey:
    try:
        key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), decoded(one.p256dh))
    except ValueError as error:
        raise _invalid("its key p256dh is not a public key of P-256") from error
    return key


def _auth_of(one: Subscription) -> bytes:
    try:
        auth = decoded(one.auth)
    except ValueError:
        auth = b""
    if len(auth) != AUTH_BYTES:
        raise _invalid("its key auth is not 16 bytes in base64url")
    return auth


def _point_of(key: EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _invalid(why: str) -> VendomatError:
    return VendomatError(ErrorCode.INVALID_VALUE, f"this is not a browser's push subscription: {why}; nothing changed")
