"""What may be said of an account's settings, what of them is shown, and when the account itself may change."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.cloud.payments.providers.scripted_platform import certificate_of, private_pem, public_pem, rsa_key
from vendomat.cloud.payments.accounts.keys import check_pair, marks_of
from vendomat.cloud.payments.accounts.model import REST, changed_names, check_new_account, merged
from vendomat.cloud.payments.providers import CHANNELS, SettingField, SettingForm, SettingKind, setting_fields
from vendomat.kernel import ErrorCode, ManualClock, VendomatError

WECHAT = setting_fields(CHANNELS["wechat"][0])
BY_NAME = {field.name: field for field in WECHAT}
SHOWN = {
    "alipay": {"app_id", "seller_id", "takes_faces"},
    "stripe": {"account", "return_url", "payment_method_types", "is_taken_after_goods"},
    "wechat": {"mchid", "appid", "serial_no", "public_key_id", "v2_sign_type", "code_pay", "store_id", "takes_faces"}
    | {"service_id", "shares_profit"},
}
"""Every setting whose value may leave the cloud: whoever adds one here has thought about it."""


@pytest.mark.parametrize("channel", sorted(CHANNELS))
def test_only_these_settings_are_ever_shown(channel: str) -> None:
    shown = {field.name for field in setting_fields(CHANNELS[channel][0]) if field.is_shown}
    assert shown == SHOWN[channel]


@pytest.mark.parametrize("channel", sorted(CHANNELS))
def test_no_host_is_the_merchants_to_name(channel: str) -> None:
    fields = setting_fields(CHANNELS[channel][0])
    of_hosts = {field.name for field in fields if field.name.endswith("_url") and field.name != "return_url"}
    assert of_hosts and not of_hosts & {field.name for field in fields if field.is_of_merchant}


def test_a_setting_that_says_nothing_of_itself_is_a_secret() -> None:
    class Shape(msgspec.Struct):
        forgotten: str

    assert setting_fields(Shape) == (SettingField("forgotten", SettingKind.SECRET, SettingForm.LINE, True),)


def test_what_is_not_sent_stays_and_null_takes_away() -> None:
    kept = {"mchid": "1900000001", "apiv3_key": "a" * 32, "store_id": "7", "base_url": "http://127.0.0.1:9"}
    after = merged(WECHAT, kept, {"apiv3_key": " " + "b" * 32 + "\n", "store_id": None, "code_pay": "v3"})
    assert after == {"mchid": kept["mchid"], "apiv3_key": "b" * 32, "code_pay": "v3", "base_url": kept["base_url"]}
    assert changed_names(kept, after) == ["apiv3_key", "code_pay", "store_id"]
    assert changed_names(kept, merged(WECHAT, kept, {"apiv3_key": "a" * 32, "service_id": ""})) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_url", "https://collect.example"),
        ("nothing_of_ours", "x"),
        ("takes_faces", "yes"),
        ("code_pay", "secret-words"),
        ("apiv3_key", ["secret-words"]),
        ("apiv3_key", "secret-\nwords"),
        ("private_key", "secret-words" * 10_000),
        ("platform_certificates", "secret-words"),
        ("platform_certificates", ["secret-words"] * 21),
    ],
)
def test_what_does_not_fit_is_refused_without_being_repeated(name: str, value: object) -> None:
    with pytest.raises(VendomatError) as refused:
        merged(WECHAT, {}, {name: value})
    assert refused.value.code is ErrorCode.INVALID_VALUE
    assert name in str(refused.value) and "secret" not in str(refused.value)


def test_both_halves_of_a_pair_have_the_mark_that_anybody_can_compute() -> None:
    key, clock = rsa_key(), ManualClock()
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    wanted = [("key", hashlib.sha256(spki).hexdigest()[:16])]
    bare = "".join(private_pem(key).strip().splitlines()[1:-1])
    for name, text in (("private_key", private_pem(key)), ("public_key", public_pem(key)), ("private_key", bare)):
        assert [(mark.kind, mark.text) for mark in marks_of(BY_NAME[name], text, b"k")] == wanted
    certificate = certificate_of(key, clock)
    pem = certificate.public_bytes(Encoding.PEM).decode()
    (mark, same) = marks_of(BY_NAME["platform_certificates"], [pem, pem], b"k")
    assert (mark.kind, int(mark.text, 16), mark.until) == (
        "certificate",
        certificate.serial_number,
        certificate.not_valid_after_utc,
    )
    assert mark == same


def test_the_mark_of_a_secret_tells_it_from_another_and_nothing_to_those_without_our_key() -> None:
    field = BY_NAME["apiv3_key"]
    (first,), (again,) = marks_of(field, "a" * 32, b"k"), marks_of(field, "a" * 32, b"k")
    (other,), (elsewhere,) = marks_of(field, "b" * 32, b"k"), marks_of(field, "a" * 32, b"of another merchant")
    assert first == again and len({first, other, elsewhere}) == 3
    assert hashlib.sha256(b"a" * 32).hexdigest()[:8] not in first.text
    assert marks_of(field, "", b"k") == marks_of(BY_NAME["mchid"], "1900000001", b"k") == []
    (unreadable,) = marks_of(BY_NAME["private_key"], "no key at all", b"k")
    assert unreadable.kind == "secret"


def test_a_certificate_is_of_its_key_and_has_the_serial_that_is_set() -> None:
    key, other = rsa_key(), rsa_key()
    certificate = certificate_of(key, ManualClock())
    pem, serial = certificate.public_bytes(Encoding.PEM).decode(), f"{certificate.serial_number:040x}"
    for name in ("certificate", "app_certificate"):
        check_pair({"private_key": private_pem(key), name: pem, "serial_no": serial})
        check_pair({"private_key": "unreadable", name: pem})
        check_pair({"private_key": private_pem(other)})
        for wrong, word in (({"private_key": private_pem(other)}, "pair"), ({"serial_no": "ab"}, "serial")):
            with pytest.raises(VendomatError, match=word):
                check_pair({"private_key": private_pem(key), name: pem, "serial_no": serial} | wrong)


def test_the_account_changes_only_when_it_is_off_has_rested_and_has_nothing_open() -> None:
    now = ManualClock().now()
    off = now - REST
    check_new_account(is_active=False, off_since=off, now=now, open_count=0)
    check_new_account(is_active=False, off_since=None, now=now, open_count=0)
    for is_active, off_since, open_count, word in (
        (True, None, 0, "off"),
        (False, off + timedelta(seconds=1), 0, "wait a minute"),
        (False, off, 2, "2 payments"),
    ):
        with pytest.raises(VendomatError, match=word) as refused:
            check_new_account(is_active=is_active, off_since=off_since, now=now, open_count=open_count)
        assert refused.value.code is ErrorCode.CONFLICT
