"""Breaches planted in the database, and the checks that must cry. All guards are off while one is planted."""

from __future__ import annotations

from dataclasses import dataclass

from tests.audit.estate import ACCOUNTS, MACHINE, MERCHANT

_EVIDENCE = f"INSERT INTO evidence (merchant_id, order_id, at, source, kind, data) VALUES ('{MERCHANT}', "
_POST = "INSERT INTO ledger_line (merchant_id, txn_key, line, account, amount_minor, currency, posted_at) VALUES "


@dataclass(frozen=True)
class Plant:
    """`sql` is run as superuser with every guard off; `found` are the checks that must cry (notices with a `?`)."""

    found: str
    sql: str


def _order(name: str, state: str, ended: str = "now()") -> str:
    """A further order with one unit that nothing happened to."""
    is_final = ended != "NULL"
    outcome = "not_delivered" if is_final else "pending"
    return f"""
    INSERT INTO sale_order (merchant_id, order_id, machine_id, request_id, origin, state, version, total_minor,
        currency, lines, created_at, expires_at, ended_at)
    VALUES ('{MERCHANT}', '{name}', '{MACHINE}', 'r_{name}', 'touch', '{state}', 1, 350, 'CNY', '[]', now(), now(),
        {ended});
    INSERT INTO vend_unit (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, outcome, is_final)
    VALUES ('{MERCHANT}', '{name}', 1, '{MACHINE}', 'A1', 'prd_1', 350, '{outcome}', {is_final});
    """


def _payment(number: str, order: str, state: str, **other: object) -> str:
    columns = {"captured_minor": 0, "is_winning": False, "is_frozen": False, "channel": "'wechat'"} | other
    return f"""
    INSERT INTO payment (merchant_id, payment_id, order_id, account, amount_minor, currency, state, created_at,
        expires_at, {", ".join(columns)})
    VALUES ('{MERCHANT}', '{number}', '{order}', '{ACCOUNTS["wechat"]}', 350, 'CNY', '{state}', now(), now(),
        {", ".join(str(value) for value in columns.values())});
    """


_MISMATCH = (
    _order("ord_x", "expired")
    + _payment("pay_x", "ord_x", "paid", captured_minor=100, is_frozen=True)
    + f"{_EVIDENCE}'ord_x', now(), 'cloud', 'order.expired', '{{}}'), ('{MERCHANT}', 'ord_x', now(), 'platform', "
    """'payment.paid', '{"payment_id": "pay_x", "amount_minor": 100}');"""
)

_FOUND = "UPDATE vend_unit SET finding = 'came_out' WHERE order_id = 'ord_unknown'; UPDATE ambiguity SET "
_FOUND += "finding = 'came_out', found_at = now() WHERE order_id = 'ord_unknown'; "

