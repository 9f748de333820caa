"""Row-level security, table by table: a merchant's people see and write their own merchant's rows and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from vendomat.cloud.platform.engines import PostgresEngine

pytestmark = pytest.mark.slow

AT = "2026-01-01T00:00:00Z"
MINE, OTHER = "mer_mine", "mer_other"
_HASH = "repeat('0', 64)"

# One row per table, `{m}` is the merchant. In an order that satisfies the foreign keys.
ROWS = {
    "merchant": f"merchant_id, name, payee, currency, created_at) VALUES ('{{m}}', 'n', 'p', 'CNY', '{AT}'",
    "operator": "merchant_id, operator_id, email, name, role, password_hash, created_at) "
    f"VALUES ('{{m}}', 'o', '{{m}}{{n}}@x', 'n', 'owner', 'h', '{AT}'",
    "operator_session": "merchant_id, session_hash, operator_id, expires_at) "
    f"VALUES ('{{m}}', convert_to('{{m}}{{n}}', 'UTF8'), 'o', '{AT}'",
    "operator_invitation": "merchant_id, operator_id, token_hash, expires_at) "
    f"VALUES ('{{m}}', 'o', sha256(convert_to('{{m}}{{n}}', 'UTF8')), '{AT}'",
    "operator_totp": "merchant_id, operator_id, secret_sealed) VALUES ('{m}', 'o', 'x'",
    "operator_recovery_code": "merchant_id, operator_id, code_hash) "
    "VALUES ('{m}', 'o', sha256(convert_to('{m}{n}', 'UTF8'))",
    "operator_passkey": "merchant_id, passkey_id, operator_id, name, credential_id, public_key, sign_count, "
    "created_at) "
    f"VALUES ('{{m}}', 'p{{n}}', 'o', 'n', sha256(convert_to('{{m}}{{n}}', 'UTF8')), 'k', 0, '{AT}'",
    "passkey_challenge": "merchant_id, operator_id, purpose, challenge, expires_at) "
    f"VALUES ('{{m}}', 'o', 'prove', sha256(convert_to('{{m}}{{n}}', 'UTF8')), '{AT}'",
    "saved_view": "merchant_id, view_id, operator_id, page, name, query) "
    "VALUES ('{m}', 'v{n}', 'o', 'orders', 'n{n}', ''",
    "custom_role": "merchant_id, role_id, name, permissions, version) "
    "VALUES ('{m}', rpad('rol_{n}', 30, '0'), 'n{n}', '{}', 1",
    "identity_provider": "merchant_id, name, issuer, client_id, secret_sealed, email_domains, is_listed, "
    f"is_active, changed_at) VALUES ('{{m}}', 'n', 'i', 'c', 'x', '{{}}', true, true, '{AT}'",
    "operator_identity": "merchant_id, issuer, subject, operator_id, email, linked_at) "
    f"VALUES ('{{m}}', 'i{{n}}', 's', 'o', 'e', '{AT}'",
    "provider_journey": "merchant_id, state_hash, browser_hash, purpose, operator_id, session_id, nonce, verifier, "
    "home, begun_at, expires_at) "
    f"VALUES ('{{m}}', sha256(convert_to('{{m}}{{n}}', 'UTF8')), sha256('b'), 'prove', 'o', 's', 'n', 'v', 'h', "
    f"'{AT}', '{AT}'",
    "sign_in_attempt": f"merchant_id, subject, at) VALUES ('{{m}}', 's', '{AT}'",
    "payment_account": "merchant_id, channel, account, settings_sealed) VALUES ('{m}', 'c{n}', 'a', 'x'",
    "machine": "merchant_id, machine_id, number, name_zh, name_en, state, created_at) "
    f"VALUES ('{{m}}', '{{m}}_m{{n}}', 'n{{n}}', 'z', 'e', 'new', '{AT}'",
    "machine_model": "merchant_id, model_id, maker, name, mechanism, is_cooled, slots, version, created_at) "
    f"VALUES ('{{m}}', 'd{{n}}', '', 'n{{n}}', 'spiral', true, '[]', 1, '{AT}'",
    "machine_live": "merchant_id, machine_id, epoch, nonce, nonce_at, seen_at, is_ready, reasons) "
    f"VALUES ('{{m}}', 'm{{n}}', 1, 'n', '{AT}', '{AT}', true, '{{}}'",
    "machine_condition": "merchant_id, machine_id, epoch, seq, at, condition) "
    f"VALUES ('{{m}}', 'm{{n}}', 1, 1, '{AT}', '{{}}'",
    "machine_day": "merchant_id, machine_id, day, decidegrees, heard_percent) "
    "VALUES ('{m}', 'm{n}', '2026-01-01', '{40}', '{100}'",
    "machine_tag": "merchant_id, machine_id, tag) VALUES ('{m}', '{m}_m', 't{n}'",
    "machine_channel_off": "merchant_id, machine_id, channel) VALUES ('{m}', '{m}_m', 'c{n}'",
    "enrolment_token": "merchant_id, machine_id, token_hash, expires_at) "
    f"VALUES ('{{m}}', '{{m}}_m', convert_to('{{m}}{{n}}', 'UTF8'), '{AT}'",
    "media": "merchant_id, sha256, media_type, content) VALUES ('{m}', 's{n}', 't', 'x'",
    "product": "merchant_id, product_id, sku, name_zh, name_en, price_minor) "
    "VALUES ('{m}', 'p{n}', 's{n}', 'z', 'e', 1",
    "planogram_slot": "merchant_id, machine_id, slot, product_id, price_minor, currency, capacity) "
    "VALUES ('{m}', '{m}_m', 'A1{n}', 'p', 1, 'CNY', 1",
    "product_cost": "merchant_id, product_id, first_day, cost_minor, set_at, set_by) "
    f"VALUES ('{{m}}', 'p', date '2026-01-01' + coalesce(nullif('{{n}}', ''), '0')::int, 1, '{AT}', 'o'",
    "planogram": "merchant_id, machine_id) VALUES ('{m}', '{m}_m{n}'",
    "planogram_version": "merchant_id, machine_id, version, wanted, slots, published_at, published_by) "
    f"VALUES ('{{m}}', '{{m}}_m', 1{{n}}, 1, '[]', '{AT}', 'o'",
    "planogram_template": "merchant_id, template_id, name, slots, changed_at, changed_by) "
    f"VALUES ('{{m}}', 't{{n}}', 'n{{n}}', '[]', '{AT}', 'o'",
    "stock_slot": "merchant_id, machine_id, slot, on_hand) VALUES ('{m}', '{m}_m', 'A1{n}', 1",
    "stock_move": "merchant_id, machine_id, slot, kind, quantity, at) "
    f"VALUES ('{{m}}', '{{m}}_m', 'A1', 'loaded', 1, '{AT}'",
    "member": "merchant_id, member_id, name, key_hash, created_at) "
    f"VALUES ('{{m}}', 'b{{n}}', 'n', convert_to('{{m}}{{n}}', 'UTF8'), '{AT}'",
    "member_code": "merchant_id, serial, member_id, expires_at) "
    f"VALUES ('{{m}}', '1234567890' || coalesce(nullif('{{n}}', ''), '1'), 'b', '{AT}'",
    "wallet": "merchant_id, member_id, currency) VALUES ('{m}', 'b{n}', 'CNY'",
    "wallet_entry": "merchant_id, member_id, entry, txn_key, kind, order_id, amount_minor, balance_minor, at) "
    f"VALUES ('{{m}}', 'b', 1{{n}}, 't{{n}}', 'k', 'o', 1, 1, '{AT}'",
    "wallet_payout": "merchant_id, payout_id, member_id, amount_minor, by_hand_minor, currency, state, hand_way, "
    "hand_reference, reason, asked_by, asked_at, decided_by, decided_at) VALUES ('{m}', 'w{n}', 'b', 1, 0, 'CNY', "
    f"'done', '', '', 'r', 'o', '{AT}', 'o', '{AT}'",
    "cooler": "merchant_id, machine_id, ceiling_minor, is_active) VALUES ('{m}', '{m}_m{n}', 1, true",
    "cooler_visit": "merchant_id, visit_id, machine_id, request_id, channel, account, currency, ceiling_minor, "
    "created_at, agree_by, state, next_try_at) "
    f"VALUES ('{{m}}', 'v{{n}}', '{{m}}_m', 'r{{n}}', 'c', 'a', 'CNY', 1, '{AT}', '{AT}', 'asked', '{AT}'",
    "cooler_good": "merchant_id, visit_id, slot, product_id, name, price_minor) "
    "VALUES ('{m}', 'v', 'A1{n}', 'p', 'n', 1",
    "cash_count": "merchant_id, machine_id, epoch, seq, expected_minor, counted_minor, currency, at) "
    f"VALUES ('{{m}}', 'm', 1, 1{{n}}, 1, 1, 'CNY', '{AT}'",
    "sale_order": "merchant_id, order_id, machine_id, request_id, origin, state, version, total_minor, currency, "
    "lines, created_at, expires_at) "
    f"VALUES ('{{m}}', 'o{{n}}', 'm', 'r{{n}}', 'touch', 'paid', 1, 1, 'CNY', '[]', '{AT}', '{AT}'",
    "vend_unit": "merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, outcome) "
    "VALUES ('{m}', 'o', 1{n}, 'm', 'A1', 'p', 1, 'pending'",
    "promotion": "merchant_id, promotion_id, name, rule, state, created_at, changed_at, changed_by) "
    f"VALUES ('{{m}}', 'p{{n}}', 'n', '{{}}', 'draft', '{AT}', '{AT}', 'o'",
    "member_tier": "merchant_id, tier) VALUES ('{m}', 't{n}'",
    "promotion_use": "merchant_id, order_id, promotion_id, off_minor, units, state, at) "
    f"VALUES ('{{m}}', 'o', 'p{{n}}', 1, '[]', 'reserved', '{AT}'",
    "coupon_batch": "merchant_id, batch_id, promotion_id, count, uses_each, created_at, created_by) "
    f"VALUES ('{{m}}', 'b{{n}}', 'p', 1, 1, '{AT}', 'o'",
    "coupon": "merchant_id, coupon_id, batch_id, uses_max) VALUES ('{m}', 'c{n}', 'b', 1",
    "ambiguity": "merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, currency, declared_at) "
    f"VALUES ('{{m}}', 'o', 1{{n}}, 'm', 'A1', 'p', 1, 'CNY', '{AT}'",
    "tally_place": "merchant_id) VALUES ('{m}{n}'",
    "vend_hour": "merchant_id, machine_id, hour, started, ambiguous, ambiguous_minor) "
    f"VALUES ('{{m}}', 'm{{n}}', '{AT}', 1, 0, 0",
    "settlement_slot": f"merchant_id, slot_at, in_time, late, missed) VALUES ('{{m}}', '{AT}', 1, 0, 0",
    "settlement_order": "merchant_id, order_id, machine_id, paid_at, units, units_done, is_unreachable, verdict) "
    f"VALUES ('{{m}}', 'o{{n}}', 'm', '{AT}', 1, 0, false, 'open'",
    "bill_file": "merchant_id, channel, account, day, kind, state, fetched_at) "
    f"VALUES ('{{m}}', 'c{{n}}', 'a', '{AT}', 'trade', 'empty', '{AT}'",
    "recon_day": f"merchant_id, channel, account, day) VALUES ('{{m}}', 'c{{n}}', 'a', '{AT}'",
    "bill_request": "merchant_id, channel, account, day, request_id, kind, state, asked_by, asked_at, seen_at) "
    f"VALUES ('{{m}}', 'c{{n}}', 'a', '{AT}', 'r{{n}}', '', 'waiting', 'o', '{AT}', '{AT}'",
    "recon_item": "merchant_id, channel, account, day, item_id, subject, class, fix, state, run, found_at) "
    f"VALUES ('{{m}}', 'c', 'a', '{AT}', 'i{{n}}', 's{{n}}', 'long', 'review', 'open', 1, '{AT}'",
    "fee_contract": "merchant_id, channel, account, rate_ppm) VALUES ('{m}', 'c{n}', 'a', 6000",
    "ledger_day": "merchant_id, day, account, currency, family, debit_minor, credit_minor, lines) "
    f"VALUES ('{{m}}', '{AT}', 'a{{n}}', 'CNY', 'paid', 1, 0, 1",
    "usual_week": f"merchant_id, machine_id, judged_until) VALUES ('{{m}}', '{{m}}_m{{n}}', '{AT}'",
    "sale_hour": "merchant_id, hour, machine_id, slot, product_id, channel, currency, units_sold, units_failed, "
    "units_unknown, units_lost, gross_minor, refunded_minor) "
    "VALUES ('{m}', '2026-01-01', 'm{n}', 'A1', 'p', 'c', 'CNY', 1, 0, 0, 0, 1, 0",
    "sale_sum": "merchant_id, span, by, starts_at, key, currency, units_sold, units_failed, "
    "units_unknown, units_lost, gross_minor, refunded_minor) "
    "VALUES ('{m}', 'day', 'machine', '2026-01-01', 'm{n}', 'CNY', 1, 0, 0, 0, 1, 0",
    "sale_refunded": "merchant_id, order_id, refunded_minor) VALUES ('{m}', 'o{n}', 1",
    "slot_span": "merchant_id, machine_id, slot, since, product_id, state) "
    f"VALUES ('{{m}}', 'm{{n}}', 'A1', '{AT}', 'p', 'empty'",
    "month_close": "merchant_id, position, month, content, content_sha256, previous, link, closed_at, closed_by) "
    f"VALUES ('{{m}}', 2{{n}}, '2026-0' || coalesce(nullif('{{n}}', ''), '1'), 'c', {_HASH}, 'p', {_HASH}, '{AT}', 'o'",
    "sales_day": "merchant_id, day, machine_id, product_id, currency, kind, units, amount_minor) "
    f"VALUES ('{{m}}', '{AT}', 'm{{n}}', 'p', 'CNY', 'sold', 1, 1",
    "sales_month": "merchant_id, month, machine_id, product_id, currency, kind, units, amount_minor) "
    "VALUES ('{m}', '2026-01-01', 'm{n}', 'p', 'CNY', 'sold', 1, 1",
    "site": f"merchant_id, site_id, name, owner, created_at) VALUES ('{{m}}', 's{{n}}', 'n', 'o', '{AT}'",
    "site_owner": "merchant_id, operator_id, site_id) VALUES ('{m}', 'o', 's{n}'",
    "site_machine": f"merchant_id, machine_id, first_day, site_id) VALUES ('{{m}}', '{{m}}_m{{n}}', '{AT}', 's'",
    "site_rule": "merchant_id, site_id, first_day, steps, per_unit_minor, fixed_minor, minimum_minor) "
    f"VALUES ('{{m}}', 's{{n}}', '{AT}', '[]', 0, 0, 0",
    "site_statement": "merchant_id, site_id, position, month, currency, total_minor, content, content_sha256, "
    "csv_sha256, pdf_en_sha256, pdf_zh_sha256, previous, link, issued_at, issued_by) VALUES ('{m}', 's', 1{n}, "
    f"'2026-01', 'CNY', 1, 'c', {_HASH}, {_HASH}, {_HASH}, {_HASH}, '', {_HASH}, '{AT}', 'o'",
    "site_statement_file": "merchant_id, site_id, position, form, sha256, content) "
    f"VALUES ('{{m}}', 's', 1, 'csv', {_HASH}, 'x'",
    "site_payout": "merchant_id, payout_id, site_id, reference, currency, amount_minor, paid_on, recorded_at, "
    f"recorded_by) VALUES ('{{m}}', 'p{{n}}', 's', 'r{{n}}', 'CNY', 1, '{AT}', '{AT}', 'o'",
    "site_receiver": "merchant_id, site_id, channel, account, kind, receiver, ceiling_bp, is_sharing, state, since, "
    f"changed_at, changed_by) VALUES ('{{m}}', 's{{n}}', 'c', 'a', 'person', 'o', 1, true, 'asked', '{AT}', '{AT}', ''",
    "share_plan": "merchant_id, site_id, position, round, wanted_minor, given_minor, missing_minor, planned_at) "
    f"VALUES ('{{m}}', 's', 1, 1{{n}}, 1, 1, 0, '{AT}'",
    "change_head": f"merchant_id, seq, link) VALUES ('{{m}}{{n}}', 1, {_HASH}",
    "change_entry": "merchant_id, seq, at, actor, action, subject, content, previous, link) "
    f"VALUES ('{{m}}', 1{{n}}, '{AT}', 'o', 'a.b', 's', 'c', CASE '{{n}}' WHEN '' THEN '' ELSE {_HASH} END, {_HASH}",
    "command": "merchant_id, cmd_id, order_id, unit, machine_id, slot, product_id, state, queued_at, heard_at, "
    f"next_try_at) VALUES ('{{m}}', 'c{{n}}', 'o', 1{{n}}, 'm', 'A1', 'p', 'queued', '{AT}', '{AT}', '{AT}'",
    "payment": "merchant_id, payment_id, order_id, channel, account, amount_minor, currency, state, created_at, "
    f"expires_at) VALUES ('{{m}}', 'p{{n}}', 'o', 'c', 'a', 1, 'CNY', 'created', '{AT}', '{AT}'",
    "profit_share": "merchant_id, share_id, site_id, duty, payment_id, transaction_id, channel, account, kind, "
    "receiver, currency, amount_minor, asked_at, may_until, position, round, of_share, stage, changed_at) "
    f"VALUES ('{{m}}', 'h{{n}}', 's', 'take_back', 'p', 't', 'c', 'a', 'person', 'o', 'CNY', 1, '{AT}', '{AT}', 1, 1, "
    f"'h', 'requested', '{AT}'",
    "refund": "merchant_id, payment_id, ordinal, refund_id, order_id, amount_minor, reason, state, requested_at) "
    f"VALUES ('{{m}}', 'p', 1{{n}}, 'r{{n}}', 'o', 1, 'x', 'requested', '{AT}'",
    "claim": "merchant_id, order_id, machine_id, state, opened_at, since, words) "
    f"VALUES ('{{m}}', 'o{{n}}', 'm', 'opened', '{AT}', '{AT}', 1",
    "claim_word": "merchant_id, order_id, word_id, what, units, said, at) "
    f"VALUES ('{{m}}', 'o', 'w{{n}}', 'other', '{{{{}}}}', 's', '{AT}'",
    "ledger_transaction": "merchant_id, txn_key, kind, order_id, posted_at) "
    f"VALUES ('{{m}}', 't{{n}}', 'k', 'o', '{AT}'",
    "ledger_line": "merchant_id, txn_key, line, account, amount_minor, currency, posted_at) "
    f"VALUES ('{{m}}', 't{{n}}', 1, 'a', 1, 'CNY', '{AT}'), ('{{m}}', 't{{n}}', 2, 'b', -1, 'CNY', '{AT}'",
    "machine_fact": "merchant_id, machine_id, epoch, seq, digest, kind, received_at) "
    f"VALUES ('{{m}}', 'm', 1, 1{{n}}, 'd', 'k', '{AT}'",
    "notice_inbox": f"merchant_id, channel, notice_id, received_at) VALUES ('{{m}}', 'c', 'n{{n}}', '{AT}'",
    "outbox": f"merchant_id, kind, subject, data, at) VALUES ('{{m}}', 'k', 's', '{{}}', '{AT}'",
    "evidence": f"merchant_id, order_id, at, source, kind, data) VALUES ('{{m}}', 'o', '{AT}', 'cloud', 'k', '{{}}'",
    "security_event": f"merchant_id, at, kind, source, detail) VALUES ('{{m}}', '{AT}', 'k', 's', '{{}}'",
    "alarm": "merchant_id, alarm_id, machine_id, kind, severity, state, raised_at) "
    f"VALUES ('{{m}}', 'a{{n}}', 'm{{n}}', 'k', 'warning', 'raised', '{AT}'",
    "alarm_entry": f"merchant_id, alarm_id, at, what) VALUES ('{{m}}', 'a', '{AT}', 'raised'",
    "alarm_rule": "merchant_id, kind) VALUES ('{m}', 'k{n}'",
    "notify_channel": "merchant_id, channel_id, name, scheme, endpoint_sealed, language, min_severity, is_active, "
    "created_at, next_send_at, claimed_until) "
    f"VALUES ('{{m}}', 'c{{n}}', 'n', 'json', 'x', 'en', 'warning', true, '{AT}', '{AT}', '{AT}'",
    "notify_quiet": "merchant_id, from_minute, until_minute) VALUES ('{m}', 0, 1",
    "alarm_notice": "merchant_id, alarm_id, channel_id, step, raise_id, state, next_try_at) "
    f"VALUES ('{{m}}', 'a', 'c', 'raised', 'r{{n}}', 'waiting', '{AT}'",
    "pickup_code": "merchant_id, code_id, machine_id, code_hash, kind, product_id, value_minor, currency, state, "
    f"issued_at, expires_at) VALUES ('{{m}}', 'c{{n}}', '{{m}}_m', convert_to('{{n}}', 'UTF8'), 'gift', 'p', 1, 'CNY', "
    f"'issued', '{AT}', '{AT}'",
    "code_attempt": f"merchant_id, machine_id, at) VALUES ('{{m}}', 'm', '{AT}'",
    "kept_answer": f"merchant_id, key, request_hash, turn_id, begun_at) VALUES ('{{m}}', 'k{{n}}', 'x', 't', '{AT}'",
    "idempotency_key": "merchant_id, key, request_hash, status, answer, created_at) "
    f"VALUES ('{{m}}', 'k{{n}}', 'x', 200, 'x', '{AT}'",
}


def insert(table: str, merchant: str, number: str = "") -> str:
    return f"INSERT INTO {table} (" + ROWS[table].replace("{m}", merchant).replace("{n}", number) + ")"


@pytest.fixture(scope="module")
def filled(postgres: PostgresEngine, database_url: str) -> str:
    """One row of each table for each of two merchants; the superuser's URL of that database."""
    name = database_url.partition("@/")[2].partition("?")[0]
    url = postgres.address.url_of(name, "postgres")

    async def fill() -> None:
        connection = await asyncpg.connect(url)
        for merchant in (MINE, OTHER):
            for table in ROWS:
                await connection.execute(insert(table, merchant))
        await connection.close()

    asyncio.run(fill())
    return url


