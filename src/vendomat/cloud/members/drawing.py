"""Texts as QR codes, for a page to show: an SVG drawing with its quiet zone. Pure."""

from __future__ import annotations

import segno


def qr_of(text: str) -> str:
    """The text as one SVG element, scalable."""
    svg: str = segno.make(text, error="m", micro=False).svg_inline(border=4, omitsize=True)
    return svg
