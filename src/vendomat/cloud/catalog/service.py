"""Changing what is sold: products, pictures, planograms. A change raises the catalogue's version of the machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError

from vendomat.cloud.catalog import store
from vendomat.cloud.catalog.drawing import clean_svg
from vendomat.cloud.catalog.model import NewProduct, PlannedSlot, checked_plan
from vendomat.cloud.platform.database import Database
from vendomat.kernel import ErrorCode, Ids, VendomatError

SVG = "image/svg+xml"


class Catalog:
    """One merchant's goods."""

    def __init__(self, database: Database, ids: Ids) -> None:
        self._database = database
        self._ids = ids

    async def put_drawings(self, merchant_id: str, contents: Sequence[bytes]) -> list[str]:
        """Clean and keep SVG pictures; their SHA-256. Raises `VendomatError` (too_large, malformed), none kept then."""
        cleaned = [clean_svg(content) for content in contents]
        hashes = [hashlib.sha256(content).hexdigest() for content in cleaned]
        async with self._database.merchant(merchant_id) as connection:
            for sha256, content in zip(hashes, cleaned, strict=True):
                await store.put_media(connection, merchant_id, sha256, media_type=SVG, content=content)
        return hashes

    async def put_products(self, merchant_id: str, products: Sequence[NewProduct]) -> list[str]:
        """Create the products, or change those with the same SKU, all or none; their ids."""
        for new in products:
            if new.price.minor_units <= 0:
                raise VendomatError(ErrorCode.INVALID_AMOUNT, f"{new.sku}: a price is more than nothing")
        async with self._database.merchant(merchant_id) as connection:
            return [await store.put_product(connection, merchant_id, self._ids.new("prd"), new) for new in products]

    async def put_planogram(self, merchant_id: str, machine_id: str, slots: list[PlannedSlot]) -> int:
        """Set `slots` of the machine (others stay as they are); the new catalogue version."""
        planned = checked_plan(slots)
        try:
            async with self._database.merchant(merchant_id) as connection:
                version = await store.bump(connection, merchant_id, machine_id)
                if version is None:
                    raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine")
                await store.put_slots(connection, merchant_id, machine_id, planned)
        except IntegrityError as error:
            raise VendomatError(
                ErrorCode.NOT_FOUND, "the planogram names a product that does not exist; nothing was changed"
            ) from error
        return version

    async def find_media(self, sha256: str) -> tuple[str, bytes]:
        """Media type and content by hash. Raises `VendomatError(not_found)`."""
        async with self._database.auth() as connection:
            found = await store.find_media(connection, sha256)
        if found is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such picture")
        return found
