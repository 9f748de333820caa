"""One folder holds the cloud's identity; what it issues is short-lived and can be taken back."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from vendomat.cloud.platform.identity import CloudIdentity, CommandKeys, Nkey, NkeyRole, key_id_of, signed_by
from vendomat.cloud.platform.identity.jwt import read_jwt
from vendomat.kernel import ErrorCode, ManualClock, VendomatError

USER = Nkey.new(NkeyRole.USER).public
HOUR = timedelta(hours=1)


def test_it_is_the_same_after_a_restart_and_private(tmp_path: Path) -> None:
    clock = ManualClock()
    first, again = CloudIdentity(tmp_path / "identity", clock), CloudIdentity(tmp_path / "identity", clock)
    assert first.account_public == again.account_public
    assert first.command_key.key_id == again.command_key.key_id
    assert first.operator_jwt() == again.operator_jwt()
    for secret in ("operator.nk", "account.nk", "command_keys.json", "ca.key"):
        assert stat.S_IMODE((tmp_path / "identity" / secret).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "identity").stat().st_mode) == 0o700


async def test_the_operators_jwt_does_not_change_with_time(tmp_path: Path) -> None:
    clock = ManualClock()
    identity = CloudIdentity(tmp_path, clock)
    before = identity.operator_jwt()
    await clock.advance(10)
    assert identity.operator_jwt() == before


def test_an_identity_lives_a_day_at_most(tmp_path: Path) -> None:
    clock = ManualClock()
    identity = CloudIdentity(tmp_path, clock)
    assert identity.issue_user_jwt(USER, "m1", clock.now() + timedelta(hours=24))
    with pytest.raises(VendomatError) as refusal:
        identity.issue_user_jwt(USER, "m1", clock.now() + timedelta(hours=24, seconds=1))
    assert refusal.value.code is ErrorCode.INVALID_VALUE


@pytest.mark.parametrize("machine", ["", "*", "a.b", ">"])
def test_an_unsafe_machine_id_gets_no_identity(tmp_path: Path, machine: str) -> None:
    clock = ManualClock()
    with pytest.raises(VendomatError):
        CloudIdentity(tmp_path, clock).issue_user_jwt(USER, machine, clock.now() + HOUR)


async def test_a_revoked_key_is_in_the_account_and_gets_nothing_new(tmp_path: Path) -> None:
    clock = ManualClock()
    identity = CloudIdentity(tmp_path, clock)
    operator = issuer_of(identity.operator_jwt())
    identity.revoke(USER)
    assert read_jwt(identity.account_jwt(), operator)["nats"]["revocations"] == {USER: int(clock.now().timestamp())}
    with pytest.raises(VendomatError) as refusal:
        identity.issue_user_jwt(USER, "m1", clock.now() + HOUR)
    assert refusal.value.code is ErrorCode.FORBIDDEN
    assert CloudIdentity(tmp_path, clock).revocations() == {USER: clock.now()}


async def test_the_accounts_list_stays_short_but_a_revoked_key_stays_revoked(tmp_path: Path) -> None:
    clock = ManualClock()
    identity = CloudIdentity(tmp_path, clock)
    operator = issuer_of(identity.operator_jwt())
    identity.revoke(USER)
    await clock.advance(timedelta(hours=26).total_seconds())
    other = Nkey.new(NkeyRole.USER).public
    identity.revoke(other)
    assert set(read_jwt(identity.account_jwt(), operator)["nats"]["revocations"]) == {other}
    with pytest.raises(VendomatError):
        identity.issue_user_jwt(USER, "m1", clock.now() + HOUR)


def test_the_command_key_signs_and_its_id_follows_from_it(tmp_path: Path) -> None:
    key = CommandKeys(tmp_path / "keys.json")
    assert key.key_id == key_id_of(key.public_key)
    signature = key.sign(b"dispense")
    assert signed_by(key.public_key, b"dispense", signature)
    assert not signed_by(key.public_key, b"dispensE", signature)
    assert not signed_by(key.public_key, b"dispense", b"")
    assert CommandKeys(tmp_path / "keys.json").public_key == key.public_key
    assert CommandKeys(tmp_path / "other.json").key_id != key.key_id


def issuer_of(token: str) -> str:
    import base64
    import json

    body = token.split(".")[1]
    issuer: str = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["iss"]
    return issuer
