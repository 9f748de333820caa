"""What the platform is asked about the money of one payment that is shared with a site's owner. Values; pure.

One share is one instruction under one number, kept before the first call: give a part of a payment to the owner and set
the rest free, set all of it free, or take back part of what was given. What is given comes out of what a statement says
is owed, and stands on an account of its own until the platform has said what became of it, so that nobody pays it by
hand as well. Refuses to decide: `steps` does, and `plan` says which payments.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from vendomat.cloud.ledger import Posting
from vendomat.cloud.payments import ReceiverKind
from vendomat.kernel import Moves

ShareKey = tuple[str, str]
"""(merchant_id, share_id)"""

CEILING_BP_DEFAULT = 3_000
"""The platform lets an account give away 30 % of a payment unless it has agreed to more."""
SHAREABLE = timedelta(days=30)
"""How long after the payment it may be shared; what is left then is the merchant's by itself."""
NOT_BEFORE = timedelta(minutes=10)
"""The platform wants a minute; by then the goods are out or the money is on its way back."""
LEAVE_FOR_TRIES = timedelta(days=1)
"""A payment is chosen no later than this before its time is over: there may be several tries."""
RETURNABLE = timedelta(days=180)
SETTLED = timedelta(minutes=1)
"""A refused number is given up no sooner after the last word of it: a call may still be on its way."""


class Duty(StrEnum):
    GIVE = "give"  # a part to the owner; the rest is free
    FREE = "free"  # nothing of it is needed: all of it is free
    TAKE_BACK = "take_back"  # part of what was given; merchants only


class ShareStage(StrEnum):
    REQUESTED = "requested"  # the number is kept; whether the platform has it is not known
    UNKNOWN = "unknown"
    PROCESSING = "processing"
    REFUSED = "refused"  # definitely not taken so far: the same number again, or a person gives it up
    SUCCEEDED = "succeeded"
    CLOSED = "closed"  # nothing moved by this number


class ShareMove(StrEnum):
    ACCEPT = "accept"
    SUCCEED = "succeed"
    CLOSE = "close"
    REFUSE = "refuse"
    LOSE_SIGHT = "lose_sight"
    GIVE_UP = "give_up"


_S, _M = ShareStage, ShareMove
_OPEN = (_S.REQUESTED, _S.UNKNOWN, _S.PROCESSING, _S.REFUSED)
SHARE_MOVES: Moves[ShareStage, ShareMove] = Moves(
    "share",
    ShareStage,
    {
        **{(stage, _M.ACCEPT): _S.PROCESSING for stage in _OPEN},
        **{(stage, _M.SUCCEED): _S.SUCCEEDED for stage in _OPEN},
        **{(stage, _M.CLOSE): _S.CLOSED for stage in _OPEN},
        **{(stage, _M.REFUSE): _S.REFUSED for stage in (_S.REQUESTED, _S.UNKNOWN, _S.REFUSED)},
        **{(stage, _M.LOSE_SIGHT): _S.UNKNOWN for stage in (_S.REQUESTED, _S.UNKNOWN, _S.REFUSED)},
        (_S.PROCESSING, _M.LOSE_SIGHT): _S.PROCESSING,
        (_S.REFUSED, _M.GIVE_UP): _S.CLOSED,
        # The platform did what it had given up, or we had: the money went, and it counts.
        (_S.CLOSED, _M.SUCCEED): _S.SUCCEEDED,
    },
    start=_S.REQUESTED,
    final=(_S.SUCCEEDED,),
)
ENDED = frozenset({ShareStage.SUCCEEDED, ShareStage.CLOSED})


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a site's owner is paid by the platform. `name` is a merchant's full name, which the platform compares.

    `is_added`: the platform knows the receiver. `since` is when it was switched on: statements from then on are paid
    so. `account` is ours there, and `ceiling_bp` the part of a payment, in hundredths of a percent, that it may give.
    """

    merchant_id: str
    site_id: str
    channel: str
    account: str
    kind: ReceiverKind
    receiver: str
    name: str = field(default="", repr=False)
    ceiling_bp: int = CEILING_BP_DEFAULT
    is_sharing: bool = True
    is_added: bool = False
    error: str = ""
    since: datetime | None = None
    changed_at: datetime | None = None
    changed_by: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """`share_id` is the number the platform knows it by; who is given what never changes.

    `position` and `round` name the statement and the plan it came of. `of_share` is, of a take-back, the share that is
    taken back from; `detail_number` the platform's own number, under which its bill lists it. `may_until`: no later can
    the platform do it.
    """

    merchant_id: str
    share_id: str
    site_id: str
    duty: Duty
    payment_id: str
    transaction_id: str
    channel: str
    account: str
    kind: ReceiverKind
    receiver: str
    currency: str
    amount_minor: int
    asked_at: datetime
    may_until: datetime
    position: int = 0
    round: int = 0
    of_share: str = ""
    asked_by: str = ""
    stage: ShareStage = ShareStage.REQUESTED
    error: str = ""
    detail_number: str = ""
    closed_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    changed_at: datetime | None = None

    @property
    def key(self) -> ShareKey:
        return (self.merchant_id, self.share_id)


# --- events ----------------------------------------------------------------------------------------------------------


class Word(StrEnum):
    """What the platform said of a number, whichever of the duties it has."""

    ACCEPTED = "accepted"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ShareSaid:
    word: Word
    error: str
    at: datetime
    detail_number: str = ""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A person ends a refused number; the platform was asked just now and has none such."""

    by: str
    at: datetime


ShareEvent = ShareSaid | GivenUp

# --- effects ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Post:
    posting: Posting


@dataclass(frozen=True, slots=True)
class Alarm:
    kind: str
    is_critical: bool
    detail: str


ShareEffect = Post | Alarm


@dataclass(frozen=True, slots=True)
class Step:
    """A share and what its step caused."""

    share: Share
    effects: tuple[ShareEffect, ...] = ()

    def plus(self, *effects: ShareEffect) -> Step:
        return Step(self.share, (*self.effects, *effects))

    def moved(self, move: ShareMove, at: datetime, **changes: object) -> Step:
        """Raises `IllegalMoveError`."""
        stage = SHARE_MOVES.next(self.share.stage, move)
        ended_at = at if stage in ENDED else None
        moved = replace(self.share, stage=stage, ended_at=ended_at, changed_at=at, **changes)  # type: ignore[arg-type]
        return Step(moved, self.effects)
