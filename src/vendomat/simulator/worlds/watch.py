"""The watch over a world: invariants asked at the very moment when they could break, and from time to time.

It asks the physical world, the platforms' own books and the committed rows, never the state of the programs it watches.
The first offence ends the world. Knows nothing of planted bugs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec

from vendomat.cloud.payments import RefundRequest, StartRequest
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import IllegalMoveError, VendomatError
from vendomat.protocol import Envelope, FactKind, FactsReply
from vendomat.simulator.worlds.machines import WorldMachine
from vendomat.simulator.worlds.platform_books import PlatformBooks
from vendomat.simulator.worlds.postgres import WorldPostgres
from vendomat.simulator.worlds.trace import Trace, tail_of
from vendomat.terminal.drivers import Record

_RIGHT = """
SELECT c.machine_id, c.slot, c.order_id, u.is_final, p.payment_id, p.channel, p.captured_minor, o.total_minor,
    p.is_hold AND p.amount_minor >= o.total_minor AS is_held,
    (SELECT count(*) FROM refund r WHERE r.merchant_id = c.merchant_id AND r.order_id = c.order_id
        AND r.payment_id = p.payment_id) AS refunds
FROM command c JOIN sale_order o USING (merchant_id, order_id)
JOIN vend_unit u ON (u.merchant_id, u.order_id, u.unit) = (c.merchant_id, c.order_id, c.unit)
LEFT JOIN payment p ON p.merchant_id = c.merchant_id AND p.order_id = c.order_id AND p.is_winning
WHERE c.cmd_id = $1
"""
_REFUND = """
SELECT r.amount_minor, r.payment_id, p.is_winning, p.captured_minor,
    (SELECT bool_and(u.is_final) FROM vend_unit u
        WHERE (u.merchant_id, u.order_id) = (r.merchant_id, r.order_id)) AS is_decided
FROM refund r JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id) WHERE r.refund_id = $1
"""
_CAPTURE = """
SELECT p.capture_minor, (SELECT bool_and(u.is_final) FROM vend_unit u
        WHERE (u.merchant_id, u.order_id) = (p.merchant_id, p.order_id)) AS is_decided,
    (SELECT coalesce(sum(u.price_minor), 0) FROM vend_unit u
        WHERE (u.merchant_id, u.order_id) = (p.merchant_id, p.order_id) AND u.outcome = 'delivered') AS delivered_minor
FROM payment p WHERE p.payment_id = $1 AND p.channel = $2 AND p.is_winning AND p.is_hold
"""
_SAMPLE = """
SELECT 'I4: the ledger does not balance' AS offence FROM ledger_line HAVING sum(amount_minor) <> 0
UNION ALL
SELECT 'I11: slot ' || s.slot || ' of ' || right(s.machine_id, 6) || ' reserves ' || s.reserved || ', open units want '
    || count(u.unit) FROM stock_slot s LEFT JOIN vend_unit u
    ON (u.merchant_id, u.machine_id, u.slot) = (s.merchant_id, s.machine_id, s.slot) AND NOT u.is_final
    GROUP BY s.slot, s.machine_id, s.reserved HAVING s.reserved <> count(u.unit)
UNION ALL
SELECT 'I3: more refunded than captured of ' || right(p.payment_id, 6)
    FROM payment p JOIN refund r USING (merchant_id, payment_id)
    GROUP BY p.payment_id, p.captured_minor
    HAVING sum(r.amount_minor) FILTER (WHERE r.state <> 'failed') > p.captured_minor
UNION ALL
SELECT 'G10: a payment that came too late won order ' || right(p.order_id, 6)
    FROM payment p JOIN sale_order o USING (merchant_id, order_id) JOIN evidence e ON e.order_id = o.order_id
    AND e.kind IN ('payment.paid', 'payment.held') AND e.data ->> 'payment_id' = p.payment_id
    WHERE p.is_winning AND e.at > o.expires_at + make_interval(secs => $1)
"""
_UNBOOKED = """
SELECT n FROM unnest($2::bigint[], $3::bigint[], $4::text[]) WITH ORDINALITY AS a(epoch, seq, digest, n)
WHERE NOT EXISTS (SELECT FROM machine_fact f WHERE f.machine_id = $1 AND (f.epoch, f.seq, f.digest)
    = (a.epoch, a.seq, a.digest))
"""
_OPEN = """
SELECT 'order ' || right(order_id, 6) || ' is ' || state || ' ' || closing AS what
    FROM sale_order WHERE ended_at IS NULL
