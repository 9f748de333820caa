"""Cleans SVG pictures before they are kept: drawing only, no script, no outside reference, no surprise. Pure.

Unknown elements and attributes are dropped; a document type, an entity or a processing instruction refuses the whole
picture. The result is written anew, so nothing passes that this module did not read.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

from vendomat.kernel import ErrorCode, VendomatError

DRAWING_BYTES_MAX = 200_000
ELEMENTS_MAX = 3_000
DEPTH_MAX = 40
_SVG = "http://www.w3.org/2000/svg"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_ELEMENTS_TEXT = """
svg g defs symbol use path rect circle ellipse line polyline polygon text tspan title desc style linearGradient
radialGradient stop clipPath mask pattern filter feGaussianBlur feOffset feBlend feColorMatrix feComposite
feFlood feMerge feMergeNode feDropShadow marker
"""
_ELEMENTS = frozenset(_ELEMENTS_TEXT.split())
_ATTRIBUTES_TEXT = """
id class style viewBox width height x y x1 y1 x2 y2 cx cy r rx ry d points transform fill fill-opacity fill-rule
stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin stroke-dasharray stroke-dashoffset
stroke-miterlimit opacity clip-path clip-rule mask filter offset stop-color stop-opacity gradientUnits
gradientTransform spreadMethod fx fy fr patternUnits patternContentUnits patternTransform clipPathUnits
maskUnits maskContentUnits filterUnits primitiveUnits in in2 result mode type values stdDeviation dx dy operator
k1 k2 k3 k4 flood-color flood-opacity preserveAspectRatio version role aria-label aria-hidden font-family
font-size font-weight text-anchor dominant-baseline letter-spacing textLength lengthAdjust color display
visibility vector-effect paint-order markerWidth markerHeight refX refY orient marker-start marker-mid
marker-end
"""
_ATTRIBUTES = frozenset(_ATTRIBUTES_TEXT.split())
_OUTSIDE = re.compile(r"url\s*\((?!\s*['\"]?\s*#)|@import|expression|javascript:|\\|<", re.IGNORECASE)
_FRAGMENT = re.compile(r"#[A-Za-z_][\w.-]*")


def clean_svg(content: bytes) -> bytes:
    """The picture as we keep it. Raises `VendomatError` (too_large, malformed)."""
    if len(content) > DRAWING_BYTES_MAX:
        raise VendomatError(ErrorCode.TOO_LARGE, f"a picture has at most {DRAWING_BYTES_MAX // 1000} kB; nothing kept")
    try:
        text = content.decode("utf-8").removeprefix("\ufeff").strip()
        if text.startswith("<?xml "):
            text = text.partition("?>")[2]
        if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper() or "<?" in text:
            raise _not_a_picture("it has a document type or an instruction")
        root = Xml.fromstring(text)  # noqa: S314 - document types and entities were refused above
    except (UnicodeDecodeError, Xml.ParseError) as error:
        raise _not_a_picture("it is not well-formed SVG in UTF-8") from error
    if root.tag != f"{{{_SVG}}}svg":
        raise _not_a_picture("its outermost element is not svg")
    if sum(1 for _ in root.iter()) > ELEMENTS_MAX:
        raise VendomatError(ErrorCode.TOO_LARGE, f"a picture has at most {ELEMENTS_MAX} elements; nothing kept")
    _clean(root)
    Xml.register_namespace("", _SVG)
    cleaned = Xml.tostring(root, encoding="unicode", short_empty_elements=True)
    return cleaned.encode()


def _clean(root: Xml.Element) -> None:
    """Drop what is not drawing, without recursion: a deep picture must not exhaust the stack."""
    waiting = [(root, 1)]
    while waiting:
        element, depth = waiting.pop()
        if depth > DEPTH_MAX:
            raise _not_a_picture(f"it is nested deeper than {DEPTH_MAX}")
        for name, value in list(element.attrib.items()):
            kept = _attribute(name, value)
            if kept is None:
                del element.attrib[name]
        if element.tag == f"{{{_SVG}}}style" and _OUTSIDE.search(element.text or ""):
            element.text = ""
        for child in list(element):
            if isinstance(child.tag, str) and child.tag.removeprefix(f"{{{_SVG}}}") in _ELEMENTS:
                waiting.append((child, depth + 1))
            else:
                element.remove(child)


def _attribute(name: str, value: str) -> str | None:
    if name in ("href", _XLINK_HREF):
        return value if _FRAGMENT.fullmatch(value) else None
    if name not in _ATTRIBUTES or _OUTSIDE.search(value):
        return None
    return value


def _not_a_picture(why: str) -> VendomatError:
    return VendomatError(ErrorCode.MALFORMED, f"this picture was refused: {why}; nothing was kept")
