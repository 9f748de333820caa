"""The words of a vend: states and moves, what is known of a command, events and effects. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vendomat.kernel import Moves
from vendomat.protocol import Dispense, FactKind, FenceRequest, OpenDoor, VendResult


class VendState(StrEnum):
    ABSENT = "absent"  # never heard of
    INTENDING = "intending"  # INTENT handed to the journal
    TURNING = "turning"  # INTENT durable, motor started
    RECORDING = "recording"  # OUTCOME handed to the journal
    DONE = "done"
    REFUSING = "refusing"
    REFUSED = "refused"
    FENCING = "fencing"
    FENCED = "fenced"


class VendMove(StrEnum):
    ACCEPT = "accept"
    REFUSE = "refuse"
    FENCE = "fence"
    START = "start"
    END = "end"
    CUT = "cut"  # the program was restarted while the motor may have run
    RECORD = "record"


MOVES = Moves(
    "vend",
    VendState,
    {
        (VendState.ABSENT, VendMove.ACCEPT): VendState.INTENDING,
        (VendState.ABSENT, VendMove.REFUSE): VendState.REFUSING,
        (VendState.ABSENT, VendMove.FENCE): VendState.FENCING,
        (VendState.INTENDING, VendMove.START): VendState.TURNING,
        (VendState.INTENDING, VendMove.REFUSE): VendState.REFUSING,
        (VendState.TURNING, VendMove.END): VendState.RECORDING,
        (VendState.TURNING, VendMove.CUT): VendState.RECORDING,
        (VendState.RECORDING, VendMove.RECORD): VendState.DONE,
        (VendState.REFUSING, VendMove.RECORD): VendState.REFUSED,
        (VendState.FENCING, VendMove.RECORD): VendState.FENCED,
    },
    start=VendState.ABSENT,
    final=(VendState.DONE, VendState.REFUSED, VendState.FENCED),
)

IS_BUSY = frozenset({VendState.INTENDING, VendState.TURNING, VendState.RECORDING})
"""States in which no other motor may start."""


class SlotCheck(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the machine knows at the moment of a check. None is "not known" and refuses like "no"."""

    epoch: int
    lease_age_s: float | None
    lease_s: float
    slot: SlotCheck
    is_sensor_clear: bool | None
    is_door_shut: bool | None
    is_busy: bool
    is_journal_ok: bool


@dataclass(frozen=True, slots=True)
class Note:
    """A journalled fact of this command. `seq` is 0 while it is not durable."""

    kind: FactKind
    epoch: int = 0
    seq: int = 0
    result: VendResult | None = None
    reason: str = ""
    is_acked: bool = False


@dataclass(frozen=True, slots=True)
class Vend:
    """All that is known of one command. `notes` are durable facts, oldest first."""

    cmd_id: str
    state: VendState = VendState.ABSENT
    order_id: str = ""
    unit: int = 0
    slot: str = ""
    nonce: str = ""
    command_epoch: int = 0
    notes: tuple[Note, ...] = ()
    pending: Note | None = None
    has_fence_waiting: bool = False


@dataclass(frozen=True, slots=True)
class Safeguards:
    """All are on in production. A check turns one off and must find the harm that it prevents."""

    is_intent_first: bool = True
    is_deduplicating: bool = True
    is_fence_durable: bool = True
    is_unknown_after_restart: bool = True
    is_leased: bool = True
    is_fence_waiting: bool = True


PRODUCTION = Safeguards()

# --- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommandReceived:
    command: Dispense | OpenDoor
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class FenceReceived:
    fence: FenceRequest


@dataclass(frozen=True, slots=True)
class Durable:
    """The pending fact is on the disk under `(epoch, seq)`. `conditions` are those of this moment."""

    epoch: int
    seq: int
    conditions: Conditions | None = None


@dataclass(frozen=True, slots=True)
class Unwritten:
    """The pending fact could not be written (disk full, I/O error)."""


@dataclass(frozen=True, slots=True)
class MotorEnded:
    """`reason` says why a result is not known, where that is known."""

    result: VendResult
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReportAcked:
    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """The program came up again and read this command from its journal."""


VendEvent = CommandReceived | FenceReceived | Durable | Unwritten | MotorEnded | ReportAcked | Restarted

# --- effects ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Write:
    """Make `vend.pending` durable, then say `Durable` or `Unwritten`. `is_again`: after a pause, it just failed."""

    note: Note
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class StartMotor:
    slot: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Give the known facts to whoever asked with a command, or (`to_fence`) with a fence."""

    to_fence: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A new fact waits for upload; it is repeated until the cloud has acknowledged it."""

    note: Note


@dataclass(frozen=True, slots=True)
class Prune:
    """The fact is acknowledged: it need not be uploaded again."""

    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The unit's final outcome, for the screen and the slot, at once."""

    note: Note


VendEffect = Write | StartMotor | Answer | Report | Prune | Ended
