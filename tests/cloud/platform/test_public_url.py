"""One public address for everybody: what it may be, what it makes, and what is missing without it."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from cryptography import x509

from vendomat.cloud.platform.identity import CloudIdentity
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import SystemClock


def settings(**more: object) -> CloudSettings:
    return CloudSettings(**more)  # type: ignore[arg-type]


def test_alone_a_cloud_serves_this_computer_and_lacks_nothing() -> None:
    alone = settings()
    assert (alone.base_url, alone.machines_url) == ("http://127.0.0.1:8080", "https://127.0.0.1:8443")
    assert alone.missing() == []
    assert alone.host_names == ("localhost", "127.0.0.1")


def test_a_public_address_is_everybodys() -> None:
    public = settings(public_url="https://vending.example/", http_host="0.0.0.0")
    assert public.base_url == "https://vending.example"
    assert public.machines_url == "https://vending.example:8443"
    assert public.outside("tls://127.0.0.1:4222") == "tls://vending.example:4222"
    assert public.host_names == ("localhost", "127.0.0.1", "vending.example")
    assert public.missing() == []


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"http_host": "0.0.0.0"}, "VENDOMAT_PUBLIC_URL is not set"),
        ({"DATABASE_URL": "postgresql://shared/db"}, "VENDOMAT_PUBLIC_URL is not set"),
        ({"public_url": "http://vending.example", "http_host": "0.0.0.0"}, "not HTTPS"),
        ({"public_url": "https://vending.example"}, "VENDOMAT_HTTP_HOST is 127.0.0.1"),
    ],
)
def test_what_is_missing_is_said(more: dict[str, object], word: str) -> None:
    (said,) = settings(**more).missing()
    assert word in said


@pytest.mark.parametrize(
    "wrong",
    ["vending.example", "ftp://vending.example", "https://vending.example/console", "https://a@b.example", "https://"],
)
def test_what_is_no_origin_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="VENDOMAT_PUBLIC_URL is a scheme and a host"):
        settings(public_url=wrong)


def test_certificates_name_the_public_host(tmp_path: Path) -> None:
    identity = CloudIdentity(tmp_path, SystemClock())
    names = settings(public_url="https://vending.example", http_host="192.0.2.7").host_names
    for purpose in ("https", "nats"):
        pem = identity.server_certificate(purpose, names).certificate.read_bytes()
        vouched = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert vouched.value.get_values_for_type(x509.DNSName) == ["localhost", "vending.example"]
        numbers = [ipaddress.ip_address(one) for one in ("127.0.0.1", "192.0.2.7")]
        assert vouched.value.get_values_for_type(x509.IPAddress) == numbers
