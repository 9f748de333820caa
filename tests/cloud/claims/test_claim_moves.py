"""What a claim may become, tried with every event in every state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from vendomat.cloud.claims.model import (
    WORDS_MAX,
    Claim,
    ClaimEvent,
    ClaimState,
    Declined,
    FellThrough,
    Granted,
    Said,
    may_say,
    step,
)
from vendomat.kernel import ErrorCode, IllegalMoveError, VendomatError

AT = datetime(2026, 6, 1, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
NEW = Claim("mer_1", "ord_1", "mch_1", "p", ClaimState.OPENED, AT, AT)
WAITING = {"refund_id": "", "decided_by": "", "decided_at": None, "reason": ""}
CLAIMS = {
    ClaimState.OPENED: NEW,
    ClaimState.REOPENED: replace(NEW, state=ClaimState.REOPENED, words=2),
    ClaimState.GRANTED: replace(
        NEW, state=ClaimState.GRANTED, refund_id="rfd_1", decided_by="opr_1", decided_at=AT, reason="seen"
    ),
    ClaimState.DECLINED: replace(NEW, state=ClaimState.DECLINED, decided_by="opr_1", decided_at=AT, reason="no"),
    ClaimState.REFUSED: replace(NEW, state=ClaimState.REFUSED, decided_by="opr_1", decided_at=AT, reason="no"),
}
EVENTS: dict[str, ClaimEvent] = {
    "said": Said(LATER),
    "granted": Granted("opr_2", "right", "rfd_2", LATER),
    "declined": Declined("opr_2", "seen on camera", LATER),
    "fell": FellThrough(LATER),
}
_S = ClaimState
BECOMES = {
    (_S.OPENED, "said"): _S.OPENED,
    (_S.OPENED, "granted"): _S.GRANTED,
    (_S.OPENED, "declined"): _S.DECLINED,
    (_S.REOPENED, "said"): _S.REOPENED,
    (_S.REOPENED, "granted"): _S.GRANTED,
    (_S.REOPENED, "declined"): _S.REFUSED,
    (_S.GRANTED, "fell"): _S.REOPENED,
    (_S.DECLINED, "said"): _S.REOPENED,
    (_S.DECLINED, "granted"): _S.GRANTED,
    (_S.REFUSED, "granted"): _S.GRANTED,
}


@pytest.mark.parametrize(("state", "name"), list(product(ClaimState, EVENTS)))
def test_every_state_and_event(state: ClaimState, name: str) -> None:
    before = CLAIMS[state]
    if (state, name) not in BECOMES:
        with pytest.raises(IllegalMoveError):
            step(before, EVENTS[name])
        return
    after = step(before, EVENTS[name])
    assert after.state is BECOMES[state, name]
    assert after.words == before.words + (name == "said")
    assert (after.refund_id != "") is (after.state is ClaimState.GRANTED)
    assert after.is_open is (after.decided_at is None) is (after.decided_by == "") is (after.reason == "")
    assert after.since == (LATER if after.state is _S.REOPENED and state is not _S.REOPENED else before.since)
    if name in ("granted", "declined"):
        assert (after.decided_by, after.decided_at) == ("opr_2", LATER)


def test_a_decision_told_twice_is_made_once() -> None:
    granted, declined = Granted("o", "r", "rfd_1", AT), Declined("o", "r", AT)
    for start, event, again in ((NEW, granted, LATER), (NEW, declined, LATER), (CLAIMS[_S.REOPENED], declined, LATER)):
        after = step(start, event)
        assert step(after, replace(event, at=again)) is after
    with pytest.raises(IllegalMoveError):
        step(step(NEW, granted), replace(granted, refund_id="rfd_2"))
    with pytest.raises(IllegalMoveError):
        step(step(NEW, declined), replace(declined, by="another"))


def test_a_buyer_comes_back_once_and_says_so_much() -> None:
    declined = step(NEW, Declined("o", "r", AT))
    assert may_say(declined)
    refused = step(step(declined, Said(LATER)), Declined("o", "r2", LATER))
    assert not may_say(refused) and not may_say(CLAIMS[_S.GRANTED])
    full = replace(NEW, words=WORDS_MAX)
    assert not may_say(full) and may_say(replace(NEW, words=WORDS_MAX - 1))
    with pytest.raises(VendomatError) as refusal:
        step(full, Said(LATER))
    assert refusal.value.code is ErrorCode.CONFLICT
