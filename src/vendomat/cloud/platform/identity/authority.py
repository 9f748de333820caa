"""The project's own certificate authority: made at set-up, it vouches for the cloud's servers and for nothing else.

ECDSA P-256 throughout. The authority's key stays in the folder (0600); certificates of servers are renewed when less
than a third of their life is left. Refuses to issue for other authorities (path length 0) and to replace itself: a new
authority means enrolling every machine again, so that is a person's decision.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vendomat.cloud.platform.identity.private_files import kept, write_private
from vendomat.kernel import Clock

OWN_NAMES = ("localhost", "127.0.0.1")
"""What this computer calls itself."""

_AUTHORITY_LIFE = timedelta(days=3650)
_SERVER_LIFE = timedelta(days=365)
_CLOCK_SLACK = timedelta(days=1)  # a machine's clock may be behind when it first connects


@dataclass(frozen=True)
class ServerCertificate:
    """Files in PEM for a TLS server: `certificate`, `key` (0600), and the authority a client checks against."""

    certificate: Path
    key: Path
    authority: Path
    expires_at: datetime


class CertificateAuthority:
    """The authority kept in `folder`, made there when there is none."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._key = _private_key(kept(folder / "ca.key", _new_key))
        self.certificate_file = folder / "ca.pem"
        pem = kept(self.certificate_file, self._new_certificate)
        self._certificate = x509.load_pem_x509_certificate(pem)

    @property
    def certificate_pem(self) -> str:
        """What a machine is given at enrolment, to check the cloud against."""
        return self.certificate_file.read_text(encoding="ascii")

    def client_context(self) -> ssl.SSLContext:
        """TLS for a client that trusts this authority alone."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(self.certificate_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def server_certificate(self, purpose: str, names: Sequence[str] = OWN_NAMES) -> ServerCertificate:
        """A valid certificate for the server `purpose` (a file name), renewed when it is due or `names` changed."""
        assert names and purpose.isalnum()
        certificate_file, key_file = self._folder / f"{purpose}.pem", self._folder / f"{purpose}.key"
        current = _certificate_in(certificate_file)
        if current is None or not key_file.exists() or self._is_due(current, names):
            key_pem = _new_key()
            current = self._issue(_private_key(key_pem), names)
            write_private(key_file, key_pem)
            write_private(certificate_file, current.public_bytes(serialization.Encoding.PEM))
        elif not _belong_together(current, key_file):  # killed between the two files
            current = self._issue(_private_key(key_file.read_bytes()), names)
            write_private(certificate_file, current.public_bytes(serialization.Encoding.PEM))
        return ServerCertificate(certificate_file, key_file, self.certificate_file, current.not_valid_after_utc)

    def _is_due(self, certificate: x509.Certificate, names: Sequence[str]) -> bool:
        left = certificate.not_valid_after_utc - self._clock.now()
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        same_names = list(alternative) == [_general_name(name) for name in names]
        return left < _SERVER_LIFE / 3 or not same_names or certificate.issuer != self._certificate.subject

    def _new_certificate(self) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vendomat project authority")])
        public = self._key.public_key()
        now = self._clock.now()
        builder = (
            _builder(name, name, public, now)
            .not_valid_after(now + _AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _issue(self, key: ec.EllipticCurvePrivateKey, names: Sequence[str]) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        now = self._clock.now()
        end = min(now + _SERVER_LIFE, self._certificate.not_valid_after_utc)
        builder = (
            _builder(subject, self._certificate.subject, key.public_key(), now)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _new_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _certificate_in(path: Path) -> x509.Certificate | None:
    return x509.load_pem_x509_certificate(path.read_bytes()) if path.exists() else None


def _belong_together(certificate: x509.Certificate, key_file: Path) -> bool:
    return _private_key(key_file.read_bytes()).public_key() == certificate.public_key()
