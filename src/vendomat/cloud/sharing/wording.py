"""A share in the words of the contract with platforms, and their answers in ours. Pure.

FINISHED only says that the platform's order ran: whether the owner has the money is said of their own share in it.
"""

from __future__ import annotations

from datetime import datetime

from vendomat.cloud.payments import (
    Share as PartOfRequest,
)
from vendomat.cloud.payments import (
    ShareState,
    Sharing,
    SharingRequest,
    SharingState,
    TakeBackRequest,
    TakeBackState,
    TakenBack,
)
from vendomat.cloud.sharing.model import Duty, Share, ShareSaid, Word
from vendomat.kernel import Money

WHY_GIVEN = "场地分成"
WHY_FREED = "无需分账"
WHY_BACK = "多付退回"
_STATES = {
    SharingState.PROCESSING: Word.ACCEPTED,
    SharingState.REFUSED: Word.REFUSED,
    SharingState.UNKNOWN: Word.UNKNOWN,
}
_PARTS = {ShareState.PENDING: Word.ACCEPTED, ShareState.SUCCEEDED: Word.SUCCEEDED, ShareState.CLOSED: Word.CLOSED}
_BACKS = {
    TakeBackState.PROCESSING: Word.ACCEPTED,
    TakeBackState.SUCCEEDED: Word.SUCCEEDED,
    TakeBackState.FAILED: Word.CLOSED,
    TakeBackState.REFUSED: Word.REFUSED,
    TakeBackState.UNKNOWN: Word.UNKNOWN,
}
ERROR_CHARACTERS_MAX = 200


def request_of(share: Share) -> SharingRequest:
    """What is given, and the rest free; the same in every repetition."""
    part = PartOfRequest(share.kind, share.receiver, Money(share.amount_minor, share.currency), WHY_GIVEN)
    return SharingRequest(share.share_id, share.transaction_id, (part,), frees_rest=True)


def take_back_request_of(share: Share) -> TakeBackRequest:
    amount = Money(share.amount_minor, share.currency)
    return TakeBackRequest(share.share_id, share.of_share, share.receiver, amount, WHY_BACK)


def said_of(share: Share, sharing: Sharing, at: datetime) -> ShareSaid | None:
    """What a sharing says of `share`; None when the platform has none such."""
    if sharing.state is SharingState.NOT_FOUND:
        return None
    if sharing.state is not SharingState.FINISHED:
        return ShareSaid(_STATES[sharing.state], sharing.error[:ERROR_CHARACTERS_MAX], at, _detail(share, sharing))
    if share.duty is Duty.FREE:
        return ShareSaid(Word.SUCCEEDED, "", at)
    mine = next((p for p in sharing.shares if (p.kind, p.account) == (share.kind, share.receiver)), None)
    if mine is None or mine.amount != Money(share.amount_minor, share.currency):
        return ShareSaid(Word.UNKNOWN, "the platform has this number with another share", at)
    return ShareSaid(_PARTS[mine.state], mine.error[:ERROR_CHARACTERS_MAX], at, mine.detail_number)


def _detail(share: Share, sharing: Sharing) -> str:
    mine = (p.detail_number for p in sharing.shares if (p.kind, p.account) == (share.kind, share.receiver))
    return next(mine, "")


def said_of_take_back(back: TakenBack, at: datetime) -> ShareSaid | None:
    """As `said_of`."""
    if back.state is TakeBackState.NOT_FOUND:
        return None
    return ShareSaid(_BACKS[back.state], back.error[:ERROR_CHARACTERS_MAX], at, back.detail_number)
