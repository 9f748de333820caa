"""Alipay's bills of a day, made from its books: an archive of CSV files, names and contents in GBK.

Lines beginning with `#` frame the table; numbers end in a tab; a refund's amounts carry a minus, and so does a fee that
was taken. Not documented, so chosen: fees rounded half up, lines ending in CR LF, text with a comma in quotes; a refund
stands on the day it succeeded.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from vendomat.simulator.gateways.alipay.records import Refund, RefundState, Trade, key_of
from vendomat.simulator.gateways.alipay.shapes import logon_id_of
from vendomat.simulator.gateways.daily_bills import TradeLine
from vendomat.simulator.gateways.funds import CHINA, FundEntry, digits_of, moment_on, yuan_of

TRADE_COLUMNS = (
    "支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间", "门店编号", "门店名称", "操作员",
    "终端号", "对方账户", "订单金额（元）", "商家实收（元）", "支付宝红包（元）", "集分宝（元）", "支付宝优惠（元）",
    "商家优惠（元）", "券核销金额（元）", "券名称", "商家红包消费金额（元）", "卡消费金额（元）",
    "退款批次号/请求号", "服务费（元）", "分润（元）", "备注",
)  # fmt: skip
SUMMARY_COLUMNS = (
    "门店编号", "门店名称", "交易订单总笔数", "退款订单总笔数", "订单金额（元）", "商家实收（元）", "支付宝优惠（元）",
    "商家优惠（元）", "卡消费金额（元）", "服务费（元）", "分润（元）", "实收净额（元）",
)  # fmt: skip
FUND_COLUMNS = (
    "账务流水号", "业务流水号", "商户订单号", "商品名称", "发生时间", "对方账号", "收入金额（+元）", "支出金额（-元）",
    "账户余额（元）", "交易渠道", "业务类型", "备注",
)  # fmt: skip
FUND_SUMMARY_COLUMNS = ("业务类型", "收入笔数", "收入金额（+元）", "支出笔数", "支出金额（-元）")
ACCOUNT_SUFFIX = "0156"
ENCODING = "gbk"
_MADE_AT = time(9, tzinfo=CHINA)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Whose bill, of which day; `off_by_fen` makes a sum at the end a wrong one."""

    seller_id: str
    day: date
    off_by_fen: int = 0

    @property
    def name(self) -> str:
        return f"{self.seller_id}{ACCOUNT_SUFFIX}_{self.day:%Y%m%d}"

    def head(self, title: str) -> list[str]:
        end = self.day + timedelta(days=1)
        return [
            f"#支付宝{title}查询",
            f"#账号：[{self.seller_id}{ACCOUNT_SUFFIX}]",
            f"#起始日期：[{self.day:%Y年%m月%d日} 00:00:00]   终止日期：[{end:%Y年%m月%d日} 00:00:00]",
        ]

    @property
    def made_at_line(self) -> str:
        made_at = moment_on(self.day + timedelta(days=1), _MADE_AT).astimezone(CHINA)
        return f"#导出时间：[{made_at:%Y年%m月%d日 %H:%M:%S}]"


