"""From a first day on, until the next one: never a gap, never an overlap."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vendomat.cloud.sites import Rule, Span, Stay, Step, Terms, stays_within, terms_within
from vendomat.kernel import VendomatError

JUNE = Span(date(2026, 6, 1), date(2026, 6, 30))
DAYS = st.integers(-40, 70).map(lambda n: JUNE.first + timedelta(days=n))


@settings(deadline=None)
@given(st.dictionaries(DAYS, st.integers(0, 9)))
def test_every_day_has_the_newest_rule_that_had_begun(first_days: dict[date, int]) -> None:
    rules = [Rule(day, Terms(fixed_minor=fixed)) for day, fixed in first_days.items()]
    found = terms_within(rules, JUNE)
    for n in range(JUNE.days):
        day = JUNE.first + timedelta(days=n)
        begun = [rule for rule in rules if rule.first_day <= day]
        expected = [max(begun, key=lambda rule: rule.first_day).terms] if begun else []
        assert [terms for span, terms in found if day in span] == expected


@settings(deadline=None)
@given(st.dictionaries(st.tuples(st.sampled_from("mn"), DAYS), st.sampled_from(["here", "there", None])))
def test_a_machine_stands_at_one_place_a_day(said: dict[tuple[str, date], str | None]) -> None:
    stays = [Stay(machine, day, site) for (machine, day), site in said.items()]
    places = {site: stays_within(stays, site, JUNE) for site in ("here", "there")}
    for n in range(JUNE.days):
        day = JUNE.first + timedelta(days=n)
        where = Counter(machine for found in places.values() for machine, span in found if day in span)
        assert all(count == 1 for count in where.values())
        for machine in "mn":
            begun = [stay for stay in stays if stay.machine_id == machine and stay.first_day <= day]
            site = max(begun, key=lambda stay: stay.first_day).site_id if begun else None
            assert (where[machine] == 1) == (site is not None)
            assert site is None or any(m == machine and day in span for m, span in places[site])


@pytest.mark.parametrize(
    "terms",
    [
        Terms(steps=(Step(1, 500),)),
        Terms(steps=(Step(0, 500), Step(0, 600))),
        Terms(steps=(Step(0, 500), Step(100, 600), Step(50, 700))),
        Terms(steps=(Step(0, 10_001),)),
        Terms(steps=(Step(0, -1),)),
        Terms(per_unit_minor=-1),
        Terms(fixed_minor=-1),
        Terms(minimum_minor=-1),
        Terms(steps=tuple(Step(n, 1) for n in range(13))),
    ],
)
def test_terms_that_nobody_can_compute_are_refused(terms: Terms) -> None:
    with pytest.raises(VendomatError):
        terms.check()
