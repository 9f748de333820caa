"""An estate as it should be left behind: rows, a journal, a cabinet's log and platform books that agree.

Written by hand from the rules of the books, not by the code that the audit examines, so that both can be wrong alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec

from vendomat.protocol import Fact, FactKind
from vendomat.terminal.journal import Journal

MERCHANT = "mer_1"
MACHINE = "mch_1"
PRODUCT = "prd_1"
PRICE = 350
START = datetime(2026, 6, 1, 8, tzinfo=UTC)
MEMBER = "mbr_1"
ACCOUNTS = {"wechat": "1900000001", "alipay": "2021000001", "code": "gift", "wallet": MEMBER}
FUNDS = {"code": "expense:gift", "wallet": f"liab:wallet:{MEMBER}"}
LOADED = 24
DEBTOR = f"asset:receivable:wechat:{ACCOUNTS['wechat']}"

Row = dict[str, object]


@dataclass(frozen=True)
class Ending:
    """What became of a unit: in the books, in the machine's words, and in the world."""

    outcome: str
    kind: FactKind
    result: str
    drops: int
    starts: int = 1
    is_late: bool = False
    """Declared unknown at its deadline; the machine's word came after that."""
    finding: str = "none"


ENDINGS = {
    "delivered": Ending("delivered", FactKind.OUTCOME, "delivered", 1),
    "double": Ending("delivered", FactKind.OUTCOME, "delivered_double", 2),
    "jam": Ending("not_delivered", FactKind.OUTCOME, "not_detected", 0),
    "missed": Ending("not_delivered", FactKind.OUTCOME, "not_detected", 1),
    "fenced": Ending("not_delivered", FactKind.FENCED, "", 0, starts=0),
    "unknown": Ending("unknown", FactKind.OUTCOME, "timeout", 1),
    "late": Ending("unknown", FactKind.OUTCOME, "delivered", 1, is_late=True, finding="came_out"),
    "seen_out": Ending("unknown", FactKind.OUTCOME, "timeout", 1, finding="came_out"),
    "seen_in": Ending("unknown", FactKind.OUTCOME, "timeout", 0, finding="stayed_in"),
    "given_up": Ending("unknown", FactKind.OUTCOME, "timeout", 0, finding="not_knowable"),
}


