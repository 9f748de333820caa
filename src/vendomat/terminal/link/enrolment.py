"""Becoming a machine of this cloud: one token once, then a short-lived right that is renewed in time.

The seed never leaves the machine. What the cloud answered is kept beside it; a machine that has it asks no more. The
right is renewed at two thirds of its life, or when the wire refuses it.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from vendomat.kernel import Clock, ErrorCode, VendomatError
from vendomat.protocol import (
    EnrolReply,
    EnrolRequest,
    RenewReply,
    RenewRequest,
    enrol_proof_text,
    renew_proof_text,
)
from vendomat.terminal.link.contract import NotAnsweredError
from vendomat.terminal.link.https import CloudHttps
from vendomat.terminal.link.keys import CloudKeys, MachineKey, write_private

_Reply = TypeVar("_Reply")
RENEW_AT_SHARE = 2 / 3
RENEW_LOOK_S_MAX = 600.0
RENEW_AGAIN_S = 30.0
CLOCK_MOVED_MIN = timedelta(minutes=4)


class _Claims(msgspec.Struct):
    iat: int
    exp: int


class Enrolment:
    """Kept in `path` (0600)."""

    def __init__(self, path: Path, key: MachineKey, https: CloudHttps, clock: Clock) -> None:
        self._path = path
        self._key = key
        self._https = https
        self._clock = clock
        self._kept: EnrolReply | None = None
        self.cloud_keys = CloudKeys({})
        if path.exists():
            self._take(msgspec.json.decode(path.read_bytes(), type=EnrolReply))

    @property
    def ca_file(self) -> Path:
        """The authority that vouches for the cloud's servers."""
        return self._https.ca_file

    @property
    def is_done(self) -> bool:
        return self._kept is not None

    @property
    def kept(self) -> EnrolReply:
        """What the cloud said. Raises `VendomatError(not_signed_in)` before enrolment."""
        if self._kept is None:
            raise VendomatError(ErrorCode.NOT_SIGNED_IN, "this machine is not enrolled; give it a token")
        return self._kept

    async def enrol(self, token: str) -> None:
        """Use the one-time token; safe to repeat with the same token. Raises as `CloudHttps.post` does."""
        proof = base64.b64encode(self._key.sign(enrol_proof_text(token, self._key.key_id))).decode()
        request = EnrolRequest(token=token, public_key=self._key.key_id, proof=proof)
        self._keep(_decoded(await self._https.post("/enrol", request), EnrolReply))

    async def renew(self) -> None:
        """Get a new right for the same machine. Raises as `CloudHttps.post` does.

        The cloud refuses a request of another time; its refusal says what time it is, so a second one is of this time.
        """
        asked_at = self._clock.now()
        try:
            await self._renew()
        except NotAnsweredError:
            raise
        except VendomatError:
            if abs(self._clock.now() - asked_at) < CLOCK_MOVED_MIN:
                raise
            await self._renew()

    async def _renew(self) -> None:
        kept = self.kept
        at = int(self._clock.now().timestamp())
        proof = base64.b64encode(self._key.sign(renew_proof_text(kept.machine_id, at))).decode()
        request = RenewRequest(machine_id=kept.machine_id, at=at, proof=proof)
        reply = _decoded(await self._https.post("/enrol/renew", request), RenewReply)
        self._keep(
            msgspec.structs.replace(kept, user_jwt=reply.user_jwt, nats_url=reply.nats_url, cloud_keys=reply.cloud_keys)
        )

    def renew_in_s(self) -> float:
        """Seconds until two thirds of the right's life are over; 0 when they are."""
        claims = claims_of(self.kept.user_jwt)
        renew_at = claims.iat + (claims.exp - claims.iat) * RENEW_AT_SHARE
        return max(0.0, renew_at - self._clock.now().timestamp())

    def _keep(self, reply: EnrolReply) -> None:
        write_private(self._path, msgspec.json.encode(reply))
        self._take(reply)

    def _take(self, reply: EnrolReply) -> None:
        self.cloud_keys.replace(reply.cloud_keys)
        self._kept = reply


def claims_of(jwt: str) -> _Claims:
    """Issue and end of a JWT, read without trust: only the wire's server decides whether it is valid."""
    try:
        payload = jwt.split(".")[1]
        return msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Claims)
    except (IndexError, ValueError) as error:
        raise VendomatError(ErrorCode.MALFORMED, "the cloud's right for this machine cannot be read") from error


def _decoded(data: bytes, reply_type: type[_Reply]) -> _Reply:
    try:
        return msgspec.json.decode(data, type=reply_type)
    except msgspec.MsgspecError as error:
        raise VendomatError(ErrorCode.MALFORMED, f"the cloud's answer was not understood: {error}") from error
