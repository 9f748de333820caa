"""What migrations do to rows that are there already."""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import pytest
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from vendomat.audit import AuditSources, Terms, run_audit
from vendomat.cloud.platform.database import MIGRATIONS, migrate, newest_revision
from vendomat.cloud.platform.engines import PostgresEngine

pytestmark = pytest.mark.slow

_FROZEN_BEFORE = """
INSERT INTO merchant VALUES ('mer', 'm', 'm', 'CNY', '', now());
INSERT INTO sale_order (merchant_id, order_id, machine_id, request_id, origin, state, version, total_minor, currency,
    lines, created_at, expires_at, ended_at)
    VALUES ('mer', 'ord', 'mch', 'req', 'touch', 'expired', 2, 350, 'CNY', '[]', now(), now(), now());
INSERT INTO vend_unit (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, outcome, is_final)
    VALUES ('mer', 'ord', 1, 'mch', 'A1', 'prd', 350, 'not_delivered', true);
INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, state, is_frozen,
    transaction_id, captured_minor, paid_at, created_at, expires_at) VALUES
    ('mer', 'pay_usd', 'ord', 'wechat', 'ours', 350, 'CNY', 'paid', true, 't1', 350, now(), now(), now()),
    ('mer', 'pay_other', 'ord', 'wechat', 'ours', 350, 'CNY', 'paid', true, 't2', 350, now(), now(), now());
INSERT INTO security_event (merchant_id, at, kind, source, detail) VALUES
    ('mer', now(), 'payment_mismatch', 'mch', '{"payment_id": "pay_usd", "account": "ours", "currency": "USD"}'),
    ('mer', now(), 'payment_mismatch', 'mch', '{"payment_id": "pay_other", "account": "theirs", "currency": "CNY"}');
INSERT INTO evidence (merchant_id, order_id, at, source, kind, data) VALUES
    ('mer', 'ord', now(), 'cloud', 'order.expired', '{}'),
    ('mer', 'ord', now(), 'platform', 'payment.paid', '{"payment_id": "pay_usd", "amount_minor": 350}'),
    ('mer', 'ord', now(), 'platform', 'payment.paid', '{"payment_id": "pay_other", "amount_minor": 350}');
INSERT INTO ledger_transaction VALUES ('mer', 'paid:pay_other', 'payment_unexplained', 'ord', now());
INSERT INTO ledger_line (merchant_id, txn_key, line, account, amount_minor, currency, posted_at) VALUES
    ('mer', 'paid:pay_other', 1, 'asset:clearing:wechat:theirs', 350, 'CNY', now()),
    ('mer', 'paid:pay_other', 2, 'suspense:long:wechat', -350, 'CNY', now());
"""
"""Money frozen while one in a foreign currency was only reported, and the row did not say where the money stood."""


def test_the_newest_migration_is_the_one_with_the_highest_number() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [newest_revision()]


_LOOK_AND_RETURN = """
import asyncio, sys
from vendomat.cloud.platform.database import migrate
asyncio.run(migrate(sys.argv[1]))
sys.exit("alembic" in sys.modules)
"""


async def test_a_database_that_is_current_is_only_looked_at(postgres: PostgresEngine) -> None:
    url = postgres.create_database("vendomat_current", template="vendomat_template")
    looked = await asyncio.create_subprocess_exec(sys.executable, "-c", _LOOK_AND_RETURN, url)
    assert await looked.wait() == 0
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    with pytest.raises(CommandError, match="9999"):  # of a newer program: this one says so, and does not start
        await migrate(url)


async def test_money_that_was_frozen_before_is_booked_where_and_as_it_came(postgres: PostgresEngine) -> None:
    url = postgres.create_database("vendomat_old")
    superuser_url = postgres.address.url_of("vendomat_old", "postgres")
    await migrate(url, "0013")
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute(_FROZEN_BEFORE)
        for _ in range(2):
            await migrate(url)
        rows = await connection.fetch("SELECT payment_id, account, currency, verdict FROM payment ORDER BY 1 DESC")
        assert [tuple(row) for row in rows] == [
            ("pay_usd", "ours", "USD", "none"),
            ("pay_other", "theirs", "CNY", "none"),
        ]
        booked = await connection.fetch(
            "SELECT account, currency, amount_minor FROM ledger_line WHERE txn_key = 'paid:pay_usd' ORDER BY line"
        )
        assert [tuple(row) for row in booked] == [
            ("asset:clearing:wechat:ours", "USD", 350),
            ("suspense:long:wechat", "USD", -350),
        ]
    finally:
        await connection.close()
    report = await run_audit(AuditSources(superuser_url), Terms(is_at_rest=True))
    assert {f.name: f.rows for f in report.breaches if f.name.startswith("I4.")} == {}
