"""A living system is audited while it works: what is under way is no breach, a journal is read while it is written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tests.audit.conftest import Estate
from tests.audit.estate import MACHINE, MERCHANT
from vendomat.audit.cabinet_log import CabinetLog
from vendomat.audit.journal_copy import read_journal
from vendomat.protocol import FactKind
from vendomat.terminal.journal import Journal

_UNDER_WAY = f"""
INSERT INTO sale_order (merchant_id, order_id, machine_id, request_id, origin, state, version, total_minor, currency,
    lines, created_at, expires_at)
VALUES ('{MERCHANT}', 'ord_x', '{MACHINE}', 'r_x', 'touch', 'dispensing', 2, 350, 'CNY', '[]', now(), now());
INSERT INTO vend_unit (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, outcome)
VALUES ('{MERCHANT}', 'ord_x', 1, '{MACHINE}', 'A1', 'prd_1', 350, 'started');
INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, state, is_winning,
    captured_minor, created_at, expires_at)
VALUES ('{MERCHANT}', 'pay_x', 'ord_x', 'wechat', '1900000001', 350, 'CNY', 'paid', true, 350, now(), now());
INSERT INTO ledger_transaction VALUES ('{MERCHANT}', 'paid:pay_x', 'payment_confirmed', 'ord_x', now());
INSERT INTO ledger_line (merchant_id, txn_key, line, account, amount_minor, currency, posted_at)
VALUES ('{MERCHANT}', 'paid:pay_x', 1, 'asset:clearing:wechat:1900000001', 350, 'CNY', now()),
    ('{MERCHANT}', 'paid:pay_x', 2, 'liab:undelivered', -350, 'CNY', now());
INSERT INTO command (merchant_id, cmd_id, order_id, unit, machine_id, slot, product_id, state, queued_at, heard_at,
    next_try_at)
VALUES ('{MERCHANT}', 'cmd_x_1', 'ord_x', 1, '{MACHINE}', 'A1', 'prd_1', 'queued', now(), now(), now());
INSERT INTO evidence (merchant_id, order_id, at, source, kind, data)
VALUES ('{MERCHANT}', 'ord_x', now(), 'platform', 'payment.paid', '{{"payment_id": "pay_x", "amount_minor": 350}}'),
    ('{MERCHANT}', 'ord_x', now(), 'cloud', 'order.paid', '{{}}'),
    ('{MERCHANT}', 'ord_x', now(), 'cloud', 'command.queued', '{{"cmd_id": "cmd_x_1", "unit": 1}}'),
    ('{MERCHANT}', 'ord_x', now(), 'terminal', 'vend.started', '{{"cmd_id": "cmd_x_1", "unit": 1}}'),
    ('{MERCHANT}', 'ord_x', now(), 'cloud', 'order.dispensing', '{{}}');
UPDATE stock_slot SET reserved = 1;
"""


@pytest.mark.slow
async def test_a_vend_under_way_is_no_breach_unless_all_should_be_at_rest(copy: Estate) -> None:
    await copy.plant(_UNDER_WAY)
    paid_at = datetime.now(UTC).isoformat()
    path = copy.folder / "wechat.json"
    books = msgspec.json.decode(path.read_bytes())
    trade = {"account": "1900000001", "is_paid": True, "amount_fen": 350, "paid_at": paid_at}
    books["trades"] += [trade | {"number": "pay_x"}, trade | {"number": "pay_not_yet_heard_of"}]
    path.write_bytes(msgspec.json.encode(books))
    moving = await copy.audit(is_at_rest=False)
    assert [(f.name, f.rows) for f in moving.breaches] == []
    assert moving.figures.totals[0].in_flight_minor == 350
    at_rest = await copy.audit()
    assert {f.name for f in at_rest.breaches} == {"L1.order", "L1.command", "B1.not_captured", "B6.nothing_for_it"}


def test_a_journal_is_read_while_its_terminal_holds_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db", b"k" * 32)
    body = msgspec.json.encode({"cmd_id": "cmd_1", "order_id": "ord_1", "unit": 1, "slot": "A1"})
    at = datetime(2026, 6, 1, tzinfo=UTC).isoformat()
    fact = journal.append(FactKind.INTENT, body, at, is_time_trusted=True, cmd_id="cmd_1")
    content = read_journal(MACHINE, tmp_path / "journal.db")
    journal.close()
    assert content.journal == (MACHINE, 1, 1, 1, True)
    (row,) = content.facts
    assert row[:4] == (MACHINE, 1, 1, "intent")
    assert row[-3:] == (fact.digest(), fact.digest(), True)


def test_a_cabinet_log_is_read_on_from_where_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "cabinet.jsonl"
    line = b'{"what":"start","at":"2026-06-01T00:00:00+00:00","cmd_id":"cmd_1"}'
    path.write_bytes(line + b"\n" + line[:20])
    log = CabinetLog(MACHINE, path)
    assert [(row[1], row[-1]) for row in log.rows(is_before=True)] == [(1, True)]
    path.write_bytes(line + b"\n" + line + b"\n")
    assert [(row[1], row[-1]) for row in log.rows(is_before=False)] == [(2, False)]
