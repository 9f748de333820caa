"""Pictures from outside: drawing passes, everything else is dropped or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendomat.cloud.catalog import clean_svg, seed_image, seed_products
from vendomat.cloud.catalog.drawing import DRAWING_BYTES_MAX
from vendomat.kernel import VendomatError

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'


def cleaned(inside: str) -> str:
    return clean_svg(f"{HEAD}{inside}</svg>".encode()).decode()


def test_a_drawing_passes_and_passes_again_unchanged() -> None:
    picture = cleaned(
        '<defs><linearGradient id="g"><stop offset="0" stop-color="#fff"/></linearGradient></defs>'
        '<style>.a{fill:url(#g)}</style><path class="a" d="M0 0h9"/><use xlink:href="#g"/><title>可乐</title>'
    )
    for kept in ("linearGradient", "stop-color", "url(#g)", 'd="M0 0h9"', 'href="#g"', "可乐"):
        assert kept in picture
    assert clean_svg(picture.encode()).decode() == picture


@pytest.mark.parametrize(
    ("inside", "forbidden"),
    [
        ("<script>alert(1)</script>", "alert"),
        ('<path onclick="alert(1)" d="M0 0"/>', "alert"),
        ("<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'>x</body></foreignObject>", "body"),
        ('<a href="https://evil.example"><path d="M0 0"/></a>', "evil"),
        ('<image href="https://evil.example/x.png"/>', "evil"),
        ('<use href="https://evil.example/x.svg#a"/>', "evil"),
        ('<use xlink:href="data:image/svg+xml;base64,AAAA"/>', "data:"),
        ('<path fill="url(https://evil.example/x)" d="M0 0"/>', "evil"),
        ("<path fill=\"url( 'https://evil.example/x')\" d='M0 0'/>", "evil"),
        ('<path style="background:url(//evil.example)" d="M0 0"/>', "evil"),
        ("<style>@import 'https://evil.example';</style>", "evil"),
        ("<style>a{fill:u\\72l(https://evil.example)}</style>", "evil"),
        ('<animate attributeName="href" to="javascript:alert(1)"/>', "alert"),
        ('<set attributeName="onload" to="alert(1)"/>', "alert"),
        ("<script xmlns=''>alert(1)</script>", "alert"),
        ("<SCRIPT>alert(1)</SCRIPT>", "alert"),
    ],
)
def test_what_is_not_drawing_is_dropped(inside: str, forbidden: str) -> None:
    assert forbidden not in cleaned(inside)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not xml",
        b"\xff\xfe<svg/>",
        b"<html xmlns='http://www.w3.org/1999/xhtml'/>",
        b"<svg/>",
        b'<!DOCTYPE svg [<!ENTITY a "x">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        b'<?xml-stylesheet href="https://evil.example"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        HEAD.encode() + b"<g>" * 200 + b"</g>" * 200 + b"</svg>",
        HEAD.encode() + b"<g/>" * 4000 + b"</svg>",
        HEAD.encode() + b"<!--" + b"x" * DRAWING_BYTES_MAX + b"--></svg>",
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(VendomatError):
        clean_svg(content)


@given(st.text(alphabet="<>/\"'= agpsvuletyc#:(){}&;!-[]\\", max_size=80))
def test_any_text_is_cleaned_or_refused_and_never_breaks(inside: str) -> None:
    try:
        picture = cleaned(inside)
    except VendomatError:
        return
    assert "<script" not in picture.lower() and "<!DOCTYPE" not in picture


def test_every_seed_picture_survives_its_cleaning() -> None:
    for product in seed_products():
        picture = seed_image(product.key)
        if picture is None:
            continue
        kept = clean_svg(picture)
        assert kept.count(b"<") > 3, product.key
        assert len(kept) > len(picture) * 0.6, f"{product.key} lost most of its drawing"
