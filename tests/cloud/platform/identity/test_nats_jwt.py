"""JWTs of the wire: what they say, what is refused, and that one changed character spoils them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vendomat.cloud.platform.identity.jwt import account_jwt, operator_jwt, read_jwt, user_jwt
from vendomat.cloud.platform.identity.nkey import Nkey, NkeyRole, checked_public_nkey, verifies
from vendomat.cloud.platform.identity.permissions import machine_permissions
from vendomat.kernel import ErrorCode, VendomatError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPERATOR = Nkey.new(NkeyRole.OPERATOR, lambda count: b"o" * count)
ACCOUNT = Nkey.new(NkeyRole.ACCOUNT, lambda count: b"a" * count)
USER = Nkey.new(NkeyRole.USER, lambda count: b"u" * count)


def machine_jwt(user: str = USER.public, life: timedelta = timedelta(hours=1)) -> str:
    return user_jwt(ACCOUNT, user, machine_permissions("m1"), name="m1", issued_at=NOW, expires_at=NOW + life)


def test_the_letter_of_a_key_is_its_role() -> None:
    assert (OPERATOR.public[0], ACCOUNT.public[0], USER.public[0]) == ("O", "A", "U")
    assert {len(key.public) for key in (OPERATOR, ACCOUNT, USER)} == {56}


def test_a_user_has_an_end_its_subjects_and_one_answer_per_request() -> None:
    claims = read_jwt(machine_jwt(), ACCOUNT.public)
    assert (claims["sub"], claims["iss"]) == (USER.public, ACCOUNT.public)
    assert (claims["iat"], claims["exp"]) == (int(NOW.timestamp()), int(NOW.timestamp()) + 3600)
    assert claims["nats"]["pub"] == {"allow": ["vm.m1.up.>"]}
    assert claims["nats"]["sub"] == {"allow": ["vm.m1.down.>", "_INBOX_m1.>"]}
    assert claims["nats"]["resp"] == {"max": 1, "ttl": 30_000_000_000}
    assert "bearer_token" not in claims["nats"]


def test_an_account_forbids_bearers_and_carries_revocations() -> None:
    claims = read_jwt(account_jwt(OPERATOR, ACCOUNT.public, NOW, {USER.public: NOW}), OPERATOR.public)
    assert claims["nats"]["limits"]["disallow_bearer"] is True
    assert claims["nats"]["revocations"] == {USER.public: int(NOW.timestamp())}
    assert "revocations" not in read_jwt(account_jwt(OPERATOR, ACCOUNT.public, NOW, {}), OPERATOR.public)["nats"]


def test_an_operator_vouches_for_itself() -> None:
    claims = read_jwt(operator_jwt(OPERATOR, NOW), OPERATOR.public)
    assert claims["sub"] == claims["iss"] == OPERATOR.public


@pytest.mark.parametrize("life", [timedelta(0), timedelta(seconds=-1)])
def test_an_identity_that_ends_before_it_begins_is_refused(life: timedelta) -> None:
    with pytest.raises(VendomatError) as refusal:
        machine_jwt(life=life)
    assert refusal.value.code is ErrorCode.INVALID_VALUE


@pytest.mark.parametrize(
    "public",
    [
        "",
        "U",
        USER.public[:-1],
        USER.public[:-1] + ("A" if USER.public[-1] != "A" else "B"),
        USER.public.lower(),
        USER.public + "A",
        ACCOUNT.public,
        OPERATOR.public,
        "*",
        USER.seed.decode(),
    ],
)
def test_what_is_no_public_key_of_a_user_becomes_no_identity(public: str) -> None:
    with pytest.raises(VendomatError):
        machine_jwt(user=public)
    with pytest.raises(VendomatError):
        checked_public_nkey(public, NkeyRole.USER)


def test_a_jwt_is_spoiled_by_any_changed_character() -> None:
    token = machine_jwt()
    for position in range(0, len(token), 7):
        changed = token[:position] + ("x" if token[position] != "x" else "y") + token[position + 1 :]
        with pytest.raises(VendomatError) as refusal:
            read_jwt(changed, ACCOUNT.public)
        assert refusal.value.code is ErrorCode.BAD_SIGNATURE


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "....", machine_jwt() + ".x"])
def test_what_is_no_jwt_is_refused(token: str) -> None:
    with pytest.raises(VendomatError):
        read_jwt(token, ACCOUNT.public)


def test_a_jwt_of_another_issuer_is_refused() -> None:
    other = Nkey.new(NkeyRole.ACCOUNT)
    with pytest.raises(VendomatError):
        read_jwt(machine_jwt(), other.public)


def test_a_signature_is_of_its_key_and_its_data() -> None:
    signature = USER.sign(b"nonce")
    assert verifies(USER.public, NkeyRole.USER, b"nonce", signature)
    assert not verifies(USER.public, NkeyRole.USER, b"other", signature)
    assert not verifies(Nkey.new(NkeyRole.USER).public, NkeyRole.USER, b"nonce", signature)
    assert not verifies(USER.public, NkeyRole.USER, b"nonce", b"")
