"""Alipay's certificate numbers against published ones, and which certificates may sign for the platform."""

from __future__ import annotations

import base64
import warnings
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.x509.oid import NameOID

from vendomat.cloud.payments.providers.alipay.certificates import (
    FETCH_EVERY_S,
    KNOWN_MAX,
    PlatformCertificates,
    check_chain,
    number_of,
    number_of_certificate,
    number_of_roots,
    read_chain,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.kernel import ManualClock, VendomatError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from alipay import DCAliPay

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_TEST = "OU=Certification Authority test"


@pytest.mark.parametrize(
    ("issuer", "serial", "number"),
    [
        (
            f"CN=Ant Financial Certification Authority Class 2 R1 test,{_TEST},O=Ant Financial test,C=CN",
            0x201911299AF75E2F4FCB19633C0062EC,
            "75852781c31e6a29e6551915a592dcb3",
        ),
        (
            f"CN=Ant Financial Certification Authority Class 2 R1 test,{_TEST},O=Ant Financial test,C=CN",
            0x20191129A0075D3F946F3CBEF48FF723,
            "abe4af5e686f52544fcd9d5592fce1f3",
        ),
        (
            f"CN=Ant Financial Certification Authority R1 test,{_TEST},O=Ant Financial,C=CN",
            0x2019042253697012597DFC04E69F6E07,
            "6bc29aa3b4d406c43483ffea81e08d22",
        ),
    ],
    ids=["application", "platform", "root"],
)
def test_e14_published_numbers_recompute(issuer: str, serial: int, number: str):
    """Issuers, serials and numbers of the platform's sandbox; the certificates themselves are not needed."""
    assert number_of(issuer, serial) == number


@pytest.fixture(scope="module")
def authority() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def stranger() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def named(name: str, *, has_unit: bool = True) -> x509.Name:
    unit = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Unit")] if has_unit else []
    parts = [x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "机构")]
    return x509.Name([*parts, *unit, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(
    key: RSAPrivateKey,
    signer: RSAPrivateKey,
    subject: str,
    issuer: str,
    *,
    serial: int = 7,
    is_issuer: bool = False,
    has_unit: bool = True,
    ends_at: datetime = NOW + timedelta(days=365),
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer, has_unit=has_unit))
        .serial_number(serial)
        .not_valid_before(NOW - timedelta(days=365))
        .not_valid_after(ends_at)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=is_issuer, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )


def pem(*certificates: x509.Certificate) -> str:
    return "\n".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates)


@pytest.mark.parametrize("has_unit", [True, False])
def test_numbers_as_the_client_library_has_them(authority: RSAPrivateKey, has_unit: bool):
    one = certificate(authority, authority, "Leaf", "Root", serial=2**100 + 3, has_unit=has_unit)
    assert number_of_certificate(one) == DCAliPay.get_cert_sn(pem(one))
    roots = [certificate(authority, authority, "Root", "Root", serial=serial) for serial in (5, 6)]
    assert number_of_roots(roots) == DCAliPay.get_root_cert_sn(pem(*roots))


class Platform:
    """Gives out certificate files, and counts how often it is asked."""

    def __init__(self, *files: x509.Certificate) -> None:
        self.chain = files
        self.asked = 0

    def fetch(self, number: str) -> str:
        self.asked += 1
        return base64.b64encode(pem(*self.chain).encode()).decode()


@pytest.fixture(scope="module")
def root(authority: RSAPrivateKey) -> x509.Certificate:
    return certificate(authority, authority, "Root", "Root", is_issuer=True)


