"""Goods to start with: sixteen products in Chinese and English, with pictures of our own. For demos and tests."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec
from msgspec.structs import asdict

from vendomat.cloud.catalog.model import Allergen, NewProduct, NutritionPer
from vendomat.kernel import Money
from vendomat.protocol import Label


class SeedProduct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`key` names the picture too; `price_fen` is in fen of CNY; `capacity` is what one spiral of it holds."""

    key: str
    name_zh: str
    name_en: str
    detail_zh: str
    detail_en: str
    category: str
    price_fen: int
    capacity: int
    label: Label

    def new_product(self, currency: str, image: str) -> NewProduct:
        """As it is created; `image` names its stored picture."""
        figures = asdict(self.label.nutrition)
        return NewProduct(
            sku=self.key,
            name_zh=self.name_zh,
            name_en=self.name_en,
            detail_zh=self.detail_zh,
            detail_en=self.detail_en,
            category=self.category,
            price=Money(self.price_fen, currency),
            image=image,
            allergens=tuple(Allergen(name) for name in self.label.allergens),
            energy_kcal=self.label.energy_kcal,
            nutrition_per=NutritionPer(figures.pop("per")),
            **figures,
        )


@cache
def seed_products() -> tuple[SeedProduct, ...]:
    return msgspec.json.decode(files(__package__).joinpath("products.json").read_bytes(), type=tuple[SeedProduct, ...])


def seed_image(key: str) -> bytes | None:
    """The picture of a product, None when nobody has drawn it."""
    picture = files(__package__).joinpath("images", f"{key}.svg")
    return picture.read_bytes() if picture.is_file() else None
