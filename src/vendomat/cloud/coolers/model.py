"""A visit: one buyer at one open-door cooler, from the scan to the money. Values, states, events and effects; pure.

The platform vouches first, the door opens once, and what was taken is asked for afterwards, at the prices of the
start. Decides nothing: `steps` does. A visit keeps no word of who the buyer is longer than its platform must be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from vendomat.cloud.ledger import Posting
from vendomat.cloud.orders import Command
from vendomat.cloud.payments import ServiceBill, ServiceItem, ServiceOrder, ServiceRefusal
from vendomat.kernel import Money, Moves

VisitKey = tuple[str, str]
"""(merchant_id, visit_id)"""


class VisitState(StrEnum):
    ASKED = "asked"  # the number is kept; whether the platform has the order is not known
    OFFERED = "offered"  # the buyer is asked by their wallet
    OPENING = "opening"  # vouched for: the door's one command is under way, or the buyer is shopping
    COMPLETING = "completing"  # the bill is fixed; whether the platform has it is not known
    CANCELLING = "cancelling"  # nothing is owed; whether the platform knows is not known
    COLLECTING = "collecting"  # completed, the money is not here: a receivable, never given up
    LOWERING = "lowering"  # a lower bill is asked for
    WRITTEN_OFF = "written_off"  # a person does not expect the money any more; it is still asked for, rarely
    PAID = "paid"
    ENDED = "ended"  # nothing is owed
    REFUSED = "refused"  # never vouched for: no door


class VisitMove(StrEnum):
    OFFER = "offer"
    VOUCH = "vouch"
    REFUSE = "refuse"
    ABANDON = "abandon"
    TAKE = "take"
    COMPLETE = "complete"
    LOWER = "lower"
    LOWERED = "lowered"
    COLLECT = "collect"
    WRITE_OFF = "write_off"
    END = "end"


_S, _M = VisitState, VisitMove
VISIT_MOVES: Moves[VisitState, VisitMove] = Moves(
    "visit",
    VisitState,
    {
        (_S.ASKED, _M.OFFER): _S.OFFERED,
        (_S.ASKED, _M.REFUSE): _S.REFUSED,
        **{(state, _M.VOUCH): _S.OPENING for state in (_S.ASKED, _S.OFFERED)},
        **{(state, _M.ABANDON): _S.CANCELLING for state in (_S.ASKED, _S.OFFERED, _S.OPENING, _S.ENDED)},
        **{(state, _M.END): _S.ENDED for state in (_S.OFFERED, _S.CANCELLING, _S.COMPLETING, _S.LOWERING)},
        (_S.OPENING, _M.TAKE): _S.COMPLETING,
        (_S.COMPLETING, _M.COMPLETE): _S.COLLECTING,
        (_S.COLLECTING, _M.LOWER): _S.LOWERING,
        (_S.LOWERING, _M.LOWERED): _S.COLLECTING,
        (_S.COLLECTING, _M.WRITE_OFF): _S.WRITTEN_OFF,
        **{(state, _M.COLLECT): _S.PAID for state in (_S.COLLECTING, _S.LOWERING, _S.WRITTEN_OFF)},
    },
    start=_S.ASKED,
    final=(_S.PAID, _S.REFUSED),
)
"""An ended visit can come back once: its buyer agreed after it was given up, and the platform has to be told."""

OVER = frozenset({VisitState.PAID, VisitState.ENDED, VisitState.REFUSED})
OWED = frozenset({VisitState.COLLECTING, VisitState.LOWERING})


@dataclass(frozen=True, slots=True)
class Good:
    """What one shelf sells, at the price of the visit's start.

    `taken` is billed, `given` was recognised when it could not be billed any more; both have left the stock.
    """

    slot: str
    product_id: str
    name: str
    price_minor: int
    taken: int = 0
    given: int = 0
    evidence: str = ""

    @property
    def billed_minor(self) -> int:
        return self.taken * self.price_minor


@dataclass(frozen=True, slots=True)
class Visit:
    """`payer` is empty unless the buyer permitted it before, and forgotten once the platform has the order.

    `owed_minor` is what the platform was, or is to be, asked to collect; `lower_minor` the same while it is lowered.
    """

    merchant_id: str
    visit_id: str
    machine_id: str
    request_id: str
    channel: str
    account: str
    currency: str
    ceiling_minor: int
    created_at: datetime
    agree_by: datetime
    goods: tuple[Good, ...]
    state: VisitState = VisitState.ASKED
    version: int = 1
    payer: str = field(default="", repr=False)
    agreement: str = field(default="", repr=False)
    reason: str = ""
    command: Command | None = None
    door: str = ""  # how the door's run ended, in the machine's word
    shut_at: datetime | None = None
    owed_minor: int = 0
    lower_minor: int = 0
    paid_minor: int = 0
    transaction_id: str = ""
    paid_at: datetime | None = None

    @property
    def key(self) -> VisitKey:
        return (self.merchant_id, self.visit_id)

    @property
    def goods_minor(self) -> int:
        return sum(good.billed_minor for good in self.goods)

    def bill(self) -> ServiceBill:
        """What was taken; what is above the ceiling that the buyer agreed to is given, as a discount."""
        items = tuple(
            ServiceItem(good.name, Money(good.billed_minor, self.currency), good.taken)
            for good in self.goods
            if good.taken
        )
        over = self.goods_minor - min(self.goods_minor, self.ceiling_minor)
        return ServiceBill(items, (ServiceItem("-", Money(over, self.currency)),) if over else ())


@dataclass(frozen=True, slots=True)
class Seen:
    """How many pieces a shelf lost, below zero won, and by what that is known."""

    slot: str
    pieces: int
    evidence: str


class DoorSaid(StrEnum):
    STARTED = "started"  # the lock is being released: from now on the machine knows, and the deadline decides
    NOT_OPENED = "not_opened"
    TAKEN = "taken"
    NOT_KNOWN = "not_known"


# --- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """The platform's verified word. `may_open`: the cooler is ready, and no other visit's door is under way."""

    order: ServiceOrder
    via: str
    at: datetime
    may_open: bool = False


@dataclass(frozen=True, slots=True)
class NotVouched:
    reason: ServiceRefusal
    error: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AgreeTimeUp:
    at: datetime


@dataclass(frozen=True, slots=True)
class DoorFactSeen:
    """`origin` is the machine's own number of the fact."""

    cmd_id: str
    said: DoorSaid
    result: str
    goods: tuple[Seen, ...]
    origin: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DoorSilent:
    """No answer to the command: a fence is asked for. One that was never sent needs none."""

    cmd_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DoorDeadline:
    cmd_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Recounted:
    cmd_id: str
    goods: tuple[Seen, ...]
    origin: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChangeRefused:
    """The platform refuses what has to be done, and its order explains nothing: a person has to look."""

    verb: str
    error: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WriteOffAsked:
    by: str
    why: str
    at: datetime


