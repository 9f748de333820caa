"""The steps of a share. Pure: the share and an event in, the share and effects out. Nothing else assigns a stage.

1. Money leaves our account there only by the platform's word that the receiver has it.
2. What the platform definitely did not do is owed to the owner again, and can be paid by hand.
3. A refusal ends nothing by itself: the same number is asked again, until its time is over or a person gives it up.
4. What was given although it had been given up counts against what is owed.
"""

from __future__ import annotations

from collections.abc import Callable

from vendomat.cloud.ledger import funding, postings
from vendomat.cloud.sharing.model import (
    SHARE_MOVES,
    Alarm,
    Duty,
    GivenUp,
    Post,
    Share,
    ShareEvent,
    ShareMove,
    ShareSaid,
    ShareStage,
    Step,
    Word,
)

SHARE_ALARM = "site_share"
"""The alarm of a share that a person has to look at."""
_MOVES = {
    Word.ACCEPTED: ShareMove.ACCEPT,
    Word.SUCCEEDED: ShareMove.SUCCEED,
    Word.CLOSED: ShareMove.CLOSE,
    Word.REFUSED: ShareMove.REFUSE,
    Word.UNKNOWN: ShareMove.LOSE_SIGHT,
}


def step(share: Share, event: ShareEvent) -> Step:
    """The share after `event`, and what is to be done. A word that changes nothing any more is passed over."""
    return _STEPS[type(event)](Step(share), event)


def _on_said(now: Step, event: ShareSaid) -> Step:
    share, move = now.share, _MOVES[event.word]
    if not SHARE_MOVES.may(share.stage, move):
        return now
    detail = event.detail_number or share.detail_number
    if SHARE_MOVES.next(share.stage, move) is share.stage and (event.error, detail) == (
        share.error,
        share.detail_number,
    ):
        return now
    if move is ShareMove.CLOSE:
        return _closed(now, event)
    after = now.moved(move, event.at, error=event.error, detail_number=detail)
    if move is ShareMove.SUCCEED:
        return _succeeded(after, was_closed=share.stage is ShareStage.CLOSED)
    if move is ShareMove.REFUSE and share.stage is not ShareStage.REFUSED and share.duty is not Duty.FREE:
        return after.plus(_alarm(share, "refused", event.error))
    return after


def _succeeded(now: Step, *, was_closed: bool) -> Step:
    share = now.share
    fund = funding(share.channel, share.account)
    if share.duty is Duty.TAKE_BACK:
        return now.plus(Post(postings.share_taken_back(share.share_id, share.site_id, fund, share.amount_minor)))
    if share.duty is Duty.FREE:
        return now
    make = postings.share_given_late if was_closed else postings.share_given
    now = now.plus(Post(make(share.share_id, share.site_id, fund, share.amount_minor)))
    return now.plus(_alarm(share, "given although it had been given up", "")) if was_closed else now


def _closed(now: Step, event: ShareSaid) -> Step:
    now = now.moved(ShareMove.CLOSE, event.at, error=event.error, closed_at=event.at)
    return _owed_again(now).plus(*_alarms_of_close(now.share, event.error))


def _alarms_of_close(share: Share, error: str) -> tuple[Alarm, ...]:
    return () if share.duty is Duty.FREE else (_alarm(share, "not carried out", error),)


def _on_given_up(now: Step, event: GivenUp) -> Step:
    if not SHARE_MOVES.may(now.share.stage, ShareMove.GIVE_UP):
        return now
    return _owed_again(now.moved(ShareMove.GIVE_UP, event.at, closed_at=event.at, ended_by=event.by))


def _owed_again(now: Step) -> Step:
    share = now.share
    if share.duty is not Duty.GIVE:
        return now
    return now.plus(Post(postings.share_closed(share.share_id, share.site_id, share.amount_minor)))


def _alarm(share: Share, what: str, error: str) -> Alarm:
    said = f": {error}" if error else ""
    return Alarm(SHARE_ALARM, False, f"{share.share_id}, {share.duty.value} {share.amount_minor}, {what}{said}"[:400])


_STEPS: dict[type, Callable[..., Step]] = {ShareSaid: _on_said, GivenUp: _on_given_up}
