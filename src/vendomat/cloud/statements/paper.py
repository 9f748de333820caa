"""Statements on paper: plain tables as PDF, in Chinese and English, the same bytes for the same content.

The Chinese type is one that every reader of PDF brings along (Adobe's STSong-Light): nothing is embedded or fetched.
Text is drawn as it is; nothing in a name is taken for markup.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

MEDIA_TYPE = "application/pdf"
_FONT = "STSong-Light"
_MARGIN = 42
_CELL_CHARACTERS_MAX = 44


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: its heading, the head of its columns, and its rows. Columns after the first `texts` are numbers."""

    heading: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1


@dataclass(frozen=True, slots=True)
class Paper:
    """A document: title, lines under it, tables, and lines that end it."""

    title: str
    lines: Sequence[str]
    sheets: Sequence[Sheet]
    foot: Sequence[str] = ()


def draw(paper: Paper) -> bytes:
    """The document as PDF."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import SimpleDocTemplate

    if _FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    into = io.BytesIO()
    document = SimpleDocTemplate(
        into,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=paper.title,
        author="Vendomat",
        invariant=1,
    )
    document.build(list(_story(paper)), onFirstPage=_number, onLaterPages=_number)
    return into.getvalue()


def _story(paper: Paper) -> list[object]:
    from reportlab.platypus import Spacer

    story = [_text([paper.title], size=16), _text(list(paper.lines), size=9), Spacer(1, 10)]
    for sheet in paper.sheets:
        story += [_text([sheet.heading], size=11), _table(sheet), Spacer(1, 10)]
    if paper.foot:
        story.append(_text(list(paper.foot), size=7.5))
    return story


def _text(lines: list[str], *, size: float) -> object:
    """Lines of plain text: a table without rules, because its cells are never read as markup."""
    from reportlab.platypus import Table

    return Table(
        [[line] for line in lines] or [[""]],
        hAlign="LEFT",
        style=[
            ("FONT", (0, 0), (-1, -1), _FONT, size, size * 1.35),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ],
    )


def _table(sheet: Sheet) -> object:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import LongTable

    cells = [[_clip(cell) for cell in row] for row in (sheet.head, *sheet.rows)]
    return LongTable(
        cells,
        hAlign="LEFT",
        repeatRows=1,
        style=[
            ("FONT", (0, 0), (-1, -1), _FONT, 8, 10),
            ("ALIGN", (sheet.texts, 0), (-1, -1), "RIGHT"),
            ("BACKGROUND", (0, 0), (-1, 0), HexColor(0xEEF2F2)),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, HexColor(0xDBE3E2)),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ],
    )


def _clip(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _CELL_CHARACTERS_MAX else flat[: _CELL_CHARACTERS_MAX - 1] + "…"


def _number(canvas: object, document: object) -> None:
    canvas.setFont(_FONT, 8)  # type: ignore[attr-defined]
    canvas.drawRightString(553, 24, str(document.page))  # type: ignore[attr-defined]