@dataclass
class Estate:
    """Collects everything; `write` puts the rows into a database. The journal is written as it goes."""

    journal: Journal
    rows: list[tuple[str, Row]] = field(default_factory=list)
    cabinet: list[Row] = field(default_factory=list)
    trades: dict[str, list[Row]] = field(default_factory=lambda: {"wechat": [], "alipay": []})
    refunds: dict[str, list[Row]] = field(default_factory=lambda: {"wechat": [], "alipay": []})
    now: datetime = START
    taken: int = 0
    runs: int = 0
    stored: int = 0
    entries: int = 0

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def add(self, table: str, **columns: object) -> None:
        self.rows.append((table, {"merchant_id": MERCHANT, **columns}))

    def note(self, order: str, kind: str, source: str = "cloud", **data: object) -> None:
        self.add("evidence", order_id=order, at=self.now, source=source, kind=kind, data=data)

    def post(self, order: str, key: str, kind: str, lines: Mapping[str, int]) -> None:
        self.add("ledger_transaction", txn_key=key, kind=kind, order_id=order, posted_at=self.now)
        for number, (account, amount) in enumerate(lines.items(), start=1):
            line: Row = {"txn_key": key, "line": number, "account": account, "amount_minor": amount}
            self.add("ledger_line", **line, currency="CNY", posted_at=self.now)
            if account == FUNDS["wallet"]:
                self._move_wallet(order, key, kind, -amount)

    def _move_wallet(self, order: str, key: str, kind: str, amount: int) -> None:
        self.stored += amount
        self.entries += 1
        entry: Row = {"member_id": MEMBER, "entry": self.entries, "txn_key": key, "kind": kind, "order_id": order}
        self.add("wallet_entry", **entry, amount_minor=amount, balance_minor=self.stored, at=self.now)

    def open_shop(self) -> None:
        self.rows.append(("merchant", {"merchant_id": MERCHANT, "name": "m", "payee": "m", "currency": "CNY"}))
        self.rows[-1][1]["created_at"] = self.now
        machine: Row = {"machine_id": MACHINE, "number": "1", "name_zh": "m", "name_en": "m", "state": "enrolled"}
        self.add("machine", **machine, epoch=1, created_at=self.now)
        self.add("product", product_id=PRODUCT, sku="s", name_zh="p", name_en="p", price_minor=PRICE)
        slot: Row = {"machine_id": MACHINE, "slot": "A1"}
        self.add("planogram_slot", **slot, product_id=PRODUCT, price_minor=PRICE, currency="CNY", capacity=LOADED)
        self.add("stock_move", **slot, kind="loaded", quantity=LOADED, at=self.now)
        self.add("member", member_id=MEMBER, name="Ann", key_hash=b"k", created_at=self.now)
        self.cabinet.append({"what": "fill", "at": self.now, "slot": "A1", "count": LOADED})
        self._fact(FactKind.BOOT, {"program": "t"})

    def close_shop(self) -> None:
        """The stock and the wallet as they stand at the end."""
        self.add("wallet", member_id=MEMBER, currency="CNY", balance_minor=self.stored, entries=self.entries)
        self.add("stock_slot", machine_id=MACHINE, slot="A1", on_hand=LOADED - self.taken)

    # --- orders ------------------------------------------------------------------------------------------------------

    def _order(
        self, name: str, state: str, units: Sequence[Ending], *, code_id: str = "", member_id: str = "", total: int = 0
    ) -> None:
        """Goods of a machine, or for `member_id` the one unit of a top-up."""
        started, machine_id = self.tick(), "" if member_id else MACHINE
        order: Row = {"order_id": name, "machine_id": machine_id, "request_id": f"req_{name}", "state": state}
        self.add(
            "sale_order",
            **order,
            origin="top_up" if member_id else "code" if code_id else "touch",
            code_id=code_id,
            member_id=member_id,
            version=3,
            total_minor=total or PRICE * len(units),
            currency="CNY",
            lines=[],
            created_at=started,
            expires_at=started + timedelta(minutes=2),
            ended_at=started + timedelta(minutes=1),
        )
        self.note(name, "order.created", "terminal")
        if member_id:
            stored: Row = {"order_id": name, "unit": 1, "machine_id": "", "slot": "wallet", "product_id": "wallet"}
            self.add("vend_unit", **stored, price_minor=total, outcome="delivered", result="credited", is_final=True)
        for number, ending in enumerate(units, start=1):
            unit: Row = {"order_id": name, "unit": number, "machine_id": MACHINE, "slot": "A1"}
            final: Row = {"outcome": ending.outcome, "result": ending.result, "is_final": True}
            final |= {"finding": ending.finding}
            self.add("vend_unit", **unit, **final, product_id=PRODUCT, price_minor=PRICE)

    def _payment(self, order: str, number: str, channel: str, amount: int, *, is_winning: bool = False) -> None:
        fund = FUNDS.get(channel, f"asset:clearing:{channel}:{ACCOUNTS.get(channel)}")
        payment: Row = {"payment_id": number, "order_id": order, "channel": channel, "account": ACCOUNTS[channel]}
        money: Row = {"amount_minor": amount, "captured_minor": amount, "currency": "CNY"}
        times: Row = {"created_at": self.now, "expires_at": self.now + timedelta(minutes=2), "paid_at": self.tick()}
        self.add(
            "payment", **payment, **money, **times, state="paid", is_winning=is_winning, transaction_id=f"t{number}"
        )
        self.note(order, "payment.paid", "platform", payment_id=number, amount_minor=amount)
        owed = "liab:undelivered" if is_winning else "liab:refund_payable"
        kind = "payment_confirmed" if is_winning else "payment_late"
        self.post(order, f"paid:{number}", kind, {fund: amount, owed: -amount})
        if channel in self.trades:
            trade: Row = {"account": ACCOUNTS[channel], "number": number, "is_paid": True, "amount_fen": amount}
            self.trades[channel].append(trade | {"paid_at": self.now})

    def _refund(self, order: str, payment: str, channel: str, amount: int) -> None:
        asked_at = self.tick()
        number = f"rfd_{payment}"
        refund: Row = {"payment_id": payment, "ordinal": 1, "refund_id": number, "order_id": order}
        self.note(order, "refund.requested", refund_id=number)
        ended_at = self.tick()
        times: Row = {"requested_at": asked_at, "ended_at": ended_at}
        self.add("refund", **refund, **times, amount_minor=amount, reason="not delivered", state="succeeded")
        self.note(order, "refund.succeeded", "platform", refund_id=number)
        fund = FUNDS.get(channel, f"asset:clearing:{channel}:{ACCOUNTS.get(channel)}")
        self.post(order, f"refund:{number}", "refund_succeeded", {"liab:refund_payable": amount, fund: -amount})
        if channel in self.refunds:
            there: Row = {"account": ACCOUNTS[channel], "number": payment, "refund_number": number}
            self.refunds[channel].append(there | {"state": "SUCCESS", "amount_fen": amount, "created_at": asked_at})

    def sale(self, name: str, *endings: str, channel: str = "wechat") -> None:
        """A paid order whose units end as `endings` say, refunded as far as owed."""
        units = [ENDINGS[ending] for ending in endings]
        self._order(f"ord_{name}", "settled", units, code_id=f"cod_{name}" if channel == "code" else "")
        self._payment(f"ord_{name}", f"pay_{name}", channel, PRICE * len(units), is_winning=True)
        if channel == "wallet":
            code: Row = {"serial": f"{len(self.rows):011}", "member_id": MEMBER, "payment_id": f"pay_{name}"}
            self.add("member_code", **code, expires_at=self.now)
        self.note(f"ord_{name}", "order.paid")
        for number, ending in enumerate(units, start=1):
            self._vend(name, number, ending)
        for number, ending in enumerate(units, start=1):
            if ending.finding != "none" and not ending.is_late:
                self._resolve(f"ord_{name}", number, ending)
        owed = PRICE * sum(ending.outcome != "delivered" for ending in units)
        if owed:
            self._refund(f"ord_{name}", f"pay_{name}", channel, owed)
        self.note(f"ord_{name}", "order.settled")

    def held(self, name: str, *endings: str) -> None:
        """An order whose money was held first: what was delivered was taken, the hold given up without goods."""
        units = [ENDINGS[ending] for ending in endings]
        order, number, total = f"ord_{name}", f"pay_{name}", PRICE * len(units)
        taken = PRICE * sum(ending.outcome == "delivered" for ending in units)
        self._order(order, "settled", units)
        self.note(order, "payment.held", "platform", payment_id=number, amount_minor=total)
        self.note(order, "order.paid")
        for unit, ending in enumerate(units, start=1):
            self._vend(name, unit, ending, is_hold=True)
        account = ACCOUNTS["wechat"]
        payment: Row = {"payment_id": number, "order_id": order, "channel": "wechat", "account": account}
        money: Row = {"amount_minor": total, "captured_minor": taken, "capture_minor": taken, "currency": "CNY"}
        times: Row = {"created_at": self.now, "expires_at": self.now, "paid_at": self.tick() if taken else None}
        state = "paid" if taken else "closed"
        self.add("payment", **payment, **money, **times, state=state, is_winning=True, is_hold=True)
        if taken:
            self.note(order, "payment.captured", "platform", payment_id=number, amount_minor=taken)
            fund = f"asset:clearing:wechat:{account}"
            self.post(order, f"paid:{number}", "hold_captured", {fund: taken, DEBTOR: -taken})
            trade: Row = {"account": account, "number": number, "is_paid": True, "amount_fen": taken}
            self.trades["wechat"].append(trade | {"paid_at": self.now})
        else:
            self.note(order, "payment.released", "platform", payment_id=number)
        self.note(order, "order.settled")

    def top_up(self, name: str, amount: int) -> None:
        """A member has stored money: an order without a machine, credited when it was paid."""
        self._order(f"ord_{name}", "settled", [], member_id=MEMBER, total=amount)
        self._payment(f"ord_{name}", f"pay_{name}", "wechat", amount, is_winning=True)
        self.note(f"ord_{name}", "order.paid")
        self.note(f"ord_{name}", "wallet.credited", unit=1)
        lines = {"liab:undelivered": amount, FUNDS["wallet"]: -amount}
        self.post(f"ord_{name}", f"unit:ord_{name}:1", "topped_up", lines)
        self.note(f"ord_{name}", "order.settled")

    def late(self, name: str) -> None:
        """An order that expired, and was paid after that."""
        self._expire(name)
        self._payment(f"ord_{name}", f"pay_{name}", "alipay", PRICE)
        self._refund(f"ord_{name}", f"pay_{name}", "alipay", PRICE)

    def unpaid(self, name: str) -> None:
        self._expire(name)
        payment: Row = {"payment_id": f"pay_{name}", "order_id": f"ord_{name}", "channel": "wechat", "currency": "CNY"}
        times: Row = {"created_at": self.now, "expires_at": self.now}
        self.add("payment", **payment, **times, account=ACCOUNTS["wechat"], amount_minor=PRICE, state="closed")
        self.note(f"ord_{name}", "payment.closed", "platform", payment_id=f"pay_{name}")

    def _expire(self, name: str) -> None:
        self._order(f"ord_{name}", "expired", [Ending("not_delivered", FactKind.REFUSED, "", 0, 0)])
        self.note(f"ord_{name}", "order.expired")

    # --- vends -------------------------------------------------------------------------------------------------------

    def _vend(self, name: str, unit: int, ending: Ending, *, is_hold: bool = False) -> None:
        order, cmd_id = f"ord_{name}", f"cmd_{name}_{unit}"
        command: Row = {"cmd_id": cmd_id, "order_id": order, "unit": unit, "machine_id": MACHINE, "slot": "A1"}
        times: Row = {"queued_at": self.now, "heard_at": self.now, "next_try_at": self.now}
        self.add("command", **command, **times, product_id=PRODUCT, state="done")
        said: Row = {"cmd_id": cmd_id, "unit": unit}
        self.note(order, "command.queued", **said)
        if ending.starts:
            self._say(order, FactKind.INTENT, "vend.started", said)
            if unit == 1:
                self.note(order, "order.dispensing")
            self._run(cmd_id, ending)
        if ending.is_late:
            self.note(order, "vend.declared_ambiguous", **said)
            self._say(order, ending.kind, "vend.delivered", said | {"result": ending.result})
        elif ending.outcome == "unknown":
            self._say(order, ending.kind, "vend.unknown", said | {"result": ending.result})
            self.note(order, "vend.declared_ambiguous", **said)
        else:
            self._say(order, ending.kind, f"vend.{ending.outcome}", said | {"result": ending.result or None})
        self._book(name, unit, ending, is_hold=is_hold)

    def _resolve(self, order: str, unit: int, ending: Ending) -> None:
        said: Row = {"unit": unit, "slot": "A1", "finding": ending.finding, "operator_id": "opr_1", "reason": "counted"}
        self.note(order, "vend.resolved", "operator", **said)
        if ending.finding != "not_knowable":
            self._book_finding(order, unit, ending)

    def _book_finding(self, order: str, unit: int, ending: Ending) -> None:
        known = {"memo:ambiguous_contra": PRICE, "memo:ambiguous": -PRICE}
        self.post(order, f"found:{order}:{unit}", "found", known)
        if ending.finding == "came_out":
            loss = {"expense:sensor_fault": PRICE, f"income:sales:{MERCHANT}": -PRICE}
            self.post(order, f"late:{order}:{unit}", "came_out_late", loss)
            self._take(order, unit, 1)

    def _take(self, order: str, unit: int, quantity: int) -> None:
        self.taken += quantity
        move: Row = {"machine_id": MACHINE, "slot": "A1", "kind": "delivered", "quantity": quantity}
        self.add("stock_move", **move, order_id=order, unit=unit, at=self.now)

    def _run(self, cmd_id: str, ending: Ending) -> None:
        self.runs += 1
        run: Row = {"slot": "A1", "cmd_id": cmd_id, "run": self.runs}
        self.cabinet.append({"what": "start", "at": self.tick(), **run})
        if ending.drops:
            self.cabinet.append({"what": "drop", "at": self.tick(), "count": ending.drops, **run})
        self.cabinet.append({"what": "end", "at": self.tick(), "result": ending.result, **run})

    def _say(self, order: str, kind: FactKind, note: str, said: Row) -> None:
        fact = self._fact(kind, {"order_id": order, "slot": "A1", **said}, str(said["cmd_id"]))
        self.note(order, note, "terminal", origin=f"{fact.epoch}/{fact.seq}", **said)

    def _fact(self, kind: FactKind, body: Row, cmd_id: str = "") -> Fact:
        """Journalled, accepted by the cloud, acknowledged, and forgotten as far as the journal forgets."""
        stamp = self.tick().isoformat()
        fact = self.journal.append(kind, msgspec.json.encode(body), stamp, is_time_trusted=True, cmd_id=cmd_id)
        origin: Row = {"machine_id": MACHINE, "epoch": fact.epoch, "seq": fact.seq, "digest": fact.digest()}
        self.add("machine_fact", **origin, kind=kind.value, received_at=self.now)
        self.journal.prune([(fact.epoch, fact.seq, fact.digest())])
        return fact

    def _book(self, name: str, unit: int, ending: Ending, *, is_hold: bool = False) -> None:
        key = f"unit:ord_{name}:{unit}"
        lines = {} if is_hold else {"liab:undelivered": PRICE, "liab:refund_payable": -PRICE}
        if ending.outcome == "delivered":
            lines = {DEBTOR if is_hold else "liab:undelivered": PRICE, f"income:sales:{MERCHANT}": -PRICE}
        elif ending.outcome == "unknown":
            lines |= {"memo:ambiguous": PRICE, "memo:ambiguous_contra": -PRICE}
            row: Row = {"order_id": f"ord_{name}", "unit": unit, "machine_id": MACHINE, "slot": "A1"}
            found: Row = {"finding": ending.finding, "found_at": None if ending.finding == "none" else self.now}
            money: Row = {"product_id": PRODUCT, "price_minor": PRICE, "currency": "CNY", "declared_at": self.now}
            self.add("ambiguity", **row, **found, **money)
        if ending.outcome == "delivered":
            self._take(f"ord_{name}", unit, 2 if ending.result == "delivered_double" else 1)
        if lines:
            self.post(f"ord_{name}", key, ending.outcome, lines)
        if ending.is_late:
            self._book_finding(f"ord_{name}", unit, ending)

    # --- putting it down ---------------------------------------------------------------------------------------------

    async def write(self, connection: asyncpg.Connection) -> None:
        """Rows in their order; `connection` belongs to a superuser."""
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=lambda value: msgspec.json.encode(value).decode(), decoder=str
        )
        tables: dict[str, list[Row]] = {}
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")  # any order of tables will do
            for table, row in self.rows:
                tables.setdefault(table, []).append(row)
            for table, rows in tables.items():
                for row in rows:
                    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
                    await connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())

    def cabinet_log(self) -> bytes:
        return b"".join(msgspec.json.encode(line) + b"\n" for line in self.cabinet)

    def books(self, channel: str) -> bytes:
        accounts = [{"account": ACCOUNTS[channel], "balance_fen": 0}]
        return msgspec.json.encode(
            {"accounts": accounts, "trades": self.trades[channel], "refunds": self.refunds[channel]}
        )


