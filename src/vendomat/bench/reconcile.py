"""`vendomat bench reconcile`: how long a day of one account takes to reconcile with its WeChat Pay bill.

A private PostgreSQL is filled with a day's paid, delivered or refunded orders, and the bill of that day is written to
a file in the platform's own form; every 10,000th payment is left out of it. Then the day is run as the nightly job runs
it: the file is read, checked, staged, joined, judged and booked. The yardstick of the same run is a plain COPY of the
same file, line by line, into a table. Refuses to call a run good that finds anything else than what was left out.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from vendomat.cloud.payments import BillKind, CallThreads, WeChatPayProvider, WeChatSettings
from vendomat.cloud.platform.database import Database, KeptConnection, migrate
from vendomat.cloud.platform.engines import PostgresEngine
from vendomat.cloud.reconciliation import AccountDay, Taken, run_trades
from vendomat.kernel import Clock, SystemClock

DAY = date(2026, 6, 1)
MCHID = "1900000109"
MERCHANT = "mer_" + "0" * 26
PRICE_FEN, FEE_FEN = 350, 2
LEFT_OUT_EVERY = 10_000
REFUND_EVERY = 100
Say = Callable[[str], None]

_HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
_SUMS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"

_FILL = (
    """
    INSERT INTO merchant (merchant_id, name, payee, currency, created_at) VALUES ($1, 'b', 'b', 'CNY', now())
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO sale_order (merchant_id, order_id, machine_id, request_id, origin, state, version, total_minor,
        currency, lines, created_at, expires_at, ended_at)
    SELECT $1, 'ord_' || lpad(n::text, 26, '0'), 'mch_1', n::text, 'touch', 'settled', 5, $5, 'CNY', '[]', t, t, t
    FROM (SELECT n, $2::timestamptz + n * interval '1 day' / ($3 + 1) AS t FROM generate_series(1, $3::int) n) g
    WHERE $4::text IS NOT NULL
    """,
    """
    INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, state, is_winning,
        transaction_id, captured_minor, paid_at, created_at, expires_at)
    SELECT $1, 'pay_' || lpad(n::text, 26, '0'), 'ord_' || lpad(n::text, 26, '0'), 'wechat', $4, $5, 'CNY', 'paid',
        true, '42' || lpad(n::text, 26, '0'), $5, t, t, t
    FROM (SELECT n, $2::timestamptz + n * interval '1 day' / ($3 + 1) AS t FROM generate_series(1, $3::int) n) g
    """,
    """
    INSERT INTO vend_unit (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, outcome, is_final)
    SELECT $1, 'ord_' || lpad(n::text, 26, '0'), 1, 'mch_1', 'A1', 'prd_1', $5,
        CASE WHEN n % $6 = 0 THEN 'not_delivered' ELSE 'delivered' END, true FROM generate_series(1, $3::int) n
    WHERE $2::timestamptz IS NOT NULL AND $4::text IS NOT NULL
    """,
    """
    INSERT INTO refund (merchant_id, payment_id, ordinal, refund_id, order_id, amount_minor, reason, state,
        requested_at, ended_at)
    SELECT $1, 'pay_' || lpad(n::text, 26, '0'), 1, 'rfd_' || lpad(n::text, 26, '0'), 'ord_' || lpad(n::text, 26, '0'),
        $5, 'jam', 'succeeded', t, t
    FROM (SELECT n, $2::timestamptz + n * interval '1 day' / ($3 + 1) AS t FROM generate_series(1, $3::int) n
        WHERE n % $6 = 0) g WHERE $4::text IS NOT NULL
    """,
)


@dataclass(frozen=True)
class ReconcilePlan:
    """`folder` must be empty. `rows` are those of the bill, refunds among them."""

    folder: Path
    rows: int = 1_000_000

    @property
    def payments(self) -> int:
        return self.rows * REFUND_EVERY // (REFUND_EVERY + 1)


@dataclass
class ReconcileReport:
    """Seconds by step; `peak_mib` is this process's largest size, `before_mib` what it had before the day was run."""

    rows: int
    file_mib: float
    seconds: float
    rows_per_second: int
    steps_s: dict[str, float]
    peak_mib: float
    before_mib: float
    items: dict[str, int]
    left_out: int
    sums: dict[str, int] = field(default_factory=dict)
    copy_s: float = 0.0

    @property
    def ratio(self) -> float:
        """How many times as long as the plain COPY it took."""
        return round(self.seconds / self.copy_s, 2)

    @property
    def is_good(self) -> bool:
        return self.items == ({"timing": self.left_out} if self.left_out else {})


