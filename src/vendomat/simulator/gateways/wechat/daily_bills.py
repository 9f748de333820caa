"""WeChat Pay's bills of a day, made from its books to the byte: trades of all kinds, and the flow of funds.

UTF-8 with a mark, lines ending in CR LF, a back-tick before each value, yuan; columns and sums as in the published
sample. Not documented, so chosen: fees rounded half up; a returned fee with a minus; a refund stands on the day it was
asked for, in the state it had when bills are made (09:00); in the fund flow it is one line, less the fee returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from vendomat.simulator.gateways.daily_bills import TradeLine
from vendomat.simulator.gateways.funds import (
    CHINA,
    FundEntry,
    day_of,
    digits_of,
    moment_on,
    yuan_of,
)
from vendomat.simulator.gateways.wechat.records import Merchant, Order, Refund, RefundState, openid_of

MADE_AT = time(9, tzinfo=CHINA)
TRADE_COLUMNS = (
    "交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号", "用户标识", "交易类型",
    "交易状态", "付款银行", "货币种类", "应结订单金额", "代金券金额", "微信退款单号", "商户退款单号", "退款金额",
    "充值券退款金额", "退款类型", "退款状态", "商品名称", "商户数据包", "手续费", "费率", "订单金额", "申请退款金额",
    "费率备注",
)  # fmt: skip
TRADE_SUMS = (
    "总交易单数", "应结订单总金额", "退款总金额", "充值券退款总金额", "手续费总金额", "订单总金额", "申请退款总金额",
)  # fmt: skip
FUND_COLUMNS = (
    "记账时间", "微信支付业务单号", "资金流水单号", "业务名称", "业务类型", "收支类型", "收支金额(元)", "账户结余(元)",
    "资金变更提交申请人", "备注", "业务凭证号",
)  # fmt: skip
FUND_SUMS = ("资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额")
REFUND_WORDS = {
    RefundState.PROCESSING: "PROCESSING",
    RefundState.SUCCESS: "SUCCESS",
    RefundState.CLOSED: "FAIL",
    RefundState.ABNORMAL: "CHANGE",
}


def lines_of(merchant: Merchant, orders: Iterable[Order], refunds: Iterable[Refund]) -> list[TradeLine]:
    """Every payment and refund of `merchant`, of all days."""
    paid = {o.terms.out_trade_no: o for o in orders if o.terms.mchid == merchant.mchid and o.paid_at is not None}
    lines = [_payment(order) for order in paid.values()]
    lines += [_reverse(order, order.reversed_at) for order in paid.values() if order.reversed_at is not None]
    return lines + [_refund(r, paid[r.out_trade_no]) for r in refunds if r.mchid == merchant.mchid]


def _payment(order: Order) -> TradeLine:
    assert order.paid_at is not None, "only paid orders are in a bill"
    return TradeLine(
        at=order.paid_at,
        number=order.terms.out_trade_no,
        transaction_id=order.transaction_id,
        amount_fen=order.terms.total_fen,
        fee_fen=order.fee_fen,
        fee_basis_points=order.fee_basis_points,
        state="SUCCESS",
        description=order.terms.description,
        attach=order.terms.attach,
        device=order.terms.device_id,
        payer=openid_of(order.terms.appid, order.payer),
        way=order.trade_type,
    )


def _reverse(order: Order, reversed_at: datetime) -> TradeLine:
    """The whole payment given back, under the order's own number."""
    return replace(_payment(order), at=reversed_at, fee_fen=-order.fee_fen, state="REVOKED", is_refund=True)


def _refund(refund: Refund, order: Order) -> TradeLine:
    made_at = moment_on(day_of(refund.created_at) + timedelta(days=1), MADE_AT)
    is_settled = refund.settled_at is not None and refund.settled_at < made_at
    return TradeLine(
        at=refund.created_at,
        number=refund.out_trade_no,
        transaction_id=refund.transaction_id or order.transaction_id,
        amount_fen=refund.amount_fen,
        fee_fen=-refund.fee_fen,
        fee_basis_points=order.fee_basis_points,
        state=REFUND_WORDS[refund.state if is_settled else RefundState.PROCESSING],
        description=order.terms.description,
        attach=order.terms.attach,
        device=order.terms.device_id,
        payer=openid_of(order.terms.appid, order.payer),
        way=order.trade_type,
        is_refund=True,
        refund_number=refund.out_refund_no,
        refund_id=refund.refund_id,
    )