def build_estate(folder: Path) -> Estate:
    """One machine with every ordinary ending of a purchase, all at rest."""
    estate = Estate(Journal(folder / "journal.db", b"k" * 32))
    estate.open_shop()
    estate.sale("good", "delivered")
    estate.sale("cart", "delivered", "jam", "delivered")
    estate.sale("double", "double", channel="alipay")
    estate.sale("fenced", "fenced")
    estate.sale("unknown", "unknown")
    estate.sale("after", "late")
    estate.sale("seen", "seen_out", "seen_in", "given_up")
    estate.sale("code", "delivered", channel="code")
    estate.sale("gift", "delivered", channel="code")
    estate.sale("badcode", "jam", channel="code")
    estate.held("held", "delivered", "jam", "unknown")
    estate.held("let_go", "jam")
    estate.top_up("stored", 1000)
    estate.sale("wallet", "delivered", channel="wallet")
    estate.sale("back", "jam", channel="wallet")
    estate.late("late")
    estate.unpaid("unpaid")
    estate.sale("last", "delivered", channel="alipay")
    estate.close_shop()
    estate.journal.close()
    (folder / "cabinet.jsonl").write_bytes(estate.cabinet_log())
    for channel in estate.trades:
        (folder / f"{channel}.json").write_bytes(estate.books(channel))
    return estate
