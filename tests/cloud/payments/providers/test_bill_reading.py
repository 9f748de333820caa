"""Reading bills: what the emulators write comes back, other spellings are understood, and damage is never taken.

The files of the round trip are made by the emulators' writers, which share no code with the readers.

Longer because one reader is held against every column and damage of its file.
"""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cloud.payments.providers.scripted_platform import MCHID, SELLER_ID
from vendomat.cloud.payments.providers import BillError, BillRowKind, BillRowStatus, FundRow, TradeRow
from vendomat.cloud.payments.providers.alipay import bills as alipay_bills
from vendomat.cloud.payments.providers.wechat import bills as wechat_bills
from vendomat.simulator.gateways.alipay.daily_bills import Sheet, fund_archive, trade_archive
from vendomat.simulator.gateways.daily_bills import TradeLine
from vendomat.simulator.gateways.funds import FundEntry, with_balances
from vendomat.simulator.gateways.wechat.daily_bills import fund_file, trade_file
from vendomat.simulator.gateways.wechat.records import KeyMode, Merchant

DAY = date(2026, 6, 5)
MIDNIGHT = datetime(2026, 6, 4, 16, tzinfo=UTC)
MERCHANT = Merchant(
    mchid=MCHID,
    appid="wx1",
    name="x",
    serial_no="A",
    public_key_pem="",
    apiv3_key="",
    mode=KeyMode.PUBLIC_KEY,
    balance_fen=0,
)
FEES = {"SUCCESS": 1, "REFUND": -1}

NUMBERS = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=6, max_size=32)
TEXTS = st.text(st.characters(codec="gbk", exclude_categories=("Cc", "Cs")) | st.sampled_from('",`\n\\'), max_size=20)
MOMENTS = st.integers(0, 86_399).map(lambda seconds: MIDNIGHT + timedelta(seconds=seconds))
AMOUNTS = st.integers(0, 10_000_000)
STATES = st.sampled_from(["SUCCESS", "PROCESSING", "FAIL", "CHANGE"])


@st.composite
def trade_line(draw: st.DrawFn) -> TradeLine:
    is_refund = draw(st.booleans())
    amount_fen = draw(AMOUNTS)
    fee_fen = draw(st.integers(0, amount_fen))
    return TradeLine(
        at=draw(MOMENTS),
        number=draw(NUMBERS),
        transaction_id=draw(NUMBERS),
        amount_fen=amount_fen,
        fee_fen=-fee_fen if is_refund else fee_fen,
        state=draw(STATES) if is_refund else "SUCCESS",
        description=draw(TEXTS),
        attach=draw(TEXTS),
        is_refund=is_refund,
        refund_number=draw(NUMBERS) if is_refund else "",
        refund_id=draw(NUMBERS) if is_refund else "",
    )


@st.composite
def fund_entry(draw: st.DrawFn) -> FundEntry:
    return FundEntry(
        at=draw(MOMENTS),
        name=draw(NUMBERS),
        business=draw(st.sampled_from(["交易", "退款", "提现"])),
        amount_fen=draw(AMOUNTS.filter(bool)) * draw(st.sampled_from([1, -1])),
        platform_number=draw(NUMBERS),
        voucher=draw(NUMBERS),
        note=draw(TEXTS),
    )


TRADES = st.lists(trade_line(), max_size=4)
FUNDS = st.lists(fund_entry(), max_size=4).map(lambda entries: with_balances(entries, 1_000))
STATUSES = {
    "SUCCESS": BillRowStatus.SUCCEEDED,
    "PROCESSING": BillRowStatus.PROCESSING,
    "FAIL": BillRowStatus.FAILED,
    "CHANGE": BillRowStatus.FAILED,
}


