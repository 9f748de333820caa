"""The signed envelope around every message between terminal and cloud.

`signature` is Ed25519 over the header fields and the exact bytes of `body`, so a relay can neither change a message
nor move it to another machine, kind or epoch. The body stays the raw bytes that were received: fields that this
version does not know are kept when a message is stored or passed on. Refuses nothing about time: replay and age are
decided by lease, epoch and ids, never by a clock comparison.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Protocol, TypeVar

import msgspec
from msgspec import Meta

from vendomat.kernel import ErrorCode, VendomatError

PROTOCOL_VERSION = 1
MESSAGE_BYTES_MAX = 65_536

MachineId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
ShortText = Annotated[str, Meta(max_length=64)]


class Signer(Protocol):
    """Holds a private key. `key_id` names it to the other side."""

    @property
    def key_id(self) -> str: ...

    def sign(self, data: bytes) -> bytes: ...


Verify = Callable[[str, bytes, bytes], bool]
"""`verify(key_id, data, signature)`; False for an unknown key."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    version: Annotated[int, Meta(ge=1, le=999)] = PROTOCOL_VERSION
    kind: Annotated[str, Meta(pattern=r"^[a-z_.]{1,40}\Z")]
    machine: MachineId
    epoch: Annotated[int, Meta(ge=0, le=2**53)]
    seq: Annotated[int, Meta(ge=0, le=2**53)]
    body: msgspec.Raw
    key_id: ShortText
    signature: Annotated[str, Meta(max_length=120)]


_ENCODER = msgspec.json.Encoder()
_ENVELOPE = msgspec.json.Decoder(Envelope)
_DECODERS: dict[type, msgspec.json.Decoder[object]] = {}
_Body = TypeVar("_Body")


def _signed_text(envelope_head: tuple[int, str, str, int, int], body: bytes) -> bytes:
    version, kind, machine, epoch, seq = envelope_head
    return f"vendomat/{version}\n{kind}\n{machine}\n{epoch}\n{seq}\n".encode() + body


def seal(body: object, *, kind: str, machine: str, epoch: int, seq: int, signer: Signer) -> bytes:
    """The bytes to send: `body` (a message struct or `msgspec.Raw`) in a signed envelope."""
    raw = bytes(body) if isinstance(body, msgspec.Raw) else _ENCODER.encode(body)
    head = (PROTOCOL_VERSION, kind, machine, epoch, seq)
    signature = base64.b64encode(signer.sign(_signed_text(head, raw))).decode()
    return _ENCODER.encode(
        Envelope(
            kind=kind,
            machine=machine,
            epoch=epoch,
            seq=seq,
            body=msgspec.Raw(raw),
            key_id=signer.key_id,
            signature=signature,
        )
    )


def unseal(data: bytes, *, verify: Verify, machine: str | None = None, kind: str | None = None) -> Envelope:
    """Check size, form, machine, kind and signature: what the subject said must be what was signed.

    Raises `VendomatError` (too_large, malformed, forbidden, bad_signature); nothing of a refused message counts.
    """
    if len(data) > MESSAGE_BYTES_MAX:
        raise VendomatError(ErrorCode.TOO_LARGE, f"the message has {len(data)} bytes, at most {MESSAGE_BYTES_MAX}")
    try:
        envelope = _ENVELOPE.decode(data)
        signature = _signature_in(envelope.signature)
    except (msgspec.MsgspecError, binascii.Error, UnicodeError) as error:
        raise VendomatError(ErrorCode.MALFORMED, f"the message is not an envelope: {error}") from error
    if machine is not None and envelope.machine != machine:
        raise VendomatError(ErrorCode.FORBIDDEN, "the message names another machine than the one it came from")
    if kind is not None and envelope.kind != kind:
        raise VendomatError(ErrorCode.FORBIDDEN, "the message came on another subject than it names")
    head = (envelope.version, envelope.kind, envelope.machine, envelope.epoch, envelope.seq)
    if not verify(envelope.key_id, _signed_text(head, bytes(envelope.body)), signature):
        raise VendomatError(ErrorCode.BAD_SIGNATURE, "the message is not signed by the key it names")
    return envelope


def _signature_in(text: str) -> bytes:
    """The signature that `text` is the one base64 form of."""
    signature = base64.b64decode(text, validate=True)
    if base64.b64encode(signature).decode() != text:
        raise binascii.Error("the signature is not in its one form")
    return signature


def read_body(envelope: Envelope, body_type: type[_Body]) -> _Body:
    """The body as `body_type`; raises `VendomatError(malformed)` that names the field at fault."""
    decoder = _DECODERS.get(body_type)
    if decoder is None:
        decoder = _DECODERS[body_type] = msgspec.json.Decoder(body_type)
    try:
        return decoder.decode(envelope.body)  # type: ignore[return-value]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise VendomatError(ErrorCode.MALFORMED, f"{envelope.kind}: {error}") from error
