"""Causes: one row for each thing that is wrong, the dearest first, and nothing lost twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vendomat.cloud.reports.causes import Expected, Found, Remedy, Stakes, causes_of, ranked

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
STAKES = Stakes(
    expected={"": Expected(10_000, "own"), "m1": Expected(1_000, "own"), "m2": Expected(300, "merchant")},
    shares_ppm={("m1", "A1"): 250_000, ("m1", "A2"): 100_000, ("m1", ""): 50_000},
    machines=40,
    channels=4,
)


def found(kind: str, machine_id: str = "m1", slot: str = "", *, minutes: int = 0, **more: object) -> Found:
    severity = str(more.pop("severity", "warning"))
    return Found(kind, machine_id, severity, AT + timedelta(minutes=minutes), slot=slot, **more)  # type: ignore[arg-type]


def test_what_loses_more_comes_first_and_says_how_it_is_reckoned() -> None:
    rows = ranked(
        causes_of(
            [
                found("refund_held", severity="critical", order_id="ord_1"),
                found("vend_failed", slot="A2", alarm_ids=("alm_2",)),
                found("vend_failed", slot="A1", alarm_ids=("alm_1",)),
                found("machine.offline", "m2", severity="critical"),
            ]
        ),
        STAKES,
    )
    assert [(r.found.kind, r.found.slot, r.loss_minor_per_hour, r.share_ppm, r.basis) for r in rows] == [
        ("machine.offline", "", 300, 1_000_000, "merchant"),
        ("vend_failed", "A1", 250, 250_000, "own"),
        ("vend_failed", "A2", 100, 100_000, "own"),
        ("refund_held", "", 0, 0, ""),
    ]


def test_of_what_loses_nothing_the_critical_then_the_oldest_comes_first() -> None:
    rows = ranked(
        causes_of(
            [
                found("claim_old", "", minutes=1),
                found("machine.clone", "m2", severity="critical", minutes=3),
                found("code.locked", "m3"),
            ]
        ),
        STAKES,
    )
    assert [r.found.kind for r in rows] == ["machine.clone", "code.locked", "claim_old"]


def test_alarms_of_one_slot_are_one_cause_and_a_lock_speaks_for_the_rest() -> None:
    (row,) = causes_of(
        [
            found("vend_unknown", slot="A1", alarm_ids=("alm_1",), minutes=2),
            found("slot_locked", slot="A1", alarm_ids=("alm_2",), minutes=5),
            found("vend_failed", slot="A1", alarm_ids=("alm_3",), minutes=1, count=3),
        ]
    )
    assert (row.found.kind, row.fix, row.found.since, row.found.count) == (
        "slot_locked",
        Remedy.UNLOCK_SLOT,
        AT + timedelta(minutes=1),
        5,
    )
    assert set(row.found.alarm_ids) == {"alm_1", "alm_2", "alm_3"}


def test_a_machine_that_sells_nothing_swallows_its_slots_but_not_its_money() -> None:
    rows = ranked(
        causes_of(
            [
                found("vend_failed", slot="A1"),
                found("sold_out", count=3),
                found("machine.not_ready", detail="door_open"),
                found("machine.offline", alarm_ids=("alm_9",)),
                found("refund_stuck", order_id="ord_1", refund_id="rf_1"),
            ]
        ),
        STAKES,
    )
    assert [(r.found.kind, r.loss_minor_per_hour, r.folded) for r in rows] == [
        ("machine.offline", 1_000, 3),
        ("refund_stuck", 0, 0),
    ]


def test_many_machines_away_and_a_way_to_pay_count_against_the_whole_merchant() -> None:
    rows = ranked(causes_of([found("machines.offline", "", count=30), found("channel_away", "")]), STAKES)
    assert [(r.found.kind, r.loss_minor_per_hour) for r in rows] == [
        ("machines.offline", 7_500),
        ("channel_away", 2_500),
    ]


@pytest.mark.parametrize(
    ("one", "fix"),
    [
        (found("vend_failed", slot="A1"), Remedy.REOPEN_SLOT),
        (found("refund_held", order_id="ord_1", refund_id="rf_1"), Remedy.RELEASE_REFUND),
        (found("refund_held", order_id="ord_1"), Remedy.OPEN_ORDER),
        (found("refund_stuck", order_id="ord_1", refund_id="rf_1"), Remedy.REFUND_AGAIN),
        (found("payment_unknown"), Remedy.OPEN_MACHINE),
        (found("payment_mismatch", ""), Remedy.CLEAR),
        (found("channel_away", ""), Remedy.OPEN_WAYS),
        (found("machine.clone"), Remedy.CLEAR),
        (found("sold_out"), Remedy.OPEN_MACHINE),
    ],
    ids=lambda one: one.kind if isinstance(one, Found) else one.value,
)
def test_each_cause_has_one_fix(one: Found, fix: Remedy) -> None:
    assert causes_of([one])[0].fix is fix


def test_a_slot_that_sells_again_loses_nothing() -> None:
    (row,) = ranked(causes_of([found("delivered_after_refund", slot="A9")]), STAKES)
    assert (row.loss_minor_per_hour, row.fix) == (0, Remedy.CLEAR)
