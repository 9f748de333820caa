"""Uploaded pictures: told by content, written anew, refused when too large, broken, moving or of another kind."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from vendomat.cloud.catalog.photo import PHOTO_BYTES_MAX, SIDE_MAX, clean_photo, media_type_of
from vendomat.kernel import ErrorCode, VendomatError

FORMS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


def picture(form: str, size: tuple[int, int] = (200, 100), *, mode: str = "RGB", **saved: object) -> bytes:
    written = io.BytesIO()
    Image.new(mode, size, "red").save(written, form, **saved)
    return written.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_stays_what_it_is_and_loses_what_stood_beside_the_pixels(form: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    kept_form, kept = clean_photo(picture(form, exif=exif) + b"second file behind the first")
    with Image.open(io.BytesIO(kept)) as opened:
        assert (kept_form, opened.format, opened.size) == (FORMS[form], form, (200, 100))
        assert not opened.getexif()
    assert b"where I live" not in kept and b"second file" not in kept
    assert media_type_of(kept_form).startswith("image/")


def test_a_large_one_becomes_smaller_and_keeps_its_shape_and_its_holes() -> None:
    _, kept = clean_photo(picture("PNG", (2000, 1000), mode="RGBA"))
    with Image.open(io.BytesIO(kept)) as opened:
        assert (opened.size, opened.mode) == ((1024, 512), "RGBA")


def test_a_camera_held_upright_gives_an_upright_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    _, kept = clean_photo(picture("JPEG", exif=exif))
    with Image.open(io.BytesIO(kept)) as opened:
        assert opened.size == (100, 200)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", ErrorCode.MALFORMED),
        (b"GIF89a" + bytes(50), ErrorCode.MALFORMED),
        (b"%PDF-1.7", ErrorCode.MALFORMED),
        (picture("GIF"), ErrorCode.MALFORMED),
        (picture("BMP"), ErrorCode.MALFORMED),
        (picture("PNG")[:-30], ErrorCode.MALFORMED),
        (picture("JPEG")[:300], ErrorCode.MALFORMED),
        (picture("WEBP")[:-40], ErrorCode.MALFORMED),
        (picture("PNG", (31, 200)), ErrorCode.MALFORMED),
        (picture("PNG", (SIDE_MAX + 1, 40)), ErrorCode.TOO_LARGE),
        (bytes(PHOTO_BYTES_MAX + 1), ErrorCode.TOO_LARGE),
    ],
)
def test_what_is_no_picture_of_ours_is_refused(content: bytes, code: ErrorCode) -> None:
    with pytest.raises(VendomatError, match="nothing was kept") as caught:
        clean_photo(content)
    assert caught.value.code is code


def test_what_moves_is_refused() -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    written = io.BytesIO()
    frames[0].save(written, "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(VendomatError, match="moves"):
        clean_photo(written.getvalue())
