"""The emulated Alipay's certificates: a root, its own signing certificate and those of applications. Made when needed.

The root's file also holds a root of another kind, as the real one does: only those signed with RSA count in its number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from vendomat.simulator.gateways import keys
from vendomat.simulator.gateways.context import Context
from vendomat.simulator.gateways.store import Change

_RSA_SIGNATURES = (SignatureAlgorithmOID.RSA_WITH_SHA256, SignatureAlgorithmOID.RSA_WITH_SHA1)
_ROOT, _ROOT_LIFE, _LIFE = "Emulated Certification Authority R1", timedelta(days=20 * 365), timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """What is kept. `files` are all certificates ever signed under, the newest last."""

    KIND: ClassVar[str] = "alipay_certificates"

    root_key_pem: str
    root_pem: str
    other_root_pem: str
    key_pem: str
    files: tuple[str, ...]


class Authority:
    """`key_pem` signs until the first change of certificates, so that both modes begin with one key."""

    def __init__(self, context: Context, key_pem: str) -> None:
        self._context = context
        self._key_pem = key_pem
        self._kept: Certificates | None = None
        for _, kept in context.store.load(Certificates.KIND, Certificates):
            self._kept = kept

    @property
    def _now(self) -> Certificates:
        if self._kept is None:
            self._keep(self._made())
        assert self._kept is not None, "just made"
        return self._kept

    @property
    def root_file(self) -> str:
        return f"{self._now.other_root_pem}\n{self._now.root_pem}"

    @property
    def root_sn(self) -> str:
        return root_sn_of(self.root_file)

    @property
    def file(self) -> str:
        """The certificate signed under now."""
        return self._now.files[-1]

    @property
    def sn(self) -> str:
        return certificate_sn_of(self.file)

    @property
    def key(self) -> RSAPrivateKey:
        return keys.load_private(self._now.key_pem)

    def find(self, sn: str) -> str | None:
        """The file of one of our certificates."""
        return next((pem for pem in self._now.files if certificate_sn_of(pem) == sn), None)

    def rotate(self) -> str:
        """Sign under a new key and certificate from now on; its number."""
        key = self._context.make_key()
        made = self._signed(self._now, key.public_key(), "Emulated Alipay")
        self._keep(replace(self._now, key_pem=keys.private_pem(key), files=(*self._now.files, made)))
        return self.sn

    def certify(self, key: RSAPublicKey, name: str) -> str:
        """A certificate for an application's key."""
        return self._signed(self._now, key, name)

    def _keep(self, kept: Certificates) -> None:
        self._kept = kept
        self._context.store.save([Change(Certificates.KIND, "certificates", kept)])

    def _made(self) -> Certificates:
        now, root_key, other_key = self._context.clock.now(), self._context.make_key(), ec.generate_private_key(_CURVE)
        bare = Certificates(
            root_key_pem=keys.private_pem(root_key),
            root_pem=self._root(root_key, _ROOT, now),
            other_root_pem=self._root(other_key, "Emulated Certification Authority E1", now),
            key_pem=self._key_pem,
            files=(),
        )
        own = self._signed(bare, keys.load_private(self._key_pem).public_key(), "Emulated Alipay")
        return replace(bare, files=(own,))

    def _root(self, key: RSAPrivateKey | ec.EllipticCurvePrivateKey, name: str, now: datetime) -> str:
        builder = self._builder(name, name, now, _ROOT_LIFE).public_key(key.public_key())
        return _pem(builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True), key)

    def _signed(self, kept: Certificates, key: RSAPublicKey, name: str) -> str:
        root_key = keys.load_private(kept.root_key_pem)
        return _pem(self._builder(name, _ROOT, self._context.clock.now(), _LIFE).public_key(key), root_key)

    def _builder(self, name: str, issuer: str, now: datetime, life: timedelta) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(issuer))
            .serial_number((1 << 126) | self._context.numbers.bits(126))
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + life)
        )


_CURVE = ec.SECP256R1()


def _named(name: str) -> x509.Name:
    parts = ((NameOID.COUNTRY_NAME, "CN"), (NameOID.ORGANIZATION_NAME, "Emulated Financial"))
    unit = (NameOID.ORGANIZATIONAL_UNIT_NAME, "Certification Authority")
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in (*parts, unit, (NameOID.COMMON_NAME, name))])


def _pem(builder: x509.CertificateBuilder, key: RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def certificate_sn_of(pem: str) -> str:
    """How Alipay numbers a certificate: the MD5 of its issuer, common name first, and its serial in decimals."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    names = {part.oid: part.value for part in certificate.issuer}
    parts = (
        ("CN", NameOID.COMMON_NAME),
        ("OU", NameOID.ORGANIZATIONAL_UNIT_NAME),
        ("O", NameOID.ORGANIZATION_NAME),
        ("C", NameOID.COUNTRY_NAME),
    )
    issuer = ",".join(f"{label}={names.get(oid)!s}" for label, oid in parts)
    return hashlib.md5(f"{issuer}{certificate.serial_number}".encode(), usedforsecurity=False).hexdigest()


def root_sn_of(file: str) -> str:
    """The numbers of the roots in `file` that are signed with RSA."""
    certificates = x509.load_pem_x509_certificates(file.encode())
    rsa = [one for one in certificates if one.signature_algorithm_oid in _RSA_SIGNATURES]
    return "_".join(certificate_sn_of(one.public_bytes(serialization.Encoding.PEM).decode()) for one in rsa)