UNION ALL SELECT 'payment ' || right(payment_id, 6) || ' is ' || state
    FROM payment WHERE state NOT IN ('paid', 'closed')
UNION ALL SELECT 'refund ' || right(refund_id, 6) || ' is ' || state FROM refund WHERE ended_at IS NULL
UNION ALL SELECT 'refund ' || right(r.refund_id, 6) || ' was given up' FROM refund r
    WHERE r.state = 'failed' AND r.asked_by = '' AND NOT EXISTS (SELECT FROM refund n WHERE n.payment_id = r.payment_id
        AND n.asked_by = '' AND (n.ordinal > r.ordinal OR n.state <> 'failed'))
UNION ALL SELECT 'command ' || right(cmd_id, 6) || ' is ' || state FROM command WHERE state <> 'done'
"""
_INJECTED = (
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.SerializationError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""What the world itself does to a program; any other error that a program logs is the program's own."""


class Watch:
    """`offences` are plain sentences; `broken` is set with the first."""

    def __init__(
        self, postgres: WorldPostgres, books: Mapping[str, PlatformBooks], settings: CloudSettings, trace: Trace
    ) -> None:
        self.offences: list[str] = []
        self.broken = asyncio.Event()
        self.starts: Counter[str] = Counter()
        self.drops = 0
        self.machines: Mapping[str, WorldMachine] = {}
        self._postgres = postgres
        self._books = books
        self._settings = settings
        self._trace = trace

    def offend(self, what: str) -> None:
        self._trace.note("WATCH", what)
        self.offences.append(what)
        self.broken.set()

    # --- motors ------------------------------------------------------------------------------------------------------

    def recorded(self, machine_id: str, record: Record) -> None:
        """A line of a cabinet's physical log."""
        machine = self.machines[machine_id]
        if record.what == "drop":
            self.drops += record.count
            self._trace.note(machine.label, f"{record.count} dropped from {record.slot} for {tail_of(record.cmd_id)}")
        elif record.what == "start":
            self._trace.note(machine.label, f"motor {record.slot} starts for {tail_of(record.cmd_id)} {record.fault}")
            self.starts[record.cmd_id] += 1
            if self.starts[record.cmd_id] > 1:
                self.offend(f"I1: the motor started {self.starts[record.cmd_id]} times for {tail_of(record.cmd_id)}")
            self._check_memory(machine, record)
            self._check_right(machine_id, record)

    def _check_memory(self, machine: WorldMachine, record: Record) -> None:
        """I7: the intent is durable before the motor."""
        life = machine.life
        assert life is not None and life.journal is not None
        known = life.journal.find(record.cmd_id)
        if known is None or not any(fact.kind is FactKind.INTENT for fact in known.facts):
            self.offend(f"I7: the motor started for {tail_of(record.cmd_id)} before its intent was written")
        elif any(content.unsynced for content in machine.disk.names.seen.values()):
            self.offend(f"I7: the motor started for {tail_of(record.cmd_id)} on an intent that a power cut can take")

    def _check_right(self, machine_id: str, record: Record) -> None:
        """I2: a motor turns only on a right that stands, in the cloud's rows and in the platform's books."""
        rows = self._ask(_RIGHT, record.cmd_id)
        short = tail_of(record.cmd_id)
        if not rows:
            self.offend(f"I2: the motor started for {short}, which is no command of the cloud")
            return
        right = rows[0]
        if (right["machine_id"], right["slot"]) != (machine_id, record.slot):
            self.offend(f"I1: the motor of {record.slot} started for {short}, which is for {right['slot']}")
        is_short = right["captured_minor"] is None or right["captured_minor"] < right["total_minor"]
        if right["payment_id"] is None or (is_short and not right["is_held"]):
            self.offend(f"I2: the motor started for {short} without a payment")
        elif right["channel"] in self._books:
            trade = self._books[right["channel"]].trades.get(right["payment_id"])
            if trade is None or (trade.paid_at is None and trade.held_at is None):
                self.offend(f"I2: the motor started for {short}, which the platform was never paid for")
        if right["refunds"] or right["is_final"]:
            self.offend(f"I5: the motor started for {short} after its money was given up")

    # --- money -------------------------------------------------------------------------------------------------------

    def start_asked(self, channel: str, request: StartRequest) -> None:
        """Order before money: the number a platform is told stands committed."""
        rows = self._ask("SELECT amount_minor, channel FROM payment WHERE payment_id = $1", request.number)
        if not rows or (rows[0]["amount_minor"], rows[0]["channel"]) != (request.amount.minor_units, channel):
            self.offend(f"I7: {channel} was told of payment {tail_of(request.number)} before its row stood")

    def refund_asked(self, channel: str, request: RefundRequest) -> None:
        """I3 and I6: one row, one number, one amount, within what was captured, after every unit is decided."""
        rows = self._ask(_REFUND, request.refund_number)
        short = tail_of(request.refund_number)
        if not rows:
            self.offend(f"I3: {channel} was asked for refund {short}, a number that no row stands behind")
            return
        row, books = rows[0], self._books[channel]
        if (row["payment_id"], row["amount_minor"]) != (request.payment_number, request.amount.minor_units):
            self.offend(f"I3: {channel} was asked for refund {short} with another payment or amount than its row's")
        if row["is_winning"] and not row["is_decided"]:
            self.offend(f"I6: refund {short} was asked for before every unit was decided")
        known = books.refunds.get(request.refund_number)
        more = 0 if known is not None else request.amount.minor_units
        trade = books.trades.get(request.payment_number)
        if trade is None or trade.paid_at is None:
            self.offend(f"I3: {channel} was asked to refund {tail_of(request.payment_number)}, which was never paid")
        elif books.refunded_minor(request.payment_number) + more > trade.taken_minor:
            self.offend(f"I3: {channel} was asked to give back more than it took for {tail_of(request.payment_number)}")

    def capture_asked(self, channel: str, number: str, amount_minor: int) -> None:
        """I3: exactly what was delivered is taken of a hold, once every unit is decided, and the row said so before."""
        rows, short = self._ask(_CAPTURE, number, channel), tail_of(number)
        if not rows or rows[0]["capture_minor"] != amount_minor:
            self.offend(f"I3: {channel} was asked to take {amount_minor} of hold {short}, which no row wants")
        elif not rows[0]["is_decided"] or rows[0]["delivered_minor"] != amount_minor:
            self.offend(
                f"I3: {channel} was asked for {amount_minor} of {short}: {rows[0]['delivered_minor']} delivered"
            )

    # --- words -------------------------------------------------------------------------------------------------------

    def answered(self, machine_id: str, kind: str, data: bytes) -> None:
        """I9: what is acknowledged to a machine is booked. A reply is seen as it leaves."""
        if kind != "facts":
            return
        envelope = msgspec.json.decode(data, type=Envelope)
        if envelope.kind != "facts.reply":
            return
        acks = msgspec.json.decode(envelope.body, type=FactsReply).acks
        origins = ([a.epoch for a in acks], [a.seq for a in acks], [a.digest for a in acks])
        missing = self._ask(_UNBOOKED, machine_id, *origins)
        if missing:
            self.offend(f"I9: {len(missing)} facts were acknowledged to {tail_of(machine_id)} and are not booked")

    def logged(self, who: str, level: str, error: BaseException | None, about: Mapping[str, Any]) -> None:
        """A line of a program's own log. An error that nobody did to the program is an offence."""
        event = str(about["event"])
        if error is None:
            if level in ("error", "critical", "warning"):
                self._trace.note(who, f"says {event} {about.get('code', '')}")
            else:
                self._trace.mark(who, event)
            return
        if isinstance(error, _INJECTED):
            self._trace.mark(who, event, type(error).__name__)
            return
        self._trace.note(who, f"says {event}: {type(error).__name__} {about.get('sweep', '')}")
        is_own = isinstance(error, IllegalMoveError) or not isinstance(
            error, (VendomatError, asyncio.CancelledError, OSError)
        )
        if is_own:
            self.offend(f"{who} failed by itself: {event}: {error!r}")

    # --- from time to time -------------------------------------------------------------------------------------------

    def sample(self) -> None:
        """What holds between any two commits."""
        for row in self._ask(_SAMPLE, self._settings.late_grace_s):
            self.offend(row["offence"])

    def still_open(self) -> list[str]:
        """What has not come to its end: rows, motors, and facts that machines could not yet report."""
        found = [row["what"] for row in self._ask(_OPEN)]
        for machine in self.machines.values():
            if machine.terminal is None:
                found.append(f"{machine.label} has not started")
            elif machine.terminal.machine.facts_waiting:
                found.append(f"{machine.label} has facts to report")
            elif machine.terminal.vending.is_busy:  # a silent driver is given up long after its money went back
                found.append(f"{machine.label} has a motor that has not ended")
            elif machine.terminal.selling.sale.attempt is not None:  # an order may still come of it
                found.append(f"{machine.label} asks for something")
        return found

    def _ask(self, statement: str, *values: object) -> list[asyncpg.Record]:
        assert self._postgres.holder is None, "the watch looks between transactions"
        return self._postgres.look(statement, values)
