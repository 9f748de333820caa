"""A buyer's claim: "I paid, and something is wrong". One per order; what is said later adds to it. Pure.

A claim moves no money. A person grants it, and the money it names is then a refund of the refund desk with all of its
rules, or declines it with a reason that the buyer reads. A buyer may come back once after that. Granting stays possible
after declining: money that was given counts, whoever else decided in the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from vendomat.kernel import ErrorCode, IllegalMoveError, Moves, VendomatError

CLAIM_WITHIN = timedelta(days=30)
"""After the end of the order."""

OLD_AFTER = timedelta(hours=24)
TEXT_CHARACTERS_MAX = 500
WORDS_MAX = 10
"""So many times a buyer may say something about one order."""


class ClaimState(StrEnum):
    OPENED = "opened"
    REOPENED = "reopened"  # decided once, and not left at that
    GRANTED = "granted"
    DECLINED = "declined"
    REFUSED = "refused"  # declined for the second time


class ClaimMove(StrEnum):
    GRANT = "grant"
    DECLINE = "decline"
    REOPEN = "reopen"
    FALL_THROUGH = "fall_through"  # the refund it was granted by was refused or given up


MOVES: Moves[ClaimState, ClaimMove] = Moves(
    "claim",
    ClaimState,
    {
        (ClaimState.OPENED, ClaimMove.GRANT): ClaimState.GRANTED,
        (ClaimState.OPENED, ClaimMove.DECLINE): ClaimState.DECLINED,
        (ClaimState.DECLINED, ClaimMove.REOPEN): ClaimState.REOPENED,
        (ClaimState.DECLINED, ClaimMove.GRANT): ClaimState.GRANTED,
        (ClaimState.REOPENED, ClaimMove.GRANT): ClaimState.GRANTED,
        (ClaimState.REOPENED, ClaimMove.DECLINE): ClaimState.REFUSED,
        (ClaimState.REFUSED, ClaimMove.GRANT): ClaimState.GRANTED,
        (ClaimState.GRANTED, ClaimMove.FALL_THROUGH): ClaimState.REOPENED,
    },
    start=ClaimState.OPENED,
)

OPEN = (ClaimState.OPENED, ClaimState.REOPENED)


class What(StrEnum):
    """What is wrong, as the buyer sees it."""

    NOTHING_CAME = "nothing_came"
    NOT_ALL_CAME = "not_all_came"
    WRONG_GOODS = "wrong_goods"
    BAD_GOODS = "bad_goods"
    PAID_TWICE = "paid_twice"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Word:
    """What a buyer said once: `word_id` follows from the request, so that sending it again says nothing new."""

    word_id: str
    what: What
    units: tuple[int, ...]
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """`payer` is the mark of who paid, empty where it is not known. `since` is when it was opened, or opened again.

    `refund_id` is set of a granted one; `decided_by` (an operator) and `reason` are the last decision's.
    """

    merchant_id: str
    order_id: str
    machine_id: str
    payer: str
    state: ClaimState
    opened_at: datetime
    since: datetime
    words: int = 1
    refund_id: str = ""
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Said:
    """The buyer says something more."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Granted:
    """A person (`by`, an operator's id) has the money of `refund_id` go back."""

    by: str
    reason: str
    refund_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Declined:
    """A person says no; the buyer reads `reason`."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FellThrough:
    """Nothing comes of the refund that it was granted by."""

    at: datetime


ClaimEvent = Said | Granted | Declined | FellThrough


def step(claim: Claim, event: ClaimEvent) -> Claim:
    """The claim after `event`. A decision made already is no error and changes nothing.

    Raises `VendomatError` (illegal_move, conflict when everything was said).
    """
    match event:
        case Said(at):
            return _say(claim, at)
        case Granted(by, reason, refund_id, at):
            if claim.state is ClaimState.GRANTED and claim.refund_id == refund_id:
                return claim
            moved = MOVES.next(claim.state, ClaimMove.GRANT)
            return replace(claim, state=moved, refund_id=refund_id, decided_by=by, decided_at=at, reason=reason)
        case Declined(by, reason, at):
            is_done = claim.state in (ClaimState.DECLINED, ClaimState.REFUSED)
            if is_done and (claim.decided_by, claim.reason) == (by, reason):
                return claim
            moved = MOVES.next(claim.state, ClaimMove.DECLINE)
            return replace(claim, state=moved, refund_id="", decided_by=by, decided_at=at, reason=reason)
        case FellThrough(at):
            moved = MOVES.next(claim.state, ClaimMove.FALL_THROUGH)
            return replace(claim, state=moved, since=at, refund_id="", decided_by="", decided_at=None, reason="")


def _say(claim: Claim, at: datetime) -> Claim:
    if claim.words >= WORDS_MAX:
        raise VendomatError(ErrorCode.CONFLICT, "enough was said about this order; a person will answer")
    if claim.is_open:
        return replace(claim, words=claim.words + 1)
    if not may_say(claim):
        raise IllegalMoveError("this claim has been decided", state=claim.state)
    moved = MOVES.next(claim.state, ClaimMove.REOPEN)
    return replace(
        claim, state=moved, since=at, words=claim.words + 1, refund_id="", decided_by="", decided_at=None, reason=""
    )


def may_say(claim: Claim) -> bool:
    """Whether its buyer may say something more."""
    return claim.words < WORDS_MAX and (claim.is_open or MOVES.may(claim.state, ClaimMove.REOPEN))
