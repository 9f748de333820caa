"""What a state of the model check is made of: bounds, and the frozen parts that the moves change.

A state is (machine, cloud, platform, wire). The first three are numbers of interned parts, so that a part's moves are
worked out once, whatever the rest does; the wire is a set of bits that only grows (a message once sent may arrive
later, twice, out of order or never), less those that can no longer change anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from vendomat.cloud.ledger import Posting
from vendomat.cloud.orders import Command
from vendomat.cloud.sales import model as sales
from vendomat.kernel import derive_id
from vendomat.terminal.sale import PRODUCTION, Note, Safeguards, Vend

AT = datetime(2026, 6, 1, tzinfo=UTC)
MERCHANT = derive_id("mer", "model check")
MACHINE = derive_id("mch", "model check")
ORDER = derive_id("ord", "model check")
PRICE_MINOR = 300


@dataclass(frozen=True, slots=True)
class Guards:
    """Safeguards that live outside the steps: how the check performs effects and timers. All are on in production."""

    is_silence_no_answer: bool = True  # off: silence is taken for "not delivered", no fence is asked
    is_journal_synced: bool = True  # off: a power cut may take the journal's last commit back
    is_refund_number_constant: bool = True  # off: each attempt has a number of its own
    is_deadline_declared: bool = True  # off: the deadline never comes
    is_outcome_final: bool = True  # off: a late fact opens the unit again
    is_late_money_returned: bool = True  # off: a payment vends however late it comes
    is_hold_given_up_left: bool = True  # off: a hold vends that is being given up
    is_row_read_again: bool = True  # off: a paused worker decides by the row it took, not by the one that stands


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of everything one check explores; what is removed for it. Crashes of the cloud are not counted."""

    name: str
    units: int = 1
    channels: tuple[str, ...] = ("wechat",)
    holding: tuple[str, ...] = ()  # those of them whose money is held first
    power_cuts: int = 0
    heartbeats: int = 0  # nonces of one run beyond that of its hello
    sensor_lies: int = 0
    silent_controllers: int = 0
    failed_writes: int = 0
    paused_workers: int = 0
    may_die: bool = False
    may_lease_run_out: bool = True  # and with it the deadline come; off where it is not the question
    may_pay_after_close: bool = False
    may_hold_lapse: bool = False
    may_operator_ask: bool = False  # for the money of a paid order
    may_refund_stop: bool = False  # held, or given up by the platform, until a person lets it go or has it tried again
    may_refund_be_unclear: bool = True  # lost, refused for now, not known (yet); off where it is not the question
    may_give_up: bool = True  # the buyer cancels, or the code's time ends
    is_following_acks: bool = False
    looking_for: str = ""  # the one rule whose breach counts (a removed safeguard has to show this harm); "": every
    safeguards: Safeguards = PRODUCTION
    guards: Guards = field(default_factory=Guards)


# --- machine ---------------------------------------------------------------------------------------------------------


class Motor(StrEnum):
    IDLE = "idle"
    WAITING = "waiting"  # to be started; a power cut may come before
    DROPPED = "dropped"  # it ran and the item fell; the program was not told yet
    EMPTY = "empty"  # it ran and nothing fell


@dataclass(frozen=True, slots=True)
class UnitPart:
    """One command at the machine: in memory, on the disk, and what really happened."""

    vend: Vend | None = None
    is_committed: bool = False  # the pending note is on the disk, the program was not told yet
    motor: Motor = Motor.IDLE
    journal: tuple[Note, ...] = ()
    acked: frozenset[tuple[int, int]] = frozenset()
    starts: int = 0
    drops: int = 0
    has_lied: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """The terminal and its cabinet. Nonces of the current run: `made` of them, the first `expired` too old."""

    units: tuple[UnitPart, ...]
    power_cuts_left: int
    lies_left: int
    silences_left: int
    failures_left: int
    epoch: int = 1
    made: int = 1
    expired: int = 0
    is_alive: bool = True


# --- cloud and platform ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hand:
    """A row as a worker took it before it was paused: it decides later, by what it saw."""

    unit: int
    command: Command


@dataclass(frozen=True, slots=True)
class Cloud:
    """The rows of one order, the machine's newest run and nonce as heard, the inbox, and one paused worker."""

    purchase: sales.Purchase
    postings: frozenset[Posting] = frozenset()
    released: frozenset[int] = frozenset()
    live: int = 0  # the nonce heard last, by its index
    known_epoch: int = 1
    inbox: int = 0  # bits of the facts that were applied
    phase: int = 0  # of the code: 0 in time, 1 over, 2 its grace over, too
    pauses_left: int = 0
    hand: Hand | None = None


class Truth(StrEnum):
    """What a payment is at the platform."""

    OPEN = "open"
    PAID = "paid"
    CLOSED = "closed"
    PAID_AFTER_CLOSE = "paid_after_close"
    HELD = "held"
    CAPTURED = "captured"  # of a hold, what the row wanted: it never wants another sum
    RELEASED = "released"  # of a hold: given up by us
    LAPSED = "lapsed"

    @property
    def is_paid(self) -> bool:
        return self in (Truth.PAID, Truth.PAID_AFTER_CLOSE, Truth.CAPTURED)

    @property
    def was_held(self) -> bool:
        return self in (Truth.HELD, Truth.CAPTURED, Truth.RELEASED, Truth.LAPSED)


class RefundEnd(StrEnum):
    """What became of a refund that the platform has taken."""

    OPEN = "open"
    PAID = "paid"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class PlatformRefund:
    number: str
    payment: int
    amount_minor: int
    end: RefundEnd = RefundEnd.OPEN


@dataclass(frozen=True, slots=True)
class Platform:
    """The payment platforms' truth. It pays back whatever number it has not seen: the cap is for us to keep."""

    payments: tuple[Truth, ...]
    refunds: tuple[PlatformRefund, ...] = ()


# --- moves -----------------------------------------------------------------------------------------------------------


class Move(NamedTuple):
    """One part moves to `after`, saying the messages in `says`. `starts`: the unit whose motor starts, or -1.

    `guard`: a deadline of this unit passes, which it cannot while a start is possible; -1 for every other move.
    """

    label: str
    after: int
    says: int = 0
    starts: int = -1
    guard: int = -1
    broken: str = ""


class JointMove(NamedTuple):
    """Cloud and platform move together: `cloud`, `platform` are what they become."""

    label: str
    cloud: int
    platform: int
    says: int
    broken: str


_Part = TypeVar("_Part")


class Table(Generic[_Part]):
    """Numbers for parts: equal parts have the same number."""

    def __init__(self) -> None:
        self.values: list[_Part] = []
        self._numbers: dict[_Part, int] = {}

    def number(self, value: _Part) -> int:
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
        return found

    def __len__(self) -> int:
        return len(self.values)
