"""How site statements and payouts are kept and found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import asyncpg

from vendomat.cloud.commission.chain import FORMS, Sealed

_COLUMNS = "position, month, currency, total_minor, content, content_sha256, csv_sha256, pdf_en_sha256, pdf_zh_sha256, previous, link, issued_at, issued_by"


def sealed(row: asyncpg.Record) -> Sealed:
    files = {form: row[f"{form}_sha256"] for form in FORMS}
    return Sealed(row["position"], row["content"], row["content_sha256"], files, row["previous"], row["link"])


async def statements_of(connection: asyncpg.Connection, merchant_id: str, site_id: str) -> list[asyncpg.Record]:
    """Every statement of the site, oldest first."""
    rows: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {_COLUMNS} FROM site_statement WHERE merchant_id = $1 AND site_id = $2 ORDER BY position",
        merchant_id,
        site_id,
    )
    return rows


async def keep_statement(
    connection: asyncpg.Connection,
    key: tuple[str, str],
    one: Sealed,
    *,
    head: tuple[str, str, int],
    issued: tuple[datetime, str],
    files: Mapping[str, bytes],
) -> None:
    """`key` is (merchant, site), `head` (month, currency, total), `issued` (when, by whom)."""
    await connection.execute(
        "INSERT INTO site_statement (merchant_id, site_id, position, month, currency, total_minor, content, "
        "content_sha256, csv_sha256, pdf_en_sha256, pdf_zh_sha256, previous, link, issued_at, issued_by) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        *key,
        one.position,
        *head,
        one.content,
        one.content_sha256,
        *(one.files[form] for form in FORMS),
        one.previous,
        one.link,
        *issued,
    )
    await connection.executemany(
        "INSERT INTO site_statement_file (merchant_id, site_id, position, form, sha256, content) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        [(*key, one.position, form, one.files[form], files[form]) for form in FORMS],
    )


async def find_file(connection: asyncpg.Connection, key: tuple[str, str], month: str, form: str) -> bytes | None:
    content: bytes | None = await connection.fetchval(
        "SELECT f.content FROM site_statement_file f JOIN site_statement s USING (merchant_id, site_id, position) "
        "WHERE f.merchant_id = $1 AND f.site_id = $2 AND s.month = $3 AND f.form = $4",
        *key,
        month,
        form,
    )
    return content


async def find_by_hash(connection: asyncpg.Connection, merchant_id: str, sha256: str) -> asyncpg.Record | None:
    """The statement that a hash belongs to: of one of its files, its content, or its link."""
    return await connection.fetchrow(
        "SELECT s.site_id, s.position, s.month, CASE $2 WHEN s.csv_sha256 THEN 'csv' WHEN s.pdf_en_sha256 THEN 'pdf_en' "
        "WHEN s.pdf_zh_sha256 THEN 'pdf_zh' WHEN s.content_sha256 THEN 'content' ELSE 'link' END AS form "
        "FROM site_statement s WHERE s.merchant_id = $1 "
        "AND $2 IN (s.csv_sha256, s.pdf_en_sha256, s.pdf_zh_sha256, s.content_sha256, s.link) "
        "ORDER BY s.issued_at LIMIT 1",
        merchant_id,
        sha256,
    )


async def owed_minor(connection: asyncpg.Connection, merchant_id: str, account: str) -> int:
    found = await connection.fetchval(
        "SELECT -coalesce(sum(amount_minor), 0)::bigint FROM ledger_line WHERE merchant_id = $1 AND account = $2",
        merchant_id,
        account,
    )
    return int(found)


async def find_payout(
    connection: asyncpg.Connection, merchant_id: str, site_id: str, reference: str
) -> asyncpg.Record | None:
    return await connection.fetchrow(
        "SELECT * FROM site_payout WHERE merchant_id = $1 AND site_id = $2 AND reference = $3",
        merchant_id,
        site_id,
        reference,
    )


async def payouts_of(connection: asyncpg.Connection, merchant_id: str, site_id: str) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(
        "SELECT * FROM site_payout WHERE merchant_id = $1 AND site_id = $2 ORDER BY paid_on DESC, payout_id DESC",
        merchant_id,
        site_id,
    )
    return rows


async def keep_payout(connection: asyncpg.Connection, values: Sequence[object]) -> asyncpg.Record:
    """`values`: merchant, payout, site, reference, currency, amount, paid on, recorded at, recorded by."""
    return await connection.fetchrow(
        "INSERT INTO site_payout (merchant_id, payout_id, site_id, reference, currency, amount_minor, paid_on, "
        "recorded_at, recorded_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *",
        *values,
    )


async def frame_of(connection: asyncpg.Connection, merchant_id: str, now: datetime) -> tuple[str, str, str, date]:
    """The merchant's name, currency, time zone and business day."""
    row = await connection.fetchrow(
        "SELECT name, currency, time_zone, ($2::timestamptz AT TIME ZONE time_zone)::date AS today "
        "FROM merchant WHERE merchant_id = $1",
        merchant_id,
        now,
    )
    return row["name"], row["currency"], row["time_zone"], row["today"]


async def machine_numbers(connection: asyncpg.Connection, merchant_id: str) -> dict[str, str]:
    rows = await connection.fetch("SELECT machine_id, number FROM machine WHERE merchant_id = $1", merchant_id)
    return {row["machine_id"]: row["number"] for row in rows}