@pytest.fixture(scope="module")
def known(authority: RSAPrivateKey) -> x509.Certificate:
    return certificate(authority, authority, "Platform", "Root", serial=8)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def test_pf26_a_new_certificate_is_fetched_once_and_trusted_by_its_chain(
    clock: ManualClock,
    authority: RSAPrivateKey,
    stranger: RSAPrivateKey,
    root: x509.Certificate,
    known: x509.Certificate,
):
    new = certificate(stranger, authority, "Platform", "Root", serial=9)
    platform = Platform(new)
    trusted = PlatformCertificates([known], [root], clock=clock, fetch=platform.fetch)
    assert trusted.key(number_of_certificate(known), asked_by="answer") == authority.public_key()
    assert platform.asked == 0
    for _ in range(3):
        assert trusted.key(number_of_certificate(new), asked_by="answer") == stranger.public_key()
    assert platform.asked == 1
    assert trusted.key(number_of_certificate(known), asked_by="answer") == authority.public_key(), "both are live"


async def test_pf26_invented_numbers_cost_one_question_a_minute(
    clock: ManualClock, authority: RSAPrivateKey, root: x509.Certificate, known: x509.Certificate
):
    new = certificate(authority, authority, "Platform", "Root", serial=9)
    platform = Platform(new)
    trusted = PlatformCertificates([known], [root], clock=clock, fetch=platform.fetch)
    for number in range(20):
        with pytest.raises(NotKnownError):
            trusted.key(f"{number:032x}", asked_by="notice")
    assert platform.asked == 1
    assert trusted.key(number_of_certificate(new), asked_by="answer"), "what the platform answers has its own turn"
    await clock.advance(FETCH_EVERY_S)
    with pytest.raises(NotKnownError):
        trusted.key("00", asked_by="notice")
    assert platform.asked == 3


async def test_how_many_are_known_has_an_end(
    clock: ManualClock, authority: RSAPrivateKey, root: x509.Certificate, known: x509.Certificate
):
    platform = Platform()
    trusted = PlatformCertificates([known], [root], clock=clock, fetch=platform.fetch)
    for serial in range(100, 100 + KNOWN_MAX):
        platform.chain = (certificate(authority, authority, "Platform", "Root", serial=serial),)
        await clock.advance(FETCH_EVERY_S)
        number = number_of_certificate(platform.chain[0])
        if serial < 100 + KNOWN_MAX - 1:
            assert trusted.key(number, asked_by="answer")
        else:
            with pytest.raises(NotKnownError):
                trusted.key(number, asked_by="answer")


def test_a_file_of_the_right_number_that_nobody_vouches_for(
    clock: ManualClock, stranger: RSAPrivateKey, root: x509.Certificate, known: x509.Certificate
):
    """The number is made of names that anybody may write into a certificate."""
    forged = certificate(stranger, stranger, "Platform", "Root", serial=9)
    trusted = PlatformCertificates([known], [root], clock=clock, fetch=Platform(forged).fetch)
    with pytest.raises(NotKnownError, match="root"):
        trusted.key(number_of_certificate(forged), asked_by="answer")


@pytest.mark.parametrize("content", ["", "%%%", "bm90IGEgY2VydGlmaWNhdGU="])
def test_a_file_that_is_none(clock: ManualClock, root: x509.Certificate, known: x509.Certificate, content: str):
    trusted = PlatformCertificates([known], [root], clock=clock, fetch=lambda _: content)
    with pytest.raises(NotKnownError):
        trusted.key("00", asked_by="answer")


def test_chains(authority: RSAPrivateKey, stranger: RSAPrivateKey, root: x509.Certificate):
    middle = certificate(stranger, authority, "Middle", "Root", is_issuer=True)
    leaf = certificate(stranger, stranger, "Leaf", "Middle")
    check_chain([leaf, middle], [root], NOW)
    no_issuer = certificate(stranger, authority, "Middle", "Root", is_issuer=False)
    false_root = certificate(stranger, stranger, "Root", "Root", is_issuer=True)
    over = certificate(stranger, authority, "Leaf", "Root", ends_at=NOW - timedelta(days=1))
    for chain in ([leaf], [leaf, no_issuer], [certificate(stranger, stranger, "Leaf", "Root"), false_root], [over]):
        with pytest.raises(NotKnownError):
            check_chain(chain, [root], NOW)


def test_a_file_of_ours_that_is_unusable():
    with pytest.raises(VendomatError, match="the root certificate"):
        read_chain("nothing", "the root certificate")
