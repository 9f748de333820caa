"""The same change of many products that somebody chose: all of them or none, each with a line of its own in the log.

Every product is quoted by the version that was read. What it costs a buyer is not changed here: prices belong to slots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import product_store as rows
from vendomat.cloud.catalog.model import Product
from vendomat.cloud.catalog.products import ProductDesk
from vendomat.cloud.merchants import Operator
from vendomat.cloud.platform.database import Database
from vendomat.kernel import ErrorCode, VendomatError

PRODUCTS_MAX = 1_000
_NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class Changes:
    """`fields` of a product by their names; `is_archived`: whether it is put away, None: as it is."""

    fields: Mapping[str, object]
    is_archived: bool | None = None

    def of(self, product: Product) -> Product:
        """The product as it shall be."""
        is_archived = product.is_archived if self.is_archived is None else self.is_archived
        data = replace(product.data, **self.fields)  # type: ignore[arg-type]
        return replace(product, data=data, is_archived=is_archived)


@dataclass(frozen=True, slots=True)
class BulkReport:
    """How many products change, and how many were so already. `is_done`: it was kept."""

    changed: int
    same: int
    is_done: bool


class ProductBulk:
    """One merchant's products, many at once."""

    def __init__(self, database: Database, desk: ProductDesk) -> None:
        self._database = database
        self._desk = desk

    async def change(
        self, operator: Operator, versions: Mapping[str, int], changes: Changes, *, is_trial: bool
    ) -> BulkReport:
        """`versions` of products by their ids, as they were read. A trial finds what is wrong and keeps nothing.

        Raises `VendomatError`: as `ProductDesk`, and changes nothing.
        """
        async with self._database.merchant(operator.merchant_id) as connection, connection.begin_nested() as whole:
            products = await self._lock(connection, operator, versions)
            wanted = [(product, changes.of(product)) for product in products]
            changed = [(before, after) for before, after in wanted if before != after]
            for before, after in changed:
                await self._put(connection, operator, before, after)
            if is_trial:
                await whole.rollback()
        return BulkReport(len(changed), len(products) - len(changed), is_done=not is_trial)

    async def _put(self, connection: AsyncConnection, operator: Operator, before: Product, after: Product) -> None:
        if before.data != after.data:
            await self._desk.replace(connection, operator, before, after.data)
        if before.is_archived != after.is_archived:
            await self._desk.move(connection, operator, before, is_archived=after.is_archived)

    async def _lock(
        self, connection: AsyncConnection, operator: Operator, versions: Mapping[str, int]
    ) -> list[Product]:
        found = await rows.lock_products(connection, versions, operator.currency)
        if len(found) < len(versions):
            raise VendomatError(ErrorCode.NOT_FOUND, "one of these products is not there; nothing changed")
        stale = sorted(one.data.sku for one in found if one.version != versions[one.product_id])
        if stale:
            more = f" and {len(stale) - _NAMED_MAX} more" if len(stale) > _NAMED_MAX else ""
            raise VendomatError(
                ErrorCode.VERSION_STALE,
                f"somebody changed {', '.join(stale[:_NAMED_MAX])}{more} since you read it; nothing changed anywhere. "
                "Read it again",
                skus=stale[:_NAMED_MAX],
            )
        return found
