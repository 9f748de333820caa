"""WeChat Pay's bills: how they are asked for, what the answers mean, and their files read row by row.

Trade bill of all kinds (ALL) and fund flow of the basic account. Files are UTF-8 with a mark, a back-tick before each
value, yuan where the API says fen, and the sums of all columns in the last line; these must be the sums of the rows. A
row is a payment, a refund or a reversed payment by the word in its column, never by a sign. Not documented, so chosen:
a returned fee may be written with or without a minus; `CHANGE` (the payer's account takes no money, a person must act)
counts as FAILED, because the payer has nothing back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec

from vendomat.cloud.payments.providers.bill_cells import (
    check_end,
    check_sum,
    columns,
    count_of,
    csv_lines,
    fen_of,
    moment_of,
    name_of,
    not_negative,
)
from vendomat.cloud.payments.providers.bills import (
    BillError,
    BillKind,
    BillRowKind,
    BillRowStatus,
    BillState,
    FetchedBill,
    ForeignBillError,
    FundRow,
    TradeRow,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.downloads import Promise, host_of, target_of
from vendomat.cloud.payments.providers.limits import CURRENCY
from vendomat.cloud.payments.providers.wechat import wire

HOSTS = frozenset({"api.mch.weixin.qq.com", "api2.mch.weixin.qq.com"})
"""The platform's two hosts behave the same, so an answer of one may name the other."""

STATES = {"NO_STATEMENT_EXIST": BillState.EMPTY, "STATEMENT_CREATING": BillState.NOT_YET}
REFUSALS = frozenset({"PARAM_ERROR", "INVALID_REQUEST", "SIGN_ERROR", "NO_AUTH", "MCH_NOT_EXISTS"})
"""Codes that stay as they are until a person changes something. Any other (too often, system error) is not known."""

TRADE_KINDS = {"SUCCESS": BillRowKind.PAYMENT, "REFUND": BillRowKind.REFUND, "REVOKED": BillRowKind.REFUND}
REFUND_STATUSES = {
    "SUCCESS": BillRowStatus.SUCCEEDED,
    "PROCESSING": BillRowStatus.PROCESSING,
    "FAIL": BillRowStatus.FAILED,
    "CHANGE": BillRowStatus.FAILED,
}
DIRECTIONS = {"收入": 1, "支出": -1}


class _TradeCells(NamedTuple):
    at: str
    mchid: str
    transaction_id: str
    number: str
    way: str
    state: str
    currency: str
    refund_id: str
    refund_number: str
    refund_state: str
    attach: str
    settled: str
    refund: str
    coupon_refund: str
    fee: str
    order: str
    asked_refund: str


_TRADE_COLUMNS = (
    "交易时间", "商户号", "微信订单号", "商户订单号", "交易类型", "交易状态", "货币种类", "微信退款单号",
    "商户退款单号", "退款状态", "商户数据包", "应结订单金额", "退款金额", "充值券退款金额", "手续费",
    "订单金额", "申请退款金额",
)  # fmt: skip
_TRADE_SUMS = (
    "总交易单数", "应结订单总金额", "退款总金额", "充值券退款总金额", "手续费总金额", "订单总金额", "申请退款总金额",
)  # fmt: skip
_FUND_COLUMNS = (
    "记账时间", "微信支付业务单号", "资金流水单号", "业务类型", "收支类型", "收支金额", "账户结余",
    "业务凭证号",
)  # fmt: skip
_FUND_SUMS = ("资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额")


class _BillAnswer(msgspec.Struct):
    hash_type: str
    hash_value: str
    download_url: str


def request_target(kind: BillKind, day: date) -> str:
    if kind is BillKind.TRADE:
        return f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL"
    return f"/v3/bill/fundflowbill?bill_date={day.isoformat()}&account_type=BASIC"


def hosts_of(base_url: str) -> Collection[str]:
    """Where a download may lead when we are set up with `base_url`."""
    host = host_of(base_url)
    return HOSTS if host in HOSTS else (host,)


def read_refusal(status: int, body: bytes | str) -> FetchedBill:
    """An answer other than 200."""
    code, error = wire.error_code(status, body), wire.error_text(status, body)
    if wire.is_definite(status) and code in STATES:
        return FetchedBill(STATES[code], error=error)
    is_refusal = wire.is_definite(status) and code in REFUSALS
    return FetchedBill(BillState.REFUSED if is_refusal else BillState.UNKNOWN, error=error)


def read_promise(body: bytes | str, hosts: Collection[str]) -> Promise:
    """A verified 200. Raises `NotKnownError` when it promises nothing that can be checked."""
    answer = wire.decode(body, _BillAnswer)
    if answer.hash_type != "SHA1" or len(answer.hash_value) != 40:
        raise NotKnownError(f"the hash is {answer.hash_type!r}, not a SHA1")
    return Promise(target_of(answer.download_url, hosts), answer.hash_value)


