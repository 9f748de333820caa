"""The wall behind a site's owner, table by table: whatever a query forgets to ask, the database shows what concerns
their own sites, of a few columns, and refuses all other tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.cloud.test_row_level_security import AT, MINE, OTHER, ROWS, insert
from vendomat.cloud.platform.engines import PostgresEngine

pytestmark = pytest.mark.slow

_HASH = "repeat('0', 64)"
NEIGHBOURS = f"""
INSERT INTO operator (merchant_id, operator_id, email, name, role, password_hash, created_at)
    VALUES ('{MINE}', 'o2', 'neighbour@x', 'n', 'site_owner', 'h', '{AT}');
INSERT INTO site (merchant_id, site_id, name, owner, created_at) VALUES ('{MINE}', 's2', 'n', 'o', '{AT}');
INSERT INTO site_owner VALUES ('{MINE}', 'o2', 's2');
INSERT INTO machine (merchant_id, machine_id, number, name_zh, name_en, state, created_at)
    VALUES ('{MINE}', 'mv2', 'n2', 'z', 'e', 'new', '{AT}'), ('{MINE}', 'mv3', 'n3', 'z', 'e', 'new', '{AT}');
INSERT INTO site_machine (merchant_id, machine_id, first_day, site_id) VALUES ('{MINE}', 'mv2', '2026-01-01', 's2'),
    ('{MINE}', 'mv3', '2026-01-05', 's2'), ('{MINE}', 'mv3', '2026-01-03', 's'), ('{MINE}', 'mv3', '2026-01-01', 's2');
INSERT INTO machine_live (merchant_id, machine_id, epoch, nonce, nonce_at, seen_at, is_ready, reasons)
    SELECT '{MINE}', id, 1, 'n', '{AT}', '{AT}', true, '{{}}' FROM unnest(ARRAY['{MINE}_m', 'mv2', 'mv3']) id;
INSERT INTO sale_hour (merchant_id, hour, machine_id, slot, product_id, channel, currency, units_sold, units_failed,
    units_unknown, units_lost, gross_minor, refunded_minor)
    SELECT '{MINE}', hour, id, 'A1', 'p', 'c', 'CNY', 1, 0, 0, 0, 1, 0
    FROM unnest(ARRAY['{MINE}_m', 'mv2', 'mv3']) id,
        unnest(ARRAY['2025-12-31 23:00', '2026-01-02 23:00', '2026-01-03 00:00', '2026-01-04 23:00',
            '2026-01-05 00:00']::timestamp[]) hour;
INSERT INTO site_statement (merchant_id, site_id, position, month, currency, total_minor, content, content_sha256,
    csv_sha256, pdf_en_sha256, pdf_zh_sha256, previous, link, issued_at, issued_by) VALUES ('{MINE}', 's2', 1,
    '2026-01', 'CNY', 1, 'c', {_HASH}, {_HASH}, {_HASH}, {_HASH}, '', {_HASH}, '{AT}', 'o');
INSERT INTO site_statement_file (merchant_id, site_id, position, form, sha256, content)
    VALUES ('{MINE}', 's2', 1, 'csv', {_HASH}, 'x');
INSERT INTO site_payout (merchant_id, payout_id, site_id, reference, currency, amount_minor, paid_on, recorded_at,
    recorded_by) VALUES ('{MINE}', 'p2', 's2', 'r2', 'CNY', 1, '{AT}', '{AT}', 'o');
INSERT INTO ledger_transaction (merchant_id, txn_key, kind, order_id, posted_at)
    SELECT '{MINE}', 'rent' || site, 'k', 'o', '{AT}' FROM unnest(ARRAY['s', 's2']) site;
INSERT INTO ledger_line (merchant_id, txn_key, line, account, amount_minor, currency, posted_at)
    SELECT '{MINE}', 'rent' || site, line, split_part(account, '+', 1) || site, 3 - 2 * line, 'CNY', '{AT}'
    FROM unnest(ARRAY['s', 's2']) site, unnest(ARRAY['expense:site_rent:', 'liab:site_rent:'])
        WITH ORDINALITY AS a (account, line);
