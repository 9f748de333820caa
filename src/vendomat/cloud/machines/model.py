"""What a machine is to the cloud, when it counts as online, and which run of it may speak. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vendomat.kernel import ErrorCode, Moves, VendomatError

TOKEN_LIFE = timedelta(hours=24)
TOKEN_REPEAT = timedelta(minutes=10)
JWT_LIFE = timedelta(hours=24)
RENEW_SKEW_S_MAX = 300
HEARTBEATS_MISSED_MAX = 1.5


class MachineState(StrEnum):
    NEW = "new"
    ENROLLED = "enrolled"
    QUARANTINED = "quarantined"  # may report, may not sell
    RETIRED = "retired"


class MachineEvent(StrEnum):
    ENROL = "enrol"
    QUARANTINE = "quarantine"
    RELEASE = "release"
    RETIRE = "retire"


MOVES = Moves(
    "machine",
    MachineState,
    {
        (MachineState.NEW, MachineEvent.ENROL): MachineState.ENROLLED,
        (MachineState.ENROLLED, MachineEvent.ENROL): MachineState.ENROLLED,
        (MachineState.QUARANTINED, MachineEvent.ENROL): MachineState.QUARANTINED,
        (MachineState.ENROLLED, MachineEvent.QUARANTINE): MachineState.QUARANTINED,
        (MachineState.QUARANTINED, MachineEvent.RELEASE): MachineState.ENROLLED,
        (MachineState.NEW, MachineEvent.RETIRE): MachineState.RETIRED,
        (MachineState.ENROLLED, MachineEvent.RETIRE): MachineState.RETIRED,
        (MachineState.QUARANTINED, MachineEvent.RETIRE): MachineState.RETIRED,
    },
    start=MachineState.NEW,
    final=(MachineState.RETIRED,),
)


@dataclass(frozen=True, slots=True)
class NewMachine:
    """`number` is the label on the machine, unique within the merchant."""

    number: str
    name_zh: str
    name_en: str
    site: str = ""
    time_zone: str = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class HelloItem:
    """One hello as it came in; `at` is the moment of its arrival."""

    merchant_id: str
    machine_id: str
    epoch: int
    boot_nonce: str
    nonce: str
    at: datetime

    @property
    def key(self) -> tuple[str, str]:
        return (self.merchant_id, self.machine_id)


@dataclass(frozen=True, slots=True)
class HeartbeatItem:
    """One heartbeat as it came in; `at` is the moment of its arrival."""

    merchant_id: str
    machine_id: str
    epoch: int
    nonce: str
    at: datetime
    is_ready: bool
    reasons: tuple[str, ...] = ()
    temperature_c: float | None = None
    facts_waiting: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return (self.merchant_id, self.machine_id)


@dataclass(frozen=True, slots=True)
class Greeted:
    """The answer to an accepted hello or heartbeat."""

    catalogue_version: int


@dataclass(frozen=True, slots=True)
class CloneSuspicion:
    """Somebody spoke for `machine_id` with an epoch that is already another run's: a clone, or a restored disk."""

    merchant_id: str
    machine_id: str
    epoch: int
    known_epoch: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """The run of a machine that the cloud knows: the newest epoch and its boot nonce ("" until its first hello)."""

    epoch: int
    boot_nonce: str


def may_speak(known: Run, epoch: int, boot_nonce: str) -> bool:
    """Whether a hello is of the newest run: a higher epoch, or the same run once more (a reconnect)."""
    return epoch > known.epoch or (epoch == known.epoch and known.boot_nonce in ("", boot_nonce))


def old_epoch(known_epoch: int) -> VendomatError:
    """The refusal of an old run. It names the known epoch, so that an honest machine can start above it."""
    return VendomatError(
        ErrorCode.OLD_EPOCH,
        "a newer run of this machine has been seen; nothing was accepted. Start again with a higher epoch",
        epoch=known_epoch,
    )


def is_online(seen_at: datetime | None, now: datetime, heartbeat_s: float) -> bool:
    """Seen within one and a half heartbeats."""
    return seen_at is not None and now - seen_at <= timedelta(seconds=heartbeat_s * HEARTBEATS_MISSED_MAX)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
