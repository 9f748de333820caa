"""Enrolment and renewal, spoken over HTTPS: what a machine proves, and what it is told.

The cloud's keys reach a machine here and nowhere else: over TLS that the project's own authority vouches for, never
over the wire.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from vendomat.protocol.messages import Id


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /enrol`. `token` is used once; `proof` is the machine key's signature over token and public key."""

    token: Annotated[str, Meta(min_length=16, max_length=128)]
    public_key: Annotated[str, Meta(pattern=r"^U[A-Z2-7]{55}\Z")]
    proof: Annotated[str, Meta(max_length=120)]


class EnrolReply(msgspec.Struct, frozen=True, kw_only=True):
    machine_id: str
    merchant_id: Id
    epoch: int  # the first epoch may not be below this
    user_jwt: str
    nats_url: str
    cloud_keys: dict[str, str]  # key_id -> base64 Ed25519 public key that signs commands


class RenewRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /enrol/renew`: a new user JWT for a machine that proves its key; `at` within 300 s of the cloud's clock."""

    machine_id: str
    at: int
    proof: Annotated[str, Meta(max_length=120)]


class RenewReply(msgspec.Struct, frozen=True, kw_only=True):
    user_jwt: str
    nats_url: str
    cloud_keys: dict[str, str]


def enrol_proof_text(token: str, public_key: str) -> bytes:
    return f"vendomat-enrol\n{token}\n{public_key}\n".encode()


def renew_proof_text(machine_id: str, at: int) -> bytes:
    return f"vendomat-renew\n{machine_id}\n{at}\n".encode()
