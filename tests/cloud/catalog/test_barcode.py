"""Check digits of bar codes, and what a product may be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vendomat.cloud.catalog.model import NewProduct, check_barcode, image_path
from vendomat.kernel import ErrorCode, Money, VendomatError, flaw_of

GOOD = NewProduct(sku="cola-330", name_zh="可乐", name_en="Cola", price=Money(400, "CNY"), barcode="6901234567892")


@pytest.mark.parametrize("barcode", ["", "96385074", "036000291452", "4006381333931", "6901234567892"])
def test_a_right_code_is_taken(barcode: str) -> None:
    check_barcode(barcode)


@pytest.mark.parametrize(
    "barcode", ["96385073", "036000291453", "4006381333932", "6901234567982", "123", "69012345678９2", "40063813339311"]
)
def test_a_wrong_digit_or_length_is_refused(barcode: str) -> None:
    with pytest.raises(VendomatError, match="barcode") as caught:
        check_barcode(barcode)
    assert caught.value.code is ErrorCode.INVALID_VALUE


@pytest.mark.parametrize("place", range(13))
def test_one_wrong_digit_is_always_noticed(place: int) -> None:
    digits = list("4006381333931")
    digits[place] = str((int(digits[place]) + 1) % 10)
    with pytest.raises(VendomatError):
        check_barcode("".join(digits))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sku", ""),
        ("sku", "=cmd"),
        ("sku", "x" * 41),
        ("name_en", ""),
        ("name_zh", "茶" * 81),
        ("detail_en", "two\nlines"),
        ("price", Money(0, "CNY")),
        ("price", Money(10_000_001, "CNY")),
        ("tax_bp", 10_001),
        ("tax_bp", -1),
        ("age_min", 100),
        ("shelf_life_days", 0),
        ("energy_kcal", -1),
    ],
)
def test_what_a_product_cannot_be_names_its_field(field: str, value: object) -> None:
    GOOD.check()
    with pytest.raises(VendomatError) as caught:
        replace(GOOD, **{field: value}).check()  # type: ignore[arg-type]
    assert caught.value.code is ErrorCode.INVALID_VALUE and field in str(flaw_of(caught.value).values["field"])


def test_a_picture_is_served_under_what_it_is() -> None:
    assert [image_path(name) for name in ("", "ab", "ab.png")] == ["", "/media/ab.svg", "/media/ab.png"]
