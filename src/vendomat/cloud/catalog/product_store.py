"""How products and what they cost are kept for one merchant's people, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog.model import NUTRIENTS, Allergen, NewProduct, NutritionPer, Product, Use, slot_order
from vendomat.cloud.platform.http import Cursor
from vendomat.kernel import Money

_PLAIN = [
    "sku",
    "name_zh",
    "name_en",
    "detail_zh",
    "detail_en",
    "category",
    "image",
    "barcode",
    "tax_bp",
    "energy_kcal",
    "nutrition_per",
    "energy_kj",
    *NUTRIENTS,
    "age_min",
    "is_perishable",
    "shelf_life_days",
]
PRODUCT = sa.table(
    "product",
    *map(sa.column, ("merchant_id", "product_id", *_PLAIN, "price_minor", "archived_at", "version", "created_at")),
    sa.column("allergens", ARRAY(sa.Text)),
)
COST = sa.table(
    "product_cost", *map(sa.column, ("merchant_id", "product_id", "first_day", "cost_minor", "set_at", "set_by"))
)
_NAMES = sa.text(
    "SELECT c.first_day, c.cost_minor, c.set_at, coalesce(o.name, '') AS set_by_name FROM product_cost c "
    "LEFT JOIN operator o ON (o.merchant_id, o.operator_id) = (c.merchant_id, c.set_by) "
    "WHERE c.product_id = :product_id ORDER BY c.first_day DESC"
)
_COST_NOW = (
    sa.select(COST.c.cost_minor)
    .where(COST.c.merchant_id == PRODUCT.c.merchant_id, COST.c.product_id == PRODUCT.c.product_id)
    .where(
        COST.c.first_day
        <= sa.text("(SELECT CAST(CAST(:now AS timestamptz) AT TIME ZONE time_zone AS date) FROM merchant)")
    )
    .order_by(COST.c.first_day.desc())
    .limit(1)
    .scalar_subquery()
)
_HAS_MEDIA = sa.text("SELECT EXISTS (SELECT FROM media WHERE sha256 = :sha256 AND media_type = :media_type)")
_USES = sa.text(
    "SELECT s.machine_id, m.number, s.slot FROM planogram_slot s JOIN machine m USING (merchant_id, machine_id) "
    "WHERE s.product_id = :product_id ORDER BY m.number"
)
_BUMP = sa.text(
    "UPDATE machine m SET catalogue_version = m.catalogue_version + 1 FROM ("
    "SELECT merchant_id, machine_id FROM machine k WHERE EXISTS (SELECT FROM planogram_slot s "
    "WHERE (s.merchant_id, s.machine_id) = (k.merchant_id, k.machine_id) AND s.product_id = :product_id) "
    "ORDER BY merchant_id, machine_id FOR NO KEY UPDATE) h "
    "WHERE (m.merchant_id, m.machine_id) = (h.merchant_id, h.machine_id)"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which products a list shows: those with all words of `text` in a name, the SKU or the barcode."""

    text: str = ""
    category: str = ""
    is_archived: bool = False


@dataclass(frozen=True, slots=True)
class ListedProduct:
    product: Product
    created_at: datetime
    cost_minor: int | None
    machines: int


@dataclass(frozen=True, slots=True)
class DatedCost:
    first_day: date
    cost_minor: int
    set_at: datetime
    set_by_name: str


async def list_products(
    connection: AsyncConnection,
    currency: str,
    wanted: Wanted,
    *,
    now: datetime,
    after: Cursor | None,
    limit: int | None,
) -> list[ListedProduct]:
    """Newest first."""
    slot = sa.table("planogram_slot", *map(sa.column, ("merchant_id", "machine_id", "product_id")))
    machines = (
        sa.select(sa.func.count(sa.distinct(slot.c.machine_id)))
        .where(slot.c.merchant_id == PRODUCT.c.merchant_id, slot.c.product_id == PRODUCT.c.product_id)
        .scalar_subquery()
    )
    query = sa.select(PRODUCT, _COST_NOW.label("cost_minor"), machines.label("machines"))
    query = query.where(PRODUCT.c.archived_at.is_not(None) if wanted.is_archived else PRODUCT.c.archived_at.is_(None))
    for word in wanted.text.split()[:8]:
        places = (PRODUCT.c.name_zh, PRODUCT.c.name_en, PRODUCT.c.sku, PRODUCT.c.barcode)
        query = query.where(sa.or_(*(place.icontains(word, autoescape=True) for place in places)))
    if wanted.category:
        query = query.where(PRODUCT.c.category == wanted.category)
    if after is not None:
        query = query.where(sa.tuple_(PRODUCT.c.created_at, PRODUCT.c.product_id) < sa.tuple_(after.at, after.id))
    query = query.order_by(PRODUCT.c.created_at.desc(), PRODUCT.c.product_id.desc()).limit(limit)
    rows = (await connection.execute(query, {"now": now})).mappings()
    return [
        ListedProduct(_product(row, currency), row["created_at"], row["cost_minor"], row["machines"]) for row in rows
    ]


