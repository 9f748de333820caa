"""What the label of a product says, for buyers to read before they pay."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Figure = Annotated[int, Meta(ge=0, le=1_000_000)]


class Nutrition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of 100 g, or of 100 ml of what is drunk. None: not said."""

    per: Literal["g", "ml"] = "g"
    energy_kj: Figure | None = None
    fat_mg: Figure | None = None
    saturates_mg: Figure | None = None
    carbohydrate_mg: Figure | None = None
    sugars_mg: Figure | None = None
    protein_mg: Figure | None = None
    sodium_mg: Figure | None = None


class Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`allergens` by the names that the catalogue keeps; `energy_kcal` is of one piece."""

    allergens: Annotated[list[Annotated[str, Meta(max_length=80)]], Meta(max_length=40)] = []
    energy_kcal: Figure | None = None
    nutrition: Nutrition = Nutrition()
