"""Products as a table: what is written is read back, formulas stay words, and a wrong cell is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendomat.cloud.catalog.exchange import file_of, rows_of, workbook_of
from vendomat.cloud.catalog.model import Allergen, NewProduct, NutritionPer
from vendomat.cloud.platform.tables import CELL_CHARACTERS_MAX
from vendomat.kernel import ErrorCode, Money, VendomatError

TEA = NewProduct(
    sku="tea",
    name_zh="茶",
    name_en="Tea, green",
    price=Money(450, "CNY"),
    detail_en='a "fine" one',
    barcode="4006381333931",
    tax_bp=1350,
    allergens=(Allergen.MILK, Allergen.SOYA),
    energy_kcal=12,
    nutrition_per=NutritionPer.ML,
    energy_kj=4,
    fat_mg=0,
    carbohydrate_mg=205,
    sodium_mg=3,
    is_perishable=True,
    shelf_life_days=9,
)
HEAD = "sku,name_zh,name_en,price"


def read(text: str) -> list[tuple[int, str, str]]:
    return [(row.number, row.sku, "" if row.flaw is None else row.flaw.text) for row in rows_of(text.encode(), "CNY")]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=40))
def test_what_is_written_is_read_back_and_is_no_formula(text: str) -> None:
    product = replace(TEA, name_en=text)
    content = file_of([product, replace(TEA, sku="b", energy_kcal=None, shelf_life_days=None)])
    assert content.startswith(b"\xef\xbb\xbf")
    first, second = rows_of(content, "CNY")
    if text[:1] != "'":  # an apostrophe of one's own before a sign cannot be told from ours
        assert first.on(None, "CNY") == product
    assert second.on(None, "CNY").energy_kcal is None
    assert not any(cell.startswith(b"=") for cell in content.replace(b"\r\n", b",").split(b","))


def test_a_workbook_holds_the_same_and_numbers_as_numbers() -> None:
    formula = replace(
        TEA, sku="b", name_en="=1+1", barcode="", price=Money(100, "CNY"), allergens=(), shelf_life_days=None
    )
    first, second = rows_of(workbook_of([TEA, formula]), "CNY")
    assert (first.number, first.on(None, "CNY"), second.on(None, "CNY")) == (2, TEA, formula)


def test_nutrients_are_written_in_grams_and_sodium_in_milligrams() -> None:
    (row,) = rows_of(f"{HEAD},fat_g,sugars_g,sodium_mg\ntea,茶,Tea,5,0.25,,120\n".encode(), "CNY")
    new = row.on(replace(TEA, sugars_mg=7), "CNY")
    assert (new.fat_mg, new.sugars_mg, new.sodium_mg, new.carbohydrate_mg) == (250, None, 120, 205)
    ((_, _, problem),) = read(f"{HEAD},fat_g\ntea,茶,Tea,5,1e9\n")
    assert "fat_g" in problem


def test_what_the_file_does_not_say_stays() -> None:
    (row,) = rows_of(f"{HEAD}\r\ntea,茶,Tea,5\r\n".encode(), "CNY")
    assert row.on(TEA, "CNY") == replace(TEA, name_en="Tea", price=Money(500, "CNY"))


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("tea,茶,Tea,1e9", "price"),
        ("tea,茶,Tea,-1", "price"),
        ("tea,茶,Tea,4.555", "price"),
        ("tea,茶,Tea", "4 cells"),
        ("tea,茶," + "x" * (CELL_CHARACTERS_MAX + 1) + ",5", "characters"),
    ],
)
def test_a_wrong_cell_is_named_with_its_line(line: str, word: str) -> None:
    ((number, sku, problem), good) = read(f"{HEAD}\n{line}\nbun,包,Bun,2\n")
    assert (number, sku) == (2, "tea") and word in problem and good == (3, "bun", "")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", ErrorCode.INVALID_VALUE),
        (b"PK\x03\x04\x00\x00", ErrorCode.MALFORMED),
        ("sku,名称\n".encode("gbk"), ErrorCode.MALFORMED),
        (b"sku,name_zh,name_en\na,b,c\n", ErrorCode.INVALID_VALUE),
        (f"{HEAD},owner\n".encode(), ErrorCode.INVALID_VALUE),
        (f"{HEAD},sku\n".encode(), ErrorCode.INVALID_VALUE),
        (f'{HEAD}\n"a"b,c\n'.encode(), ErrorCode.MALFORMED),
        (f"{HEAD}\n".encode() + b"a,b,c,1\n" * 5_001, ErrorCode.TOO_LARGE),
        (b"x" * 2_000_001, ErrorCode.TOO_LARGE),
    ],
)
def test_what_is_no_such_file_is_refused_as_a_whole(content: bytes, code: ErrorCode) -> None:
    with pytest.raises(VendomatError) as caught:
        rows_of(content, "CNY")
    assert caught.value.code is code