class _TradeSums:
    """The sums of the rows so far, by column. Fees are added up as written, and as they are meant."""

    def __init__(self) -> None:
        self.rows = 0
        self.settled_fen = self.refund_fen = self.coupon_fen = self.order_fen = self.asked_fen = 0
        self.fee_fen = self.signed_fee_fen = 0

    def add(self, cells: _TradeCells, row: TradeRow) -> None:
        self.settled_fen += fen_of(cells.settled)
        self.refund_fen += fen_of(cells.refund)
        self.coupon_fen += fen_of(cells.coupon_refund)
        self.order_fen += fen_of(cells.order)
        self.asked_fen += fen_of(cells.asked_refund)
        self.fee_fen += fen_of(cells.fee)
        self.signed_fee_fen += row.fee_minor
        self.rows += 1

    def check(self, stated: tuple[str, ...]) -> None:
        check_sum("rows", self.rows, count_of(stated[0]))
        stated_fee_fen = fen_of(stated[4])
        fee_fen = self.fee_fen if stated_fee_fen == self.fee_fen else self.signed_fee_fen
        own = (self.settled_fen, self.refund_fen, self.coupon_fen, fee_fen, self.order_fen, self.asked_fen)
        for name, fen, text in zip(_TRADE_SUMS[1:], own, stated[1:], strict=True):
            check_sum(name, fen, fen_of(text))


def read_trades(path: Path, mchid: str) -> Iterator[TradeRow]:
    """The rows of a trade bill of `mchid`. Raises `BillError`, at the latest after the last row."""
    with path.open(encoding="utf-8-sig", newline="") as text:
        lines = csv_lines(text)
        pick = columns(next(lines, []), _TRADE_COLUMNS)
        sums = _TradeSums()
        for line in lines:
            if line and name_of(line[0]) == _TRADE_SUMS[0]:
                break
            try:
                cells = _TradeCells(*pick(line))
                row = _trade(sums.rows + 1, cells, mchid)
                sums.add(cells, row)
            except BillError as error:
                raise type(error)(f"row {sums.rows + 1}: {error.reason}") from error
            yield row
        else:
            raise BillError(f"the bill breaks off after row {sums.rows}: there are no sums")
        sums.check(columns(line, _TRADE_SUMS)(next(lines, [])))
        check_end(lines)


def _trade(number: int, cells: _TradeCells, mchid: str) -> TradeRow:
    kind = TRADE_KINDS.get(cells.state)
    if kind is None:
        raise BillError(f"交易状态 {cells.state[:40]!r} is not known")
    if cells.mchid != mchid:
        raise ForeignBillError(f"it is of merchant {cells.mchid[:40]!r}, not of {mchid}")
    if cells.currency != CURRENCY:
        raise BillError(f"it is in {cells.currency[:40]!r}")
    is_payment = kind is BillRowKind.PAYMENT
    fee_fen = fen_of(cells.fee)
    return TradeRow(
        number,
        kind,
        BillRowStatus.SUCCEEDED if is_payment else _refund_status(cells),
        moment_of(cells.at),
        _own_number(cells),
        cells.transaction_id,
        not_negative(fen_of(cells.order if is_payment else cells.asked_refund)),
        CURRENCY,
        fee_fen if is_payment else -abs(fee_fen),
        "" if is_payment else _or_none(cells.refund_number),
        "" if is_payment else _or_none(cells.refund_id),
    )


def _own_number(cells: _TradeCells) -> str:
    """Our number of the order: for a deduction of Pay Score the platform made one of its own and packs ours beside."""
    if cells.way != "AUTH":
        return cells.number
    parts = cells.attach.split("|")
    if len(parts) != 3 or parts[0] != "wxzff" or not parts[2]:
        raise BillError("a deduction without our number")
    return parts[2]


def _refund_status(cells: _TradeCells) -> BillRowStatus:
    if cells.state == "REVOKED" and not cells.refund_state:
        return BillRowStatus.SUCCEEDED  # reversed as a whole, so there may be no refund beside it
    status = REFUND_STATUSES.get(cells.refund_state)
    if status is None:
        raise BillError(f"退款状态 {cells.refund_state[:40]!r} is not known")
    return status


def _or_none(number: str) -> str:
    return "" if number == "0" else number


def read_funds(path: Path) -> Iterator[FundRow]:
    """The rows of a fund flow bill. `business` is the platform's word; `提现` is what was paid out to the bank."""
    with path.open(encoding="utf-8-sig", newline="") as text:
        lines = csv_lines(text)
        pick = columns(next(lines, []), _FUND_COLUMNS)
        rows, sums_fen, counts = 0, {1: 0, -1: 0}, {1: 0, -1: 0}
        for line in lines:
            if line and name_of(line[0]) == _FUND_SUMS[0]:
                break
            rows += 1
            try:
                sign, row = _fund(rows, pick(line))
            except BillError as error:
                raise BillError(f"row {rows}: {error.reason}") from error
            counts[sign] += 1
            sums_fen[sign] += abs(row.amount_minor)
            yield row
        else:
            raise BillError(f"the bill breaks off after row {rows}: there are no sums")
        stated = columns(line, _FUND_SUMS)(next(lines, []))
        check_sum("rows", rows, count_of(stated[0]))
        for sign, column in ((1, 1), (-1, 3)):
            check_sum(_FUND_SUMS[column], counts[sign], count_of(stated[column]))
            check_sum(_FUND_SUMS[column + 1], sums_fen[sign], fen_of(stated[column + 1]))
        check_end(lines)


def _fund(number: int, cells: tuple[str, ...]) -> tuple[int, FundRow]:
    """Direction (1 in, -1 out) and row."""
    at, platform_number, flow_id, business, way, yuan, balance, voucher = cells
    if way not in DIRECTIONS:
        raise BillError(f"收支类型 {way[:40]!r} is not known")
    sign = DIRECTIONS[way]
    fen = sign * not_negative(fen_of(yuan))
    return sign, FundRow(number, moment_of(at), flow_id, business, fen, fen_of(balance), voucher or platform_number)
