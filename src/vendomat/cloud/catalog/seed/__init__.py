"""Goods to start with: sixteen products in Chinese and English, with pictures of our own. For demos and tests."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec


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


@cache
def seed_products() -> tuple[SeedProduct, ...]:
    return msgspec.json.decode(files(__package__).joinpath("products.json").read_bytes(), type=tuple[SeedProduct, ...])


def seed_image(key: str) -> bytes | None:
    """The picture of a product, None when nobody has drawn it."""
    picture = files(__package__).joinpath("images", f"{key}.svg")
    return picture.read_bytes() if picture.is_file() else None