PLANTS = {
    "paid_by_a_way_that_was_off": Plant(
        "I2.switched_off",
        "INSERT INTO payment_account (merchant_id, channel, account, settings_sealed, is_active, off_since) "
        f"VALUES ('{MERCHANT}', 'wechat', '{ACCOUNTS['wechat']}', 'x', false, '2020-01-01T00:00:00Z')",
    ),
    # cash
    "cash_count_not_booked": Plant(
        "I4.cash_count",
        f"INSERT INTO cash_count VALUES ('{MERCHANT}', '{MACHINE}', 1, 2, 350, 300, 'CNY', now())",
    ),
    "cash_order_without_a_word": Plant("I9.cash", "UPDATE sale_order SET origin = 'cash' WHERE order_id = 'ord_good'"),
    # money held first
    "capture_above_delivered": Plant(
        "I4.captured", "UPDATE payment SET capture_minor = capture_minor + 1 WHERE payment_id = 'pay_held'"
    ),
    "taken_above_delivered_and_kept": Plant(
        "I4.overtaken I4.postings I4.order I4.merchant I4.liabilities I4.clearing I6.not_asked I8.settled_early "
        "I8.payment_state B1.not_captured L1.owed",
        "UPDATE payment SET captured_minor = 700, capture_minor = 0 WHERE payment_id = 'pay_held'",
    ),
    "settled_on_a_hold": Plant(
        "I4.hold_settled I4.hold_forgotten I8.payment_state L1.hold L1.payment",
        "UPDATE payment SET state = 'held' WHERE payment_id = 'pay_let_go'",
    ),
    "held_and_forgotten": Plant(
        "I4.hold_forgotten I8.ended_open L1.hold L1.payment",
        "UPDATE payment SET state = 'held', is_hold = true WHERE payment_id = 'pay_unpaid';"
        f"{_EVIDENCE}'ord_unpaid', now(), 'platform', 'payment.held', "
        """'{"payment_id": "pay_unpaid", "amount_minor": 350}')""",
    ),
    "loss_that_is_none": Plant(
        "I4.uncollected",
        f"INSERT INTO ledger_transaction VALUES ('{MERCHANT}', 'hold:pay_held', 'hold_uncollected', 'ord_held', now());"
        f"{_POST}('{MERCHANT}', 'hold:pay_held', 1, 'expense:uncollected', 10, 'CNY', now()),"
        f"('{MERCHANT}', 'hold:pay_held', 2, 'asset:receivable:wechat:{ACCOUNTS['wechat']}', -10, 'CNY', now())",
    ),
    # wallets
    "stored_without_paying": Plant("I4.wallet", "UPDATE wallet SET balance_minor = balance_minor + 1"),
    "statement_of_another_story": Plant(
        "I4.wallet_entries", "UPDATE wallet_entry SET amount_minor = amount_minor - 1 WHERE txn_key = 'paid:pay_wallet'"
    ),
    "top_up_with_a_motor": Plant(
        "I2.top_up I7.paid_before_command",
        f"INSERT INTO command SELECT '{MERCHANT}', 'cmd_t', 'ord_stored', 1, '{MACHINE}', 'A1', 'prd_1', 'done', NULL, "
        "NULL, NULL, now(), now(), now()",
    ),
    "wallet_paid_by_a_strangers_code": Plant(
        "I2.member_code", "UPDATE member_code SET member_id = 'mbr_2' WHERE payment_id = 'pay_wallet'"
    ),
    "wallet_paid_out_by_nobody": Plant(
        "I4.wallet_payout I4.postings I4.liabilities I4.order I4.merchant I6.not_asked L1.owed B6.nothing_for_it",
        "UPDATE payment SET paid_out_minor = 1 WHERE payment_id = 'pay_stored'",
    ),
    "wallet_payment_waits": Plant(
        "I6.wallet_waits I8.ended_open L1.payment",
        _payment("pay_w", "ord_unpaid", "created", channel="'wallet'"),
    ),
    "goodwill_of_a_top_up": Plant(
        "I3.goodwill I3.too_much I4.clearing I4.liabilities I4.merchant I4.order I4.postings I8.refund_state "
        "B4.refund_unpaid",
        "INSERT INTO refund (merchant_id, payment_id, ordinal, refund_id, order_id, amount_minor, reason, state, "
        f"asked_by, requested_at, ended_at) VALUES ('{MERCHANT}', 'pay_stored', 1, 'rfd_s', 'ord_stored', 1001, 'x', "
        "'succeeded', 'opr_1', now(), now())",
    ),
    # findings
    "found_without_evidence": Plant(
        "I8.finding I4.order I4.merchant I4.postings I4.machine_ambiguity I11.delivered", _FOUND
    ),
    "resolved_by_nobody": Plant(
        "I8.nameless", "UPDATE evidence SET data = data || '{\"reason\": \" \"}' WHERE kind = 'vend.resolved'"
    ),
    "ambiguity_forgotten": Plant("I4.ambiguities", "DELETE FROM ambiguity WHERE order_id = 'ord_unknown'"),
    "locked_in_silence": Plant("I11.locked", "UPDATE stock_slot SET closed_reason = 'locked'"),
    "price_past_the_console": Plant(
        "I11.planogram",
        "INSERT INTO planogram (merchant_id, machine_id, version, wanted, published_at) VALUES "
        f"('{MERCHANT}', '{MACHINE}', 1, 7, now()); INSERT INTO planogram_version SELECT merchant_id, machine_id, 1, "
        "7, jsonb_agg(jsonb_build_object('slot', slot, 'product_id', product_id, 'price_minor', price_minor + 1, "
        "'capacity', capacity)), now(), 'opr_1' FROM planogram_slot GROUP BY merchant_id, machine_id",
    ),
    "put_away_and_sold": Plant("I11.put_away", "UPDATE product SET archived_at = now()"),
    # motors and rights
    "second_command": Plant(
        "I1.commands I5.sold_air I7.paid_before_command",
        "ALTER TABLE command DROP CONSTRAINT command_merchant_id_order_id_unit_key; INSERT INTO command SELECT "
        "merchant_id, 'cmd_new', order_id, unit, machine_id, slot, product_id, state, epoch, nonce, nonce_at, "
        "queued_at, heard_at, next_try_at, tries FROM command WHERE cmd_id = 'cmd_good_1'",
    ),
    "command_of_another_slot": Plant("I1.place", "UPDATE command SET slot = 'A9' WHERE cmd_id = 'cmd_good_1'"),
    "no_command": Plant(
        "I2.no_command I5.sold_air I8.unit_and_command", "DELETE FROM command WHERE cmd_id = 'cmd_good_1'"
    ),
    "command_without_payment": Plant(
        "I2.unpaid I7.paid_before_command I8.ended_open",
        f"INSERT INTO command SELECT '{MERCHANT}', 'cmd_u', 'ord_unpaid', 1, '{MACHINE}', 'A1', 'prd_1', 'done', NULL, "
        "NULL, NULL, now(), now(), now(), 0",
    ),
    "booked_after_the_motor": Plant(
        "I2.paid_later", "UPDATE ledger_transaction SET posted_at = now() WHERE txn_key = 'paid:pay_good'"
    ),
    "code_twice": Plant("I2.code_twice", "UPDATE sale_order SET code_id = 'cod_code' WHERE order_id = 'ord_gift'"),
    "vended_for_a_reversed_charge": Plant(
        "I2.reversed",
        f"""{_EVIDENCE}'ord_good', now(), 'cloud', 'payment.reversing', '{{"payment_id": "pay_good"}}')""",
    ),
    # refunds
    "refund_too_large": Plant(
        "I3.amount I3.too_much I4.clearing I4.liabilities I4.merchant I4.order I4.postings B3.foreign_refund",
        "UPDATE refund SET amount_minor = 360 WHERE refund_id = 'rfd_pay_late'",
    ),
    "refund_of_another_order": Plant(
        "I3.no_capture I4.liabilities I4.order I4.owner I8.refund_state",
        "UPDATE refund SET order_id = 'ord_good' WHERE refund_id = 'rfd_pay_late'",
    ),
    "refund_number_twice": Plant(
        "I3.number I4.owner I4.postings I8.refund_state B3.foreign_refund B4.refund_unpaid",
        "ALTER TABLE refund DROP CONSTRAINT refund_merchant_id_refund_id_key; "
        "UPDATE refund SET refund_id = 'rfd_pay_cart' WHERE refund_id = 'rfd_pay_fenced'",
    ),
    "refund_ordinal": Plant("I3.ordinals", "UPDATE refund SET ordinal = 2 WHERE refund_id = 'rfd_pay_late'"),
    "refund_amount": Plant(
        "I3.amount I4.clearing I4.liabilities I4.merchant I4.order I4.postings I8.settled_early L1.owed "
        "B3.foreign_refund",
        "UPDATE refund SET amount_minor = 340 WHERE refund_id = 'rfd_pay_cart'",
    ),
    "refund_never_asked": Plant(
        "I6.not_asked I4.clearing I4.liabilities I4.merchant I4.order I4.postings I8.settled_early L1.owed "
        "B3.foreign_refund",
        "DELETE FROM refund WHERE refund_id = 'rfd_pay_cart'",
    ),
    "late_refund_never_asked": Plant(
        "I6.not_asked I4.clearing I4.liabilities I4.merchant I4.order I4.postings L1.owed B3.foreign_refund",
        "DELETE FROM refund WHERE refund_id = 'rfd_pay_late'",
    ),
    "refund_given_up": Plant(
        "I4.clearing I4.liabilities I4.merchant I4.order I4.postings I8.refund_state I8.settled_early L1.owed "
        "B5.refund_unknown I6.given_up?",
        "UPDATE refund SET state = 'failed' WHERE refund_id = 'rfd_pay_cart'",
    ),
    "goodwill_by_one_person": Plant(
        "I3.goodwill I6.not_asked B6.nothing_for_it",
        "UPDATE refund SET asked_by = 'opr_1', approved_by = 'opr_1' WHERE refund_id = 'rfd_pay_cart'",
    ),
    "goodwill_of_a_late_payment": Plant(
        "I3.goodwill B6.nothing_for_it", "UPDATE refund SET asked_by = 'opr_1' WHERE refund_id = 'rfd_pay_late'"
    ),
    "by_hand_in_silence": Plant(
        "I3.by_hand I3.ordinals I4.clearing I4.postings",
        "UPDATE refund SET hand_way = 'cash', hand_reference = 'slip', recorded_by = 'opr_1', ordinal = 2 "
        "WHERE refund_id = 'rfd_pay_late'",
    ),
    "came_back_in_silence": Plant(
        "I3.sent_on I4.postings I4.clearing I4.liabilities I4.merchant I4.order I8.refund_state "
        "I8.settled_early L1.owed I6.given_up?",
        "UPDATE refund SET state = 'failed', came_back = 'bank' WHERE refund_id = 'rfd_pay_cart'",
    ),
    "held_and_gone": Plant(
        "I3.held?",
        f"""{_EVIDENCE}'ord_late', now(), 'cloud', 'refund.held', '{{"refund_id": "rfd_pay_late"}}')""",
    ),
    "misfit_given_back_by_nobody": Plant(
        "I3.verdict I4.frozen I4.liabilities I4.postings",
        "UPDATE payment SET is_frozen = true WHERE payment_id = 'pay_late'",
    ),
    # ledger
    "unbalanced": Plant(
        "I4.balance I4.postings I4.liabilities I4.merchant I4.order",
        "UPDATE ledger_line SET amount_minor = -349 WHERE txn_key = 'paid:pay_good' AND account = 'liab:undelivered'",
    ),
    "line_without_transaction": Plant(
        "I4.form I4.liabilities I4.merchant I4.order",
        "DELETE FROM ledger_transaction WHERE txn_key = 'unit:ord_good:1'",
    ),
    "posting_missing": Plant(
        "I4.postings I4.liabilities I4.merchant I4.order",
        "DELETE FROM ledger_line WHERE txn_key = 'unit:ord_good:1'; "
        "DELETE FROM ledger_transaction WHERE txn_key = 'unit:ord_good:1'",
    ),
    "posting_invented": Plant(
        "I4.postings I4.clearing",
        f"INSERT INTO ledger_transaction VALUES ('{MERCHANT}', 'paid:pay_none', 'payment_confirmed', 'ord_good', "
        "now()); "
        f"{_POST} ('{MERCHANT}', 'paid:pay_none', 1, 'asset:clearing:wechat:{ACCOUNTS['wechat']}', 5, 'CNY', now()), "
        f"('{MERCHANT}', 'paid:pay_none', 2, 'income:sales:{MERCHANT}', -5, 'CNY', now())",
    ),
    "ambiguity_not_declared": Plant(
        "I4.postings I4.machine_ambiguity",
        "DELETE FROM ledger_line WHERE txn_key = 'unit:ord_unknown:1' AND account LIKE 'memo:%'",
    ),
    "wrong_account": Plant(
        "I4.clearing I4.postings",
        "UPDATE ledger_line SET account = 'asset:clearing:wechat:other' WHERE txn_key = 'paid:pay_good' AND line = 1",
    ),
    "transaction_of_another_order": Plant(
        "I4.owner I4.liabilities I4.order",
        "UPDATE ledger_transaction SET order_id = 'ord_last' WHERE txn_key = 'unit:ord_good:1'",
    ),
    "mismatch_not_held": Plant("I4.frozen I4.clearing I4.merchant I4.order I4.postings B2.not_paid", _MISMATCH),
    "late_goods_not_booked": Plant(
        "I4.postings I4.merchant I4.order",
        "DELETE FROM ledger_line WHERE txn_key = 'late:ord_after:1'; "
        "DELETE FROM ledger_transaction WHERE txn_key = 'late:ord_after:1'",
    ),
    "late_goods_unknown_to_the_books": Plant(
        "I4.merchant I4.order I4.postings I4.ambiguities I4.machine_ambiguity I5.late_goods I11.delivered",
        "UPDATE vend_unit SET finding = 'none' WHERE order_id = 'ord_after'",
    ),
    "late_goods_still_in_stock": Plant(
        "I11.delivered I11.on_hand",
        "DELETE FROM stock_move WHERE order_id = 'ord_after'",
    ),
    "price": Plant("I4.price", "UPDATE sale_order SET total_minor = 300 WHERE order_id = 'ord_good'"),
    "ledger_trigger_off": Plant("I4.guards", "ALTER TABLE ledger_line DISABLE TRIGGER ledger_line_append_only"),
    "evidence_trigger_gone": Plant("I4.guards", "DROP TRIGGER evidence_append_only ON evidence"),
    "ledger_granted": Plant("I4.guards", "GRANT UPDATE (amount_minor) ON ledger_line_default TO vendomat_hot"),
    # order of evidence
    "command_before_payment": Plant(
        "I7.paid_before_command",
        "UPDATE evidence SET entry = DEFAULT WHERE kind = 'payment.paid' AND order_id = 'ord_good'",
    ),
    "motor_before_command": Plant(
        "I7.command_before_motor", "UPDATE command SET queued_at = now() WHERE cmd_id = 'cmd_good_1'"
    ),
    "two_units_at_once": Plant(
        "I7.one_by_one",
        "UPDATE evidence SET entry = DEFAULT WHERE kind = 'vend.not_delivered' AND order_id = 'ord_cart'",
    ),
    "never_reported": Plant(
        "I7.never_reported I8.unit_state I8.delivered_unreported",
        "DELETE FROM evidence WHERE order_id = 'ord_good' AND kind LIKE 'vend.%'",
    ),
    "refund_asked_after_it_was_made": Plant(
        "I7.refund_before_call", "UPDATE refund SET requested_at = now() WHERE refund_id = 'rfd_pay_cart'"
    ),
    # states
    "order_again": Plant(
        "I8.order_again I8.order_state", f"{_EVIDENCE}'ord_good', now(), 'cloud', 'order.dispensing', '{{}}')"
    ),
    "order_state": Plant(
        "I8.order_state I8.ended_open I8.ended_motor",
        "UPDATE sale_order SET state = 'expired' WHERE order_id = 'ord_good'",
    ),
    "unit_changed_by_a_late_word": Plant(
        "I8.unit_state I3.amount I4.liabilities I4.merchant I4.order I4.postings "
        "I5.journal_disagrees B6.nothing_for_it I11.delivered I4.ambiguities I4.machine_ambiguity",
        "UPDATE vend_unit SET outcome = 'delivered' WHERE order_id = 'ord_unknown'",
    ),
    "refund_called_done": Plant(
        "I8.refund_state", "DELETE FROM evidence WHERE kind = 'refund.succeeded' AND order_id = 'ord_late'"
    ),
    "payment_called_paid": Plant(
        "I8.payment_state I7.paid_before_command",
        "DELETE FROM evidence WHERE kind = 'payment.paid' AND order_id = 'ord_good'",
    ),
    "settled_early": Plant(
        "I8.settled_early I4.clearing I4.liabilities I4.merchant I4.order I4.postings I8.refund_state L1.owed "
        "L1.refund B5.refund_unknown I6.old_refund?",
        "UPDATE refund SET state = 'processing', ended_at = NULL WHERE refund_id = 'rfd_pay_cart'",
    ),
    "ended_with_open_payment": Plant(
        "I8.ended_open L1.payment",
        "UPDATE payment SET state = 'unknown' WHERE payment_id = 'pay_unpaid'",
    ),
    "paid_without_payment": Plant(
        "I8.order_and_payment L1.order I11.reserved",
        _order("ord_x", "paid", "NULL") + f"{_EVIDENCE}'ord_x', now(), 'cloud', 'order.paid', '{{}}')",
    ),
    "command_open_for_decided_unit": Plant(
        "I8.unit_and_command L1.command I6.old_command?",
        "UPDATE command SET state = 'queued' WHERE cmd_id = 'cmd_good_1'",
    ),
    "stuck": Plant(
        "I8.stuck I8.order_state L1.order",
        "UPDATE sale_order SET state = 'dispensing', ended_at = NULL WHERE order_id = 'ord_good'",
    ),
    "start_unreported": Plant(
        "I8.delivered_unreported", "DELETE FROM evidence WHERE order_id = 'ord_good' AND kind = 'vend.started'"
    ),
    # bills
    "fee_twice": Plant(
        "I4.bill",
        f"INSERT INTO ledger_transaction VALUES ('{MERCHANT}', 'fee:wechat:1:2026-06-01', 'bill_fees', '', now()); "
        f"{_POST} ('{MERCHANT}', 'fee:wechat:1:2026-06-01', 1, 'expense:fee:wechat', 2, 'CNY', now()), "
        f"('{MERCHANT}', 'fee:wechat:1:2026-06-01', 2, 'asset:clearing:wechat:1', -2, 'CNY', now())",
    ),
    "long_not_booked": Plant(
        "I4.bill",
        "INSERT INTO recon_item (merchant_id, channel, account, day, item_id, subject, class, fix, state, run, "
        f"found_at, bill_minor, posted_txn) VALUES ('{MERCHANT}', 'wechat', '1', '2026-06-01', 'i', 's', 'long', "
        "'suspense', 'open', 1, now(), 350, 'long:x')",
    ),
    "clearing_moved": Plant(
        "I4.clearing_moves",
        f"INSERT INTO ledger_transaction VALUES ('{MERCHANT}', 'payout:wechat:1:9', 'x', '', now()); {_POST} "
        f"('{MERCHANT}', 'payout:wechat:1:9', 1, 'asset:bank', 2, 'CNY', now()), "
        f"('{MERCHANT}', 'payout:wechat:1:9', 2, 'asset:clearing:wechat:2', -2, 'CNY', now())",
    ),
    "day_closed_early": Plant(
        "I4.closed_day",
        "INSERT INTO recon_day (merchant_id, channel, account, day, state, closed_at) "
        f"VALUES ('{MERCHANT}', 'wechat', '1', '2026-06-01', 'closed', now())",
    ),
    # facts
    "fact_missing": Plant(
        "I9.gap I9.acked_missing", f"DELETE FROM machine_fact WHERE machine_id = '{MACHINE}' AND seq = 2"
    ),
    "last_fact_missing": Plant(
        "I9.acked_missing", "DELETE FROM machine_fact WHERE seq = (SELECT max(seq) FROM machine_fact)"
    ),
    "fact_changed": Plant("I9.digest", "UPDATE machine_fact SET digest = 'other' WHERE seq = 2"),
    "fact_of_the_future": Plant(
        "I9.future", f"INSERT INTO machine_fact VALUES ('{MERCHANT}', '{MACHINE}', 9, 1, 'd', 'boot', now())"
    ),
    "journal_of_the_past": Plant("I9.set_back", "UPDATE machine SET epoch = 5"),
    # stock
    "on_hand": Plant("I11.on_hand", "UPDATE stock_slot SET on_hand = on_hand - 1"),
    "reserved": Plant("I11.reserved", "UPDATE stock_slot SET reserved = 1"),
    "negative": Plant(
        "I11.negative",
        "UPDATE stock_slot SET on_hand = -1; UPDATE stock_move SET quantity = "
        "(SELECT sum(quantity) - 1 FROM stock_move WHERE kind = 'delivered') WHERE kind = 'loaded'",
    ),
    "taken_twice": Plant(
        "I11.delivered I11.on_hand",
        "INSERT INTO stock_move SELECT * FROM stock_move WHERE kind = 'delivered' AND order_id = 'ord_good'",
    ),
}
