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
CELSIUS_MIN, CELSIUS_MAX = -60, 90
BAND_AFTER_S_MAX = 86_400
TAG_MAX = 32


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


SPEAKING = (MachineState.ENROLLED, MachineState.QUARANTINED)

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
    model_id: str | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """The temperatures that are wanted inside. Out of them for `after_s` raises an alarm; a sensor that says nothing is
    out of them."""

    low_c: float
    high_c: float
    after_s: int = 900

    def check(self) -> None:
        """Raises `VendomatError(invalid_value)`."""
        if not CELSIUS_MIN <= self.low_c < self.high_c <= CELSIUS_MAX or not 0 <= self.after_s <= BAND_AFTER_S_MAX:
            raise VendomatError(
                ErrorCode.INVALID_VALUE,
                f"a band lies between {CELSIUS_MIN} and {CELSIUS_MAX} °C, its low end below its high; nothing changed",
            )


@dataclass(frozen=True, slots=True)
class HelloItem:
    """One hello as it came in: `at` is the moment of its arrival, `public_key` the one that its signature fits."""

    merchant_id: str
    machine_id: str
    epoch: int
    boot_nonce: str
    nonce: str
    at: datetime
    seq: int = 0
    public_key: str = ""
    key_ids: tuple[str, ...] = ()  # the cloud's keys that the machine trusts

    @property
    def key(self) -> tuple[str, str]:
        return (self.merchant_id, self.machine_id)


@dataclass(frozen=True, slots=True)
class HeartbeatItem:
    """One heartbeat as it came in; fields as of `HelloItem`."""

    merchant_id: str
    machine_id: str
    epoch: int
    nonce: str
    at: datetime
    is_ready: bool
    reasons: tuple[str, ...] = ()
    temperature_c: float | None = None
    facts_waiting: int = 0
    seq: int = 0
    public_key: str = ""
    catalogue_version: int = 0  # what its screen shows; 0: it did not say

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


@dataclass(frozen=True, slots=True)
class Sender:
    """Who says something: the machine, the key that its signature fits, its run, and its place in that run."""

    merchant_id: str
    machine_id: str
    public_key: str
    epoch: int
    seq: int

    @property
    def key(self) -> tuple[str, str]:
        return (self.merchant_id, self.machine_id)


@dataclass(frozen=True, slots=True)
class KnownMachine:
    """What the rows say of a machine at the moment of a decision. `overtaken_seq` is of the run `live_epoch`."""

    state: MachineState
    public_key: str
    epoch: int
    live_epoch: int = 0
    overtaken_seq: int = 0

    def check(self, sender: Sender) -> None:
        """Whether `sender` still speaks for the machine. Raises `VendomatError` (forbidden, bad_signature, old_epoch).

        Asked inside the transaction that acts: a worker's memory of keys and states may be some seconds old.
        """
        if self.state not in SPEAKING:
            raise unknown_machine()
        if sender.public_key != self.public_key:
            raise key_replaced()
        if sender.epoch < self.epoch:
            raise old_epoch(self.epoch)

    def check_asking(self, sender: Sender, *, is_selling: bool) -> None:
        """As `check`, for a request that somebody at the machine waits for. Raises also `replayed`.

        A machine numbers its messages. Once it has sent two heartbeats after a request, nobody waits for the answer any
        more: a request that arrives so late was held back, and must not sell to an empty room.
        """
        self.check(sender)
        if is_selling and self.state is not MachineState.ENROLLED:
            raise VendomatError(ErrorCode.FORBIDDEN, "this machine may not sell now; no money was taken")
        if sender.epoch == self.live_epoch and sender.seq < self.overtaken_seq:
            raise VendomatError(ErrorCode.REPLAYED, "the request came long after it was sent; nothing changed")


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


def unknown_machine() -> VendomatError:
    return VendomatError(ErrorCode.FORBIDDEN, "this machine is not enrolled; nothing was accepted")


def key_replaced() -> VendomatError:
    return VendomatError(ErrorCode.BAD_SIGNATURE, "this machine has another key now; nothing was accepted")


def replayed() -> VendomatError:
    return VendomatError(ErrorCode.REPLAYED, "a later message of this run has been heard; nothing was accepted")


def is_online(seen_at: datetime | None, now: datetime, heartbeat_s: float) -> bool:
    """Seen within one and a half heartbeats."""
    return seen_at is not None and seen_at >= offline_before(now, heartbeat_s)


def offline_before(now: datetime, heartbeat_s: float) -> datetime:
    """Whoever was seen last before this moment is not heard of."""
    return now - timedelta(seconds=heartbeat_s * HEARTBEATS_MISSED_MAX)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
