"""What a demo sold before it began: real orders that the independent audit finds nothing wrong with."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cloud.conftest import database_url, postgres
from tests.cloud.shop_stage import open_shop
from vendomat.audit import AuditSources, Terms, run_audit
from vendomat.cloud.platform.engines.postgres import PostgresEngine
from vendomat.cloud.statistics import SaleSums
from vendomat.kernel import SystemClock
from vendomat.simulator.town.past import DAYS, sell_past

__all__ = ["database_url", "postgres"]
pytestmark = pytest.mark.slow

SUMS = (
    "SELECT (SELECT sum(units_sold) FROM sale_hour WHERE merchant_id = $1), "
    "(SELECT sum(gross_minor) FROM sale_hour WHERE merchant_id = $1), "
    "(SELECT sum(price_minor) FROM vend_unit WHERE merchant_id = $1)"
)


async def test_ninety_days_of_sales_balance_and_leave_the_slots_full(
    postgres: PostgresEngine, database_url: str
) -> None:
    async with open_shop(database_url, machines=1) as shop:
        before = await shop.database.hot.fetch("SELECT machine_id, slot, on_hand FROM stock_slot ORDER BY 1, 2")
        sold = await sell_past(shop.database, database_url, shop.seeded, clock=SystemClock(), ids=shop.ids)
        now = SystemClock().now()
        orders = await shop.database.hot.fetch("SELECT state, origin, created_at FROM sale_order")
        assert len(orders) == sold > 1_000
        assert {(row["state"], row["origin"]) for row in orders} == {("settled", "cash")}
        days = {row["created_at"].date() for row in orders}
        assert DAYS <= len(days) <= DAYS + 1 and now - timedelta(days=DAYS + 1) < min(
            row["created_at"] for row in orders
        )
        assert max(row["created_at"] for row in orders) < now
        assert await shop.database.hot.fetch("SELECT machine_id, slot, on_hand FROM stock_slot ORDER BY 1, 2") == before
        assert await shop.database.hot.fetchval("SELECT count(*) FROM alarm") == 0
        await SaleSums(shop.database).run()
        units, gross, whole = await shop.database.hot.fetchrow(SUMS, shop.merchant_id)
        assert (units, gross) == (sold, whole)
        name = database_url.partition("?")[0].rsplit("/", 1)[1]
        report = await run_audit(AuditSources(postgres.address.url_of(name, "postgres")), Terms(is_at_rest=True))
        assert list(report.breaches) == []
