"""The estate behind `vendomat bench console`: a merchant with very many machines and a year of sales, set-based.

People, goods and the first machine are made by the real code; the other machines are copies of it. Sales leave what
real ones leave: orders, units, payments, refunds, ledger lines and the events of the outbox. The sums of days, hours
and months that statements and figures read are then made by the rounds that keep them in production. Left out, as no
page reads them in bulk: commands, the terminals' facts, and the evidence of all but the newest orders.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import asyncpg

from vendomat.bench.filling import without_indexes
from vendomat.cloud.app import Seeded, SeedPlan, seed_demo
from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.merchants import MasterKey, Passwords
from vendomat.cloud.platform.database import Database
from vendomat.cloud.statements import DaySums
from vendomat.cloud.statistics import SaleSums, SlotWatch
from vendomat.kernel import SystemClock, TimeOrderedIds

PASSWORD = "only-for-the-benchmark-5000"  # noqa: S105 - of a database that is gone in a minute
CHUNK = 100_000
SITES, PRODUCTS_CHANGED, MEMBERS, CODES, CLAIMS_EVERY, CHANGES = 200, 12, 10_000, 2_000, 499, 2_000
FAILED_EVERY, UNKNOWN_EVERY, LATE_EVERY = 61, 997, 1_009
EVIDENCE = 20_000
OFFLINE_EVERY, NOT_READY_EVERY, CLOSED_EVERY = 40, 90, 11

_SALES = """
CREATE TEMPORARY VIEW sales AS SELECT n, 'ord_' || lpad(n::text, 26, '0') AS order_id,
    'pay_' || lpad(n::text, 26, '0') AS payment_id, 'rfd_' || lpad(n::text, 26, '0') AS refund_id,
    (SELECT m FROM copies c WHERE c.n = s.n * 7919 % {machines}) AS machine_id, p.slot, p.product_id, p.price_minor,
    (ARRAY['wechat', 'wechat', 'wechat', 'alipay', 'alipay', 'stripe', 'wechat'])[1 + n * 31 % 7] AS channel,
    CASE WHEN n % {unknown_every} = 0 THEN 'unknown' WHEN n % {failed_every} = 0 THEN 'not_delivered'
        ELSE 'delivered' END AS outcome,
    now() - interval '2 minutes' - ({sales} - n) * (interval '365 days' / {sales}::double precision) AS at