async def run_reconcile(plan: ReconcilePlan, say: Say = lambda _: None) -> ReconcileReport:
    """Fill, write the bill, reconcile, compare with a plain COPY."""
    clock = SystemClock()
    engine = PostgresEngine(plan.folder / "postgres")
    await asyncio.to_thread(engine.start)
    try:
        url = engine.create_database("bench")
        await migrate(url)
        say(f"filling a day of {plan.payments} payments")
        await _fill(engine.address.url_of("bench", "postgres"), plan)
        bill = plan.folder / "bill.csv"
        written = await asyncio.to_thread(_write_bill, bill, plan)
        say(f"reconciling {written.size_bytes >> 20} MiB")
        report = await _measure(url, written, clock)
        report.copy_s = round(await _plain_copy(engine.address.url_of("bench", "postgres"), bill, clock), 2)
        return report
    finally:
        await asyncio.to_thread(engine.destroy)


async def _fill(superuser_url: str, plan: ReconcilePlan) -> None:
    connection = await asyncpg.connect(superuser_url)
    place = _place()
    values = (MERCHANT, place.begins_at, plan.payments, MCHID, PRICE_FEN, REFUND_EVERY)
    try:
        await connection.execute("SET session_replication_role = replica")  # no foreign keys: rows are made in one go
        for statement in _FILL:
            used = max(n for n in range(1, len(values) + 1) if f"${n}" in statement)
            await connection.execute(statement, *values[:used], timeout=3_600)
        await connection.execute(
            "INSERT INTO recon_day (merchant_id, channel, account, day) VALUES ($1, $2, $3, $4)", *place.key
        )
        await connection.execute("VACUUM ANALYZE", timeout=3_600)
    finally:
        await connection.close()


def _place() -> AccountDay:
    return AccountDay(MERCHANT, "wechat", MCHID, DAY)


@dataclass(frozen=True)
class _Written:
    path: Path
    size_bytes: int
    left_out: int


def _write_bill(path: Path, plan: ReconcilePlan) -> _Written:
    """The bill as the platform writes it, row by row."""
    begins = _place().begins_at
    left_out = refunds = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        file.write(_HEADER + "\r\n")
        for n in range(1, plan.payments + 1):
            at = begins + timedelta(days=1) * n / (plan.payments + 1)
            if n % LEFT_OUT_EVERY == 1 and n > 1:
                left_out += 1
            else:
                file.write(_row(n, at, is_refund=False))
            if n % REFUND_EVERY == 0:
                refunds += 1
                file.write(_row(n, at, is_refund=True))
        paid = (plan.payments - left_out) * PRICE_FEN
        fees = (plan.payments - left_out - refunds) * FEE_FEN
        sums = (_yuan(paid), _yuan(refunds * PRICE_FEN), "0.00", _yuan(fees), _yuan(paid), _yuan(refunds * PRICE_FEN))
        count = plan.payments - left_out + refunds
        file.write(f"{_SUMS}\r\n" + ",".join(f"`{cell}" for cell in (f"{count}.0", *sums)) + "\r\n")
    return _Written(path, path.stat().st_size, left_out)


def _row(n: int, at: datetime, *, is_refund: bool) -> str:
    number = f"{n:026d}"
    price, none = _yuan(PRICE_FEN), "0.00"
    paid, back = (none, price) if is_refund else (price, none)
    cells = (
        f"{at:%Y-%m-%d %H:%M:%S}", "wxd678efh567hg6787", MCHID, "0", "mch_1", f"42{number}", f"pay_{number}",
        "o4GgauInH_RCEdvrrNGrntXDu6D4", "NATIVE", "REFUND" if is_refund else "SUCCESS", "OTHERS", "CNY", paid, none,
        f"50{number}" if is_refund else "0", f"rfd_{number}" if is_refund else "0", back, none,
        "ORIGINAL" if is_refund else "", "SUCCESS" if is_refund else "", "Vendomat 000001", f"ord_{number}",
        f"{'-' if is_refund else ''}{_yuan(FEE_FEN)}000", "0.60%", paid, back, "",
    )  # fmt: skip
    return ",".join([f"`{cell}" for cell in cells]) + "\r\n"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


