"""The envelope: only the exact message of the named machine, kind, epoch and seq passes; what is unknown is kept."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey

from vendomat.kernel import ErrorCode, VendomatError, derive_id
from vendomat.protocol import (
    LINES_MAX,
    MESSAGE_BYTES_MAX,
    Fact,
    FactKind,
    OrderLine,
    OrderRef,
    OrderRequest,
    RedeemRequest,
    read_body,
    seal,
    unseal,
)

KEY = SigningKey(b"k" * 32)
REF = OrderRef(order_id=derive_id("ord", 1))


class Signer:
    key_id = "k1"

    def sign(self, data: bytes) -> bytes:
        return KEY.sign(data).signature


def verify(key_id: str, data: bytes, signature: bytes) -> bool:
    try:
        KEY.verify_key.verify(data, signature)
    except (BadSignatureError, ValueError):
        return False
    return key_id == "k1"


def sealed(body: object = REF, **other: object) -> bytes:
    fields = {"kind": "order_status", "machine": "m1", "epoch": 3, "seq": 7} | other
    return seal(body, signer=Signer(), **fields)  # type: ignore[arg-type]


def refusal(data: bytes, machine: str | None = "m1") -> ErrorCode:
    with pytest.raises(VendomatError) as refused:
        unseal(data, verify=verify, machine=machine)
    return refused.value.code


def test_what_was_sealed_opens() -> None:
    envelope = unseal(sealed(), verify=verify, machine="m1")
    assert (envelope.kind, envelope.machine, envelope.epoch, envelope.seq) == ("order_status", "m1", 3, 7)
    assert read_body(envelope, OrderRef) == REF


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "cancel"),
        ("machine", "m2"),
        ("epoch", 4),
        ("seq", 8),
        ("version", 2),
        ("body", {"order_id": derive_id("ord", 2)}),
    ],
)
def test_a_change_of_any_part_breaks_the_signature(field: str, value: object) -> None:
    parts = msgspec.json.decode(sealed())
    parts[field] = value
    assert refusal(msgspec.json.encode(parts), machine=None) is ErrorCode.BAD_SIGNATURE


def test_a_message_of_another_machine_is_refused_before_its_signature_is_looked_at() -> None:
    assert refusal(sealed(machine="m2")) is ErrorCode.FORBIDDEN


def test_an_unknown_key_is_refused() -> None:
    parts = msgspec.json.decode(sealed())
    parts["key_id"] = "k2"
    assert refusal(msgspec.json.encode(parts)) is ErrorCode.BAD_SIGNATURE


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", sealed()[:-2], b"[" * 5000])
def test_what_is_no_envelope_is_malformed(data: bytes) -> None:
    assert refusal(data) is ErrorCode.MALFORMED


def test_an_oversized_message_is_refused_unread() -> None:
    assert refusal(b" " * (MESSAGE_BYTES_MAX + 1)) is ErrorCode.TOO_LARGE


@given(st.binary(max_size=300))
def test_noise_is_refused_and_never_raises_anything_else(data: bytes) -> None:
    assert refusal(data) in (ErrorCode.MALFORMED, ErrorCode.BAD_SIGNATURE, ErrorCode.FORBIDDEN)


def test_unknown_fields_are_kept_byte_for_byte() -> None:
    body = msgspec.Raw(b'{"order_id":"' + REF.order_id.encode() + b'", "from_the_future": [1, 2]}')
    envelope = unseal(sealed(body), verify=verify, machine="m1")
    assert bytes(envelope.body) == bytes(body)
    assert read_body(envelope, OrderRef) == REF
    again = unseal(sealed(envelope.body), verify=verify, machine="m1")
    assert bytes(again.body) == bytes(body)


LINE = {"slot": "A1", "quantity": 1, "price_minor": 350}
ORDER = {"request_id": derive_id("req", 1), "lines": [LINE], "channel": "wechat", "nonce": "n" * 16}


@pytest.mark.parametrize(
    "wrong",
    [
        {"lines": []},
        {"lines": [LINE] * (LINES_MAX + 1)},
        {"lines": [LINE | {"quantity": 0}]},
        {"lines": [LINE | {"quantity": 21}]},
        {"lines": [LINE | {"quantity": 1.5}]},
        {"lines": [LINE | {"price_minor": -1}]},
        {"lines": [LINE | {"slot": "A1; DROP"}]},
        {"request_id": "x"},
        {"channel": "WECHAT"},
        {"nonce": "short"},
    ],
)
def test_a_limit_in_a_type_is_a_limit_on_the_wire(wrong: dict[str, object]) -> None:
    envelope = unseal(sealed(ORDER | wrong), verify=verify)
    with pytest.raises(VendomatError) as refused:
        read_body(envelope, OrderRequest)
    assert refused.value.code is ErrorCode.MALFORMED
    assert read_body(unseal(sealed(ORDER), verify=verify), OrderRequest).lines == [OrderLine(**LINE)]  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["1234567", "123456789", "1234567a", "１２３４５６７８", "12345678\n"])
def test_a_code_is_eight_digits(code: str) -> None:
    body = {"request_id": derive_id("req", 1), "code": code, "nonce": "n" * 16}
    with pytest.raises(VendomatError):
        read_body(unseal(sealed(body), verify=verify), RedeemRequest)


def test_a_fact_s_digest_covers_origin_kind_and_exact_body() -> None:
    fact = Fact(epoch=1, seq=2, kind=FactKind.INTENT, at="t", body=msgspec.Raw(b'{"a":1}'))
    others = [
        msgspec.structs.replace(fact, epoch=2),
        msgspec.structs.replace(fact, seq=3),
        msgspec.structs.replace(fact, kind=FactKind.OUTCOME),
        msgspec.structs.replace(fact, body=msgspec.Raw(b'{"a": 1}')),
    ]
    assert len({fact.digest(), *(other.digest() for other in others)}) == 5
    assert msgspec.structs.replace(fact, at="later").digest() == fact.digest()
