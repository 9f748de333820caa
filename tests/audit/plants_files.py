"""Breaches planted in what machines and platforms left behind, and the checks that must cry (notices with a `?`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import msgspec

from tests.audit.estate import ACCOUNTS

Spoil = Callable[[Path], None]


def _cabinet(change: Callable[[list[dict[str, Any]]], None]) -> Spoil:
    """Change the lines of the physical log."""

    def spoil(folder: Path) -> None:
        path = folder / "cabinet.jsonl"
        lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
        change(lines)
        path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))

    return spoil


def _line(lines: list[dict[str, Any]], what: str, cmd_id: str) -> dict[str, Any]:
    return next(line for line in lines if line["what"] == what and line.get("cmd_id") == cmd_id)


def _append(what: str, cmd_id: str, **fields: object) -> Spoil:
    at = "2026-06-01T12:00:00+00:00"
    return _cabinet(lambda lines: lines.append({"what": what, "at": at, "slot": "A1", "cmd_id": cmd_id, **fields}))


def _set(what: str, cmd_id: str, **fields: object) -> Spoil:
    return _cabinet(lambda lines: _line(lines, what, cmd_id).update(fields))


def _start_earlier(lines: list[dict[str, Any]]) -> None:
    start = _line(lines, "start", "cmd_good_1")
    start["at"] = (datetime.fromisoformat(start["at"]) - timedelta(seconds=1.5)).isoformat()


def _journal(*statements: str) -> Spoil:
    """Change the journal's rows."""

    def spoil(folder: Path) -> None:
        database = apsw.Connection(str(folder / "journal.db"))
        for statement in statements:
            database.execute(statement)
        database.close()

    return spoil


def _kept_fact(digest_of: bytes) -> Spoil:
    """One more fact that the cloud has not acknowledged, with the digest of `digest_of`."""

    def spoil(folder: Path) -> None:
        database = apsw.Connection(str(folder / "journal.db"))
        seq = 1 + max(
            fact["seq"]
            for (facts,) in database.execute("SELECT facts FROM commands")
            for fact in msgspec.json.decode(facts)
        )
        digest = hashlib.sha256(f"1\n{seq}\nstock\n".encode() + digest_of).hexdigest()[:32]
        row = (1, seq, "stock", "2026-06-01T12:00:00+00:00", 1, b"{}", digest, b"")
        database.execute("INSERT INTO facts VALUES (?,?,?,?,?,?,?,?)", row)
        database.close()

    return spoil


def _forget_intent(folder: Path) -> None:
    database = apsw.Connection(str(folder / "journal.db"))
    facts = database.execute("SELECT facts FROM commands WHERE cmd_id = 'cmd_good_1'").fetchall()[0][0]
    kept = [fact for fact in msgspec.json.decode(facts) if fact["kind"] != "intent"]
    database.execute("UPDATE commands SET facts = ? WHERE cmd_id = 'cmd_good_1'", (msgspec.json.encode(kept),))
    database.close()


def books_with(kind: str, number: str, **fields: object) -> Spoil:
    """Change the first row about `number`, or add one."""

    def spoil(folder: Path) -> None:
        path = folder / "wechat.json"
        books = msgspec.json.decode(path.read_bytes())
        row = next((row for row in books[kind] if row["number"] == number and not fields.get("refund_number")), None)
        if row is None:
            row = {"account": ACCOUNTS["wechat"], "number": number}
            books[kind].append(row)
        row.update(fields)
        path.write_bytes(msgspec.json.encode(books))

    return spoil


_PAID = {"is_paid": True, "amount_fen": 350, "paid_at": "2026-06-01T12:00:00+00:00"}
_REFUND = {"state": "SUCCESS", "amount_fen": 50, "created_at": "2026-06-01T12:00:00+00:00"}

SPOILS: dict[str, tuple[str, Spoil]] = {
    "started_twice": ("I1.starts", _append("start", "cmd_good_1", run=99)),
    "dropped_twice": ("I1.drops", _append("drop", "cmd_good_1", count=1)),
    "started_by_itself": ("I2.no_command I7.intent_before_motor", _append("start", "cmd_self")),
    "sold_air": ("I5.sold_air", _cabinet(lambda lines: lines.remove(_line(lines, "drop", "cmd_good_1")))),
    "sensor_missed": ("I5.sensor_missed?", _append("drop", "cmd_cart_2", count=1)),
    "given_and_refunded": (
        "I5.given_and_refunded I7.outcome_after_motor",
        _cabinet(
            lambda lines: (
                lines.append(_line(lines, "drop", "cmd_good_1") | {"cmd_id": "cmd_cart_2"}),
                _line(lines, "end", "cmd_cart_2").update(result="delivered"),
            )[0]
        ),
    ),
    "started_after_fence": ("I5.started_after_refusal I7.intent_before_motor", _append("start", "cmd_fenced_1")),
    "motor_before_intent": ("I7.intent_before_motor", _cabinet(_start_earlier)),
    "board_said_another_thing": ("I7.outcome_after_motor", _set("end", "cmd_good_1", result="jam")),
    "outcome_before_the_end": ("I7.outcome_after_motor", _set("end", "cmd_good_1", at="2026-06-01T12:00:00+00:00")),
    "no_intent": ("I7.intent_before_motor I7.intent_before_outcome", _forget_intent),
    "rewritten": ("I9.rewritten L1.unacked", _kept_fact(b"{1}")),
    "unacked": ("L1.unacked", _kept_fact(b"{}")),
    "open_command": ("L1.open_command", _journal("UPDATE commands SET is_open = 1 WHERE cmd_id = 'cmd_good_1'")),
    "platform_took_another_sum": (
        "B1.not_captured B6.nothing_for_it",
        books_with("trades", "pay_good", amount_fen=400),
    ),
    "platform_took_unknown_money": ("B1.not_captured B6.nothing_for_it", books_with("trades", "pay_none", **_PAID)),
    "platform_was_not_paid": ("B2.not_paid", books_with("trades", "pay_good", is_paid=False)),
    "platform_refunded_by_itself": (
        "B3.foreign_refund B6.nothing_for_it",
        books_with("refunds", "pay_good", refund_number="rfd_portal", **_REFUND),
    ),
    "platform_gave_up": ("B4.refund_unpaid B6.nothing_for_it", books_with("refunds", "pay_cart", state="CLOSED")),
}
