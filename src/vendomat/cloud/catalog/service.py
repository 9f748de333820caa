"""Changing what is sold: products, pictures, planograms. A change raises the catalogue's version of the machine."""

from __future__ import annotations

import hashlib

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

    async def put_image(self, merchant_id: str, content: bytes) -> str:
        """Clean and keep an SVG picture; its SHA-256. Raises `VendomatError` (too_large, malformed)."""
        cleaned = clean_svg(content)
        sha256 = hashlib.sha256(cleaned).hexdigest()
        async with self._database.merchant(merchant_id) as connection:
            await store.put_media(connection, merchant_id, sha256, media_type=SVG, content=cleaned)
        return sha256

    async def put_product(self, merchant_id: str, new: NewProduct) -> str:
        """Create the product, or change the one with the same SKU; its id."""
        if new.price.minor_units <= 0:
            raise VendomatError(ErrorCode.INVALID_AMOUNT, f"{new.sku}: a price is more than nothing")
        async with self._database.merchant(merchant_id) as connection:
            return await store.put_product(connection, merchant_id, self._ids.new("prd"), new)

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
