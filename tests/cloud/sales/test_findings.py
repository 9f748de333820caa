"""What is found out about a unit after its last word: which books move, and which never do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.cloud.sales.purchase_rules import balances, postings
from tests.cloud.sales.purchases import EVENTS, MERCHANT, PRICES, play, resolved, state, vend
from vendomat.cloud.orders import Finding, FindingMove, UnitOutcome
from vendomat.cloud.sales.model import Effect, MoveStock, Note, Source, Tell, VendEnd, VendSaid
from vendomat.cloud.sales.steps import step

SETTLED = "ambiguous and settled"


def notes(effects: tuple[Effect, ...]) -> list[Note]:
    return [e for e in effects if isinstance(e, Note)]


def test_goods_seen_out_end_the_ambiguity_and_are_the_merchants_loss() -> None:
    ambiguous = state(SETTLED)
    found, effects = step(ambiguous.purchase, resolved(1, FindingMove.SEE_OUT))
    assert found == replace(ambiguous.purchase, units=found.units, version=ambiguous.purchase.version + 1)
    assert found.units[0] == replace(ambiguous.purchase.units[0], finding=Finding.CAME_OUT)
    books = balances(ambiguous.effects + effects)
    assert {account: amount for account, amount in books.items() if amount} == {
        "asset:clearing:wechat:1900000001": PRICES[1],
        f"income:sales:{MERCHANT}": -sum(PRICES),
        "expense:sensor_fault": PRICES[0],
    }
    assert [e for e in effects if isinstance(e, MoveStock)] == [MoveStock("A1", 1, 1, 0)]


def test_goods_seen_in_make_it_an_ordinary_refund() -> None:
    ambiguous = state(SETTLED)
    found, effects = step(ambiguous.purchase, resolved(1, FindingMove.SEE_IN))
    assert found.units[0].finding is Finding.STAYED_IN
    assert [p.kind for p in postings(effects)] == ["found"]
    assert balances(ambiguous.effects + effects)["memo:ambiguous"] == 0
    assert not [e for e in effects if isinstance(e, MoveStock)]


def test_what_cannot_be_known_stays_declared_and_may_be_known_later() -> None:
    given_up, effects = step(state(SETTLED).purchase, resolved(1, FindingMove.GIVE_UP))
    assert given_up.units[0].finding is Finding.NOT_KNOWABLE and not postings(effects)
    found, effects = step(given_up, resolved(1, FindingMove.SEE_OUT))
    assert found.units[0].finding is Finding.CAME_OUT
    assert [p.kind for p in postings(effects)] == ["found", "came_out_late"]


def test_who_found_out_and_why_is_evidence() -> None:
    _, effects = step(state(SETTLED).purchase, resolved(1, FindingMove.SEE_OUT))
    (note,) = notes(effects)
    assert (note.source, note.kind) == (Source.OPERATOR, "vend.resolved")
    assert note.data == {
        "unit": 1,
        "slot": "A1",
        "finding": "came_out",
        "operator_id": "opr_" + "0" * 26,
        "reason": "counted the slot",
    }
    assert [e.kind for e in effects if isinstance(e, Tell)] == ["vend.found"]


@pytest.mark.parametrize("first", [FindingMove.SEE_OUT, FindingMove.SEE_IN])
@pytest.mark.parametrize("second", [FindingMove.SEE_OUT, FindingMove.SEE_IN, FindingMove.GIVE_UP])
def test_two_people_do_not_book_it_twice(first: FindingMove, second: FindingMove) -> None:
    found = play([resolved(1, first)], state(SETTLED).purchase).purchase
    again, effects = step(found, resolved(1, second))
    assert again is found and not effects


@pytest.mark.parametrize("name", ["paid", "unknown", "settled", "settled with a refund"])
def test_only_an_ambiguous_unit_can_be_resolved(name: str) -> None:
    before = state(name).purchase
    for unit in (0, 1, 2, 3):
        after, effects = step(before, resolved(unit, FindingMove.SEE_OUT))
        assert after is before and not effects


def test_the_machines_late_word_that_nothing_came_out_ends_the_ambiguity() -> None:
    found, effects = step(state(SETTLED).purchase, EVENTS["unit 1 not_delivered"])
    assert (found.units[0].outcome, found.units[0].finding) == (UnitOutcome.UNKNOWN, Finding.STAYED_IN)
    assert [p.kind for p in postings(effects)] == ["found"]


def test_the_machines_late_goods_outweigh_a_person_who_saw_them_in() -> None:
    seen_in = play([resolved(1, FindingMove.SEE_IN)], state(SETTLED).purchase).purchase
    found, effects = step(seen_in, vend(1, VendSaid.DELIVERED, "delivered_double"))
    assert found.units[0].finding is Finding.CAME_OUT
    assert [p.kind for p in postings(effects)] == ["came_out_late"]
    assert [e.delivered for e in effects if isinstance(e, MoveStock)] == [2]


def test_goods_that_a_sensor_missed_are_a_sensor_fault() -> None:
    jammed = state("settled with a refund")
    found, effects = step(jammed.purchase, EVENTS["unit 2 delivered"])
    assert found.units[1].finding is Finding.CAME_OUT
    assert balances(jammed.effects + effects)["expense:sensor_fault"] == PRICES[1]


@pytest.mark.parametrize(
    ("events", "ends"),
    [
        (("unit 1 delivered",), [VendEnd.KNOWN]),
        (("unit 1 not_delivered",), [VendEnd.KNOWN]),
        (("unit 1 unknown", "deadline 1"), [VendEnd.NOT_KNOWN]),
        (("deadline 1", "unit 1 delivered"), [VendEnd.NOT_KNOWN, None]),
        (("unit 1 refused",), [None]),
        (("command 1 never sent",), [None]),
    ],
)
def test_a_slots_record_takes_each_vend_that_may_have_run_once(
    events: tuple[str, ...], ends: list[VendEnd | None]
) -> None:
    effects = play([EVENTS[name] for name in events], state("paid").purchase).effects
    assert [e.vend for e in effects if isinstance(e, MoveStock)] == ends


def test_what_the_machine_measured_is_evidence() -> None:
    fact = replace(vend(1, VendSaid.DELIVERED), motor_ms=1430, drop_ms=910)
    _, effects = step(state("dispensing").purchase, fact)
    said = notes(effects)[0].data
    assert (said["motor_ms"], said["drop_ms"]) == (1430, 910) and "turns" not in said
