"""The pure rules of pickup codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from vendomat.cloud.codes import CodeKind, CodeState, Failures, NewCodes, PickupCode, code_hash
from vendomat.cloud.codes.model import MOVES, CodeEvent, code_locked
from vendomat.kernel import ErrorCode, IllegalMoveError, Money, VendomatError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("state", "event"), list(product(CodeState, CodeEvent)))
def test_every_state_and_event(state: CodeState, event: CodeEvent) -> None:
    allowed = {
        (CodeState.ISSUED, CodeEvent.REDEEM): CodeState.REDEEMED,
        (CodeState.REDEEMED, CodeEvent.RESTORE): CodeState.ISSUED,
        (CodeState.ISSUED, CodeEvent.WITHDRAW): CodeState.WITHDRAWN,
    }
    if (state, event) in allowed:
        assert MOVES.next(state, event) is allowed[state, event]
    else:
        with pytest.raises(IllegalMoveError):
            MOVES.next(state, event)


def test_the_hash_belongs_to_key_merchant_machine_and_digits() -> None:
    hashes = {
        code_hash(key, merchant, machine, digits)
        for key, merchant, machine, digits in product((b"k", b"l"), ("m1", "m2"), ("a", "b"), ("12345678", "12345679"))
    }
    assert len(hashes) == 16 and all(len(h) == 32 for h in hashes)


@pytest.mark.parametrize(
    "digits", ["", "1234567", "123456789", "1234 5678", "١٢٣٤٥٦٧٨", "1234567%", "12345678\n", "' OR 1=1"]
)
def test_anything_but_eight_digits_is_refused_like_a_wrong_code(digits: str) -> None:
    with pytest.raises(VendomatError) as caught:
        code_hash(b"k", "m", "a", digits)
    assert caught.value.code is ErrorCode.CODE_REFUSED


@pytest.mark.parametrize(
    ("machine", "merchant", "is_locked"), [(0, 0, False), (4, 199, False), (5, 5, True), (0, 200, True)]
)
def test_when_entry_is_locked(machine: int, merchant: int, is_locked: bool) -> None:
    assert Failures(machine, merchant, None).is_locked is is_locked


def test_the_lock_says_how_long() -> None:
    failures = Failures(5, 5, NOW - timedelta(minutes=14))
    assert code_locked(failures, NOW).detail == {"locked_for_s": 61}
    assert code_locked(Failures(0, 200, None), NOW).detail == {"locked_for_s": 900}


@pytest.mark.parametrize("state", list(CodeState))
def test_a_code_is_good_while_it_is_issued_and_not_expired(state: CodeState) -> None:
    code = PickupCode("m", "c", "a", CodeKind.GIFT, "p", Money(1, "CNY"), state, "", NOW, NOW + timedelta(hours=1))
    assert code.is_good(NOW) is (state is CodeState.ISSUED)
    assert not code.is_good(NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("count", "life"), [(0, timedelta(days=1)), (51, timedelta(days=1)), (1, timedelta(0)), (1, timedelta(days=400))]
)
def test_impossible_orders_for_codes_are_refused(count: int, life: timedelta) -> None:
    with pytest.raises(VendomatError):
        NewCodes("a", "p", CodeKind.GIFT, count, life)
