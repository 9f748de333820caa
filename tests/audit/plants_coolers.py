"""Breaches planted around a cooler's visits: each begins with a visit as it should be, and spoils one thing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.audit.estate import ACCOUNTS, MACHINE, MERCHANT
from tests.audit.plants_database import Plant
from tests.audit.plants_files import Spoil, books_with

ACCOUNT = ACCOUNTS["wechat"]
_LINE = "INSERT INTO ledger_line (merchant_id, txn_key, line, account, amount_minor, currency, posted_at) VALUES "


def _post(key: str, debit: str, credit: str, minor: int) -> str:
    rows = ", ".join(
        f"('{MERCHANT}', '{key}', {n}, '{account}', {sign * minor}, 'CNY', now())"
        for n, (account, sign) in enumerate(((debit, 1), (credit, -1)), start=1)
    )
    return (
        f"INSERT INTO ledger_transaction VALUES ('{MERCHANT}', '{key}', '{key.partition(':')[0]}', 'vis_1', now()); "
        f"{_LINE}{rows}; "
    )


def _visit(state: str, minor: int = 700) -> str:
    """Two pieces for 350 each were taken, completed, and in the state `paid` collected."""
    receivable, paid = f"asset:receivable:wechat:{ACCOUNT}", minor if state == "paid" else 0
    text = (
        f"INSERT INTO cooler VALUES ('{MERCHANT}', '{MACHINE}', 2000, true); INSERT INTO cooler_visit (merchant_id, "
        "visit_id, machine_id, request_id, channel, account, currency, ceiling_minor, created_at, agree_by, state, "
        "cmd_id, command_state, queued_at, owed_minor, paid_minor, transaction_id, next_try_at) VALUES "
        f"('{MERCHANT}', 'vis_1', '{MACHINE}', 'r', 'wechat', '{ACCOUNT}', 'CNY', 2000, now(), now(), '{state}', "
        f"'cmd_v', 'done', now(), {minor}, {paid}, '{'t_visit' if paid else ''}', now()); "
        f"INSERT INTO cooler_good VALUES ('{MERCHANT}', 'vis_1', 'A1', 'prd_1', 'tea', 350, 2, 0, 'weight'); "
        f"INSERT INTO evidence (merchant_id, order_id, at, source, kind, data) VALUES ('{MERCHANT}', 'vis_1', now(), "
        "'platform', 'visit.vouched', '{}'); "
        f"INSERT INTO stock_move VALUES ('{MERCHANT}', '{MACHINE}', 'A1', 'taken', -2, 'vis_1', 0, now()); "
        f"UPDATE stock_slot SET on_hand = on_hand - 2 WHERE machine_id = '{MACHINE}' AND slot = 'A1'; "
    )
    text += _post("visit:vis_1", receivable, f"income:sales:{MERCHANT}", minor)
    if paid:
        text += _post("visit_paid:vis_1", f"asset:clearing:wechat:{ACCOUNT}", receivable, minor)
    return text


_COLLECTED = books_with(
    "trades", "9" * 30, is_paid=True, amount_fen=700, transaction_id="t_visit", paid_at="2026-06-01T12:00:00+00:00"
)
GOOD: dict[str, tuple[str, Spoil]] = {
    "collecting": (_visit("collecting"), lambda _: None),
    "paid": (_visit("paid"), _COLLECTED),
}
"""Visits as they should be: no check cries. With what the platform has in its books."""

PLANTS = {
    "visit_that_the_platform_never_collected": Plant("B2.visit", _visit("paid")),
    "visit_without_the_platforms_word": Plant(
        "I2.door", _visit("collecting") + "DELETE FROM evidence WHERE kind = 'visit.vouched'"
    ),
    "visit_charged_too_much": Plant("I4.visit_bill", _visit("collecting", 800)),
    "visit_charged_for_untaken_goods": Plant(
        "I4.visit_bill I11.visit", _visit("collecting") + "UPDATE cooler_good SET taken = 1"
    ),
    "visit_called_paid": Plant(
        "B2.visit I4.visit", _visit("collecting") + "UPDATE cooler_visit SET state = 'paid', paid_minor = owed_minor"
    ),
    "visit_written_off_in_silence": Plant(
        "I4.visit", _visit("collecting") + "UPDATE cooler_visit SET state = 'written_off'"
    ),
    "visit_that_does_not_end": Plant(
        "I8.visit I4.visit", _visit("collecting") + "UPDATE cooler_visit SET state = 'completing'"
    ),
    "visit_whose_goods_stay_in_stock": Plant(
        "I11.visit I11.on_hand", _visit("collecting") + "DELETE FROM stock_move WHERE kind = 'taken'"
    ),
}


def _released(times: int) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        line = {"what": "release", "at": "2026-06-01T12:00:00+00:00", "slot": "", "cmd_id": "cmd_v"}
        with (folder / "cabinet.jsonl").open("ab") as file:
            file.write((msgspec.json.encode(line) + b"\n") * times)

    return spoil


SPOILS = {
    "lock_released_for_nobody": ("I2.door", _released(1)),
    "lock_released_twice": ("I2.door I1.door", _released(2)),
}
