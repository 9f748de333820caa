"""The project's authority: made once, kept private, renewing the servers' certificates in time."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store

from vendomat.cloud.platform.identity import CertificateAuthority
from vendomat.kernel import ManualClock


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_it_is_made_once_and_its_key_is_private(tmp_path: Path) -> None:
    first = CertificateAuthority(tmp_path, ManualClock())
    again = CertificateAuthority(tmp_path, ManualClock())
    assert first.certificate_pem == again.certificate_pem
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600
    constraints = load(tmp_path / "ca.pem").extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical and constraints.value == x509.BasicConstraints(ca=True, path_length=0)


def test_a_servers_certificate_holds_for_this_host_and_for_no_other(tmp_path: Path) -> None:
    clock = ManualClock()
    authority = CertificateAuthority(tmp_path, clock)
    files = authority.server_certificate("nats")
    certificate = load(files.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    verifier = PolicyBuilder().store(Store([load(files.authority)])).time(clock.now())
    verifier.build_server_verifier(x509.DNSName("localhost")).verify(certificate, [])


async def test_a_certificate_is_kept_until_a_third_of_its_life_is_left(tmp_path: Path) -> None:
    clock = ManualClock()
    authority = CertificateAuthority(tmp_path, clock)
    first = authority.server_certificate("https")
    text = first.certificate.read_bytes()
    await clock.advance(timedelta(days=240).total_seconds())
    assert authority.server_certificate("https").certificate.read_bytes() == text
    await clock.advance(timedelta(days=5).total_seconds())
    renewed = authority.server_certificate("https")
    assert renewed.certificate.read_bytes() != text
    assert renewed.expires_at > first.expires_at


def test_other_names_mean_another_certificate(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path, ManualClock())
    text = authority.server_certificate("https").certificate.read_bytes()
    assert authority.server_certificate("https", ["cloud.example"]).certificate.read_bytes() != text


def test_a_kill_between_key_and_certificate_is_mended(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path, ManualClock())
    old = authority.server_certificate("https").certificate.read_bytes()
    authority.server_certificate("https", ["localhost"])  # a new pair; the old certificate comes back over it
    (tmp_path / "https.pem").write_bytes(old)
    files = authority.server_certificate("https")
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert load(files.certificate).public_key() == key.public_key()