FROM generate_series({{low}}::bigint, {{high}}) s(n) JOIN place p ON p.k = n * 104729 % (SELECT count(*) FROM place)
"""
_MERCHANTS_DAYS = "SELECT set_config('TimeZone', time_zone, false) FROM merchant WHERE merchant_id = $1"
_PLACES = """
CREATE TEMPORARY TABLE place AS SELECT row_number() OVER (ORDER BY slot) - 1 AS k, slot, product_id, price_minor
FROM planogram_slot WHERE merchant_id = '{merchant}' AND machine_id = '{first}'
"""
_MACHINES = (
    """
    CREATE TEMPORARY TABLE copies AS
    SELECT n, CASE n WHEN 0 THEN '{first}' ELSE 'mch_' || lpad(n::text, 26, '0') END AS m
    FROM generate_series(0, {machines} - 1) n
    """,
    "CREATE UNIQUE INDEX ON copies (n)",
    """
    INSERT INTO machine (merchant_id, machine_id, number, name_zh, name_en, site, time_zone, state, catalogue_version,
        created_at)
    SELECT merchant_id, c.m, 'VM-' || lpad(c.n::text, 6, '0'), name_zh || ' ' || c.n, name_en || ' ' || c.n, site,
        time_zone, state, catalogue_version, created_at + c.n * interval '1 second'
    FROM machine, copies c WHERE merchant_id = '{merchant}' AND machine_id = '{first}' AND c.n > 0
    """,
    """
    UPDATE machine SET state = 'enrolled', epoch = 3, public_key = 'U' || lpad(machine_id, 55, '0'),
        created_at = now() - interval '400 days' + (SELECT n FROM copies WHERE m = machine_id) * interval '1 second'
    WHERE merchant_id = '{merchant}'
    """,
    *(
        f"""
        INSERT INTO {table} (merchant_id, machine_id, {columns})
        SELECT merchant_id, c.m, {columns} FROM {table}, copies c
        WHERE merchant_id = '{{merchant}}' AND machine_id = '{{first}}' AND c.n > 0
        """
        for table, columns in (
            ("planogram", "version, wanted, published_at, published_by"),
            ("planogram_version", "version, wanted, slots, published_at, published_by"),
            ("planogram_slot", "slot, product_id, price_minor, currency, capacity"),
            ("stock_slot", "slot, on_hand, reserved, closed_reason"),
        )
    ),
    """
    UPDATE stock_slot k SET on_hand = CASE WHEN (c.n * 12 + p.k) % 19 = 0 THEN 0 ELSE 1 + (c.n + p.k) % 8 END,
        closed_reason = CASE WHEN c.n % {closed_every} = 0 AND p.k = c.n / {closed_every} % 12
            THEN 'vend failed' ELSE '' END
    FROM copies c, place p WHERE k.merchant_id = '{merchant}' AND k.machine_id = c.m AND k.slot = p.slot
    """,
    """
    INSERT INTO machine_live (merchant_id, machine_id, epoch, nonce, nonce_at, seen_at, is_ready, reasons,
        temperature_c, shown_version)
    SELECT '{merchant}', m, 3, 'n', now(), CASE WHEN n % {offline_every} = 7 THEN now() - n * interval '1 minute'
        ELSE now() END, n % {not_ready_every} <> 5, CASE WHEN n % {not_ready_every} = 5 THEN '{{door_open}}'
        ELSE '{{}}' END::text[], 4.5, 1 FROM copies
    """,
    """
    INSERT INTO alarm (merchant_id, alarm_id, machine_id, slot, kind, severity, state, detail, raised_at)
    SELECT '{merchant}', 'alm_' || lpad(c.n::text, 26, '0'), c.m, p.slot, 'vend_failed', 'warning', 'raised',
        'the motor stalled', now() - c.n * interval '20 seconds'
    FROM copies c JOIN place p ON p.k = c.n / {closed_every} % 12 WHERE c.n % {closed_every} = 0
    """,
    """
    INSERT INTO alarm (merchant_id, alarm_id, machine_id, slot, kind, severity, state, raised_at, cleared_at)
    SELECT '{merchant}', 'alm_9' || lpad((c.n * 100 + d)::text, 25, '0'), c.m, 'A1', 'vend_failed', 'warning',
        'cleared', now() - d * interval '9 days', now() - d * interval '9 days' + interval '1 hour'
    FROM copies c, generate_series(1, 10) d
    """,
    """
    INSERT INTO slot_span (merchant_id, machine_id, slot, since, until, product_id, state)
    SELECT '{merchant}', c.m, p.slot, t.since, t.since + h.hours * interval '1 hour', p.product_id, h.state
    FROM copies c, place p, generate_series(1, 13) w,
        (VALUES (0, 160, 'selling'), (160, 8, 'empty')) h (begins, hours, state),
        LATERAL (SELECT now() - w * interval '7 days' + h.begins * interval '1 hour' AS since) t
    """,
    "INSERT INTO slot_watch VALUES (true, now() - interval '1 minute')",
    """
    INSERT INTO site (merchant_id, site_id, name, owner, created_at)
    SELECT '{merchant}', 'sit_' || lpad(n::text, 26, '0'), 'Place ' || n, 'Owner ' || n, now() - interval '400 days'
    FROM generate_series(0, {sites} - 1) n
    """,
    """
    INSERT INTO site_machine (merchant_id, machine_id, first_day, site_id)
    SELECT '{merchant}', m, date_trunc('month', now() - interval '1 month')::date,
        'sit_' || lpad((n % {sites})::text, 26, '0') FROM copies
    """,
    """
    INSERT INTO site_rule SELECT '{merchant}', site_id, date_trunc('month', now() - interval '1 month')::date,
        '[[0, 800]]', 5, 10000, 0 FROM site WHERE merchant_id = '{merchant}'
    """,
    """
    INSERT INTO product_cost (merchant_id, product_id, first_day, cost_minor, set_at, set_by)
    SELECT '{merchant}', product_id, (now() - interval '400 days')::date, price_minor / 2, now(), 'opr_1' FROM place
    UNION ALL
    SELECT '{merchant}', product_id, date_trunc('month', now() - interval '1 month')::date + 9, price_minor / 2 + 20,
        now(), 'opr_1' FROM place WHERE k = 5
    """,
    """
    INSERT INTO member (merchant_id, member_id, name, phone_tail, key_hash, created_at)
    SELECT '{merchant}', 'mbr_' || lpad(n::text, 26, '0'), 'Member ' || n, lpad((n % 10000)::text, 4, '0'),
        n::text::bytea, now() - n * interval '30 minutes' FROM generate_series(1, {members}) n
    """,
    """
    INSERT INTO wallet (merchant_id, member_id, currency) SELECT merchant_id, member_id, 'CNY' FROM member
    WHERE merchant_id = '{merchant}'
    """,
    """
    INSERT INTO pickup_code (merchant_id, code_id, machine_id, code_hash, kind, product_id, value_minor, currency,
        state, issued_at, expires_at)
    SELECT '{merchant}', 'cod_' || lpad(n::text, 26, '0'), c.m, n::text::bytea, 'gift', p.product_id, p.price_minor,
        'CNY', 'issued', now() - n * interval '1 minute', now() + interval '30 days'
    FROM generate_series(1, {codes}) g(n) JOIN copies c USING (n) JOIN place p ON p.k = 0
    """,
)
_SOLD = (
    """
    INSERT INTO sale_order (merchant_id, order_id, machine_id, request_id, origin, state, version, total_minor,
        currency, lines, created_at, expires_at, ended_at)
    SELECT '{merchant}', order_id, machine_id, n::text, 'touch', 'settled', 5, price_minor, 'CNY',
        jsonb_build_array(jsonb_build_object('slot', slot, 'product_id', product_id, 'price_minor', price_minor,
            'quantity', 1)), at, at + interval '2 minutes', at + interval '20 seconds' FROM sales
    """,
    """
    INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, state, is_winning,
        transaction_id, captured_minor, paid_at, created_at, expires_at)
    SELECT '{merchant}', payment_id, order_id, channel, 'ours', price_minor, 'CNY', 'paid', true, '42' || n,
        price_minor, at + interval '8 seconds', at, at + interval '2 minutes' FROM sales
    """,
    """
    INSERT INTO vend_unit (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, outcome, is_final,
        result)
    SELECT '{merchant}', order_id, 1, machine_id, slot, product_id, price_minor, outcome, true,
        CASE outcome WHEN 'delivered' THEN 'DELIVERED' WHEN 'unknown' THEN '' ELSE 'JAM' END FROM sales
    """,
    """
    INSERT INTO refund (merchant_id, payment_id, ordinal, refund_id, order_id, amount_minor, reason, state,
        requested_at, ended_at)
    SELECT '{merchant}', payment_id, 1, refund_id, order_id, price_minor, 'not delivered', 'succeeded',
        at + interval '20 seconds', at + interval '22 seconds' FROM sales WHERE outcome <> 'delivered'
    """,
    """
    INSERT INTO ambiguity (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, currency,
        declared_at, finding, found_at)
    SELECT '{merchant}', order_id, 1, machine_id, slot, product_id, price_minor, 'CNY', at + interval '90 seconds',
        CASE WHEN n % 2 = 0 THEN 'stayed_in' ELSE 'none' END, CASE WHEN n % 2 = 0 THEN at + interval '1 day' END
    FROM sales WHERE outcome = 'unknown'
    """,
    """
    INSERT INTO ledger_transaction (merchant_id, txn_key, kind, order_id, posted_at)
    SELECT '{merchant}', 'paid:' || payment_id, 'payment_confirmed', order_id, at + interval '8 seconds' FROM sales
    UNION ALL SELECT '{merchant}', 'unit:' || order_id || ':1', outcome, order_id, at + interval '16 seconds' FROM sales
    UNION ALL SELECT '{merchant}', 'refund:' || refund_id, 'refund_succeeded', order_id, at + interval '22 seconds'
    FROM sales WHERE outcome <> 'delivered'
    """,
    """
    INSERT INTO ledger_line (merchant_id, txn_key, line, account, amount_minor, currency, posted_at)
    SELECT '{merchant}', key, line, account, amount_minor, 'CNY', posted_at FROM sales CROSS JOIN LATERAL (VALUES
        ('paid:' || payment_id, 1, 'asset:clearing:' || channel || ':ours', price_minor, at + interval '8 seconds'),
        ('paid:' || payment_id, 2, 'liab:undelivered', -price_minor, at + interval '8 seconds'),
        ('unit:' || order_id || ':1', 1, 'liab:undelivered', price_minor, at + interval '16 seconds'),
        ('unit:' || order_id || ':1', 2, CASE outcome WHEN 'delivered' THEN 'income:sales:{merchant}'
            ELSE 'liab:refund_payable' END, -price_minor, at + interval '16 seconds'),
        ('refund:' || refund_id, 1, 'liab:refund_payable', price_minor, at + interval '22 seconds'),
        ('refund:' || refund_id, 2, 'asset:clearing:' || channel || ':ours', -price_minor, at + interval '22 seconds')
    ) l (key, line, account, amount_minor, posted_at) WHERE outcome <> 'delivered' OR key NOT LIKE 'refund:%'
    """,
    """
    INSERT INTO outbox (merchant_id, kind, subject, data, at)
    SELECT '{merchant}', 'vend.' || outcome, order_id, '{{"unit": 1}}', at + interval '16 seconds' FROM sales
    UNION ALL SELECT '{merchant}', 'refund.succeeded', order_id, jsonb_build_object('refund_id', refund_id),
        at + interval '22 seconds' FROM sales WHERE outcome <> 'delivered'
    """,
)
_AFTERWARDS = (
    """
    INSERT INTO vend_hour (merchant_id, machine_id, hour, started, ambiguous, ambiguous_minor, delivered,
        delivered_minor)
    SELECT u.merchant_id, coalesce(u.machine_id, ''), date_trunc('hour', o.created_at, 'UTC'), count(*),
        count(*) FILTER (WHERE outcome = 'unknown'),
        coalesce(sum(price_minor) FILTER (WHERE outcome = 'unknown'), 0),
        count(*) FILTER (WHERE outcome = 'delivered'),
        coalesce(sum(price_minor) FILTER (WHERE outcome = 'delivered'), 0)
    FROM vend_unit u JOIN sale_order o USING (merchant_id, order_id)
    WHERE u.merchant_id = '{merchant}' GROUP BY GROUPING SETS ((1, u.machine_id, 3), (1, 3))
    """,
    """
    INSERT INTO settlement_slot (merchant_id, slot_at, in_time, late, missed)
    SELECT merchant_id, date_bin('5 minutes', paid_at, '2000-01-01Z'), count(*), 0, 0 FROM payment
    WHERE merchant_id = '{merchant}' GROUP BY 1, 2
    """,
    """
    INSERT INTO settlement_order (merchant_id, order_id, machine_id, paid_at, units, units_done, outcome_at, settled_at,
        is_unreachable, verdict, slot_at)
    SELECT merchant_id, order_id, machine_id, created_at, 1, 1, created_at + interval '20 seconds',
        created_at + interval '2 minutes', false, 'late', date_bin('5 minutes', created_at, '2000-01-01Z')
    FROM sale_order WHERE merchant_id = '{merchant}' AND request_id::bigint % {late_every} = 0
    """,
    """
    INSERT INTO tally_place (merchant_id, xact, event_id, at)
    SELECT '{merchant}', CAST(CAST(xact AS text) AS bigint), event_id, at FROM outbox
    WHERE merchant_id = '{merchant}' ORDER BY xact DESC, event_id DESC LIMIT 1
    """,
    """
    INSERT INTO evidence (merchant_id, order_id, at, source, kind, data)
    SELECT merchant_id, order_id, created_at + e * interval '5 seconds', 'cloud', k, '{{"unit": 1}}'
    FROM (SELECT * FROM sale_order WHERE merchant_id = '{merchant}' ORDER BY created_at DESC LIMIT {evidence}) o,
        (VALUES (1, 'order.created'), (2, 'payment.paid'), (3, 'command.sent'), (4, 'vend.outcome')) v (e, k)
    """,
    """
    INSERT INTO claim (merchant_id, order_id, machine_id, state, opened_at, since, words)
    SELECT merchant_id, order_id, machine_id, 'opened', created_at + interval '1 hour', created_at + interval '1 hour',
        1 FROM sale_order WHERE merchant_id = '{merchant}' AND request_id::bigint % {claims_every} = 0
    """,
    """
    INSERT INTO claim_word (merchant_id, order_id, word_id, what, units, said, at)
    SELECT merchant_id, order_id, 'w', 'nothing_came', '{{1}}', '', opened_at FROM claim
    """,
    """
    INSERT INTO recon_day (merchant_id, channel, account, day, state, currency, runs, bill_rows, ok_rows, paid_minor,
        refunded_minor, fee_minor, opening_minor, closing_minor, reconciled_at, closed_at)
    SELECT '{merchant}', c, 'ours', d::date, 'closed', 'CNY', 1, 1, 1, 1, 0, 0, 0, 1, d, d
    FROM unnest(ARRAY['wechat', 'alipay', 'stripe']) c,
        generate_series(now()::date - 365, now()::date - 2, interval '1 day') d
    """,
)


async def make_merchant(url: str, folder: Path) -> Seeded:
    """A merchant with its people, goods and one machine, and a log of changes, by the code that makes them."""
    clock = SystemClock()
    ids, database = TimeOrderedIds(clock), await Database.open(url, hot_connections=1)
    try:
        key = MasterKey.load_or_create(folder)
        plan = SeedPlan(password=PASSWORD, machines=1)
        seeded = await seed_demo(database, key, ids=ids, clock=clock, passwords=Passwords(), plan=plan)
        async with database.merchant(seeded.merchant_id) as connection:
            for n in range(CHANGES):
                change = Change(
                    merchant_id=seeded.merchant_id,
                    actor=seeded.operator_id,
                    action="product.changed",
                    subject=f"prd_{n % PRODUCTS_CHANGED:026d}",
                    at=clock.now(),
                    after={"price_minor": n},
                )
                await note_change(connection, change)
        return seeded
    finally:
        await database.aclose()


async def fill(superuser_url: str, seeded: Seeded, *, machines: int, sales: int) -> None:
    """Machines and their sales. Foreign keys and triggers are off meanwhile: rows are made in one go."""
    known = {"merchant": seeded.merchant_id, "first": seeded.machines[0].machine_id, "machines": machines}
    known |= {"sales": sales, "sites": SITES, "members": MEMBERS, "codes": min(CODES, machines - 1)}
    known |= {"failed_every": FAILED_EVERY, "unknown_every": UNKNOWN_EVERY, "late_every": LATE_EVERY}
    known |= {"offline_every": OFFLINE_EVERY, "not_ready_every": NOT_READY_EVERY, "closed_every": CLOSED_EVERY}
    known |= {"evidence": EVIDENCE, "claims_every": CLAIMS_EVERY}
    connection = await asyncpg.connect(superuser_url, timeout=60, command_timeout=3_600)
    try:
        for month in range(-13, 0):
            month_ago = f"(now() + {month} * interval '1 month')::date"
            await connection.execute(f"SELECT make_month_partitions({month_ago})")
        await connection.execute(_MERCHANTS_DAYS, seeded.merchant_id)
        async with without_indexes(connection):
            for statement in (_PLACES, *_MACHINES):
                await connection.execute(statement.format(**known))
            await connection.execute("ANALYZE copies, place")
            for low in range(0, sales, CHUNK):
                view = _SALES.format(**known).format(low=low, high=min(low + CHUNK, sales) - 1)
                await connection.execute(view)
                for statement in _SOLD:
                    await connection.execute(statement.format(**known))
                await connection.execute("DROP VIEW sales")
        for statement in _AFTERWARDS:
            await connection.execute(statement.format(**known))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def add_up(url: str, superuser_url: str) -> None:
    """Every sum, by the rounds that keep it; one chunk of sales at a time, for each is few database transactions."""
    database = await Database.open(url, hot_connections=1)
    try:
        await SaleSums(database, xacts_max=len(_SOLD)).run()
        await DaySums(database, xacts_max=len(_SOLD)).run()
        await SlotWatch(database, SystemClock()).run()
    finally:
        await database.aclose()
    connection = await asyncpg.connect(superuser_url, command_timeout=3_600)
    try:
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def beat(connection: asyncpg.Connection, seen_before: datetime) -> None:
    """One heartbeat of every machine that is heard of: those seen since `seen_before`."""
    await connection.execute(
        "UPDATE machine_live SET seen_at = now(), nonce_at = now(), beat_seq = beat_seq + 1 WHERE seen_at >= $1",
        seen_before,
    )
