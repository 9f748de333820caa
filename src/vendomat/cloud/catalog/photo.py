"""Photographs and painted pictures of goods: PNG, JPEG and WebP, by what they are and not by what they are called.

What is kept is written anew from the pixels: no location of a camera, no second file behind the first, nothing that
this process did not draw. Refuses what is too large before it is unpacked, and what moves.
"""

from __future__ import annotations

import io

from PIL import Image, ImageOps, UnidentifiedImageError

from vendomat.kernel import ErrorCode, VendomatError

PHOTO_BYTES_MAX = 2_000_000
KEPT_BYTES_MAX = 600_000
SIDE_MIN, SIDE_MAX = 32, 4_096
KEPT_SIDE_MAX = 1_024
_MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
PICTURE_TYPES = tuple(_MEDIA_TYPES.values())
_FORMS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}
_QUALITY = 85


def media_type_of(form: str) -> str:
    """Of a picture's file name's end: svg, png, jpg or webp."""
    return _MEDIA_TYPES[form]


def clean_photo(content: bytes) -> tuple[str, bytes]:
    """`(form, content)` as we keep it; a larger side than 1024 is made smaller. Takes up to some tenths of a second.

    Raises `VendomatError` (too_large, malformed).
    """
    if len(content) > PHOTO_BYTES_MAX:
        raise _too_large(f"a picture has at most {PHOTO_BYTES_MAX // 1_000_000} MB")
    try:
        with Image.open(io.BytesIO(content), formats=list(_FORMS)) as picture:
            form = _FORMS[picture.format or ""]
            if max(picture.size) > SIDE_MAX:
                raise _too_large(f"a picture has at most {SIDE_MAX} points on each side")
            if min(picture.size) < SIDE_MIN:
                raise _not_a_picture(f"it has less than {SIDE_MIN} points on a side")
            if getattr(picture, "n_frames", 1) > 1:
                raise _not_a_picture("it moves")
            kept = _drawn(picture, form)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError, KeyError) as error:
        raise _not_a_picture("it is no whole PNG, JPEG or WebP") from error
    if len(kept) > KEPT_BYTES_MAX:
        raise _too_large(f"this picture is larger than {KEPT_BYTES_MAX // 1_000} kB; save it as JPEG or WebP")
    return form, kept


def _drawn(picture: Image.Image, form: str) -> bytes:
    """The pixels alone, upright."""
    turned = _upright(picture)
    turned.thumbnail((KEPT_SIDE_MAX, KEPT_SIDE_MAX))
    has_holes = form != "jpg" and (turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info)
    drawn = Image.new("RGBA" if has_holes else "RGB", turned.size)
    drawn.paste(turned.convert(drawn.mode))
    written = io.BytesIO()
    drawn.save(written, format={"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[form], quality=_QUALITY, optimize=True)
    return written.getvalue()


def _upright(picture: Image.Image) -> Image.Image:
    picture.load()
    return ImageOps.exif_transpose(picture)


def _not_a_picture(why: str) -> VendomatError:
    return VendomatError(ErrorCode.MALFORMED, f"this picture was refused: {why}; nothing was kept")


def _too_large(what: str) -> VendomatError:
    return VendomatError(ErrorCode.TOO_LARGE, f"{what}; nothing was kept")