"""
"""Of the same merchant: another site with its owner, a machine that stands there, and one that was here two days."""
SEEN: dict[str, tuple[str, str, set[str]]] = {
    "merchant": ("merchant_id", "currency merchant_id name time_zone", {MINE}),
    "site_owner": ("site_id", "merchant_id operator_id site_id", {"s"}),
    "site": ("site_id", "address latitude longitude merchant_id name opening owner site_id", {"s"}),
    "site_machine": (
        "machine_id || ' ' || first_day || ' ' || coalesce(last_day::text, '')",
        "first_day last_day machine_id merchant_id site_id",
        {f"{MINE}_m 2026-01-01 ", "mv3 2026-01-03 2026-01-04"},
    ),
    "machine": ("machine_id", "machine_id merchant_id number", {f"{MINE}_m", "mv3"}),
    "machine_live": ("machine_id", "is_ready machine_id merchant_id seen_at", {f"{MINE}_m"}),
    "sale_hour": (
        "machine_id || ' ' || to_char(hour, 'DD HH24')",
        "currency gross_minor hour machine_id merchant_id units_sold",
        {*(f"{MINE}_m {at}" for at in ("02 23", "03 00", "04 23", "05 00")), "mv3 03 00", "mv3 04 23"},
    ),
    "site_statement": ("site_id", "", {"s"}),
    "site_statement_file": ("site_id", "", {"s"}),
    "site_payout": ("site_id", "", {"s"}),
    "ledger_line": ("account", "account amount_minor merchant_id", {"liab:site_rent:s"}),
}
"""By table: what names a row, the columns that may be read (none named: all), and the rows that are seen."""


@pytest.fixture(scope="module")
def filled(postgres: PostgresEngine, database_url: str) -> str:
    """The superuser's URL of a database with rows of two merchants, and of two sites of one of them."""
    url = postgres.address.url_of(database_url.partition("@/")[2].partition("?")[0], "postgres")

    async def fill() -> None:
        connection = await asyncpg.connect(url)
        for merchant in (MINE, OTHER):
            for table in ROWS:
                await connection.execute(insert(table, merchant))
        await connection.execute(NEIGHBOURS)
        await connection.close()

    asyncio.run(fill())
    return url


@asynccontextmanager
async def _as_site_owner(url: str, merchant_id: str, operator_id: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET ROLE vendomat_site_owner")
        await connection.execute("SELECT set_config('vendomat.merchant_id', $1, false)", merchant_id)
        await connection.execute("SELECT set_config('vendomat.operator_id', $1, false)", operator_id)
        yield connection
    finally:
        await connection.close()


async def _names(connection: asyncpg.Connection, table: str) -> list[str]:
    return [row[0] for row in await connection.fetch(f"SELECT {SEEN[table][0]} FROM {table}")]


@pytest.mark.parametrize("table", SEEN)
async def test_a_query_that_asks_for_everything_gets_what_concerns_the_own_sites(filled: str, table: str) -> None:
    async with _as_site_owner(filled, MINE, "o") as connection:
        shown = await _names(connection, table)
        await connection.execute("RESET ROLE")
        every = await _names(connection, table)
    assert set(shown) == SEEN[table][2]
    assert len(every) > len(shown)


@pytest.mark.parametrize("table", sorted(set(ROWS) - set(SEEN)))
async def test_any_other_table_is_refused(filled: str, table: str) -> None:
    async with _as_site_owner(filled, MINE, "o") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch(f"SELECT merchant_id FROM {table}")


async def test_nothing_more_is_granted_than_is_written_here(filled: str) -> None:
    async with _as_site_owner(filled, MINE, "o") as connection:
        granted = await connection.fetch(
            "SELECT c.relname, string_agg(a.attname::text, ' ' ORDER BY a.attname::text) AS columns, "
            "bool_and(has_table_privilege(c.oid, 'SELECT')) AS is_whole FROM pg_class c "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
            "WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relnamespace = 'public'::regnamespace "
            "AND has_column_privilege(c.oid, a.attnum, 'SELECT') GROUP BY 1"
        )
        writable = await connection.fetch(
            "SELECT c.relname FROM pg_class c, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) r "
            "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace "
            "AND (has_table_privilege(c.oid, r) OR (r IN ('INSERT', 'UPDATE') AND has_any_column_privilege(c.oid, r)))"
        )
    assert {one["relname"]: "" if one["is_whole"] else one["columns"] for one in granted} == {
        table: columns for table, (_, columns, _) in SEEN.items()
    }
    assert writable == []


@pytest.mark.parametrize(
    ("merchant", "person"), [(MINE, ""), (MINE, "nobody"), (OTHER, "o2"), ("", "o"), ("%", "%"), (MINE, "%")]
)
async def test_whoever_owns_no_site_sees_nothing_of_any(filled: str, merchant: str, person: str) -> None:
    async with _as_site_owner(filled, merchant, person) as connection:
        shown = {table for table in SEEN if table != "merchant" and await _names(connection, table)}
    assert shown == set()


async def test_the_neighbour_sees_the_other_side_of_the_same_stays(filled: str) -> None:
    async with _as_site_owner(filled, MINE, "o2") as connection:
        assert set(await _names(connection, "site_machine")) == {
            "mv2 2026-01-01 ",
            "mv3 2026-01-01 2026-01-02",
            "mv3 2026-01-05 ",
        }
        sales = await _names(connection, "sale_hour")
    assert {name for name in sales if name.startswith("mv3")} == {"mv3 02 23", "mv3 05 00"}
