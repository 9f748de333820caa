"""Alipay's bills: what the answers mean, and the tables of the archive read row by row.

`trade` is the list of payments and refunds, `signcustomer` that of movements on the account. What a row is follows from
业务类型: samples write a refund's amounts, and fees, with either sign. Rows have happened: there are no other states.
Not documented, so chosen: BILL_NOT_EXIST means "not made yet" until 09:00 of the second day after, and from then on
that there is nothing; a long table may come in several files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

from vendomat.cloud.payments.providers.alipay import wire
from vendomat.cloud.payments.providers.alipay.archive import Table, opened, tables
from vendomat.cloud.payments.providers.bill_cells import (
    bare,
    check_sum,
    columns,
    count_of,
    fen_of,
    moment_of,
    name_of,
)
from vendomat.cloud.payments.providers.bills import (
    BillError,
    BillKind,
    BillRowKind,
    BillRowStatus,
    BillState,
    FetchedBill,
    FundRow,
    TradeRow,
)
from vendomat.cloud.payments.providers.limits import BEIJING, CURRENCY

BILL_TYPES = {BillKind.TRADE: "trade", BillKind.FUND_FLOW: "signcustomer"}
REFUSALS = frozenset({"INVAILID_ARGUMENTS", "INVALID_ARGUMENTS", "INVALID_PARAMETER", "ACCESS_FORBIDDEN"})
"""The first is the platform's own spelling."""

KINDS = {"交易": BillRowKind.PAYMENT, "退款": BillRowKind.REFUND}
_SURE_AT = time(9, tzinfo=BEIJING)


class _TradeCells(NamedTuple):
    transaction_id: str
    number: str
    kind: str
    at: str
    order: str
    received: str
    refund_number: str
    fee: str


_TRADE_COLUMNS = (
    "支付宝交易号", "商户订单号", "业务类型", "完成时间", "订单金额", "商家实收", "退款批次号/请求号", "服务费",
)  # fmt: skip
_FUND_COLUMNS = (
    "账务流水号", "业务流水号", "商户订单号", "发生时间", "收入金额", "支出金额", "账户余额", "业务类型",
)  # fmt: skip
_SUMMARY_COUNTS = {"交易订单总笔数": BillRowKind.PAYMENT, "退款订单总笔数": BillRowKind.REFUND}
_TRADE_TOTAL = re.compile(r"#(交易|退款)合计：([0-9]+)笔，商家实收(?:退款)?共(-?[0-9.]+)元")
_FUND_TOTAL = re.compile(r"#(收入|支出)合计：([0-9]+)笔，共(-?[0-9.]+)元")


def read_address(fields: Mapping[str, Any], day: date, now: datetime) -> str | FetchedBill:
    """Where the bill of `day` lies, or why there is none."""
    url = fields.get("bill_download_url")
    if wire.is_success(fields):
        if isinstance(url, str) and url:
            return url
        return FetchedBill(BillState.UNKNOWN, error="the answer has no address")
    error, reason = wire.error_text(fields), wire.reason_of(fields)
    if fields.get("code") == "40004" and reason == "NO_BILL_DATA":
        return FetchedBill(BillState.EMPTY, error=error)
    if fields.get("code") == "40004" and reason == "BILL_NOT_EXIST":
        sure_at = datetime.combine(day + timedelta(days=2), _SURE_AT)
        return FetchedBill(BillState.EMPTY if now >= sure_at else BillState.NOT_YET, error=error)
    is_refusal = wire.is_refusal(fields, REFUSALS)
    return FetchedBill(BillState.REFUSED if is_refusal else BillState.UNKNOWN, error=error)


