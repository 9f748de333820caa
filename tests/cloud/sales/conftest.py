"""One merchant, one machine with two slots, and an open database, for tests of the sale."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.engines import PostgresEngine
from vendomat.cloud.platform.settings import CloudSettings

MERCHANT = "mer_" + "0" * 26
MACHINE = "mch_" + "0" * 26
PRODUCT = "prd_" + "0" * 26

SEED = f"""
INSERT INTO merchant VALUES ('{MERCHANT}', 'Test', 'Test', 'CNY', '', now());
INSERT INTO machine (merchant_id, machine_id, number, name_zh, name_en, state, public_key, epoch, created_at)
VALUES ('{MERCHANT}', '{MACHINE}', 'T-1', 't', 't', 'enrolled', 'U', 1, now());
INSERT INTO product VALUES ('{MERCHANT}', '{PRODUCT}', 'sku', '可乐', 'Cola', '', '', '', 350, '');
INSERT INTO planogram_slot VALUES ('{MERCHANT}', '{MACHINE}', 'A1', '{PRODUCT}', 350, 'CNY', 50),
    ('{MERCHANT}', '{MACHINE}', 'A2', '{PRODUCT}', 200, 'CNY', 50);
INSERT INTO stock_slot VALUES ('{MERCHANT}', '{MACHINE}', 'A1', 40), ('{MERCHANT}', '{MACHINE}', 'A2', 3);
INSERT INTO stock_move VALUES ('{MERCHANT}', '{MACHINE}', 'A1', 'loaded', 40, '', 0, now()),
    ('{MERCHANT}', '{MACHINE}', 'A2', 'loaded', 3, '', 0, now());
INSERT INTO machine_live VALUES ('{MERCHANT}', '{MACHINE}', 1, 'nonce-nonce-nonce-1',
    '2026-06-01 00:00+00', now(), true, '{{}}');
"""


@dataclass
class World:
    """A seeded database: `hot` as the sale sees it, `superuser` to look at everything."""

    database: Database
    hot: asyncpg.Connection
    superuser: asyncpg.Connection
    settings: CloudSettings
    superuser_url: str = ""


@pytest.fixture
async def world(postgres: PostgresEngine, database_url: str) -> AsyncIterator[World]:
    superuser_url = database_url.replace(
        "//vendomat@", f"//{postgres.address.superuser_url.split('//')[1].split('@')[0]}@"
    )
    superuser = await asyncpg.connect(superuser_url)
    tables = await superuser.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    )
    await superuser.execute(
        "SET session_replication_role = replica"
    )  # the append-only guards stay out of the broom's way
    # Most are empty, and TRUNCATE makes new files for each of them all the same.
    await superuser.execute(";".join(f"DELETE FROM {row[0]}" for row in tables))
    await superuser.execute("SET session_replication_role = origin")
    await superuser.execute(SEED)
    database = await Database.open(database_url)
    async with database.hot.acquire() as hot:
        yield World(database, hot, superuser, CloudSettings(), superuser_url)
    await database.aclose()
    await superuser.close()
