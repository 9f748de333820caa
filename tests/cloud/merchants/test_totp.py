"""Codes of RFC 6238, taken around now and once; and recovery codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vendomat.cloud.merchants.totp import (
    code_of,
    enrolment_uri,
    matching_step,
    recovery_hash,
    recovery_text,
    secret_text,
    step_at,
)

SECRET = b"12345678901234567890"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    assert code_of(SECRET, step_at(datetime.fromtimestamp(seconds, UTC)), digits=8) == code


@pytest.mark.parametrize(("late_s", "is_taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_phone_may_be_half_a_minute_off(late_s: int, is_taken: bool) -> None:
    code = code_of(SECRET, step_at(NOW + timedelta(seconds=late_s)))
    assert (matching_step(SECRET, code, NOW, after=0) is not None) is is_taken


def test_a_code_is_good_once_and_the_one_before_is_over_with_it() -> None:
    step = step_at(NOW)
    assert matching_step(SECRET, code_of(SECRET, step), NOW, after=step - 1) == step
    assert matching_step(SECRET, code_of(SECRET, step), NOW, after=step) is None
    assert matching_step(SECRET, code_of(SECRET, step - 1), NOW, after=step) is None
    assert matching_step(SECRET, code_of(SECRET, step + 1), NOW, after=step) == step + 1


@pytest.mark.parametrize("typed", ["", "12345", "abcdef", "ü" * 6, "0" * 40])
def test_what_is_no_code_matches_nothing(typed: str) -> None:
    assert matching_step(SECRET, typed, NOW, after=0) is None


def test_spaces_in_a_code_do_not_matter() -> None:
    code = code_of(SECRET, step_at(NOW))
    assert matching_step(SECRET, f" {code[:3]} {code[3:]} ", NOW, after=0) == step_at(NOW)


def test_what_an_app_reads() -> None:
    assert secret_text(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert enrolment_uri(SECRET, email="a@b.example").startswith("otpauth://totp/Vendomat%3Aa%40b.example?secret=GEZD")


def test_a_recovery_code_may_be_typed_as_one_likes() -> None:
    text = recovery_text(b"0123456789")
    assert len(text.split("-")) == 4
    kept = recovery_hash(b"k" * 32, text)
    assert recovery_hash(b"k" * 32, text.upper().replace("-", " ")) == kept
    assert recovery_hash(b"j" * 32, text) != kept
