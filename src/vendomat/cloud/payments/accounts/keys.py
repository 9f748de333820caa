"""The marks by which a person tells one key from another. Gives away no secret, nor anything to try guesses on."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from vendomat.cloud.payments.accounts.model import KeyMark, Settings
from vendomat.cloud.payments.providers import SettingField, SettingForm
from vendomat.kernel import ErrorCode, VendomatError

MARK_CHARACTERS = 16
MARKS_MAX = 10
_UNREADABLE = (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm)


def marks_of(field: SettingField, value: object, mark_key: bytes) -> list[KeyMark]:
    """The marks of what is set; none for a value that is shown anyway. Parses keys, so it belongs in a thread.

    `mark_key` makes the marks of secrets: one for each merchant and channel.
    """
    if field.is_shown or not value:
        return []
    texts = [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]
    marks = (mark for text in texts for mark in _marks(field, text, mark_key))
    return [mark for mark, _ in zip(marks, range(MARKS_MAX), strict=False)]


OWN_CERTIFICATES = ("certificate", "app_certificate")


def check_pair(settings: Settings) -> None:
    """Whether the merchant's certificate is of its private key, and its serial the one that is set.

    Raises `VendomatError(invalid_value)`. What cannot be read is left to the provider, which says so.
    """
    pem = next((settings[name] for name in OWN_CERTIFICATES if settings.get(name)), None)
    if pem is None:
        return
    try:
        certificate = x509.load_pem_x509_certificates(str(pem).encode())[0]
        is_pair = _hash_of(certificate.public_key()) == _public_hash(str(settings.get("private_key", "")))
    except _UNREADABLE:
        return
    if not is_pair:
        raise VendomatError(ErrorCode.INVALID_VALUE, "certificate and private_key are not of one pair; nothing changed")
    serial = str(settings.get("serial_no", "")).upper().lstrip("0")
    if serial and serial != f"{certificate.serial_number:X}":
        raise VendomatError(ErrorCode.INVALID_VALUE, "serial_no is not the certificate's serial; nothing changed")


def _marks(field: SettingField, text: str, mark_key: bytes) -> Iterator[KeyMark]:
    if field.form not in (SettingForm.TEXT, SettingForm.TEXTS):
        yield _secret(text, mark_key)
        return
    try:
        if "BEGIN CERTIFICATE" in text:
            for certificate in x509.load_pem_x509_certificates(text.encode()):
                yield KeyMark("certificate", f"{certificate.serial_number:X}", certificate.not_valid_after_utc)
        else:
            yield KeyMark("key", _public_hash(text))
    except _UNREADABLE:
        yield _secret(text, mark_key)


def _secret(text: str, mark_key: bytes) -> KeyMark:
    return KeyMark("secret", hmac.new(mark_key, text.encode(), hashlib.sha256).hexdigest()[:MARK_CHARACTERS])


def _public_hash(text: str) -> str:
    """Of a key in PEM or in bare base64, private or public: both halves of a pair have one mark."""
    data, is_pem = text.encode(), "-----BEGIN" in text
    der = b"" if is_pem else base64.b64decode("".join(text.split()), validate=True)
    try:
        public = load_pem_public_key(data) if is_pem else load_der_public_key(der)
    except ValueError:
        private = load_pem_private_key(data, None) if is_pem else load_der_private_key(der, None)
        public = private.public_key()
    return _hash_of(public)


def _hash_of(public: PublicKeyTypes) -> str:
    content = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(content).hexdigest()[:MARK_CHARACTERS]
