"""What a pair of a bill's row and ours is: every class, its fix, and what an answer of the platform makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from vendomat.cloud.payments import BillRowKind, BillRowStatus
from vendomat.cloud.reconciliation.model import (
    AccountDay,
    Billed,
    Booked,
    Fix,
    FundSums,
    ItemState,
    Pair,
    ReconClass,
    Said,
    Sold,
    Verdict,
    after_look_up,
    after_refund_look_up,
    classify,
    contract_fee,
    judge_funds,
    judge_shared,
    judge_sold,
    last_due_day,
)

DAY = date(2026, 6, 1)
PAYMENT, REFUND = BillRowKind.PAYMENT, BillRowKind.REFUND
SUCCEEDED, PROCESSING, FAILED = BillRowStatus.SUCCEEDED, BillRowStatus.PROCESSING, BillRowStatus.FAILED
BILLED = Billed(SUCCEEDED, 350, "CNY", 2)
DONE = Booked(is_done=True, amount_minor=350, currency="CNY", day=DAY)
OPEN = replace(DONE, is_done=False, day=None)
DEAD = replace(OPEN, is_dead=True)
LATER = replace(DONE, day=date(2026, 6, 2))


def pair(kind: BillRowKind, billed: Billed | None, booked: Booked | None, **other: bool) -> Pair:
    return Pair(kind, DAY, billed, booked, **other)


TABLE = {
    "agrees": (pair(PAYMENT, BILLED, DONE), "ok nothing explained"),
    "not in the bill, tomorrow's not here": (pair(PAYMENT, None, DONE), "timing wait open"),
    "not in the bill, another day has it": (
        pair(PAYMENT, None, DONE, is_listed_elsewhere=True),
        "timing nothing explained",
    ),
    "in no bill": (pair(PAYMENT, None, DONE, is_next_known=True), "short look_up_payment open"),
    "refund in no bill": (pair(REFUND, None, DONE, is_next_known=True), "refund_short look_up_refund open"),
    "unknown money": (pair(PAYMENT, BILLED, None), "long suspense open"),
    "unknown refund": (pair(REFUND, BILLED, None), "refund_long suspense open"),
    "unknown refund under way": (pair(REFUND, replace(BILLED, status=PROCESSING), None), "refund_long review open"),
    "unknown and failed": (pair(REFUND, replace(BILLED, status=FAILED), None), "ok nothing explained"),
    "unknown and worth nothing": (pair(PAYMENT, replace(BILLED, amount_minor=0), None), "long review open"),
    "listed twice": (pair(PAYMENT, replace(BILLED, is_repeat=True), DONE), "long review open"),
    "of another account": (pair(PAYMENT, BILLED, replace(DONE, is_of_account=False)), "long review open"),
    "not paid here": (pair(PAYMENT, BILLED, OPEN), "long look_up_payment open"),
    "not paid anywhere": (pair(PAYMENT, replace(BILLED, status=FAILED), OPEN), "ok nothing explained"),
    "paid here, failed there": (pair(PAYMENT, replace(BILLED, status=FAILED), DONE), "short look_up_payment open"),
    "other sum": (pair(PAYMENT, replace(BILLED, amount_minor=349), DONE), "amount review open"),
    "other currency": (pair(PAYMENT, replace(BILLED, currency="USD"), DONE), "amount review open"),
    "frozen": (pair(PAYMENT, BILLED, replace(DONE, fits=False)), "amount review open"),
    "midnight": (pair(PAYMENT, BILLED, LATER), "timing nothing explained"),
    "a week apart": (pair(PAYMENT, BILLED, replace(DONE, day=date(2026, 6, 8))), "timing review open"),
    "dear": (pair(PAYMENT, replace(BILLED, fee_minor=4), DONE), "fee report explained"),
    "a fen dear": (pair(PAYMENT, replace(BILLED, fee_minor=3), DONE), "ok nothing explained"),
    "refund agrees": (pair(REFUND, BILLED, DONE), "ok nothing explained"),
    "refund ended later": (pair(REFUND, BILLED, LATER), "timing nothing explained"),
    "refund of another sum": (pair(REFUND, replace(BILLED, amount_minor=1), DONE), "amount review open"),
    "refund done there only": (pair(REFUND, BILLED, OPEN), "status look_up_refund open"),
    "refund done here only": (pair(REFUND, replace(BILLED, status=PROCESSING), DONE), "status look_up_refund open"),
    "refund failed there": (pair(REFUND, replace(BILLED, status=FAILED), DONE), "status look_up_refund open"),
    "refund under way": (pair(REFUND, replace(BILLED, status=PROCESSING), OPEN), "timing nothing explained"),
    "refund dead": (pair(REFUND, replace(BILLED, status=FAILED), DEAD), "ok nothing explained"),
    "refund dead here": (pair(REFUND, replace(BILLED, status=PROCESSING), DEAD), "status look_up_refund open"),
}


@pytest.mark.parametrize("name", TABLE)
def test_every_pair_has_one_class_and_one_fix(name: str) -> None:
    seen, expected = TABLE[name]
    verdict = classify(seen, 6_000)
    assert f"{verdict.cls} {verdict.fix} {verdict.state}" == expected
    assert verdict.why or verdict.cls is ReconClass.OK


def test_without_a_contract_no_fee_is_wrong() -> None:
    assert classify(pair(PAYMENT, replace(BILLED, fee_minor=99), DONE), None).cls is ReconClass.OK


@pytest.mark.parametrize(("amount", "fee"), [(350, 2), (83, 0), (84, 1), (10_000, 60), (1_000_000_007, 6_000_000)])
def test_the_contracts_fee_is_half_up_by_the_order(amount: int, fee: int) -> None:
    assert contract_fee(amount, 6_000) == fee


SOLD = {
    "delivered": (Sold(350, True, False, 350, 0), "ok"),
    "went back": (Sold(350, True, False, 0, 350), "ok"),
    "partly each": (Sold(550, True, False, 350, 200), "ok"),
    "kept": (Sold(350, True, False, 0, 0), "vend"),
    "partly kept": (Sold(550, True, False, 350, 0), "vend"),
    "late and kept": (Sold(350, False, False, 0, 0), "vend"),
    "second, went back": (Sold(350, False, True, 0, 350), "dup"),
    "second, kept": (Sold(350, False, True, 0, 0), "dup"),
}


@pytest.mark.parametrize("name", SOLD)
def test_money_became_goods_or_went_back(name: str) -> None:
    sold, cls = SOLD[name]
    verdict = judge_sold(sold)
    assert verdict.cls.value == cls
    assert (verdict.state is ItemState.OPEN) == (sold.kept_minor > 0)


LONG = Verdict(ReconClass.LONG, Fix.LOOK_UP_PAYMENT)
SHORT = Verdict(ReconClass.SHORT, Fix.LOOK_UP_PAYMENT)
AMOUNT = Verdict(ReconClass.AMOUNT, Fix.REVIEW, why="the sums differ")
AGREES = Verdict(ReconClass.OK, Fix.NOTHING, ItemState.EXPLAINED)


def test_no_answer_changes_nothing() -> None:
    for verdict in (LONG, SHORT, Verdict(ReconClass.REFUND_SHORT, Fix.LOOK_UP_REFUND)):
        assert after_look_up(verdict, Said.NOT_KNOWN, None) == verdict
        assert after_refund_look_up(verdict, Said.NOT_KNOWN, PROCESSING, is_done=True) == verdict


def test_an_answer_settles_an_item_only_when_both_sides_agree_then() -> None:
    assert after_look_up(LONG, Said.YES, AGREES).state is ItemState.FIXED
    assert after_look_up(LONG, Said.YES, AMOUNT) == AMOUNT
    assert after_look_up(LONG, Said.NO, None).fix is Fix.REVIEW
    for said in (Said.YES, Said.NO):
        short = after_look_up(SHORT, said, None)
        assert (short.cls, short.fix, short.state) == (ReconClass.SHORT, Fix.REVIEW, ItemState.OPEN)
    refund = Verdict(ReconClass.REFUND_SHORT, Fix.LOOK_UP_REFUND)
    assert after_look_up(refund, Said.YES, None).state is ItemState.EXPLAINED
    assert after_look_up(refund, Said.NO, None).state is ItemState.OPEN


@pytest.mark.parametrize(
    ("said", "billed", "is_done", "is_open"),
    [
        (Said.YES, PROCESSING, True, False),
        (Said.YES, FAILED, True, False),
        (Said.YES, SUCCEEDED, False, True),
        (Said.NO, FAILED, False, False),
        (Said.NO, PROCESSING, False, False),
        (Said.NO, SUCCEEDED, False, True),
        (Said.NO, FAILED, True, True),
    ],
)
def test_a_refund_is_explained_when_all_three_can_be_true(
    said: Said, billed: BillRowStatus, is_done: bool, is_open: bool
) -> None:
    verdict = after_refund_look_up(Verdict(ReconClass.STATUS, Fix.LOOK_UP_REFUND), said, billed, is_done=is_done)
    assert (verdict.state is ItemState.OPEN) is is_open


def test_funds_must_follow_from_each_other_and_from_the_trade_bill() -> None:
    good = FundSums(opening_minor=100, closing_minor=448, moved_minor=348)
    assert judge_funds(good, before_minor=100, net_minor=348) == []
    assert judge_funds(good, before_minor=None, net_minor=348) == []
    bad = judge_funds(replace(good, broken_row=3), before_minor=99, net_minor=350)
    assert [(subject, bill, ours) for subject, bill, ours, _ in bad] == [
        ("fund:chain", 448, 448),
        ("fund:opening", 100, 99),
        ("fund:sum", 348, 350),
    ]


def test_days_are_cut_in_china_and_a_bill_is_due_at_a_quarter_past_ten() -> None:
    place = AccountDay("m", "wechat", "1", DAY)
    assert place.begins_at.astimezone(UTC) == datetime(2026, 5, 31, 16, tzinfo=UTC)
    assert place.due_at.astimezone(UTC) == datetime(2026, 6, 2, 2, 15, tzinfo=UTC)
    assert last_due_day(place.due_at) == DAY
    assert last_due_day(place.due_at.replace(minute=14)) == date(2026, 5, 31)


def test_a_share_is_explained_once_and_by_its_own_sum():
    known = {"3601": -105, "3009": 30}
    assert judge_shared([("f1", "3601", -105), ("f2", "3009", 30)], known) == []
    found = judge_shared([("f1", "3601", -105), ("f2", "3601", -105), ("f3", "3009", 31), ("f4", "x", -1)], known)
    assert [(subject, bill, ours) for subject, bill, ours, _ in found] == [
        ("fund:share:f2", -105, 0),
        ("fund:share:f3", 31, 30),
        ("fund:share:f4", -1, 0),
    ]
