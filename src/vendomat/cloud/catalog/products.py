"""The products of a merchant as people keep them: found, created, changed, put away, and what they cost from when.

A change quotes the version it was made from; an older one is refused and nothing is changed. A product that a machine,
a draft or a template still plans is not put away. What was sold is never rewritten: orders carry their own prices.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import product_store as rows
from vendomat.cloud.catalog import store
from vendomat.cloud.catalog.drawing import clean_svg
from vendomat.cloud.catalog.model import NewProduct, Product, Use
from vendomat.cloud.catalog.photo import clean_photo, media_type_of
from vendomat.cloud.catalog.product_store import DatedCost, ListedProduct, Wanted
from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.merchants import Operator
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor, check_version
from vendomat.cloud.platform.outbox import OutboxEvent, append_event
from vendomat.kernel import MINOR_UNITS_MAX, Clock, ErrorCode, FlawCode, Ids, VendomatError, flaw, flawed

PlannedIn = Callable[[AsyncConnection, str], Awaitable[list[Use]]]
"""Where else than in a machine's slots a product is planned."""
COST_AHEAD_MAX = timedelta(days=366)
_USES_NAMED = 5
_IMAGE = re.compile(r"([0-9a-f]{64})(?:\.(svg|png|jpg|webp))?")


@dataclass(frozen=True, slots=True)
class ProductFile:
    """One product with all that is kept of it."""

    product: Product
    costs: list[DatedCost]
    uses: list[Use]


