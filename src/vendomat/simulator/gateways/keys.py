"""RSA keys and certificates as the platforms use them: PKCS#1 v1.5 with SHA-256, PEM, 40-hex serials.

Signs with `cryptography` only. No client library of a platform is imported anywhere in this package, so a mistake
cannot pass by being made on both sides.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.x509.oid import NameOID

from vendomat.kernel import ErrorCode, VendomatError

_PADDING = padding.PKCS1v15()
_SHA256 = hashes.SHA256()
_SERVER_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=True,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
_LONG_AGO, _FAR_OFF = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


KeySource = Callable[[], RSAPrivateKey]
"""Where new keys come from; making one takes a good part of a second, so tests bring a stock."""


def make_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def sign(key: RSAPrivateKey, message: bytes) -> str:
    """The signature of `message`, base64."""
    return base64.b64encode(key.sign(message, _PADDING, _SHA256)).decode()


def is_signed(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """Whether base64 `signature` is `message` signed with the private half of `key`. Garbage is simply not."""
    try:
        key.verify(base64.b64decode(signature, validate=True), message, _PADDING, _SHA256)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def unsealed(key: RSAPrivateKey, sealed: str) -> str | None:
    """The text of base64 `sealed` (RSA-OAEP with SHA-1, as the guides have it), or None when it does not open."""
    form = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303
    try:
        return key.decrypt(base64.b64decode(sealed, validate=True), form).decode()
    except (ValueError, binascii.Error):
        return None


def private_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(key: RSAPublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


@lru_cache(maxsize=4096)
def load_private(pem: str) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise VendomatError(ErrorCode.INVALID_VALUE, "the private key is not RSA; make a 2048-bit RSA key")
    return key


@lru_cache(maxsize=4096)
def load_public(pem: str) -> RSAPublicKey:
    """The RSA key of a public-key PEM or of a certificate PEM."""
    try:
        if "BEGIN CERTIFICATE" in pem:
            key = x509.load_pem_x509_certificate(pem.encode()).public_key()
        else:
            key = serialization.load_pem_public_key(pem.encode())  # type: ignore[assignment]
    except ValueError as error:
        raise VendomatError(ErrorCode.MALFORMED, "this is neither a public key nor a certificate in PEM") from error
    if not isinstance(key, RSAPublicKey):
        raise VendomatError(ErrorCode.INVALID_VALUE, "the public key is not RSA; make a 2048-bit RSA key")
    return key


def serial_of(certificate_pem: str) -> str:
    """The serial number of a certificate as the platforms write it: upper-case hexadecimal."""
    return f"{x509.load_pem_x509_certificate(certificate_pem.encode()).serial_number:X}"


def valid_times_of(certificate_pem: str) -> tuple[datetime, datetime]:
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def make_server_certificate(key: RSAPrivateKey, host: str, *, like_pem: str) -> str:
    """A self-signed certificate for a server at the address `host`, under the serial of `like_pem`: the same bytes each
    time, so that whoever was told to trust it may go on.

    TLS goes by the machine's own clock, which need not be the emulated platform's: it is valid at any time.
    """
    like = x509.load_pem_x509_certificate(like_pem.encode())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Emulated payment platform's server")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(like.serial_number)
        .not_valid_before(_LONG_AGO)
        .not_valid_after(_FAR_OFF)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SERVER_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, _SHA256)
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def make_certificate(key: RSAPrivateKey, name: str, *, random_bits: int, now: datetime) -> str:
    """A self-signed certificate for five years from `now`, its serial 40 hexadecimal digits made of `random_bits`."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    serial = (1 << 158) | (random_bits & ((1 << 158) - 1))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=5 * 365))
        .sign(key, _SHA256)
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