VisitEvent = (
    OrderSeen
    | NotVouched
    | AgreeTimeUp
    | DoorFactSeen
    | DoorSilent
    | DoorDeadline
    | Recounted
    | ChangeRefused
    | WriteOffAsked
)

# --- effects ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the visit's evidence."""

    source: str
    kind: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Post:
    posting: Posting


@dataclass(frozen=True, slots=True)
class MoveStock:
    """`pieces` left the shelf; below zero: are there after all."""

    slot: str
    pieces: int


@dataclass(frozen=True, slots=True)
class Alarm:
    kind: str
    is_critical: bool
    detail: str


VisitEffect = Note | Post | MoveStock | Alarm


@dataclass(frozen=True, slots=True)
class Step:
    """A visit and what its steps caused so far."""

    visit: Visit
    effects: tuple[VisitEffect, ...] = ()

    def plus(self, *effects: VisitEffect) -> Step:
        return Step(self.visit, (*self.effects, *effects))

    def moved(self, move: VisitMove, **changes: object) -> Step:
        """Raises `IllegalMoveError`."""
        state = VISIT_MOVES.next(self.visit.state, move)
        return self.with_(state=state, **changes)

    def with_(self, **changes: object) -> Step:
        return Step(replace(self.visit, **changes), self.effects)  # type: ignore[arg-type]
