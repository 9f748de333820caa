"""Enrolment over real HTTPS: the token once, the seed never, pictures by their hash."""

from __future__ import annotations

import hashlib
import secrets
import stat
from pathlib import Path

import pytest

from tests.terminal.fake_cloud import jwt_of
from tests.terminal.site import CLOCK, MACHINE, TOKEN, Site
from vendomat.kernel import ErrorCode, VendomatError
from vendomat.terminal.link import CloudHttps, CloudKeys, Enrolment, MachineKey, NotAnsweredError, Pictures
from vendomat.terminal.link.enrolment import claims_of

pytestmark = pytest.mark.slow


def enrolment_in(site: Site, folder: Path) -> Enrolment:
    key = MachineKey.load_or_create(folder / "machine.seed", secrets.token_bytes)
    return Enrolment(folder / "enrolment.json", key, CloudHttps(site.https_url, site.ca_file, CLOCK), CLOCK)


async def test_a_machine_enrols_once_and_remembers(site: Site, tmp_path: Path) -> None:
    enrolment = enrolment_in(site, tmp_path)
    assert not enrolment.is_done
    await enrolment.enrol(TOKEN)
    again = enrolment_in(site, tmp_path)
    assert again.is_done and again.kept.machine_id == MACHINE and again.kept.epoch == 3
    for name in ("machine.seed", "enrolment.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


async def test_a_wrong_token_is_refused_and_leaves_nothing(site: Site, tmp_path: Path) -> None:
    enrolment = enrolment_in(site, tmp_path)
    with pytest.raises(VendomatError) as caught:
        await enrolment.enrol("another-token-000000")
    assert caught.value.code is ErrorCode.ENROLMENT_REFUSED
    assert not enrolment.is_done and not (tmp_path / "enrolment.json").exists()


async def test_a_cloud_that_is_down_is_not_known(site: Site, tmp_path: Path) -> None:
    site.is_down = True
    try:
        with pytest.raises(NotAnsweredError):
            await enrolment_in(site, tmp_path).enrol(TOKEN)
    finally:
        site.is_down = False


async def test_a_picture_is_kept_only_under_its_own_hash(site: Site, tmp_path: Path) -> None:
    content, other = b"<svg/>", b"<svg>other</svg>"
    good, bad = (hashlib.sha256(data).hexdigest() for data in (content, b"something else"))
    site.pictures = {f"/media/{good}.svg": content, f"/media/{bad}.svg": other}
    pictures = Pictures(tmp_path / "pictures", CloudHttps(site.https_url, site.ca_file, CLOCK))
    assert await pictures.fetch_all([f"/media/{good}.svg", f"/media/{bad}.svg", "/media/../x", ""])
    kept = pictures.path_of(f"{good}.svg")
    assert kept is not None and kept.read_bytes() == content
    assert pictures.path_of(f"{bad}.svg") is None and pictures.address_of(f"/media/{bad}.svg") == ""
    anew = Pictures(tmp_path / "pictures", CloudHttps(site.https_url, site.ca_file, CLOCK))
    assert anew.address_of(f"/media/{good}.svg") == f"/media/{good}.svg"


def test_plain_http_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VendomatError):
        CloudHttps("http://127.0.0.1:1", tmp_path, CLOCK)


def test_the_end_of_a_right_is_read() -> None:
    assert claims_of(jwt_of(100, 400)).exp == 400
    with pytest.raises(VendomatError):
        claims_of("nonsense")


def test_a_key_derives_different_secrets_for_different_purposes(tmp_path: Path) -> None:
    key = MachineKey.load_or_create(tmp_path / "seed", secrets.token_bytes)
    same = MachineKey.load_or_create(tmp_path / "seed", secrets.token_bytes)
    assert key.derive("journal") == same.derive("journal") != key.derive("other")


def test_a_cloud_key_that_is_no_key_replaces_nothing() -> None:
    keys = CloudKeys({})
    with pytest.raises(ValueError, match="base64"):
        keys.replace({"k": "%%%"})
    assert not keys.verify("k", b"", b"")
