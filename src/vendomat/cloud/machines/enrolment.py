"""Enrolment: a machine proves a key it made itself, and gets a short-lived identity on the wire.

The one-time token names the machine, the proof names the key; the key's seed never leaves the machine. Consumed with
the effect in one transaction. The same token with the same key within minutes gives the same answer again (the first
answer may have been lost); anything else about a used token is refused. Every refusal reads the same and leaves a
security event. A new key for a machine raises its epoch, so that whatever ran before is an old run.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.machines import store
from vendomat.cloud.machines.model import (
    JWT_LIFE,
    MOVES,
    RENEW_SKEW_S_MAX,
    TOKEN_REPEAT,
    MachineEvent,
    MachineState,
    token_hash,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Throttle
from vendomat.cloud.platform.identity import NkeyRole, checked_public_nkey, verifies
from vendomat.kernel import Clock, ErrorCode, VendomatError
from vendomat.protocol import (
    EnrolmentLink,
    EnrolReply,
    EnrolRequest,
    RenewReply,
    RenewRequest,
    enrol_proof_text,
    fingerprint_of,
    renew_proof_text,
)


class JwtIssuer(Protocol):
    """What enrolment needs of the cloud's identity."""

    def issue_user_jwt(self, public_nkey: str, machine_id: str, expires_at: datetime) -> str: ...


@dataclass(frozen=True, slots=True)
class WireAddress:
    """Where machines connect, and the public keys of now (key id -> base64) that they shall trust."""

    nats_url: str
    cloud_keys: Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class EnrolmentDoor:
    """Where machines enrol (`https://host:port`), and the authority (PEM) that vouches for whoever answers there."""

    url: str
    authority: bytes

    def link(self, token: str) -> EnrolmentLink:
        return EnrolmentLink(self.url, token, fingerprint_of(self.authority))


KeyReplaced = Callable[[str], Awaitable[None]]
"""Called with the old public key once a machine has a new one: revoke it on the wire."""


async def _no_revocation(_old_public_key: str) -> None:
    """For set-ups without a wire."""


class Enrolment:
    """`POST /enrol` and `POST /enrol/renew`."""

    def __init__(
        self,
        database: Database,
        issuer: JwtIssuer,
        wire: WireAddress,
        clock: Clock,
        *,
        throttle: Throttle,
        key_replaced: KeyReplaced = _no_revocation,
    ) -> None:
        self._database = database
        self._issuer = issuer
        self._wire = wire
        self._clock = clock
        self._throttle = throttle
        self._key_replaced = key_replaced

    async def enrol(self, request: EnrolRequest, *, address: str) -> EnrolReply:
        """Raises `VendomatError` (enrolment_refused, rate_limited)."""
        self._throttle.check(address)
        now = self._clock.now()
        if not _is_proof(request.public_key, enrol_proof_text(request.token, request.public_key), request.proof):
            await self._refuse("enrolment.bad_proof", address, now)
        old_key = None
        async with self._database.auth() as connection:
            token = await store.lock_token(connection, token_hash(request.token))
            row = await store.lock_machine(connection, token.machine_id) if token is not None else None
            reason, is_repeat = _judge(token, row, request.public_key, now)
            if row is not None and not reason and not is_repeat:
                old_key = row.public_key
                row = await self._take(connection, row, request, now)
        if reason or row is None:
            await self._refuse(reason, address, now, merchant_id=row.merchant_id if row else "")
        if old_key is not None and old_key != request.public_key:
            await self._key_replaced(old_key)
        return EnrolReply(
            machine_id=row.machine_id,
            merchant_id=row.merchant_id,
            epoch=row.epoch,
            user_jwt=self._issuer.issue_user_jwt(request.public_key, row.machine_id, now + JWT_LIFE),
            nats_url=self._wire.nats_url,
            cloud_keys=dict(self._wire.cloud_keys()),
        )

    async def renew(self, request: RenewRequest, *, address: str) -> RenewReply:
        """A new identity for a machine that proves its key. Raises as `enrol` does."""
        self._throttle.check(address)
        now = self._clock.now()
        async with self._database.auth() as connection:
            row = await store.find_machine(connection, request.machine_id)
        if row is None or row.public_key is None or row.state not in (MachineState.ENROLLED, MachineState.QUARANTINED):
            await self._refuse("renewal.unknown_machine", address, now)
        elif abs(now.timestamp() - request.at) > RENEW_SKEW_S_MAX:
            await self._refuse("renewal.stale", address, now, merchant_id=row.merchant_id)
        elif not _is_proof(row.public_key, renew_proof_text(request.machine_id, request.at), request.proof):
            await self._refuse("renewal.bad_proof", address, now, merchant_id=row.merchant_id)
        return RenewReply(
            user_jwt=self._issuer.issue_user_jwt(row.public_key, row.machine_id, now + JWT_LIFE),
            nats_url=self._wire.nats_url,
            cloud_keys=dict(self._wire.cloud_keys()),
        )

    async def _take(
        self, connection: AsyncConnection, row: store.MachineRow, request: EnrolRequest, now: datetime
    ) -> store.MachineRow:
        state = MOVES.next(row.state, MachineEvent.ENROL)
        epoch = row.epoch + 1
        await store.use_token(connection, token_hash(request.token), now)
        await store.take_key(connection, row, public_key=request.public_key, state=state, epoch=epoch)
        return store.MachineRow(row.merchant_id, row.machine_id, state, request.public_key, epoch)

    async def _refuse(self, kind: str, address: str, now: datetime, *, merchant_id: str = "") -> NoReturn:
        """Count it, write it down, and refuse without saying why. Always raises."""
        self._throttle.note_failure(address)
        async with self._database.auth() as connection:
            await store.note_security_event(
                connection, kind, now, merchant_id=merchant_id, source=address[:64], detail={}
            )
        raise VendomatError(
            ErrorCode.ENROLMENT_REFUSED,
            "this machine was not let in; nothing changed. Check its clock, or get a new token from the console",
        )


def _judge(
    token: store.TokenRow | None, row: store.MachineRow | None, public_key: str, now: datetime
) -> tuple[str, bool]:
    """`(why not, whether it is the same enrolment once more)`; an empty reason lets the machine in."""
    if token is None or row is None:
        return "enrolment.unknown_token", False
    if not MOVES.may(row.state, MachineEvent.ENROL):
        return "enrolment.retired_machine", False
    if token.used_at is not None:
        is_repeat = row.public_key == public_key and now - token.used_at <= TOKEN_REPEAT
        return ("", True) if is_repeat else ("enrolment.used_token", False)
    if token.expires_at <= now:
        return "enrolment.expired_token", False
    return "", False


def _is_proof(public_key: str, text: bytes, proof: str) -> bool:
    try:
        checked_public_nkey(public_key, NkeyRole.USER)
        return verifies(public_key, NkeyRole.USER, text, base64.b64decode(proof, validate=True))
    except (VendomatError, binascii.Error, ValueError):
        return False