class _TradeSums:
    """Rows, received yuan and fees so far, by kind of row and as they are written."""

    def __init__(self) -> None:
        self.rows = dict.fromkeys(BillRowKind, 0)
        self.received_fen = dict.fromkeys(BillRowKind, 0)
        self.fee_fen = 0

    def add(self, kind: BillRowKind, cells: _TradeCells) -> None:
        self.rows[kind] += 1
        self.received_fen[kind] += fen_of(cells.received)
        self.fee_fen += fen_of(cells.fee)

    def __iadd__(self, other: _TradeSums) -> _TradeSums:
        for kind in BillRowKind:
            self.rows[kind] += other.rows[kind]
            self.received_fen[kind] += other.received_fen[kind]
        self.fee_fen += other.fee_fen
        return self

    def check(self, footer: list[str]) -> None:
        totals = {KINDS[found[1]]: found for line in footer if (found := _TRADE_TOTAL.match(line))}
        if BillRowKind.PAYMENT not in totals or (self.rows[BillRowKind.REFUND] and BillRowKind.REFUND not in totals):
            raise BillError("the table has no sums")
        for kind, found in totals.items():
            check_sum(f"{found[1]}合计 rows", self.rows[kind], count_of(found[2]))
            check_sum(f"{found[1]}合计", abs(self.received_fen[kind]), abs(fen_of(found[3])))

    def check_summary(self, table: Table) -> None:
        """The summary's last row is over all shops."""
        names = [name_of(cell) for cell in table.header]
        *_, last = [[], *table.rows]
        if len(last) != len(names):
            raise BillError("the summary has no last row")
        for name, kind in _SUMMARY_COUNTS.items():
            if name in names:
                check_sum(name, self.rows[kind], count_of(bare(last[names.index(name)])))
        if "服务费" in names:
            check_sum("服务费", self.fee_fen, fen_of(bare(last[names.index("服务费")])))


def read_trades(path: Path, seller_id: str) -> Iterator[TradeRow]:
    """The rows of a trade bill of `seller_id`. Raises `BillError`, at the latest after the last row."""
    with opened(path) as archive:
        whole, number = _TradeSums(), 0
        for table in _details(archive, seller_id):
            pick, sums = columns(table.header, _TRADE_COLUMNS), _TradeSums()
            for line in table.rows:
                number += 1
                try:
                    cells = _TradeCells(*pick(line))
                    row = _trade(number, cells)
                    sums.add(row.kind, cells)
                except BillError as error:
                    raise BillError(f"row {number}: {error.reason}") from error
                yield row
            sums.check(table.footer)
            whole += sums
        for summary in tables(archive, seller_id, summaries=True):
            whole.check_summary(summary)


def _details(archive: ZipFile, seller_id: str) -> Iterator[Table]:
    found = False
    for table in tables(archive, seller_id, summaries=False):
        found = True
        yield table
    if not found:
        raise BillError("the archive has no details")


def _trade(number: int, cells: _TradeCells) -> TradeRow:
    kind = KINDS.get(cells.kind)
    if kind is None:
        raise BillError(f"业务类型 {cells.kind[:40]!r} is not known")
    is_payment = kind is BillRowKind.PAYMENT
    amount_fen, fee_fen = fen_of(cells.order), abs(fen_of(cells.fee))
    if is_payment and amount_fen < 0:
        raise BillError(f"a payment of {amount_fen} fen")
    return TradeRow(
        number,
        kind,
        BillRowStatus.SUCCEEDED,
        moment_of(cells.at),
        cells.number,
        cells.transaction_id,
        abs(amount_fen),
        CURRENCY,
        fee_fen if is_payment else -fee_fen,
        "" if is_payment else cells.refund_number,
    )


def read_funds(path: Path, seller_id: str) -> Iterator[FundRow]:
    """The rows of an account's bill. `business` is the platform's word; `提现` is what was paid out to the bank."""
    with opened(path) as archive:
        number = 0
        for table in _details(archive, seller_id):
            pick = columns(table.header, _FUND_COLUMNS)
            counts, sums_fen = {"收入": 0, "支出": 0}, {"收入": 0, "支出": 0}
            for line in table.rows:
                number += 1
                try:
                    row = _fund(number, pick(line))
                except BillError as error:
                    raise BillError(f"row {number}: {error.reason}") from error
                way = "收入" if row.amount_minor > 0 else "支出"
                counts[way] += 1
                sums_fen[way] += abs(row.amount_minor)
                yield row
            totals = {found[1]: found for line in table.footer if (found := _FUND_TOTAL.match(line))}
            if len(totals) != len(counts):
                raise BillError("the table has no sums")
            for way, found in totals.items():
                check_sum(f"{way}合计 rows", counts[way], count_of(found[2]))
                check_sum(f"{way}合计", sums_fen[way], abs(fen_of(found[3])))


def _fund(number: int, cells: tuple[str, ...]) -> FundRow:
    flow_id, platform_number, order_number, at, came, went, balance, business = cells
    came_fen, went_fen = abs(fen_of(came or "0")), abs(fen_of(went or "0"))
    if bool(came_fen) == bool(went_fen):
        raise BillError(f"{came_fen} fen came in and {went_fen} fen went out")
    reference = order_number or platform_number
    return FundRow(number, moment_of(at), flow_id, business, came_fen - went_fen, fen_of(balance), reference)
