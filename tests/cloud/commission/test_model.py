"""What a site's owner gets: exact integers, rounded once a line, shares that sum to it."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vendomat.cloud.commission.chain import FORMS, Sealed, broken_at, canonical, link_of, sha256_hex
from vendomat.cloud.commission.model import Correction, Sold, corrections, half_up, month_lines, share_minor
from vendomat.cloud.sites import Rule, Span, Step, Terms

JUNE = Span(date(2026, 6, 1), date(2026, 6, 30))
DAY_2 = date(2026, 6, 2)


def _amounts(terms: Terms, sold: list[Sold], *, from_day: date = JUNE.first) -> dict[str, int]:
    return {line.kind: line.amount_minor for line in month_lines(JUNE, [Rule(from_day, terms)], sold, "CNY")}


@pytest.mark.parametrize(("net", "share"), [(0, 0), (9, 0), (10, 1), (29, 1), (30, 2), (350, 18), (1_000_000, 50_000)])
def test_a_share_is_rounded_half_up_once(net: int, share: int) -> None:
    assert share_minor([Step(0, 500)], net) == share


def test_tiers_count_only_what_is_above_them() -> None:
    steps = [Step(0, 500), Step(10_000, 800), Step(20_000, 1_000)]
    assert [share_minor(steps, net) for net in (10_000, 15_000, 30_000)] == [500, 500 + 400, 500 + 800 + 1_000]


def test_all_kinds_of_terms_together() -> None:
    sold = [Sold(DAY_2, "mch_a", 3, 1_050), Sold(DAY_2, "mch_b", 1, 350)]
    terms = Terms((Step(0, 1_000),), per_unit_minor=5, fixed_minor=100, minimum_minor=300)
    assert _amounts(terms, sold) == {"share": 140, "units": 20, "fixed": 100, "minimum": 40}
    assert _amounts(Terms(minimum_minor=300), []) == {"minimum": 300}
    assert _amounts(Terms((Step(0, 1_000),)), []) == {}


def test_a_month_of_more_goodwill_than_sales_earns_nothing_and_takes_nothing() -> None:
    assert _amounts(Terms((Step(0, 1_000),), fixed_minor=7), [Sold(DAY_2, "mch_a", 1, -500)]) == {"fixed": 7}


def test_a_rule_that_begins_in_the_month_counts_by_its_days() -> None:
    terms = Terms((Step(0, 1_000),), fixed_minor=300, minimum_minor=90)
    sold = [Sold(date(2026, 6, 15), "m", 1, 999), Sold(date(2026, 6, 16), "m", 1, 400)]
    assert _amounts(terms, sold, from_day=date(2026, 6, 16)) == {"share": 40, "fixed": 150}


SOLD = st.lists(
    st.builds(
        Sold,
        day=st.integers(0, 29).map(lambda n: JUNE.first + timedelta(days=n)),
        machine_id=st.sampled_from(["mch_a", "mch_b", "mch_c"]),
        units=st.integers(0, 50),
        net_minor=st.integers(-5_000, 10**7),
    ),
    max_size=20,
)
TERMS = st.builds(
    Terms,
    steps=st.lists(st.tuples(st.integers(1, 10**7), st.integers(0, 10_000)), max_size=3, unique_by=lambda s: s[0]).map(
        lambda steps: (Step(0, 700), *(Step(*step) for step in sorted(steps)))
    ),
    per_unit_minor=st.integers(0, 100),
    fixed_minor=st.integers(0, 10**6),
    minimum_minor=st.integers(0, 10**6),
)
RULES = st.dictionaries(st.integers(-5, 29), TERMS, max_size=3)


@settings(deadline=None)
@given(SOLD, RULES)
def test_lines_are_exact_and_shares_sum_to_them(sold: list[Sold], said: dict[int, Terms]) -> None:
    rules = [Rule(JUNE.first + timedelta(days=n), terms) for n, terms in said.items()]
    for line in month_lines(JUNE, rules, sold, "CNY"):
        assert line.amount_minor > 0
        if line.shares:
            assert sum(minor for _, minor in line.shares) == line.amount_minor
        if line.kind == "share":
            terms = max((r for r in rules if r.first_day <= line.first), key=lambda r: r.first_day).terms
            exact = Fraction(0)
            for step, end in zip(terms.steps, [s.from_minor for s in terms.steps[1:]] + [line.base_minor], strict=True):
                exact += Fraction(max(0, min(end, line.base_minor) - step.from_minor) * step.basis_points, 10_000)
            assert line.amount_minor == int(exact + Fraction(1, 2))
            assert line.base_minor == sum(s.net_minor for s in sold if line.first <= s.day <= line.last)


@settings(deadline=None)
@given(st.integers(0, 10**15), st.integers(1, 10**6))
def test_half_up_is_what_fractions_say(numerator: int, denominator: int) -> None:
    assert half_up(numerator, denominator) == int(Fraction(numerator, denominator) + Fraction(1, 2))


def test_a_correction_is_the_difference_and_nothing_else() -> None:
    assert corrections({"2026-05": 5, "2026-06": 9}, {"2026-05": 5, "2026-06": 7}) == [Correction("2026-06", -2)]


def _chain(contents: list[str]) -> list[Sealed]:
    chain: list[Sealed] = []
    for position, content in enumerate(contents, start=1):
        files = {form: sha256_hex(f"{form} {content}".encode()) for form in FORMS}
        previous = chain[-1].link if chain else ""
        digest = sha256_hex(content.encode())
        chain.append(Sealed(position, content, digest, files, previous, link_of(previous, digest, files)))
    return chain


@settings(deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=5), st.data())
def test_whatever_is_changed_in_a_chain_breaks_it_there(contents: list[str], data: st.DataObject) -> None:
    chain = _chain(contents)
    assert broken_at(chain) is None
    at = data.draw(st.integers(0, len(chain) - 1))
    other = sha256_hex(b"other")
    whole = chain[at]
    spoilt = {
        "content": Sealed(
            whole.position, whole.content + "x", whole.content_sha256, whole.files, whole.previous, whole.link
        ),
        "hash": Sealed(whole.position, whole.content, other, whole.files, whole.previous, whole.link),
        "file": Sealed(
            whole.position,
            whole.content,
            whole.content_sha256,
            {**whole.files, "csv": other},
            whole.previous,
            whole.link,
        ),
        "previous": Sealed(whole.position, whole.content, whole.content_sha256, whole.files, other, whole.link),
        "link": Sealed(whole.position, whole.content, whole.content_sha256, whole.files, whole.previous, other),
        "position": Sealed(9, whole.content, whole.content_sha256, whole.files, whole.previous, whole.link),
    }
    for one in spoilt.values():
        assert broken_at([*chain[:at], one, *chain[at + 1 :]]) == at + 1
    if at:
        assert broken_at(chain[: at - 1] + chain[at:]) == at


def test_canonical_content_does_not_depend_on_order() -> None:
    assert canonical({"b": 1, "a": "阳光"}) == canonical({"a": "阳光", "b": 1}) == '{"a":"阳光","b":1}'
