"""Alipay's certificates: the numbers it calls them by, and which of its keys may sign for it.

An answer names its certificate by number. One we do not know is fetched, and trusted only when its chain ends at a root
we were given: whoever hands it over proves nothing. Refuses expired ones, and chains longer than any real one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.kernel import Clock, ErrorCode, VendomatError

CHAIN_MAX = 4
KNOWN_MAX = 16
FETCH_EVERY_S = 60.0
"""How often an unknown number is asked for at most, so that invented numbers cost the platform nothing."""

_RSA_SIGNATURES = "1.2.840.113549.1.1"
_NAME_PARTS = tuple(x509.ObjectIdentifier(f"2.5.4.{number}") for number in (3, 11, 10, 6))  # CN, OU, O, C


def number_of(issuer: str, serial: int) -> str:
    """`issuer` as `CN=…,OU=…,O=…,C=…`; the number is the MD5 of it and the decimal serial, hexadecimal."""
    return hashlib.md5(f"{issuer}{serial}".encode(), usedforsecurity=False).hexdigest()


def number_of_certificate(certificate: x509.Certificate) -> str:
    """`app_cert_sn`, `alipay_cert_sn`. A part that the issuer's name lacks is written `None`, as the platform does."""
    labels = ("CN", "OU", "O", "C")
    values = (_part(certificate.issuer, part) for part in _NAME_PARTS)
    issuer = ",".join(f"{label}={value}" for label, value in zip(labels, values, strict=True))
    return number_of(issuer, certificate.serial_number)


def _part(name: x509.Name, part: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(part)
    return str(found[-1].value) if found else "None"


def number_of_roots(roots: Iterable[x509.Certificate]) -> str:
    """`alipay_root_cert_sn`: of those signed with RSA, joined; the file also holds roots of other kinds."""
    rsa = [root for root in roots if root.signature_algorithm_oid.dotted_string.startswith(_RSA_SIGNATURES)]
    return "_".join(number_of_certificate(root) for root in rsa)


def read_chain(pem: str, what: str) -> list[x509.Certificate]:
    """The certificates of a file, the first one's own first. Raises `VendomatError(INVALID_VALUE)`."""
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise VendomatError(ErrorCode.INVALID_VALUE, f"{what} for Alipay is unusable") from error


@dataclass(frozen=True, slots=True)
class Numbers:
    """What every request carries in certificate mode."""

    app: str
    root: str


class PlatformCertificates:
    """Keys by certificate number. Thread-safe. `fetch` asks the platform for the file of one number; it may block."""

    def __init__(
        self, known: list[x509.Certificate], roots: list[x509.Certificate], *, clock: Clock, fetch: Callable[[str], str]
    ) -> None:
        self._roots = roots
        self._clock = clock
        self._fetch = fetch
        self._lock = threading.Lock()
        self._fetched_at: dict[str, float] = {}
        self._keys = {number_of_certificate(known[0]): _key_of(known[0])}

    def key(self, number: str, *, asked_by: str) -> RSAPublicKey:
        """The key of certificate `number`. Raises `NotKnownError`. `asked_by`: answers and notices, which anybody may
        send us, wait for their own turn."""
        known = self._keys.get(number)
        if known is not None:
            return known
        with self._lock:
            if number not in self._keys:
                self._learn(number, asked_by)
            return self._keys[number]

    def _learn(self, number: str, asked_by: str) -> None:
        now_s = self._clock.elapsed()
        last_s = self._fetched_at.get(asked_by)
        if (last_s is not None and now_s - last_s < FETCH_EVERY_S) or len(self._keys) >= KNOWN_MAX:
            raise NotKnownError("signed under a certificate we do not know, and asked for one a moment ago")
        self._fetched_at[asked_by] = now_s
        chain = _chain_of(self._fetch(number))
        if number_of_certificate(chain[0]) != number:
            raise NotKnownError("the platform gave us the file of another certificate")
        check_chain(chain, self._roots, self._clock.now())
        self._keys[number] = _key_of(chain[0])


def _chain_of(content: str) -> list[x509.Certificate]:
    """A fetched file: base64 of PEM text."""
    try:
        return x509.load_pem_x509_certificates(base64.b64decode(content, validate=True))
    except (ValueError, binascii.Error) as error:
        raise NotKnownError("the platform's certificate cannot be read") from error


def check_chain(chain: list[x509.Certificate], roots: list[x509.Certificate], now: datetime) -> None:
    """Raises `NotKnownError` unless `chain[0]` goes back to a root, every issuer may issue, and all are in force."""
    current, pool = chain[0], chain[1:]
    for _ in range(CHAIN_MAX):
        if not current.not_valid_before_utc <= now <= current.not_valid_after_utc:
            raise NotKnownError("a certificate of the platform is not in force")
        if any(_has_issued(root, current) for root in roots):
            return
        issuers = [one for one in pool if _may_issue(one) and _has_issued(one, current)]
        if not issuers:
            break
        current, pool = issuers[0], [one for one in pool if one is not issuers[0]]
    raise NotKnownError("the certificate's chain does not end at a root we know")


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _key_of(certificate: x509.Certificate) -> RSAPublicKey:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise VendomatError(ErrorCode.INVALID_VALUE, "the certificate of Alipay has no key we can use") from error
    if not isinstance(key, RSAPublicKey):
        raise VendomatError(ErrorCode.INVALID_VALUE, "the certificate of Alipay has no RSA key")
    return key