async def _measure(url: str, bill: _Written, clock: Clock) -> ReconcileReport:
    steps: dict[str, float] = {}
    database = await Database.open(url, hot_connections=1, connection_class=_timed(steps, clock))
    provider = _reader(clock)
    before_mib = _peak_mib()
    taken = Taken(BillKind.TRADE, "kept", "0" * 64, bill.size_bytes)
    try:
        began = clock.elapsed()
        await database.write(
            lambda c: run_trades(c, _place(), taken, provider.read_trades(bill.path), at=_place().due_at)
        )
        seconds = clock.elapsed() - began
        peak_mib = _peak_mib()
        async with database.hot.acquire() as connection:
            day = await connection.fetchrow("SELECT bill_rows, paid_minor, refunded_minor, fee_minor FROM recon_day")
            found = await connection.fetch("SELECT class, count(*) FROM recon_item GROUP BY class")
    finally:
        await database.aclose()
        await provider.aclose()
    return ReconcileReport(
        rows=day["bill_rows"],
        file_mib=round(bill.size_bytes / 2**20, 1),
        seconds=round(seconds, 2),
        rows_per_second=int(day["bill_rows"] / seconds),
        steps_s={name: round(spent, 2) for name, spent in steps.items()},
        peak_mib=peak_mib,
        before_mib=before_mib,
        items={row[0]: row[1] for row in found},
        left_out=bill.left_out,
        sums={name: day[name] for name in ("paid_minor", "refunded_minor", "fee_minor")},
    )


def _timed(steps: dict[str, float], clock: Clock) -> type[KeptConnection]:
    """A connection that adds up how long the statements of each step took."""

    async def counted(name: str, work: Any) -> Any:
        began = clock.elapsed()
        try:
            return await work
        finally:
            steps[name] = steps.get(name, 0.0) + clock.elapsed() - began

    class TimedConnection(KeptConnection):
        async def copy_to_table(self, *args: Any, **options: Any) -> Any:
            return await counted("read and stage", super().copy_to_table(*args, **options))

        async def execute(self, query: str, *args: Any, **options: Any) -> Any:
            name = "join" if "FULL JOIN" in query else "repeats" if "WITH again" in query else "other statements"
            return await counted(name, super().execute(query, *args, **options))

        async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
            name = "goods and refunds" if "mine AS MATERIALIZED" in query else "other statements"
            return await counted(name, super().fetch(query, *args, **options))

        async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
            name = "sums" if "FROM recon_bill" in query else "other statements"
            return await counted(name, super().fetchrow(query, *args, **options))

    return TimedConnection


async def _plain_copy(superuser_url: str, bill: Path, clock: Clock) -> float:
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute("CREATE TABLE yardstick (line text)")
        began = clock.elapsed()
        await connection.copy_to_table("yardstick", source=bill, delimiter="\x02", timeout=3_600)
        return clock.elapsed() - began
    finally:
        await connection.close()


def _reader(clock: Clock) -> WeChatPayProvider:
    """The provider whose bills are read; it calls nobody."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    settings = WeChatSettings(
        mchid=MCHID,
        appid="wxd678efh567hg6787",
        private_key=private,
        serial_no="4" * 40,
        apiv3_key="k" * 32,
        public_key=public,
        public_key_id="PUB_KEY_ID_0119000001092024010100000000001",
    )
    return WeChatPayProvider(settings, clock=clock, threads=CallThreads(1), is_owner_of_threads=True)


def _peak_mib() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def reconcile_json(report: ReconcileReport) -> str:
    """The report as one JSON object, with its verdict."""
    return msgspec.json.format(
        msgspec.json.encode(asdict(report) | {"ratio": report.ratio, "is_good": report.is_good})
    ).decode()
