"""Saved views: filters of a list that a person keeps by a name, for themselves.

A view is what stands in the address of the page, and nothing that was found by it. Nobody sees those of others; the log
of changes keeps none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from vendomat.cloud.merchants.model import Operator
from vendomat.cloud.platform.database import Database
from vendomat.kernel import ErrorCode, Ids, VendomatError

VIEWS_MAX = 20
VIEW = sa.table("saved_view", *map(sa.column, ("merchant_id", "view_id", "operator_id", "page", "name", "query")))


class ViewPage(StrEnum):
    """The lists whose filters are kept."""

    MACHINES = "machines"
    ORDERS = "orders"
    ALARMS = "alarms"


@dataclass(frozen=True, slots=True)
class SavedView:
    """`query` as in the address: `state=offline&search=gate`."""

    view_id: str
    page: ViewPage
    name: str
    query: str


class SavedViews:
    """Raises `VendomatError`; then nothing changed."""

    def __init__(self, database: Database, ids: Ids) -> None:
        self._database = database
        self._ids = ids

    async def views(self, operator: Operator, page: ViewPage) -> list[SavedView]:
        """By name."""
        mine = (VIEW.c.operator_id == operator.operator_id) & (VIEW.c.page == page.value)
        columns = (VIEW.c.view_id, VIEW.c.name, VIEW.c.query)
        async with self._database.merchant(operator.merchant_id) as connection:
            rows = await connection.execute(sa.select(*columns).where(mine).order_by(VIEW.c.name))
            return [SavedView(row.view_id, page, row.name, row.query) for row in rows]

    async def save(self, operator: Operator, page: ViewPage, name: str, query: str) -> SavedView:
        """Keep `query` under `name`, in place of what had that name. Raises `conflict` when there are too many."""
        statement = upsert(VIEW).values(
            merchant_id=operator.merchant_id,
            view_id=self._ids.new("svw"),
            operator_id=operator.operator_id,
            page=page.value,
            name=name,
            query=query,
        )
        key = ["merchant_id", "operator_id", "page", "name"]
        kept = statement.on_conflict_do_update(index_elements=key, set_={"query": query}).returning(VIEW.c.view_id)
        of_mine = sa.select(sa.func.count()).where(
            VIEW.c.operator_id == operator.operator_id, VIEW.c.page == page.value
        )
        async with self._database.merchant(operator.merchant_id) as connection:
            view_id = str((await connection.execute(kept)).scalar_one())
            if (await connection.execute(of_mine)).scalar_one() > VIEWS_MAX:
                raise VendomatError(ErrorCode.CONFLICT, f"there are {VIEWS_MAX} views of this page; remove one first")
        return SavedView(view_id, page, name, query)

    async def remove(self, operator: Operator, view_id: str) -> None:
        """Raises `not_found` for one that is not theirs."""
        theirs = (VIEW.c.view_id == view_id) & (VIEW.c.operator_id == operator.operator_id)
        async with self._database.merchant(operator.merchant_id) as connection:
            if not (await connection.execute(sa.delete(VIEW).where(theirs))).rowcount:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such view of yours; nothing changed")