class ProductDesk:
    """Raises `VendomatError` (not_found, invalid_value, conflict, version_missing, version_stale), changing nothing."""

    def __init__(self, database: Database, ids: Ids, clock: Clock, *, planned_in: PlannedIn) -> None:
        self._database = database
        self._ids = ids
        self._clock = clock
        self._planned_in = planned_in

    async def page(
        self, operator: Operator, wanted: Wanted, *, after: Cursor | None, limit: int
    ) -> tuple[list[ListedProduct], list[str]]:
        """One page, newest first, and all categories in use."""
        async with self._database.merchant(operator.merchant_id, is_snapshot=True) as connection:
            found = await rows.list_products(
                connection, operator.currency, wanted, now=self._clock.now(), after=after, limit=limit
            )
            return found, await rows.categories(connection)

    async def find(self, operator: Operator, product_id: str) -> ProductFile:
        async with self._database.merchant(operator.merchant_id, is_snapshot=True) as connection:
            product = await rows.lock_product(connection, product_id, operator.currency, is_locking=False)
            return await self._file(connection, _found(product))

    async def create(self, operator: Operator, new: NewProduct) -> ProductFile:
        async with self._database.merchant(operator.merchant_id) as connection:
            return ProductFile(await self.add(connection, operator, new), [], [])

    async def change(
        self, operator: Operator, product_id: str, new: NewProduct, *, if_match: str | None
    ) -> ProductFile:
        """All of it anew. Machines that have it in a slot hear of it."""
        async with self._database.merchant(operator.merchant_id) as connection:
            product = await self._lock(connection, operator, product_id, if_match)
            return await self._file(connection, await self.replace(connection, operator, product, new))

    async def add(self, connection: AsyncConnection, operator: Operator, new: NewProduct) -> Product:
        """As `create`, in the caller's transaction, which ends when it raises."""
        new.check()
        await self._check_image(connection, new.image)
        product = Product(self._ids.new("prd"), new, 1, is_archived=False)
        with _taken():
            await rows.insert_product(connection, operator.merchant_id, product.product_id, new, at=self._clock.now())
        await self._tell(connection, operator, "product.created", product.product_id, after=rows.columns_of(new))
        return product

    async def replace(
        self, connection: AsyncConnection, operator: Operator, product: Product, new: NewProduct
    ) -> Product:
        """As `change`, of a product that the caller locked, in the caller's transaction, which ends when it raises."""
        new.check()
        await self._check_image(connection, new.image)
        with _taken():
            await rows.update_product(connection, product, new)
        was, is_now = rows.columns_of(product.data), rows.columns_of(new)
        names = [name for name in is_now if was[name] != is_now[name]]
        before, after = ({name: side[name] for name in names} for side in (was, is_now))
        await self._tell(connection, operator, "product.changed", product.product_id, before=before, after=after)
        return Product(product.product_id, new, product.version + 1, product.is_archived)

    async def archive(self, operator: Operator, product_id: str, *, if_match: str | None) -> ProductFile:
        """Put it away. Raises `conflict` while it is planned somewhere, saying where."""
        async with self._database.merchant(operator.merchant_id) as connection:
            product = await self._lock(connection, operator, product_id, if_match)
            await self.move(connection, operator, product, is_archived=True)
            return await self._again(connection, operator, product_id)

    async def restore(self, operator: Operator, product_id: str, *, if_match: str | None) -> ProductFile:
        async with self._database.merchant(operator.merchant_id) as connection:
            product = await self._lock(connection, operator, product_id, if_match)
            await self.move(connection, operator, product, is_archived=False)
            return await self._again(connection, operator, product_id)

    async def move(
        self, connection: AsyncConnection, operator: Operator, product: Product, *, is_archived: bool
    ) -> None:
        """As `archive` and `restore`, of a product that the caller locked, in the caller's transaction."""
        if is_archived and (uses := await self._uses(connection, product.product_id)):
            raise _still_used(product.data.sku, uses)
        if product.is_archived is is_archived:
            return
        with _taken():
            await rows.set_archived(connection, product.product_id, self._clock.now() if is_archived else None)
        kind = "product.archived" if is_archived else "product.restored"
        await self._tell(connection, operator, kind, product.product_id)

    async def set_cost(self, operator: Operator, product_id: str, first_day: date, cost_minor: int) -> ProductFile:
        """What one piece costs from a day on; the days before keep theirs. The same day again is a correction."""
        if not 0 <= cost_minor <= MINOR_UNITS_MAX:
            raise VendomatError(ErrorCode.INVALID_AMOUNT, "this is not a cost; nothing changed")
        if first_day > self._clock.now().date() + COST_AHEAD_MAX:
            raise VendomatError(ErrorCode.INVALID_VALUE, "a cost begins within a year; nothing changed")
        async with self._database.merchant(operator.merchant_id) as connection:
            product = _found(await rows.lock_product(connection, product_id, operator.currency))
            await rows.put_cost(
                connection,
                operator.merchant_id,
                product_id,
                first_day=first_day,
                cost_minor=cost_minor,
                at=self._clock.now(),
                by=operator.operator_id,
            )
            said: dict[str, object] = {"first_day": first_day.isoformat(), "cost_minor": cost_minor}
            await self._tell(connection, operator, "product.cost_set", product_id, after=said)
            return await self._file(connection, product)

    async def put_picture(self, operator: Operator, content: bytes) -> str:
        """Keep a picture (SVG, PNG, JPEG or WebP, told by its content) written anew; what a product names it by.

        Raises `VendomatError` (too_large, malformed).
        """
        if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            form, cleaned = "svg", clean_svg(content)
        else:
            form, cleaned = await asyncio.to_thread(clean_photo, content)
        sha256 = hashlib.sha256(cleaned).hexdigest()
        async with self._database.merchant(operator.merchant_id) as connection:
            await store.put_media(
                connection, operator.merchant_id, sha256, media_type=media_type_of(form), content=cleaned
            )
        return f"{sha256}.{form}"

    async def _lock(
        self, connection: AsyncConnection, operator: Operator, product_id: str, if_match: str | None
    ) -> Product:
        product = _found(await rows.lock_product(connection, product_id, operator.currency))
        check_version(if_match, product.version)
        return product

    async def _again(self, connection: AsyncConnection, operator: Operator, product_id: str) -> ProductFile:
        return await self._file(connection, _found(await rows.lock_product(connection, product_id, operator.currency)))

    async def _file(self, connection: AsyncConnection, product: Product) -> ProductFile:
        costs = await rows.costs_of(connection, product.product_id)
        return ProductFile(product, costs, await self._uses(connection, product.product_id))

    async def _uses(self, connection: AsyncConnection, product_id: str) -> list[Use]:
        return await rows.uses_of(connection, product_id) + await self._planned_in(connection, product_id)

    async def _check_image(self, connection: AsyncConnection, image: str) -> None:
        if image == "":
            return
        named = _IMAGE.fullmatch(image)
        if named is None or not await rows.has_media(connection, named[1], media_type_of(named[2] or "svg")):
            raise VendomatError(ErrorCode.INVALID_VALUE, "image: there is no such picture; nothing changed")

    async def _tell(
        self,
        connection: AsyncConnection,
        operator: Operator,
        kind: str,
        product_id: str,
        *,
        before: State | None = None,
        after: State | None = None,
    ) -> None:
        """To open pages, and to the change log."""
        now, merchant_id, actor = self._clock.now(), operator.merchant_id, operator.operator_id
        data: dict[str, object] = {"product_id": product_id, "operator_id": actor}
        await append_event(connection, OutboxEvent(merchant_id, kind, product_id, data, now))
        change = Change(
            merchant_id=merchant_id, actor=actor, action=kind, subject=product_id, at=now, before=before, after=after
        )
        await note_change(connection, change)


def _found(product: Product | None) -> Product:
    if product is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such product; nothing changed")
    return product


@contextmanager
def _taken() -> Iterator[None]:
    """A SKU is one product's for ever, a barcode one's that is in use."""
    try:
        yield
    except IntegrityError as error:
        field = "barcode" if "product_barcode" in str(error) else "sku"
        raise flawed(flaw(FlawCode.TAKEN, field=field), ErrorCode.CONFLICT) from error


def _still_used(sku: str, uses: list[Use]) -> VendomatError:
    named = [f"{use.name} {use.slot}{' (draft)' if use.is_draft else ''}" for use in uses[:_USES_NAMED]]
    more = f" +{len(uses) - _USES_NAMED}" if len(uses) > _USES_NAMED else ""
    return flawed(flaw(FlawCode.STILL_PLANNED, sku=sku, places=f"{', '.join(named)}{more}"), ErrorCode.CONFLICT)
