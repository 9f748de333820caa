"""Web push as bytes, against the published vectors of RFC 8291 (section 5, appendix A) and RFC 8292 (section 2.4)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from tests.cloud.alarms.push_service import Receiver, check_authorization
from vendomat.cloud.alarms.notices.push_wire import (
    ENDPOINT_CHARACTERS_MAX,
    TEXT_BYTES_MAX,
    PushKey,
    Subscription,
    check_subscription,
    decoded,
    encoded,
    encrypted,
)
from vendomat.kernel import ErrorCode, VendomatError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = b"When I grow up, I want to be a watermelon"
SALT = decoded("DGv6ra1nlYgDCS1FRnbzlw")
OURS = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
THEIRS = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
BROWSER = Subscription(
    "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "BTBZMqHH6r4Tts7J_aSIgg",
)
MESSAGE = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
SIGNED = (
    "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3Njgs"
    "InN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjv"
    "W2L9OkSSHzvoD1oA, k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"
)


def test_the_message_is_the_published_one_to_the_byte() -> None:
    ours = derive_private_key(int.from_bytes(decoded(OURS), "big"), SECP256R1())
    assert encoded(encrypted(BROWSER, TEXT, salt=SALT, ours=ours)) == MESSAGE


def test_the_published_message_is_read_by_the_browser_of_our_tests() -> None:
    receiver = Receiver(BROWSER.url, decoded(THEIRS), decoded(BROWSER.auth))
    assert receiver.subscription == BROWSER
    assert receiver.read(decoded(MESSAGE)) == TEXT
    with pytest.raises(InvalidTag):
        Receiver(BROWSER.url, decoded(THEIRS), bytes(16)).read(decoded(MESSAGE))


def test_the_published_signature_holds_and_so_does_ours() -> None:
    assert check_authorization(SIGNED)["sub"] == "mailto:push@example.com"
    key = PushKey.of(b"k" * 32)
    ours = key.authorization("https://push.example.net/push/1", contact="https://cloud.example", now=NOW)
    exp = int(NOW.timestamp()) + 12 * 3600
    assert check_authorization(ours) == {"aud": "https://push.example.net", "exp": exp, "sub": "https://cloud.example"}
    with pytest.raises(InvalidSignature):
        check_authorization(ours.replace(f"k={key.public}", f"k={PushKey.of(b'l' * 32).public}"))


def test_the_key_follows_from_its_secret_even_where_that_is_no_scalar() -> None:
    assert PushKey.of(b"k" * 32).public == PushKey.of(b"k" * 32).public != PushKey.of(b"l" * 32).public
    assert len(decoded(PushKey.of(bytes(32)).public)) == len(decoded(PushKey.of(b"\xff" * 32).public)) == 65


def test_the_largest_text_fits_what_every_push_service_takes() -> None:
    ours = derive_private_key(1, SECP256R1())
    assert len(encrypted(BROWSER, b"x" * TEXT_BYTES_MAX, salt=SALT, ours=ours)) == 4096


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"url": "http://push.example.net/1"}, "https"),
        ({"url": "http://127.0.0.1:9/1"}, "https"),
        ({"url": "https://user@push.example.net/1"}, "https"),
        ({"url": "https://push.example.net/a b"}, "https"),
        ({"url": "https://push.example.net:port/"}, "https"),
        ({"url": "https://push.example.net/" + "1" * ENDPOINT_CHARACTERS_MAX}, "https"),
        ({"url": "nothing"}, "https"),
        ({"p256dh": encoded(b"\x04" + bytes(64))}, "p256dh"),
        ({"p256dh": encoded(decoded(BROWSER.p256dh)[:-1])}, "p256dh"),
        ({"p256dh": "ü"}, "p256dh"),
        ({"auth": encoded(bytes(15))}, "auth"),
        ({"auth": "%%%"}, "auth"),
    ],
)
def test_what_no_browser_says_is_refused(change: dict[str, str], why: str) -> None:
    said = {"url": BROWSER.url, "p256dh": BROWSER.p256dh, "auth": BROWSER.auth} | change
    with pytest.raises(VendomatError, match=why) as caught:
        check_subscription(Subscription(**said), is_private_allowed=False)
    assert caught.value.code is ErrorCode.INVALID_VALUE
    check_subscription(BROWSER, is_private_allowed=False)


def test_the_claims_are_json_that_anybody_reads() -> None:
    token = PushKey.of(b"k" * 32).authorization("https://p.example/1", contact="mailto:a@b", now=NOW).split("t=")[1]
    assert json.loads(decoded(token.split(".")[0])) == {"typ": "JWT", "alg": "ES256"}
