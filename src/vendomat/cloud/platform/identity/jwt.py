"""NATS JWTs (`alg: ed25519-nkey`, claims version 2): operator, account and user. Pure.

Source: NATS documentation, "JWT in NATS", and the claim names of its JWT version 2. Refuses to write a user without an
end, without subjects, or as a bearer (whoever holds a bearer JWT is the machine, without its key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from vendomat.cloud.platform.identity.nkey import Nkey, NkeyRole, checked_public_nkey, verifies
from vendomat.cloud.platform.identity.permissions import REPLY_TTL_S, Permissions
from vendomat.kernel import ErrorCode, VendomatError

_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
_NO_LIMIT = -1
_NANOSECONDS = 1_000_000_000
_SIGNED_BY = {"operator": NkeyRole.OPERATOR, "account": NkeyRole.OPERATOR, "user": NkeyRole.ACCOUNT}


def operator_jwt(operator: Nkey, issued_at: datetime) -> str:
    """The root of trust that a server is configured with; signed by itself."""
    return _encode(operator, operator.public, "vendomat operator", issued_at, {"type": "operator", "version": 2})


def account_jwt(operator: Nkey, account: str, issued_at: datetime, revoked: Mapping[str, datetime]) -> str:
    """The account of all machines. `revoked` maps a user's public key to the moment up to which its JWTs are void."""
    claims: dict[str, Any] = {
        "type": "account",
        "version": 2,
        "limits": {
            "subs": _NO_LIMIT,
            "data": _NO_LIMIT,
            "payload": _NO_LIMIT,
            "conn": _NO_LIMIT,
            "disallow_bearer": True,
        },
    }
    if revoked:
        claims["revocations"] = {public: _seconds(moment) for public, moment in sorted(revoked.items())}
    return _encode(operator, checked_public_nkey(account, NkeyRole.ACCOUNT), "vendomat", issued_at, claims)


def user_jwt(
    account: Nkey, user: str, permissions: Permissions, *, name: str, issued_at: datetime, expires_at: datetime
) -> str:
    """One user: its public key, what it may do, until when. Raises `VendomatError(INVALID_VALUE)`."""
    if expires_at <= issued_at:
        raise VendomatError(ErrorCode.INVALID_VALUE, "The identity would end before it begins. None was issued.")
    claims: dict[str, Any] = {
        "type": "user",
        "version": 2,
        "pub": {"allow": list(permissions.publish)},
        "sub": {"allow": list(permissions.subscribe)},
        "resp": {"max": 1, "ttl": REPLY_TTL_S * _NANOSECONDS},
        "subs": _NO_LIMIT,
        "data": _NO_LIMIT,
        "payload": _NO_LIMIT,
    }
    subject = checked_public_nkey(user, NkeyRole.USER)
    return _encode(account, subject, name, issued_at, claims, expires_at)


def read_jwt(token: str, issuer: str) -> dict[str, Any]:
    """The claims of a JWT signed by `issuer`. Says nothing about its end. Raises `VendomatError(BAD_SIGNATURE)`."""
    try:
        head, body, signature = token.split(".")
        claims = json.loads(_decoded(body))
        known = json.loads(_decoded(head)) == _HEADER and claims["iss"] == issuer
        role = _SIGNED_BY[claims["nats"]["type"]]
        genuine = known and verifies(issuer, role, f"{head}.{body}".encode(), _decoded(signature))
    except (ValueError, KeyError, TypeError, binascii.Error):
        genuine = False
    if not genuine:
        raise VendomatError(ErrorCode.BAD_SIGNATURE, "This JWT is not by the issuer it should be by. It was not used.")
    assert isinstance(claims, dict)
    return claims


def _encode(  # noqa: PLR0917 - private, the claims in their written order
    issuer: Nkey,
    subject: str,
    name: str,
    issued_at: datetime,
    nats_claims: Mapping[str, Any],
    expires_at: datetime | None = None,
) -> str:
    claims: dict[str, Any] = {
        "iat": _seconds(issued_at),
        "iss": issuer.public,
        "name": name,
        "nats": nats_claims,
        "sub": subject,
    }
    if expires_at is not None:
        claims["exp"] = _seconds(expires_at)
    digest = hashlib.sha256(_json(claims)).digest()
    claims["jti"] = base64.b32encode(digest).decode().rstrip("=")
    text = f"{_encoded(_json(_HEADER))}.{_encoded(_json(claims))}"
    return f"{text}.{_encoded(issuer.sign(text.encode()))}"


def _seconds(moment: datetime) -> int:
    assert moment.tzinfo is not None, "aware times only"
    return int(moment.timestamp())


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
