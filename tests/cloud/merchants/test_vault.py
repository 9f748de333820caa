"""The master key: what is sealed opens for its own purpose only, and the key file is ours alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from vendomat.cloud.merchants import MasterKey
from vendomat.kernel import ErrorCode, VendomatError

KEY = MasterKey(b"k" * 32)
SECRET: dict[str, object] = {"private_key": "very secret", "serial": 7}


def test_a_sealed_value_opens_for_its_purpose() -> None:
    sealed = KEY.seal(SECRET, purpose="payment_account/mer_1/wechat")
    assert KEY.unseal(sealed, purpose="payment_account/mer_1/wechat") == SECRET
    assert b"secret" not in sealed
    assert sealed != KEY.seal(SECRET, purpose="payment_account/mer_1/wechat")


@pytest.mark.parametrize("change", ["purpose", "key", "bit", "short", "version", "empty"])
def test_anything_else_does_not_open(change: str) -> None:
    sealed = KEY.seal(SECRET, purpose="a")
    key, purpose = KEY, "a"
    if change == "purpose":
        purpose = "b"
    elif change == "key":
        key = MasterKey(b"x" * 32)
    else:
        sealed = {
            "bit": sealed[:-1] + bytes([sealed[-1] ^ 1]),
            "short": sealed[:20],
            "version": b"\x02" + sealed[1:],
            "empty": b"",
        }[change]
    with pytest.raises(VendomatError) as caught:
        key.unseal(sealed, purpose=purpose)
    assert caught.value.code is ErrorCode.BAD_SIGNATURE


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    first = MasterKey.load_or_create(tmp_path / "data")
    file = tmp_path / "data" / "master.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in file.parent.iterdir()] == ["master.key"]
    again = MasterKey.load_or_create(tmp_path / "data")
    assert again.unseal(first.seal(SECRET, purpose="p"), purpose="p") == SECRET


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    MasterKey.load_or_create(tmp_path)
    (tmp_path / "master.key").chmod(0o640)
    with pytest.raises(VendomatError, match="chmod 600"):
        MasterKey.load_or_create(tmp_path)


def test_a_broken_key_file_is_refused(tmp_path: Path) -> None:
    MasterKey.load_or_create(tmp_path)
    (tmp_path / "master.key").write_bytes(b"short")
    with pytest.raises(VendomatError, match="not a master key"):
        MasterKey.load_or_create(tmp_path)


def test_keys_of_purposes_differ() -> None:
    assert KEY.derive("a") != KEY.derive("b")
    assert len(KEY.derive("a")) == 32