def expected(number: int, line: TradeLine, *, is_alipay: bool) -> TradeRow:
    return TradeRow(
        number,
        BillRowKind.REFUND if line.is_refund else BillRowKind.PAYMENT,
        BillRowStatus.SUCCEEDED if is_alipay else STATUSES[line.state],
        line.at,
        line.number,
        line.transaction_id,
        line.amount_fen,
        "CNY",
        line.fee_fen,
        line.refund_number,
        "" if is_alipay else line.refund_id,
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bills") / "bill"


def wechat_trades(file: Path, content: bytes) -> list[TradeRow]:
    file.write_bytes(content)
    return list(wechat_bills.read_trades(file, MCHID))


def wechat_funds(file: Path, content: bytes) -> list[FundRow]:
    file.write_bytes(content)
    return list(wechat_bills.read_funds(file))


def alipay_trades(file: Path, content: bytes) -> list[TradeRow]:
    file.write_bytes(content)
    return list(alipay_bills.read_trades(file, SELLER_ID))


def alipay_funds(file: Path, content: bytes) -> list[FundRow]:
    file.write_bytes(content)
    return list(alipay_bills.read_funds(file, SELLER_ID))


SHEET = Sheet(SELLER_ID, DAY)
WRITERS: dict[str, Any] = {
    "wechat_trades": (wechat_trades, lambda lines: trade_file(MERCHANT, lines), TRADES),
    "wechat_funds": (wechat_funds, lambda entries: fund_file(MCHID, entries), FUNDS),
    "alipay_trades": (alipay_trades, lambda lines: trade_archive(SHEET, lines), TRADES),
    "alipay_funds": (alipay_funds, lambda entries: fund_archive(SHEET, entries), FUNDS),
}


class TestRoundTrip:
    @pytest.mark.parametrize("is_alipay", [False, True])
    @settings(max_examples=40, deadline=None)
    @given(lines=TRADES)
    def test_trades(self, file: Path, is_alipay: bool, lines: list[TradeLine]):
        read, write, _ = WRITERS["alipay_trades" if is_alipay else "wechat_trades"]
        rows = read(file, write(lines))
        assert rows == [expected(number, line, is_alipay=is_alipay) for number, line in enumerate(lines, 1)]

    @pytest.mark.parametrize("name", ["wechat_funds", "alipay_funds"])
    @settings(max_examples=30, deadline=None)
    @given(entries=FUNDS)
    def test_funds(self, file: Path, name: str, entries: list[FundEntry]):
        read, write, _ = WRITERS[name]
        rows = read(file, write(entries))
        assert [
            (row.row, row.at, row.business, row.amount_minor, row.balance_minor, row.reference) for row in rows
        ] == [
            (number, entry.at, entry.business, entry.amount_fen, entry.balance_fen, entry.voucher)
            for number, entry in enumerate(entries, 1)
        ]
        assert all(row.flow_id for row in rows)


class TestDamage:
    """Nothing but `BillError` may come out of a file that is not as it was written."""

    @pytest.mark.parametrize("name", WRITERS)
    @settings(max_examples=30, deadline=None)
    @given(data=st.data())
    def test_cut_short(self, file: Path, name: str, data: st.DataObject):
        read, write, given_lines = WRITERS[name]
        whole = write(data.draw(given_lines.filter(bool)))
        cut = data.draw(st.integers(0, len(whole) - 12))  # a summary without its last digits is another summary
        with pytest.raises(BillError):
            read(file, whole[:cut])

    @pytest.mark.parametrize("name", WRITERS)
    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def test_a_bit_turned_over(self, file: Path, name: str, data: st.DataObject):
        read, write, given_lines = WRITERS[name]
        whole = bytearray(write(data.draw(given_lines.filter(bool))))
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
        try:
            read(file, bytes(whole))
        except BillError:
            return  # what is not noticed (a letter of a name) is for the hash to notice

    @pytest.mark.parametrize("name", WRITERS)
    @settings(max_examples=30, deadline=None)
    @given(noise=st.binary(max_size=300))
    def test_noise(self, file: Path, name: str, noise: bytes):
        read, _, _ = WRITERS[name]
        with pytest.raises(BillError):
            read(file, noise)

    @pytest.mark.parametrize("name", WRITERS)
    def test_noise_as_a_zip(self, file: Path, name: str):
        read, _, _ = WRITERS[name]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("x_业务明细.csv", b"\xff\xfe\x00")
        with pytest.raises(BillError):
            read(file, packed.getvalue())

    def test_an_endless_line(self, file: Path):
        with pytest.raises(BillError, match="longer"):
            wechat_trades(file, trade_file(MERCHANT, [])[:-2] + b"x" * 100_000)


LINE = TradeLine(
    at=MIDNIGHT, number="pay_000001", transaction_id="4200", amount_fen=350, fee_fen=2, state="SUCCESS", way="NATIVE"
)
BACK = TradeLine(
    at=MIDNIGHT,
    number="pay_000001",
    transaction_id="4200",
    amount_fen=100,
    fee_fen=-1,
    state="SUCCESS",
    is_refund=True,
    refund_number="ref_000001",
    refund_id="5030",
)


def wechat_text(*lines: TradeLine) -> str:
    return trade_file(MERCHANT, lines).decode("utf-8-sig")


class TestWechatSpellings:
    def read(self, file: Path, text: str) -> list[TradeRow]:
        return wechat_trades(file, text.encode())

    def test_without_mark_ticks_and_carriage_returns(self, file: Path):
        assert self.read(file, wechat_text(LINE).replace("`", "").replace("\r", "")) == [
            expected(1, LINE, is_alipay=False)
        ]

    def test_columns_in_another_order_and_some_more(self, file: Path):
        head, row, *rest = wechat_text(LINE).split("\r\n")
        turned = [",".join([*reversed(line.split(",")), "more"]) for line in (head, row)]
        assert self.read(file, "\r\n".join([*turned, *rest])) == [expected(1, LINE, is_alipay=False)]

    @pytest.mark.parametrize("name", ["商户订单号", "手续费", "订单金额", "申请退款总金额"])
    def test_a_column_that_is_missing(self, file: Path, name: str):
        with pytest.raises(BillError, match=name):
            self.read(file, wechat_text(LINE).replace(name, "其他", 1))

    def test_a_column_that_is_there_twice(self, file: Path):
        with pytest.raises(BillError, match="two columns"):
            self.read(file, wechat_text(LINE).replace("费率备注", "手续费"))

    def test_returned_fees_without_a_minus(self, file: Path):
        text = wechat_text(LINE, BACK)
        rows = self.read(file, text.replace("`-0.01000", "`0.01000"))
        assert [row.fee_minor for row in rows] == [2, -1]
        added = text.replace("`-0.01000", "`0.01000").replace("`2.0,`3.5,`1.0,`0.0,`0.01", "`2.0,`3.5,`1.0,`0.0,`0.03")
        assert added != text
        assert [row.fee_minor for row in self.read(file, added)] == [2, -1]

    def test_a_deduction_of_pay_score_by_our_number(self, file: Path):
        text = wechat_text(LINE).replace("`NATIVE", "`AUTH").replace("`pay_000001", "`wx_own_1")
        packed = text.replace("`,`0.02000", "`wxzff|wx_own_1|pay_000001,`0.02000")
        (row,) = self.read(file, packed)
        assert (row.kind, row.payment_number) == (BillRowKind.PAYMENT, "pay_000001")
        with pytest.raises(BillError, match="row 1: a deduction without our number"):
            self.read(file, text)

    def test_a_reversed_payment_goes_back_without_a_refund_number(self, file: Path):
        line = TradeLine(
            at=MIDNIGHT,
            number="pay_000001",
            transaction_id="4200",
            amount_fen=350,
            fee_fen=-2,
            state="REVOKED",
            is_refund=True,
        )
        (row,) = self.read(file, wechat_text(line))
        assert (row.kind, row.status, row.amount_minor, row.fee_minor) == (
            BillRowKind.REFUND,
            BillRowStatus.SUCCEEDED,
            350,
            -2,
        )
        assert (row.payment_number, row.refund_number, row.refund_id) == ("pay_000001", "", "")

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ("`SUCCESS,`OTHERS", "`NOTPAY,`OTHERS", "row 1: 交易状态 'NOTPAY'"),
            ("`ORIGINAL,`SUCCESS", "`ORIGINAL,`LATER", "row 2: 退款状态 'LATER'"),
            (f"`{MCHID}", "`1900000002", "row 1: it is of merchant"),
            ("`CNY", "`USD", "row 1: it is in 'USD'"),
            ("`2026-06-05 00:00:00", "`2026-02-30 00:00:00", "row 1: '2026-02-30"),
            ("`2026-06-05 00:00:00", "`46178", "row 1: '46178' is not a time"),
            ("`0.02000", "`0.02500", "row 1: '0.02500' yuan is not a whole number of fen"),
            ("`3.50,`0.00,`0,", "`1e3,`0.00,`0,", "row 1: '1e3' is not an amount"),
            ("`3.50,`0.00,`0,", "`NaN,`0.00,`0,", "row 1: 'NaN' is not an amount"),
            ("`3.50,`0.00,`\r\n", "`-3.50,`0.00,`\r\n", "row 1: a negative amount"),
            ("`2.0,`3.5,", "`3.0,`3.5,", "rows: the rows say 2, the bill says 3"),
            ("`2.0,`3.5,", "`2.0,`3.51,", "应结订单总金额: the rows say 350, the bill says 351"),
            (",`0.01,`3.5,", ",`0.02,`3.5,", "手续费总金额"),
            (",`3.5,`1.0\r\n", ",`3.5,`1.1\r\n", "申请退款总金额"),
            ("总交易单数", "总单数", "row 3: a line has 7 cells under 27 columns"),
            ("`2.0,`3.5", "`2.0,`3.5,`0", "a line has 8 cells under 7 columns"),
        ],
    )
    def test_what_is_not_agreed(self, file: Path, old: str, new: str, reason: str):
        text = wechat_text(LINE, BACK)
        assert old in text
        with pytest.raises(BillError) as raised:
            self.read(file, text.replace(old, new, 1))
        assert reason in raised.value.reason

    def test_something_after_the_end(self, file: Path):
        assert len(self.read(file, wechat_text(LINE) + "\r\n\r\n")) == 1
        with pytest.raises(BillError, match="follows"):
            self.read(file, wechat_text(LINE) + wechat_text(LINE))

    def test_in_another_encoding(self, file: Path):
        with pytest.raises(BillError):
            wechat_trades(file, wechat_text(LINE).encode("gbk"))


