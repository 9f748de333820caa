"""The pure rules of members: codes that nobody else can make, phones that are kept as hashes."""

from __future__ import annotations

from itertools import product

import pytest

from vendomat.cloud.members import is_member_code, member_code, serial_of
from vendomat.cloud.members.model import MOVES, MemberEvent, MemberState, NewMember, checked_phone, phone_hash
from vendomat.cloud.payments import channel_of_code
from vendomat.kernel import ErrorCode, IllegalMoveError, VendomatError
from vendomat.terminal.drivers.scanner import payment_code_of

KEY, SERIAL = b"k" * 32, "01234567890"


@pytest.mark.parametrize(("state", "event"), list(product(MemberState, MemberEvent)))
def test_every_state_and_event(state: MemberState, event: MemberEvent) -> None:
    allowed = {
        (MemberState.ACTIVE, MemberEvent.BLOCK): MemberState.BLOCKED,
        (MemberState.BLOCKED, MemberEvent.UNBLOCK): MemberState.ACTIVE,
    }
    if (state, event) in allowed:
        assert MOVES.next(state, event) is allowed[state, event]
    else:
        with pytest.raises(IllegalMoveError):
            MOVES.next(state, event)


def test_a_code_is_read_by_scanners_and_of_no_platform() -> None:
    code = member_code(KEY, "mer_1", SERIAL)
    assert is_member_code(code) and payment_code_of(code + "\r\n") == code
    assert channel_of_code(code) == ""
    assert not any(is_member_code(other) for other in ("134567890123456789", code[:-1], code + "0", "28" + code[2:]))


def test_a_code_is_of_one_key_and_one_merchant() -> None:
    code = member_code(KEY, "mer_1", SERIAL)
    assert serial_of(KEY, "mer_1", code) == SERIAL
    assert serial_of(KEY, "mer_2", code) is None
    assert serial_of(b"l" * 32, "mer_1", code) is None


@pytest.mark.parametrize("place", range(2, 24))
def test_no_digit_of_a_code_can_be_another(place: int) -> None:
    code = member_code(KEY, "mer_1", SERIAL)
    forged = code[:place] + str((int(code[place]) + 1) % 10) + code[place + 1 :]
    assert is_member_code(forged) and serial_of(KEY, "mer_1", forged) is None


def test_a_phone_is_one_person_at_one_merchant() -> None:
    phone = checked_phone(" +86 (138) 0013-8000 ")
    assert phone == "+8613800138000"
    hashes = {phone_hash(key, merchant, phone) for key, merchant in product((KEY, b"l"), ("mer_1", "mer_2"))}
    assert len(hashes) == 4
    for wrong in ("", "1234", "call me", "1" * 16, "13800138000x"):
        with pytest.raises(VendomatError) as caught:
            checked_phone(wrong)
        assert caught.value.code is ErrorCode.INVALID_VALUE


@pytest.mark.parametrize(("name", "external_id"), [("", ""), ("n" * 81, ""), ("Ann", "x" * 81)])
def test_a_member_without_a_name_is_none(name: str, external_id: str) -> None:
    with pytest.raises(VendomatError):
        NewMember(name, external_id=external_id)
