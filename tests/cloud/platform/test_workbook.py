"""Workbooks: what is written is read back, other programs' are read as they show themselves, and none does harm."""

from __future__ import annotations

import io
import random
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vendomat.cloud.platform import workbook
from vendomat.cloud.platform.workbook import COLUMNS_MAX, read_workbook, write_workbook
from vendomat.kernel import ErrorCode, VendomatError

ROWS_MAX = 50
_NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
BOOK = f'<workbook {_NS} {_R}><sheets><sheet name="One" sheetId="7" r:id="rId3"/></sheets></workbook>'
RELATIONS = '<Relationships><Relationship Id="rId3" Target="{target}"/></Relationships>'


def packed(rows: str, *, shared: str = "", target: str = "worksheets/sheet9.xml", book: str = BOOK) -> bytes:
    """As a program that is not ours may write it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/workbook.xml", book)
        made.writestr("xl/_rels/workbook.xml.rels", RELATIONS.format(target=target))
        made.writestr("xl/worksheets/sheet9.xml", f"<worksheet {_NS}><sheetData>{rows}</sheetData></worksheet>")
        if shared:
            made.writestr("xl/sharedStrings.xml", f"<sst {_NS}>{shared}</sst>")
    return content.getvalue()


def read(content: bytes) -> list[list[str]]:
    return read_workbook(content, rows_max=ROWS_MAX)


def refusal(content: bytes) -> ErrorCode:
    with pytest.raises(VendomatError) as caught:
        read(content)
    assert "nothing changed" in caught.value.message
    return caught.value.code


WORD = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)


@settings(max_examples=30)
@given(st.lists(st.lists(WORD, min_size=1, max_size=4), min_size=1, max_size=6))
def test_what_is_written_is_read_back(rows: list[list[str]]) -> None:
    assert read(write_workbook("t", rows, frozenset())) == rows


def test_numbers_are_numbers_and_words_stay_words() -> None:
    content = write_workbook("t", [["sku", "price"], ["007", "4.50"], ["=1+1", ""]], frozenset({1}))
    assert read(content) == [["sku", "price"], ["007", "4.5"], ["=1+1"]]
    sheet = zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml")
    assert b"<v>4.50</v>" in sheet and b"<f>" not in sheet


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("<c><v>4006381333931</v></c>", "4006381333931"),
        ("<c><v>4.006381333931E12</v></c>", "4006381333931"),
        ("<c><v>3.9900000000000002</v></c>", "3.99"),
        ("<c><v>1E+300</v></c>", "1E+300"),
        ('<c t="b"><v>1</v></c>', "yes"),
        ('<c t="b"><v>0</v></c>', "no"),
        ('<c t="str"><f>A1&amp;B1</f><v>ab</v></c>', "ab"),
        ('<c t="e"><v>#N/A</v></c>', "#N/A"),
        ('<c t="s"><v>1</v></c>', "green tea"),
        ('<c t="inlineStr"><is><t>in</t></is></c>', "in"),
    ],
)
def test_cells_are_read_as_they_show_themselves(cell: str, said: str) -> None:
    shared = "<si><t>tea</t></si><si><r><t>green </t></r><r><t>tea</t></r><rPh><t>cha</t></rPh></si>"
    assert read(packed(f"<row>{cell}</row>", shared=shared)) == [[said]]


def test_lines_and_columns_keep_their_places_and_empty_ones_at_the_end_are_none() -> None:
    rows = '<row r="1"><c r="B1"><v>1</v></c></row><row r="3"><c><v>2</v></c></row><row r="900"><c r="A900"/></row>'
    assert read(packed(rows)) == [["", "1"], [], ["2"]]
    assert read(packed(rows, target="/xl/worksheets/sheet9.xml")) == [["", "1"], [], ["2"]]


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 and no more",
        packed('<row><c t="s"><v>9</v></c></row>'),
        packed("<row><c><v>nine</v></c></row>"),
        packed(f'<row><c r="{"B" * 3}1"><v>1</v></c></row>'),
        packed("<row>"),
        packed("<row/>", target="../../etc/passwd"),
        packed("<row/>", book="<!DOCTYPE a [<!ENTITY b 'c'>]>" + BOOK),
        packed("<row/>", book="<workbook/>"),
        packed("<row/>", book=BOOK.replace("rId3", "rId4")),
        packed('<row r="x"><c><v>1</v></c></row>'),
    ],
)
def test_what_is_no_workbook_is_refused(content: bytes) -> None:
    assert refusal(content) is ErrorCode.MALFORMED


def test_what_is_too_large_is_refused() -> None:
    assert refusal(packed(f'<row r="{ROWS_MAX + 1}"><c><v>1</v></c></row>')) is ErrorCode.TOO_LARGE
    assert COLUMNS_MAX < 26 * 27, "BBB is too far to the right"
    bomb = packed("<row/>" + " " * (workbook.PART_BYTES_MAX + 1))
    assert len(bomb) < 100_000 and refusal(bomb) is ErrorCode.TOO_LARGE


def test_a_damaged_workbook_is_read_or_refused_and_nothing_else() -> None:
    whole = write_workbook("t", [["sku", "price"], ["a", "1"]], frozenset({1}))
    dice = random.Random(1)
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            read(bytes(damaged[: dice.choice((len(damaged), dice.randrange(len(damaged))))]))
        except VendomatError as refused:
            assert refused.code in (ErrorCode.MALFORMED, ErrorCode.TOO_LARGE)
