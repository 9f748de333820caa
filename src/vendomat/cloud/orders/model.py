"""What an order is: its lines and units, the one command of each unit, and the moves they may make. Pure.

Refuses to decide about money: `sales` moves an order together with its payments, stock and ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vendomat.kernel import Moves

TOP_UP = "top_up"
"""The origin of an order whose one unit is stored money: no machine is asked, the cloud delivers it when it is paid."""

CASH = "cash"
"""The origin of an order that a machine sold for coins and notes and tells of afterwards."""


class OrderState(StrEnum):
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    DISPENSING = "dispensing"
    SETTLED = "settled"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class OrderMove(StrEnum):
    PAY = "pay"
    START = "start"
    SETTLE = "settle"
    EXPIRE = "expire"
    CANCEL = "cancel"


ORDER_MOVES: Moves[OrderState, OrderMove] = Moves(
    "order",
    OrderState,
    {
        (OrderState.AWAITING_PAYMENT, OrderMove.PAY): OrderState.PAID,
        (OrderState.AWAITING_PAYMENT, OrderMove.EXPIRE): OrderState.EXPIRED,
        (OrderState.AWAITING_PAYMENT, OrderMove.CANCEL): OrderState.CANCELLED,
        (OrderState.PAID, OrderMove.START): OrderState.DISPENSING,
        (OrderState.PAID, OrderMove.SETTLE): OrderState.SETTLED,
        (OrderState.DISPENSING, OrderMove.SETTLE): OrderState.SETTLED,
    },
    start=OrderState.AWAITING_PAYMENT,
    final=(OrderState.SETTLED, OrderState.EXPIRED, OrderState.CANCELLED),
)


class Closing(StrEnum):
    """Why an unpaid order is being given up. It ends only when each of its payments is confirmed closed."""

    NO = ""
    EXPIRING = "expiring"
    CANCELLING = "cancelling"


class UnitOutcome(StrEnum):
    PENDING = "pending"
    STARTED = "started"
    DELIVERED = "delivered"
    NOT_DELIVERED = "not_delivered"
    UNKNOWN = "unknown"  # a fact with a deadline, never a synonym for failed


class UnitMove(StrEnum):
    START = "start"
    DELIVER = "deliver"
    FAIL = "fail"
    LOSE_SIGHT = "lose_sight"


_OPEN = (UnitOutcome.PENDING, UnitOutcome.STARTED, UnitOutcome.UNKNOWN)

UNIT_MOVES: Moves[UnitOutcome, UnitMove] = Moves(
    "unit",
    UnitOutcome,
    {
        (UnitOutcome.PENDING, UnitMove.START): UnitOutcome.STARTED,
        **{(outcome, UnitMove.DELIVER): UnitOutcome.DELIVERED for outcome in _OPEN},
        **{(outcome, UnitMove.FAIL): UnitOutcome.NOT_DELIVERED for outcome in _OPEN},
        **{(outcome, UnitMove.LOSE_SIGHT): UnitOutcome.UNKNOWN for outcome in _OPEN},
    },
    start=UnitOutcome.PENDING,
    final=(UnitOutcome.DELIVERED, UnitOutcome.NOT_DELIVERED),
)


class Finding(StrEnum):
    """What was found out about a unit after its last word. It moves no money of the buyer."""

    NONE = "none"
    CAME_OUT = "came_out"
    STAYED_IN = "stayed_in"
    NOT_KNOWABLE = "not_knowable"


class FindingMove(StrEnum):
    SEE_OUT = "see_out"
    SEE_IN = "see_in"
    GIVE_UP = "give_up"
    REPORT_OUT = "report_out"  # the machine's own late word


FINDING_MOVES: Moves[Finding, FindingMove] = Moves(
    "finding",
    Finding,
    {
        (Finding.NONE, FindingMove.SEE_OUT): Finding.CAME_OUT,
        (Finding.NONE, FindingMove.SEE_IN): Finding.STAYED_IN,
        (Finding.NONE, FindingMove.GIVE_UP): Finding.NOT_KNOWABLE,
        (Finding.NOT_KNOWABLE, FindingMove.SEE_OUT): Finding.CAME_OUT,
        (Finding.NOT_KNOWABLE, FindingMove.SEE_IN): Finding.STAYED_IN,
        (Finding.NONE, FindingMove.REPORT_OUT): Finding.CAME_OUT,
        (Finding.NOT_KNOWABLE, FindingMove.REPORT_OUT): Finding.CAME_OUT,
        (Finding.STAYED_IN, FindingMove.REPORT_OUT): Finding.CAME_OUT,
    },
    start=Finding.NONE,
    final=(Finding.CAME_OUT,),
)


class CommandState(StrEnum):
    QUEUED = "queued"  # to be sent, sent or resent; the newest nonce is quoted
    FENCING = "fencing"  # the machine fell silent: asked to promise that it never starts
    WAITING = "waiting"  # the machine itself does not know; the deadline decides
    DONE = "done"


class CommandMove(StrEnum):
    FALL_SILENT = "fall_silent"
    WAIT = "wait"
    END = "end"


COMMAND_MOVES: Moves[CommandState, CommandMove] = Moves(
    "command",
    CommandState,
    {
        (CommandState.QUEUED, CommandMove.FALL_SILENT): CommandState.FENCING,
        (CommandState.QUEUED, CommandMove.WAIT): CommandState.WAITING,
        (CommandState.FENCING, CommandMove.WAIT): CommandState.WAITING,
        (CommandState.QUEUED, CommandMove.END): CommandState.DONE,
        (CommandState.FENCING, CommandMove.END): CommandState.DONE,
        (CommandState.WAITING, CommandMove.END): CommandState.DONE,
    },
    start=CommandState.QUEUED,
    final=(CommandState.DONE,),
)


@dataclass(frozen=True, slots=True)
class Command:
    """The order to turn one motor once. `heard_at` is when the machine last answered it (else: when it was queued)."""

    cmd_id: str
    state: CommandState
    queued_at: datetime
    heard_at: datetime
    epoch: int | None = None
    nonce: str | None = None
    nonce_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """`price_minor` is what is paid for it, `off_minor` what promotions took off its list price."""

    unit: int
    slot: str
    product_id: str
    price_minor: int
    outcome: UnitOutcome = UnitOutcome.PENDING
    is_final: bool = False
    result: str = ""
    reason: str = ""
    command: Command | None = None
    finding: Finding = Finding.NONE
    off_minor: int = 0