def trade_file(merchant: Merchant, lines: Sequence[TradeLine], *, sums_off_by_fen: int = 0) -> bytes:
    """The trade bill ALL of `lines`."""
    payments = [line for line in lines if not line.is_refund]
    refunds = [line for line in lines if line.is_refund]
    paid_fen, back_fen = (sum(line.amount_fen for line in part) for part in (payments, refunds))
    fee_fen = sum(line.fee_fen for line in lines)
    sums = [
        f"{len(lines)}.0",
        *(_short(fen) for fen in (paid_fen + sums_off_by_fen, back_fen, 0, fee_fen, paid_fen, back_fen)),
    ]
    return _file(TRADE_COLUMNS, (_trade_cells(merchant, line) for line in lines), TRADE_SUMS, sums)


def _trade_cells(merchant: Merchant, line: TradeLine) -> list[str]:
    is_refund, yuan = line.is_refund, yuan_of(line.amount_fen)
    paid, back = ("0.00", yuan) if is_refund else (yuan, "0.00")
    return [
        _time(line.at),
        merchant.appid,
        merchant.mchid,
        "0",
        line.device,
        line.transaction_id,
        line.number,
        line.payer,
        line.way or "NATIVE",
        line.state if line.state == "REVOKED" or not is_refund else "REFUND",
        "OTHERS",
        "CNY",
        paid,
        "0.00",
        line.refund_id or "0",
        line.refund_number or "0",
        back,
        "0.00",
        "ORIGINAL" if is_refund else "",
        line.state if is_refund and line.state != "REVOKED" else "",
        _text(line.description),
        _text(line.attach),
        f"{yuan_of(line.fee_fen)}000",
        f"{line.fee_basis_points // 100}.{line.fee_basis_points % 100:02d}%",
        paid,
        back,
        "",
    ]


def fund_file(mchid: str, entries: Sequence[FundEntry], *, sums_off_by_fen: int = 0) -> bytes:
    """The fund flow bill of `entries`."""
    came, went = ([e.amount_fen for e in entries if (e.amount_fen > 0) is is_in] for is_in in (True, False))
    sums = [
        f"{len(entries)}.0",
        f"{len(came)}.0",
        _short(sum(came) + sums_off_by_fen),
        f"{len(went)}.0",
        _short(-sum(went)),
    ]
    return _file(FUND_COLUMNS, (_fund_cells(mchid, entry) for entry in entries), FUND_SUMS, sums)


def _fund_cells(mchid: str, entry: FundEntry) -> list[str]:
    source = f"{entry.voucher}/{entry.name}"
    return [
        _time(entry.at),
        entry.platform_number,
        f"{mchid}{day_of(entry.at):%Y%m%d}{digits_of(source, 10)}",
        entry.name,
        entry.business,
        "收入" if entry.amount_fen > 0 else "支出",
        yuan_of(abs(entry.amount_fen)),
        yuan_of(entry.balance_fen),
        "system",
        _text(entry.note),
        entry.voucher,
    ]


def _file(columns: Sequence[str], rows: Iterable[list[str]], sums: Sequence[str], stated: Sequence[str]) -> bytes:
    lines = [",".join(columns), *(_ticked(row) for row in rows), ",".join(sums), _ticked(stated)]
    return "".join(["\ufeff", *(f"{line}\r\n" for line in lines)]).encode()


def _ticked(cells: Iterable[str]) -> str:
    return ",".join([f"`{cell}" for cell in cells])


def _time(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def _short(fen: int) -> str:
    """A sum as the sample writes it: no more digits than needed, but one."""
    text = yuan_of(fen)
    return text.removesuffix("0")


def _text(text: str) -> str:
    """Free text in a bill: the two characters that would break a line are written otherwise."""
    return text.replace(",", "\\ ").replace("\r", "").replace("\n", "\\n")


def earliest_day(today: date) -> date:
    """Bills are kept for three months."""
    return today - timedelta(days=92)