def alipay_file(*lines: TradeLine, **changes: tuple[str, str]) -> bytes:
    """An archive with texts replaced: `details`, `summary` are (old, new)."""
    whole = zipfile.ZipFile(io.BytesIO(trade_archive(SHEET, lines)))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, entry in zip(("details", "summary"), whole.infolist(), strict=True):
            text = whole.read(entry).decode("gbk")
            old, new = changes.get(part, ("", ""))
            assert old in text
            name = entry.orig_filename.encode("cp437").decode("gbk")
            archive.writestr(name, text.replace(old, new, 1).encode("gbk"))
    return packed.getvalue()


class TestAlipaySpellings:
    def test_names_in_utf8_are_understood_too(self, file: Path):
        assert len(alipay_trades(file, alipay_file(LINE, BACK))) == 2

    @pytest.mark.parametrize(("old", "new"), [(",-1.00,-1.00,", ",1.00,1.00,"), (",-0.02,0.00,", ",0.02,0.00,")])
    def test_signs_mean_nothing(self, file: Path, old: str, new: str):
        summary = ("-0.01,0.00,2.49", "0.03,0.00,2.49") if "0.02" in old else ("", "")
        rows = alipay_trades(file, alipay_file(LINE, BACK, details=(old, new), summary=summary))
        assert [(row.amount_minor, row.fee_minor) for row in rows] == [(350, 2), (100, -1)]

    def test_units_in_other_brackets(self, file: Path):
        assert len(alipay_trades(file, alipay_file(LINE, details=("订单金额（元）", "订单金额(元)")))) == 1

    def test_a_summary_is_not_needed(self, file: Path):
        packed = io.BytesIO()
        whole = zipfile.ZipFile(io.BytesIO(alipay_file(LINE)))
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("x_业务明细.csv", whole.read(whole.infolist()[0]))
        assert len(alipay_trades(file, packed.getvalue())) == 1

    def test_a_long_table_comes_in_parts(self, file: Path):
        packed = io.BytesIO()
        whole = zipfile.ZipFile(io.BytesIO(alipay_file(LINE)))
        with zipfile.ZipFile(packed, "w") as archive:
            for part in (1, 2):
                archive.writestr(f"x_业务明细_{part}.csv", whole.read(whole.infolist()[0]))
        assert [row.row for row in alipay_trades(file, packed.getvalue())] == [1, 2]

    @pytest.mark.parametrize(
        ("part", "old", "new", "reason"),
        [
            ("details", f"#账号：[{SELLER_ID}", "#账号：[2088999999999999", "not of 2088"),
            ("details", ",交易,", ",转账,", "row 1: 业务类型 '转账'"),
            ("details", "服务费", "费", "no column 服务费"),
            ("details", ",3.50,3.50,", ",3.5O,3.50,", "row 1: '3.5O' is not an amount"),
            ("details", ",3.50,3.50,", ",-3.50,3.50,", "row 1: a payment of -350 fen"),
            ("details", "交易合计：1笔", "交易合计：2笔", "交易合计 rows"),
            ("details", "商家实收共3.50元", "商家实收共3.51元", "交易合计: the rows say 350"),
            ("details", "商家实收退款共-1.00元", "商家实收退款共-1.01元", "退款合计"),
            ("details", "#交易合计", "#合计", "no sums"),
            ("details", "#退款合计", "#合计", "no sums"),
            ("details", "业务明细列表结束", "业务明细列表", "breaks off"),
            ("details", "#导出时间", "导出时间", "follows after"),
            ("summary", "合计,,1,1,", "合计,,1,2,", "退款订单总笔数"),
            ("summary", ",-0.01,0.00,2.49", ",-0.02,0.00,2.49", "服务费"),
        ],
    )
    def test_what_is_not_agreed(self, file: Path, part: str, old: str, new: str, reason: str):
        with pytest.raises(BillError) as raised:
            alipay_trades(file, alipay_file(LINE, BACK, **{part: (old, new)}))
        assert reason in raised.value.reason

    def test_a_trade_bill_is_no_bill_of_funds(self, file: Path):
        with pytest.raises(BillError, match="no column"):
            alipay_funds(file, trade_archive(SHEET, [LINE]))

    def test_a_movement_in_both_directions(self, file: Path):
        entry = FundEntry(at=MIDNIGHT, name="a", business="收费", amount_fen=350, platform_number="2", voucher="3")
        archive = zipfile.ZipFile(io.BytesIO(fund_archive(SHEET, [entry])))
        text = archive.read(archive.infolist()[0]).decode("gbk").replace(",3.50,0.00,", ",3.50,-3.50,")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as written:
            written.writestr("x_账务明细.csv", text.encode("gbk"))
        with pytest.raises(BillError, match="row 1: 350 fen came in and 350 fen went out"):
            alipay_funds(file, packed.getvalue())