async def categories(connection: AsyncConnection) -> list[str]:
    """Those of products that are in use, in order."""
    found = await connection.execute(
        sa.select(PRODUCT.c.category)
        .where(PRODUCT.c.archived_at.is_(None), PRODUCT.c.category != "")
        .distinct()
        .order_by(PRODUCT.c.category)
    )
    return list(found.scalars())


async def lock_product(
    connection: AsyncConnection, product_id: str, currency: str, *, is_locking: bool = True
) -> Product | None:
    query = sa.select(PRODUCT).where(PRODUCT.c.product_id == product_id)
    row = (await connection.execute(query.with_for_update() if is_locking else query)).mappings().one_or_none()
    return None if row is None else _product(row, currency)


async def lock_products(connection: AsyncConnection, product_ids: Iterable[str], currency: str) -> list[Product]:
    """Those of `product_ids` that are there, by their ids."""
    return await _lock_all(connection, PRODUCT.c.product_id.in_(sorted(set(product_ids))), currency)


async def lock_by_sku(connection: AsyncConnection, skus: Iterable[str], currency: str) -> dict[str, Product]:
    found = await _lock_all(connection, PRODUCT.c.sku.in_(sorted(set(skus))), currency)
    return {product.data.sku: product for product in found}


async def _lock_all(connection: AsyncConnection, which: sa.ColumnElement[bool], currency: str) -> list[Product]:
    query = sa.select(PRODUCT).where(which).order_by(PRODUCT.c.product_id)
    return [_product(row, currency) for row in (await connection.execute(query.with_for_update())).mappings()]


async def insert_product(
    connection: AsyncConnection, merchant_id: str, product_id: str, new: NewProduct, *, at: datetime
) -> None:
    """Raises `IntegrityError` for a SKU or barcode that is taken."""
    await connection.execute(
        sa.insert(PRODUCT).values(
            merchant_id=merchant_id, product_id=product_id, version=1, created_at=at, **columns_of(new)
        )
    )


async def update_product(connection: AsyncConnection, product: Product, new: NewProduct) -> None:
    """As `insert_product`; machines that have it in a slot hear of the change."""
    await connection.execute(
        sa.update(PRODUCT)
        .where(PRODUCT.c.product_id == product.product_id)
        .values(version=PRODUCT.c.version + 1, **columns_of(new))
    )
    await connection.execute(_BUMP, {"product_id": product.product_id})


async def set_archived(connection: AsyncConnection, product_id: str, at: datetime | None) -> None:
    await connection.execute(
        sa.update(PRODUCT)
        .where(PRODUCT.c.product_id == product_id)
        .values(version=PRODUCT.c.version + 1, archived_at=at)
    )


async def put_cost(  # noqa: PLR0913 - one row
    connection: AsyncConnection,
    merchant_id: str,
    product_id: str,
    *,
    first_day: date,
    cost_minor: int,
    at: datetime,
    by: str,
) -> None:
    said = {"cost_minor": cost_minor, "set_at": at, "set_by": by}
    await connection.execute(
        upsert(COST)
        .values(merchant_id=merchant_id, product_id=product_id, first_day=first_day, **said)
        .on_conflict_do_update(index_elements=["merchant_id", "product_id", "first_day"], set_=said)
    )


async def costs_of(connection: AsyncConnection, product_id: str) -> list[DatedCost]:
    """Newest first."""
    return [DatedCost(*row) for row in await connection.execute(_NAMES, {"product_id": product_id})]


async def uses_of(connection: AsyncConnection, product_id: str) -> list[Use]:
    """The slots that sell it now, machine by machine."""
    rows = list(await connection.execute(_USES, {"product_id": product_id}))
    return [Use(row[0], row[1], row[2]) for row in sorted(rows, key=lambda row: (row[1], slot_order(row[2])))]


async def has_media(connection: AsyncConnection, sha256: str, media_type: str) -> bool:
    found = await connection.execute(_HAS_MEDIA, {"sha256": sha256, "media_type": media_type})
    return bool(found.scalar_one())


def columns_of(new: NewProduct) -> Mapping[str, object]:
    values = asdict(new)
    plain = {name: values[name] for name in _PLAIN}
    return plain | {"price_minor": new.price.minor_units, "allergens": sorted(new.allergens)}


def _product(row: sa.RowMapping, currency: str) -> Product:
    data = NewProduct(
        **{name: row[name] for name in _PLAIN if name != "nutrition_per"},
        nutrition_per=NutritionPer(row["nutrition_per"]),
        price=Money(row["price_minor"], currency),
        allergens=_allergens(row["allergens"]),
    )
    return Product(row["product_id"], data, row["version"], row["archived_at"] is not None)


def _allergens(names: Sequence[str]) -> tuple[Allergen, ...]:
    return tuple(Allergen(name) for name in names)
