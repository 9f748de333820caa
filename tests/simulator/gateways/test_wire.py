"""Our wire against the platforms' own records: signatures, sealed resources, headers, texts, times."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendomat.simulator.gateways import keys
from vendomat.simulator.gateways.alipay import shapes as alipay_shapes
from vendomat.simulator.gateways.alipay import wire as alipay_wire
from vendomat.simulator.gateways.alipay.records import Application, Terms, Trade, TradeState
from vendomat.simulator.gateways.wechat import wire

RECORDED = Path(__file__).parents[2] / "recorded" / "payments"


def recorded(name: str) -> dict[str, Any]:
    return dict(json.loads((RECORDED / name).read_text()))


@pytest.mark.parametrize("example", ["request_get", "request_post_jsapi"])
def test_e14_request_signatures_recompute(example: str) -> None:
    vector = recorded("wechat_requests.json")
    key = keys.load_private(vector["merchant_test_private_key_pem"])
    method, target, timestamp, nonce, body = vector[example]["message"].removesuffix("\n").split("\n", 4)
    assert (timestamp, nonce) == (vector["timestamp"], vector["nonce"])
    text = wire.request_text(method, target, (timestamp, nonce), body.encode())
    assert text.decode() == vector[example]["message"]
    assert keys.sign(key, text) == vector[example]["signature"]
    assert keys.is_signed(key.public_key(), text, vector[example]["signature"])
    assert not keys.is_signed(key.public_key(), text + b"\n", vector[example]["signature"])


def test_e14_pay_sign_recomputes() -> None:
    vector = recorded("wechat_requests.json")
    key = keys.load_private(vector["merchant_test_private_key_pem"])
    assert keys.sign(key, vector["paysign_jsapi"]["message"].encode()) == vector["paysign_jsapi"]["signature"]


def test_e14_answer_signature_verifies() -> None:
    vector = recorded("wechat_answer.json")
    timestamp, nonce, body = vector["message"].removesuffix("\n").split("\n")
    text = wire.answer_text(timestamp, nonce, body.encode())
    key = keys.load_public(vector["public_key_pem"])
    assert keys.is_signed(key, text, vector["signature"])
    assert not keys.is_signed(key, wire.answer_text(timestamp, nonce, body.encode() + b" "), vector["signature"])


def test_e14_whole_notice_verifies_and_opens() -> None:
    vector = recorded("wechat_notice.json")
    body = vector["body"].encode()
    key = keys.load_public(vector["platform_certificate_pem"])
    assert keys.is_signed(key, wire.answer_text(vector["timestamp"], vector["nonce"], body), vector["signature"])
    assert keys.serial_of(vector["platform_certificate_pem"]) == vector["platform_serial"]
    resource = json.loads(body)["resource"]
    opened = wire.unseal(
        vector["apiv3_key"].encode(), resource["nonce"], resource["associated_data"], resource["ciphertext"]
    )
    assert opened is not None
    assert opened.decode() == vector["resource_plaintext"]


def test_e14_rsa_signature_verifies() -> None:
    vector = recorded("rsa_sha256.json")
    key = keys.load_public(recorded("wechat_notice.json")["platform_certificate_pem"])
    assert keys.is_signed(key, vector["message"].encode(), vector["signature"])
    assert not keys.is_signed(key, b"other", vector["signature"])
    assert not keys.is_signed(key, vector["message"].encode(), "no base64!")


def test_e14_sealing_recomputes() -> None:
    vector = recorded("aes_gcm.json")
    key, plain = vector["key"].encode(), vector["plaintext"].encode()
    assert wire.seal(key, vector["nonce"], vector["aad"], plain) == vector["ciphertext_b64"]
    assert wire.unseal(key, vector["nonce"], vector["aad"], vector["ciphertext_b64"]) == plain
    for other in [
        (b"x" * 16, vector["nonce"], vector["aad"]),
        (key, "x" * 12, vector["aad"]),
        (key, vector["nonce"], ""),
    ]:
        assert wire.unseal(*other, vector["ciphertext_b64"]) is None


FIELDS = {"mchid": "1", "nonce_str": "n", "signature": "s==", "timestamp": "1554208460", "serial_no": "A"}


@given(st.permutations(list(FIELDS)))
def test_authorization_in_any_order(order: list[str]) -> None:
    header = wire.SCHEME + " " + ",".join(f'{name}="{FIELDS[name]}"' for name in order)
    assert wire.read_authorization(header) == wire.Authorization("1", "A", "1554208460", "n", "s==")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer x",
        wire.SCHEME,
        wire.SCHEME + ' mchid="1"',
        "WECHATPAY2-SHA256-RSA4096 " + ",".join(f'{name}="{value}"' for name, value in FIELDS.items()),
        wire.SCHEME + " " + ",".join(f"{name}={value}" for name, value in FIELDS.items()),
        wire.SCHEME + " " + ",".join(f'{name}="{value}"' for name, value in {**FIELDS, "timestamp": "now"}.items()),
        wire.SCHEME + " " + ",".join(f'{name}="{value}"' for name, value in {**FIELDS, "timestamp": "9" * 400}.items()),
        wire.SCHEME + ' mchid="1",' + ",".join(f'{name}="{value}"' for name, value in FIELDS.items()),
    ],
)
def test_garbled_authorization(header: str) -> None:
    assert wire.read_authorization(header) is None


@given(st.binary(max_size=200), st.text(max_size=20), st.binary(min_size=32, max_size=32))
def test_sealing_goes_both_ways(plain: bytes, data: str, key: bytes) -> None:
    assert wire.unseal(key, "n" * 12, data, wire.seal(key, "n" * 12, data, plain)) == plain


def test_alipay_texts() -> None:
    given = {"b": "2", "a": "1", "sign": "x", "empty": "", "sign_type": "RSA2"}
    assert alipay_wire.request_text(given) == b"a=1&b=2&sign_type=RSA2"
    assert alipay_wire.notice_text({"b": "2", "a": "1", "sign": "x", "sign_type": "RSA2"}) == b"a=1&b=2"
    text = alipay_wire.response_text({"qr_code": "https://x/y", "subject": "茶"})
    assert text == '{"qr_code":"https:\\/\\/x\\/y","subject":"茶"}'
    body = alipay_wire.answer_body("a_response", text, "s+/=")
    assert json.loads(body) == {"a_response": {"qr_code": "https://x/y", "subject": "茶"}, "sign": "s+/="}


@pytest.mark.parametrize(("text", "minutes"), [("1m", 1), ("90m", 90), ("2h", 120), ("15d", 21600)])
def test_alipay_durations(text: str, minutes: int) -> None:
    assert alipay_wire.read_duration(text, 60) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "0m", "m", "1", "1s", "-1m", "1.5m", "1m "])
def test_wrong_durations(text: str) -> None:
    assert alipay_wire.read_duration(text, 60) is None


@pytest.mark.parametrize(
    ("text", "fen"),
    [("3.50", 350), ("3.5", 350), ("3", 300), ("0.01", 1), ("100000000", 10_000_000_000)]
    + [(wrong, None) for wrong in ("0", "0.00", "-1", "1.001", "1e3", "", " 1", "１", "100000000.01", None, 3.5)],
)
def test_alipay_amounts(text: object, fen: int | None) -> None:
    assert alipay_wire.read_yuan(text) == fen


def test_alipay_times_are_china_time() -> None:
    moment = datetime(2026, 1, 1, 20, tzinfo=UTC)
    assert alipay_wire.to_time(moment) == "2026-01-02 04:00:00"
    assert alipay_wire.read_time("2026-01-02 04:00:00") == moment
    assert alipay_wire.read_time("2026-02-30 04:00:00") is None
    assert wire.to_rfc3339(moment) == "2026-01-02T04:00:00+08:00"


def test_alipay_notice_has_only_documented_fields() -> None:
    documented = {field.rstrip("?") for field in recorded("alipay_notice_fields.json")["fields"]}
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    trade = Trade(
        terms=Terms(app_id="1", out_trade_no="2", subject="茶", total_fen=350),
        code="c",
        code_ends_at=moment,
        ends_at=moment,
        created_at=moment,
        state=TradeState.TRADE_SUCCESS,
        trade_no="3",
        payer="ann",
        paid_at=moment,
    )
    application = Application(app_id="1", seller_id="2088", name="x", public_key_pem="", balance_fen=0)
    fields = alipay_shapes.payment_notice(trade, application, "n")
    assert set(fields) <= documented
    for name, value in recorded("alipay_notice_fields.json")["constants"].items():
        assert fields[name] == value