@asynccontextmanager
async def _open(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _as_merchant(url: str, setting: str | None) -> AsyncIterator[asyncpg.Connection]:
    async with _open(url) as connection:
        await connection.execute("SET ROLE vendomat_merchant")
        if setting is not None:
            await connection.execute("SELECT set_config('vendomat.merchant_id', $1, false)", setting)
        yield connection


async def _granted(connection: asyncpg.Connection, table: str, right: str) -> bool:
    return bool(await connection.fetchval("SELECT has_table_privilege('vendomat_merchant', $1, $2)", table, right))


async def test_every_table_with_a_merchant_is_listed_here(filled: str) -> None:
    async with _open(filled) as connection:
        tables = await connection.fetch(
            "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity FROM pg_class c "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'merchant_id' "
            "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition"
        )
    assert {t["relname"] for t in tables} == set(ROWS)
    assert [t["relname"] for t in tables if not (t["relrowsecurity"] and t["relforcerowsecurity"])] == []


@pytest.mark.parametrize("table", ROWS)
async def test_only_own_rows_are_seen(filled: str, table: str) -> None:
    async with _as_merchant(filled, MINE) as connection:
        if not await _granted(connection, table, "SELECT"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT merchant_id FROM {table}")
        else:
            rows = await connection.fetch(f"SELECT merchant_id FROM {table}")
            assert {row["merchant_id"] for row in rows} == {MINE}


@pytest.mark.parametrize("setting", [None, "", "mer_nobody", "%"])
async def test_without_a_merchant_no_table_shows_a_row(filled: str, setting: str | None) -> None:
    async with _as_merchant(filled, setting) as connection:
        shown = [
            table
            for table in ROWS
            if await _granted(connection, table, "SELECT") and await connection.fetch(f"SELECT 1 FROM {table}")
        ]
    assert shown == []


@pytest.mark.parametrize("table", ROWS)
async def test_no_row_is_written_for_another_merchant(filled: str, table: str) -> None:
    async with _as_merchant(filled, MINE) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(insert(table, OTHER, "9"))


@pytest.mark.parametrize("table", ROWS)
async def test_rows_of_another_merchant_are_neither_changed_nor_taken(filled: str, table: str) -> None:
    async with _as_merchant(filled, MINE) as connection:
        if not await _granted(connection, table, "UPDATE"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"UPDATE {table} SET merchant_id = merchant_id")
        else:
            done = await connection.execute(f"UPDATE {table} SET merchant_id = $1 WHERE merchant_id = $2", MINE, OTHER)
            assert done == "UPDATE 0"
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute(f"UPDATE {table} SET merchant_id = $1", OTHER)


@pytest.mark.parametrize("table", ["ledger_line", "ledger_transaction", "evidence", "wallet_entry", "change_entry"])
async def test_the_books_are_append_only_even_for_the_superuser(filled: str, table: str) -> None:
    async with _open(filled) as connection:
        for statement in (f"UPDATE {table} SET merchant_id = 'x'", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_the_owner_is_no_superuser(filled: str, database_url: str) -> None:
    async with _open(database_url) as connection:
        role = await connection.fetchrow("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
    assert role is not None and not role["rolsuper"] and not role["rolbypassrls"]


async def test_the_owner_itself_reads_nothing(filled: str, database_url: str) -> None:
    async with _open(database_url) as connection:
        shown = [table for table in ROWS if await connection.fetch(f"SELECT 1 FROM {table}")]
    assert shown == []


async def test_sign_in_role_reads_no_trade(filled: str) -> None:
    async with _open(filled) as connection:
        await connection.execute("SET ROLE vendomat_auth")
        for table in (
            "sale_order",
            "payment",
            "refund",
            "ledger_line",
            "evidence",
            "payment_account",
            "pickup_code",
            "wallet",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT 1 FROM {table}")


async def test_a_later_months_partition_is_closed_to_merchants(filled: str) -> None:
    async with _open(filled) as owner:
        await owner.execute("SELECT make_month_partitions('2031-05-01')")
    async with _as_merchant(filled, MINE) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch('SELECT 1 FROM "evidence_203105"')
