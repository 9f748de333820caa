"""The steps of a share: every stage with every word, and the ledger after each story."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendomat.cloud.payments import ReceiverKind
from vendomat.cloud.sharing.model import (
    ENDED,
    SHARE_MOVES,
    Alarm,
    Duty,
    GivenUp,
    Post,
    Share,
    ShareEvent,
    ShareSaid,
    ShareStage,
    Word,
)
from vendomat.cloud.sharing.steps import step

AT = datetime(2026, 2, 2, tzinfo=UTC)
RENT, WAY, FUND = "liab:site_rent:sit_1", "liab:site_share:sit_1", "asset:clearing:wechat:1900000001"


def share(duty: Duty = Duty.GIVE, stage: ShareStage = ShareStage.REQUESTED) -> Share:
    return Share(
        merchant_id="mer_1",
        share_id="shr_1",
        site_id="sit_1",
        duty=duty,
        payment_id="pay_1",
        transaction_id="42",
        channel="wechat",
        account="1900000001",
        kind=ReceiverKind.MERCHANT,
        receiver="1900000002",
        currency="CNY",
        amount_minor=0 if duty is Duty.FREE else 105,
        asked_at=AT,
        may_until=AT + timedelta(days=30),
        of_share="shr_0" if duty is Duty.TAKE_BACK else "",
        stage=stage,
        closed_at=AT if stage is ShareStage.CLOSED else None,
        ended_at=AT if stage in ENDED else None,
    )


def said(word: Word, error: str = "") -> ShareSaid:
    return ShareSaid(word, error, AT + timedelta(minutes=1))


def told(one: Share, *events: ShareEvent) -> tuple[Share, Counter[str], list[str]]:
    """The share after its story, what was booked on each account, and the alarms."""
    books: Counter[str] = Counter()
    alarms: list[str] = []
    keys: list[str] = []
    for event in events:
        done = step(one, event)
        one = done.share
        for effect in done.effects:
            if isinstance(effect, Post):
                keys.append(effect.posting.key)
                for account, minor in effect.posting.lines:
                    books[account] += minor
            else:
                assert isinstance(effect, Alarm)
                alarms.append(effect.detail)
    assert len(keys) == len(set(keys)), "nothing is booked twice"
    return one, Counter({account: minor for account, minor in books.items() if minor}), alarms


@pytest.mark.parametrize("stage", ShareStage)
@pytest.mark.parametrize("word", Word)
@pytest.mark.parametrize("duty", Duty)
def test_every_word_in_every_stage_does_what_the_table_says(duty: Duty, word: Word, stage: ShareStage) -> None:
    moves = {
        Word.ACCEPTED: "accept",
        Word.SUCCEEDED: "succeed",
        Word.CLOSED: "close",
        Word.REFUSED: "refuse",
        Word.UNKNOWN: "lose_sight",
    }
    one = share(duty, stage)
    done = step(one, said(word, "why"))
    wanted = SHARE_MOVES.table.get((stage, moves[word]))  # type: ignore[call-overload]
    if wanted is None:
        assert done.share == one and not done.effects
        return
    assert done.share.stage is wanted
    assert (done.share.ended_at is not None) == (wanted in ENDED)
    assert step(done.share, said(word, "why")).effects == (), "said twice, it is booked once"


def test_given_leaves_our_account_only_when_it_arrived() -> None:
    accepted, books, _ = told(share(), said(Word.ACCEPTED), said(Word.UNKNOWN))
    assert (accepted.stage, books) == (ShareStage.PROCESSING, {})
    done, books, alarms = told(accepted, said(Word.SUCCEEDED))
    assert (done.stage, books, alarms) == (ShareStage.SUCCEEDED, {WAY: 105, FUND: -105}, [])


def test_what_the_platform_did_not_do_is_owed_again() -> None:
    done, books, alarms = told(share(), said(Word.ACCEPTED), said(Word.CLOSED, "ACCOUNT_ABNORMAL"))
    assert (done.stage, books) == (ShareStage.CLOSED, {WAY: 105, RENT: -105})
    assert len(alarms) == 1 and "ACCOUNT_ABNORMAL" in alarms[0]


def test_a_refusal_moves_nothing_and_a_person_ends_it() -> None:
    refused, books, alarms = told(
        share(), said(Word.REFUSED, "no such receiver"), said(Word.REFUSED, "no such receiver")
    )
    assert (refused.stage, books, len(alarms)) == (ShareStage.REFUSED, {}, 1)
    done, books, _ = told(refused, GivenUp("opr_1", AT))
    assert (done.stage, done.ended_by, books) == (ShareStage.CLOSED, "opr_1", {WAY: 105, RENT: -105})
    assert told(share(), GivenUp("opr_1", AT))[0] == share(), "what was not refused is not given up"


def test_what_arrives_after_it_was_given_up_counts() -> None:
    done, books, alarms = told(
        share(), said(Word.REFUSED, "x"), GivenUp("opr_1", AT), said(Word.SUCCEEDED), said(Word.SUCCEEDED)
    )
    assert (done.stage, books) == (ShareStage.SUCCEEDED, {WAY: 105, FUND: -105})
    assert len(alarms) == 2


def test_setting_free_books_nothing_and_worries_nobody() -> None:
    for word in (Word.REFUSED, Word.CLOSED, Word.SUCCEEDED):
        assert told(share(Duty.FREE), said(word, "x"))[1:] == ({}, [])


def test_what_comes_back_pays_what_the_owner_owed() -> None:
    done, books, _ = told(share(Duty.TAKE_BACK), said(Word.ACCEPTED), said(Word.SUCCEEDED))
    assert (done.stage, books) == (ShareStage.SUCCEEDED, {FUND: 105, RENT: -105})
    failed, books, alarms = told(share(Duty.TAKE_BACK), said(Word.CLOSED, "PAYER_ACCOUNT_ABNORMAL"))
    assert (failed.stage, books, len(alarms)) == (ShareStage.CLOSED, {}, 1)


words = st.lists(st.sampled_from([said(word, error) for word in Word for error in ("", "x")] + [GivenUp("o", AT)]))


@given(words)
def test_whatever_is_said_the_way_and_the_rent_and_the_fund_agree(story: list[ShareEvent]) -> None:
    done, books, _ = told(share(), *story)
    ended = done.stage in ENDED
    assert books[WAY] == (105 if ended else 0), "nothing stays on its way, nothing leaves it twice"
    assert books[FUND] == (-105 if done.stage is ShareStage.SUCCEEDED else 0)
    assert sum(books.values()) == 0
    assert replace(done, changed_at=None).key == share().key