class _GbkEntry(zipfile.ZipInfo):
    """A file in the archive whose name is GBK, without the flag that says UTF-8."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  # the library's name
        return self.filename.encode(ENCODING), self.flag_bits & ~0x800


def lines_of(app_id: str, trades: Iterable[Trade], refunds: Iterable[Refund]) -> list[TradeLine]:
    """Every payment and every refund that succeeded, of all days."""
    paid = {trade.key: trade for trade in trades if trade.terms.app_id == app_id and trade.paid_at is not None}
    lines = [_payment(trade) for trade in paid.values()]
    done = [refund for refund in refunds if refund.app_id == app_id and refund.state == RefundState.SUCCESS]
    return lines + [_refund(refund, paid[key_of(app_id, refund.out_trade_no)]) for refund in done]


def _payment(trade: Trade) -> TradeLine:
    assert trade.paid_at is not None, "only paid trades are in a bill"
    return TradeLine(
        at=trade.paid_at,
        created_at=trade.scanned_at or trade.created_at,
        number=trade.terms.out_trade_no,
        transaction_id=trade.trade_no,
        amount_fen=trade.terms.total_fen,
        fee_fen=trade.fee_fen,
        state="交易",
        description=trade.terms.subject,
        device=trade.terms.terminal_id,
        payer=logon_id_of(trade.payer),
    )


def _refund(refund: Refund, trade: Trade) -> TradeLine:
    return TradeLine(
        at=refund.settled_at or refund.created_at,
        created_at=refund.created_at,
        number=refund.out_trade_no,
        transaction_id=trade.trade_no,
        amount_fen=refund.amount_fen,
        fee_fen=-refund.fee_fen,
        state="退款",
        description=trade.terms.subject,
        device=trade.terms.terminal_id,
        payer=logon_id_of(trade.payer),
        is_refund=True,
        refund_number=refund.out_request_no,
    )


def trade_archive(sheet: Sheet, lines: Sequence[TradeLine]) -> bytes:
    """Details and summary of `lines`."""
    paid = [line.amount_fen for line in lines if not line.is_refund]
    back = [line.amount_fen for line in lines if line.is_refund]
    details = [
        *sheet.head("业务明细"),
        f"#{'-' * 41}业务明细列表{'-' * 40}",
        *_table(TRADE_COLUMNS, [_trade_cells(line) for line in lines]),
        f"#{'-' * 41}业务明细列表结束{'-' * 36}",
        f"#交易合计：{len(paid)}笔，商家实收共{yuan_of(sum(paid) + sheet.off_by_fen)}元，商家优惠共0.00元",
        f"#退款合计：{len(back)}笔，商家实收退款共{yuan_of(-sum(back))}元，商家优惠退款共0.00元",
        sheet.made_at_line,
    ]
    fee_fen, net_fen = sum(line.fee_fen for line in lines), sum(paid) - sum(back)
    sums = ["合计", "", str(len(paid)), str(len(back)), *[yuan_of(net_fen)] * 2, *["0.00"] * 3]
    summary = [
        *sheet.head("业务汇总"),
        f"#{'-' * 41}业务汇总列表{'-' * 40}",
        *_table(SUMMARY_COLUMNS, [[*sums, yuan_of(-fee_fen), "0.00", yuan_of(net_fen - fee_fen)]]),
        f"#{'-' * 40}业务汇总列表结束{'-' * 37}",
        sheet.made_at_line,
    ]
    return _archive(sheet, {"业务明细": details, "业务明细(汇总)": summary})


def _trade_cells(line: TradeLine) -> list[str]:
    yuan = yuan_of(-line.amount_fen if line.is_refund else line.amount_fen)
    return [
        f"{line.transaction_id}\t",
        f"{line.number}\t",
        "退款" if line.is_refund else "交易",
        line.description,
        _time(line.created_at or line.at),
        _time(line.at),
        "",
        "",
        "",
        f"{line.device}\t",
        line.payer,
        yuan,
        yuan,
        *["0.00"] * 5,
        "",
        *["0.00"] * 2,
        f"{line.refund_number}\t" if line.refund_number else "",
        yuan_of(-line.fee_fen),
        "0.00",
        "",
    ]


def fund_archive(sheet: Sheet, entries: Sequence[FundEntry]) -> bytes:
    """Details and summary of the account's movements."""
    came, went = ([e.amount_fen for e in entries if (e.amount_fen > 0) is is_in] for is_in in (True, False))
    details = [
        *sheet.head("账务明细"),
        f"#{'-' * 41}账务明细列表{'-' * 40}",
        *_table(FUND_COLUMNS, [_fund_cells(entry) for entry in entries]),
        f"#{'-' * 40}账务明细列表结束{'-' * 37}",
        f"#支出合计：{len(went)}笔，共{yuan_of(sum(went))}元",
        f"#收入合计：{len(came)}笔，共{yuan_of(sum(came) + sheet.off_by_fen)}元",
        sheet.made_at_line,
    ]
    summary = [
        *sheet.head("账务汇总"),
        f"#{'-' * 41}账务汇总列表{'-' * 40}",
        *_table(
            FUND_SUMMARY_COLUMNS,
            [["合计", str(len(came)), yuan_of(sum(came)), str(len(went)), yuan_of(sum(went))]],
        ),
        f"#{'-' * 40}账务汇总列表结束{'-' * 37}",
        sheet.made_at_line,
    ]
    return _archive(sheet, {"账务明细": details, "账务明细(汇总)": summary})


def _fund_cells(entry: FundEntry) -> list[str]:
    came, went = (entry.amount_fen, 0) if entry.amount_fen > 0 else (0, entry.amount_fen)
    return [
        f"{entry.at.astimezone(CHINA):%Y%m%d}{digits_of(f'{entry.voucher}/{entry.name}/{entry.at}', 18)}\t",
        f"{entry.platform_number}\t",
        f"{entry.voucher}\t",
        entry.name,
        _time(entry.at),
        "",
        yuan_of(came),
        yuan_of(went),
        yuan_of(entry.balance_fen),
        "支付宝",
        entry.business,
        entry.note,
    ]


def broken(archive: bytes) -> bytes:
    """`archive` with one byte of its first file turned over."""
    middle = archive.index(b"PK\x01\x02") // 2
    return archive[:middle] + bytes([archive[middle] ^ 0xFF]) + archive[middle + 1 :]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell.replace("\r", " ").replace("\n", " ") for cell in row] for row in rows)
    return text.getvalue().split("\n")[:-1]


def _archive(sheet: Sheet, files: dict[str, list[str]]) -> bytes:
    made_at = moment_on(sheet.day + timedelta(days=1), _MADE_AT).astimezone(CHINA)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for title, lines in files.items():
            entry = _GbkEntry(f"{sheet.name}_{title}.csv", made_at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, "".join(f"{line}\r\n" for line in lines).encode(ENCODING, "replace"))
    return packed.getvalue()


def _time(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
