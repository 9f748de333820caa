"""What is sold: products, pictures, and which slot of a machine holds what at which price. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from vendomat.kernel import FlawCode, Money, VendomatError, flaw, flawed
from vendomat.protocol import SlotState

SLOTS_MAX = 200
CAPACITY_MAX = 100
PRICE_MINOR_MAX = 10_000_000
BASIS_POINTS_MAX = 10_000
AGE_LIMIT = "age_limit"
"""The reason of a slot whose product has an age limit."""
_SLOT = re.compile(r"([A-Z]*)([0-9]*)([A-Z0-9]*)")
SLOT_FORM = r"[A-Z0-9]{1,6}"
_SKU_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}")
_TEXTS = {"name_zh": 80, "name_en": 80, "detail_zh": 80, "detail_en": 80, "category": 80}  # as the wire takes them
HUNDRED_G_MG = 100_000
NUTRIENTS = ("fat_mg", "saturates_mg", "carbohydrate_mg", "sugars_mg", "protein_mg", "sodium_mg")
_RANGES = {
    **{"tax_bp": BASIS_POINTS_MAX, "energy_kcal": 10_000, "energy_kj": 10_000, "age_min": 99, "shelf_life_days": 3_650},
    **dict.fromkeys(NUTRIENTS, 2 * HUNDRED_G_MG),  # 100 ml of a syrup weigh more than 100 g
}


class Allergen(StrEnum):
    """The fourteen of Regulation (EU) 1169/2011, Annex II."""

    GLUTEN = "gluten"
    CRUSTACEANS = "crustaceans"
    EGGS = "eggs"
    FISH = "fish"
    PEANUTS = "peanuts"
    SOYA = "soya"
    MILK = "milk"
    NUTS = "nuts"
    CELERY = "celery"
    MUSTARD = "mustard"
    SESAME = "sesame"
    SULPHITES = "sulphites"
    LUPIN = "lupin"
    MOLLUSCS = "molluscs"


class NutritionPer(StrEnum):
    """What the nutrition figures are of: 100 g, or 100 ml of what is drunk."""

    G = "g"
    ML = "ml"


@dataclass(frozen=True, slots=True)
class NewProduct:
    """`image` names a stored picture: `<sha256>.<form>`, for a drawing (SVG) the bare hash; or is empty.

    `price` is what a slot begins with; each slot has its own. `energy_kcal` is of one piece.

    The nutrition figures are of 100 g or 100 ml: the seven of Regulation (EU) 1169/2011, Article 30 (salt is 2.5 times
    the sodium, Annex I) and, within them, those of GB 28050. None: not said.
    """

    sku: str
    name_zh: str
    name_en: str
    price: Money
    detail_zh: str = ""
    detail_en: str = ""
    category: str = ""
    image: str = ""
    barcode: str = ""
    tax_bp: int = 0
    allergens: tuple[Allergen, ...] = ()
    energy_kcal: int | None = None
    nutrition_per: NutritionPer = NutritionPer.G
    energy_kj: int | None = None
    fat_mg: int | None = None
    saturates_mg: int | None = None
    carbohydrate_mg: int | None = None
    sugars_mg: int | None = None
    protein_mg: int | None = None
    sodium_mg: int | None = None
    age_min: int = 0
    is_perishable: bool = False
    shelf_life_days: int | None = None

    def check(self) -> None:
        """Raises `VendomatError(invalid_value)` naming the field at fault."""
        if _SKU_FORM.fullmatch(self.sku) is None:
            raise _wrong(FlawCode.SKU_FORM, "sku")
        for name, longest in _TEXTS.items():
            text: str = getattr(self, name)
            if len(text) > longest or any(not sign.isprintable() for sign in text):
                raise _wrong(FlawCode.TOO_LONG, name, most=longest)
        if not self.name_zh or not self.name_en:
            raise _wrong(FlawCode.NAMES_MISSING, "name_zh, name_en")
        if not 1 <= self.price.minor_units <= PRICE_MINOR_MAX:
            raise _wrong(FlawCode.OUT_OF_RANGE, "price", **_price_range(self.price.currency))
        for name, most in _RANGES.items():
            value: int | None = getattr(self, name)
            least = 1 if name == "shelf_life_days" else 0
            if value is not None and not least <= value <= most:
                raise _wrong(FlawCode.OUT_OF_RANGE, name, least=least, most=most)
        check_barcode(self.barcode)
        self._check_nutrition()

    def _check_nutrition(self) -> None:
        for part, whole in (("saturates_mg", "fat_mg"), ("sugars_mg", "carbohydrate_mg")):
            if (getattr(self, part) or 0) > (getattr(self, whole) or 0):
                raise _wrong(FlawCode.MORE_THAN_WHOLE, part, whole=whole)
        said = sum(value or 0 for value in (self.fat_mg, self.carbohydrate_mg, self.protein_mg, self.sodium_mg))
        if self.nutrition_per is NutritionPer.G and said > HUNDRED_G_MG:
            raise _wrong(FlawCode.MORE_THAN_100_G, "nutrition_per")


@dataclass(frozen=True, slots=True)
class Product:
    """A product as it is kept. `version` rises with each change."""

    product_id: str
    data: NewProduct
    version: int
    is_archived: bool


@dataclass(frozen=True, slots=True)
class Use:
    """Where a product is planned: at a machine (`is_draft`: not published yet), or in a template (no machine)."""

    machine_id: str
    name: str
    slot: str
    is_draft: bool = False


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """One slot of a planogram."""

    slot: str
    product_id: str
    price: Money
    capacity: int


def checked_plan(slots: list[PlannedSlot]) -> list[PlannedSlot]:
    """`slots` in the order of the machine. Raises `VendomatError(invalid_value)` naming the slot at fault."""
    if not 1 <= len(slots) <= SLOTS_MAX or len({s.slot for s in slots}) != len(slots):
        raise flawed(flaw(FlawCode.SLOT_COUNT, most=SLOTS_MAX))
    for planned in slots:
        if re.fullmatch(SLOT_FORM, planned.slot) is None:
            raise flawed(flaw(FlawCode.SLOT_FORM, slot=planned.slot))
        if not 1 <= planned.capacity <= CAPACITY_MAX:
            raise flawed(flaw(FlawCode.SLOT_CAPACITY, slot=planned.slot, most=CAPACITY_MAX))
        if not 1 <= planned.price.minor_units <= PRICE_MINOR_MAX:
            raise flawed(flaw(FlawCode.SLOT_PRICE, slot=planned.slot, **_price_range(planned.price.currency)))
    return sorted(slots, key=lambda planned: slot_order(planned.slot))


def check_barcode(text: str) -> None:
    """GTIN-8, UPC-A and EAN-13 with their check digit (GS1 General Specifications, 7.9); empty is none.

    Raises `VendomatError(invalid_value)`.
    """
    if text == "":
        return
    if not (text.isascii() and text.isdigit() and len(text) in (8, 12, 13)):
        raise _wrong(FlawCode.BARCODE_LENGTH, "barcode")
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(text[:-1]), start=1))
    if (weighed + int(text[-1])) % 10:
        raise _wrong(FlawCode.BARCODE_DIGIT, "barcode", digit=-weighed % 10)


def slot_order(slot: str) -> tuple[str, int, str]:
    """A2 before A10, rows first: the order in which people see the slots."""
    match = _SLOT.match(slot)
    assert match is not None, "every text matches"
    row, number, rest = match.groups()
    return (row, int(number or 0), rest)


def why_closed(closed_reason: str, age_min: int) -> str:
    """Why a slot sells nothing; empty: it sells. No machine can tell how old a buyer is, so goods with an age limit
    close their slot by themselves."""
    return closed_reason or (AGE_LIMIT if age_min else "")


def slot_state(on_hand: int, reserved: int, closed_reason: str) -> SlotState:
    """Closed beats sold out: a closed slot sells nothing whatever it holds."""
    if closed_reason:
        return SlotState.CLOSED
    return SlotState.OK if on_hand - reserved > 0 else SlotState.SOLD_OUT


def image_path(image: str) -> str:
    """Where a picture is served, empty for none."""
    if not image:
        return ""
    return f"/media/{image}" if "." in image else f"/media/{image}.svg"


def channel_order(channel: str) -> tuple[int, str]:
    """Sorts the ways to pay as buyers meet them: the usual ones first. The kiosk offers the first one unasked."""
    usual = ("wechat", "alipay", "stripe")
    return (usual.index(channel) if channel in usual else len(usual), channel)


def _price_range(currency: str) -> dict[str, str]:
    return {
        "least": Money(1, currency).to_decimal_text(),
        "most": Money(PRICE_MINOR_MAX, currency).to_decimal_text(),
    }


def _wrong(code: FlawCode, field: str, **values: object) -> VendomatError:
    return flawed(flaw(code, field=field, **values))
