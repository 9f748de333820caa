"""The long proofs: what was counted stands on the page, and whatever went wrong makes it fail."""

from __future__ import annotations

import sys

from tools.prove import Figures, Proof, page

GOOD = "import json; print(json.dumps({'violations': 0}))"
BAD = "import json, sys; print(json.dumps({'violations': 2})); sys.exit(1)"
WORLDS = {
    "faults": {"power cut": 7},
    "units": {"delivered": 9, "unknown": 1},
    "worlds": 100,
    "wall_s": 50.0,
    "virtual_s": 6_000.0,
    "machine_s": 18_000.0,
    "events": 4_000,
    "motor_starts": 11,
    "violations": [],
}
TOWN = {
    "kills": {"cloud": 3},
    "sales": 1000,
    "seconds": 300.0,
    "violations": 0,
    "still_open": 0,
    "ambiguous_units": 2,
    "units": {"delivered": 98, "unknown": 2},
}


def _proof() -> Proof:
    return Proof(until_s=0.0, seed=7)


def test_what_was_counted_stands_on_the_page() -> None:
    proof = _proof()
    proof.count_worlds(WORLDS)
    proof.count_worlds(WORLDS)
    proof.count_town(TOWN)
    proof.count_matrix({"killed": {"a": "delivered", "b": "refunded"}, "not_reached": [], "violations": 0})
    proof.figures.plants = {"no-dedupe": 3, "no-lease": 0}
    text = page(proof.figures, 1.25, 7, "abc1234")
    assert "1.25 h on commit abc1234, seeds from 7" in text
    assert "200 (7,200/h on one core)" in text and "14 power cut" in text
    assert "120×; of machines 360×" in text
    assert "2 of 20 units (10.00%)" in text and "2 of 100 units (2.00%)" in text
    assert "1 of 2 found; in world 3 no-dedupe, 0 no-lease" in text
    assert "2 in 1 runs, 0 violations, 0 not reached" in text
    assert text.endswith("* nothing failed\n")


def test_an_empty_page_claims_nothing() -> None:
    text = page(Figures(), 0.0, 1, "abc1234")
    assert "| worlds | 0 " in text and "| ambiguous in worlds | none |" in text


def test_a_good_report_is_read_and_a_bad_one_is_a_failure() -> None:
    proof = _proof()
    assert proof.ask([sys.executable, "-c", GOOD]) == {"violations": 0}
    assert proof.figures.failures == []
    assert proof.ask([sys.executable, "-c", BAD]) == {"violations": 2}
    assert len(proof.figures.failures) == 1 and "FAILED" in page(proof.figures, 0.1, 7, "abc1234")


def test_a_part_that_reports_nothing_is_a_failure() -> None:
    proof = _proof()
    assert proof.ask([sys.executable, "-c", "import sys; sys.exit('it fell over')"]) == {}
    assert "it fell over" in proof.figures.failures[0]
    assert proof.ask([sys.executable, "-c", ""]) == {}
    assert "no report" in proof.figures.failures[1]


def test_a_planted_bug_that_is_not_found_is_a_failure() -> None:
    proof = _proof()
    proof.ask([sys.executable, "-c", BAD, "--plant", "no-dedupe"])
    assert "not found" in proof.figures.failures[0]
