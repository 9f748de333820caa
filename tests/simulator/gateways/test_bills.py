"""The emulators' bills: their bytes, how long they lie there, what moves a merchant's money, the control port."""

from __future__ import annotations

import hashlib
import io
import itertools
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from vendomat.kernel import ErrorCode, ManualClock, VendomatError
from vendomat.simulator.gateways import (
    BillChange,
    BillDifference,
    DailyBillKind,
    GatewayControl,
    GatewayServer,
    GatewaySettings,
)
from vendomat.simulator.gateways.alipay.books import AlipayBooks
from vendomat.simulator.gateways.alipay.daily_bills import Sheet, fund_archive, trade_archive
from vendomat.simulator.gateways.daily_bills import TradeLine
from vendomat.simulator.gateways.funds import FundEntry, fee_back_of, fee_of, with_balances
from vendomat.simulator.gateways.wechat.daily_bills import fund_file, lines_of, trade_file
from vendomat.simulator.gateways.wechat.records import KeyMode, Merchant, Order, OrderState, Refund, RefundState, Terms

from .merchant import AlipayMerchant, WechatMerchant
from .test_books import alipay, alipay_books

START = datetime(2026, 6, 5, 1, tzinfo=UTC)  # 09:00 in Beijing
DAY = date(2026, 6, 5)
OVER = timedelta(days=1, hours=1)  # 10:00 of the next day


def merchant() -> Merchant:
    return Merchant(
        mchid="1900000001",
        appid="wx1",
        name="x",
        serial_no="A",
        public_key_pem="",
        apiv3_key="",
        mode=KeyMode.PUBLIC_KEY,
        balance_fen=0,
        fee_basis_points=60,
    )


PAYMENT = TradeLine(
    at=START,
    number="pay_1",
    transaction_id="4200001",
    amount_fen=10_000,
    fee_fen=60,
    fee_basis_points=60,
    state="SUCCESS",
    description="tea, cold\nand sweet",
    attach="mac_7",
    device="A-17",
    payer="openid",
    way="NATIVE",
)
REFUND = TradeLine(
    at=START + timedelta(hours=1),
    number="pay_1",
    transaction_id="4200001",
    amount_fen=5_000,
    fee_fen=-30,
    fee_basis_points=60,
    state="PROCESSING",
    payer="openid",
    way="NATIVE",
    is_refund=True,
    refund_number="ref_1",
    refund_id="5030001",
)


class TestWechatFiles:
    def test_e10_trade_bill_to_the_byte(self):
        file = trade_file(merchant(), [PAYMENT, REFUND])
        assert file.startswith(b"\xef\xbb\xbf")
        lines = file.decode("utf-8-sig").split("\r\n")
        assert lines[1:] == [
            "`2026-06-05 09:00:00,`wx1,`1900000001,`0,`A-17,`4200001,`pay_1,`openid,`NATIVE,`SUCCESS,`OTHERS,`CNY,"
            "`100.00,`0.00,`0,`0,`0.00,`0.00,`,`,`tea\\  cold\\nand sweet,`mac_7,`0.60000,`0.60%,`100.00,`0.00,`",
            "`2026-06-05 10:00:00,`wx1,`1900000001,`0,`,`4200001,`pay_1,`openid,`NATIVE,`REFUND,`OTHERS,`CNY,"
            "`0.00,`0.00,`5030001,`ref_1,`50.00,`0.00,`ORIGINAL,`PROCESSING,`,`,`-0.30000,`0.60%,`0.00,`50.00,`",
            "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额",
            "`2.0,`100.0,`50.0,`0.0,`0.3,`100.0,`50.0",
            "",
        ]
        assert len(lines[0].split(",")) == 27

    def test_e10_fund_flow_to_the_byte(self):
        taken = FundEntry(
            at=START, name="交易", business="交易", amount_fen=350, platform_number="4200001", voucher="pay_1"
        )
        fee = FundEntry(
            at=START,
            name="交易手续费",
            business="扣除交易手续费",
            amount_fen=-2,
            platform_number="4200001",
            voucher="pay_1",
        )
        file = fund_file("1900000001", with_balances([fee, taken], 448))
        lines = file.decode("utf-8-sig").split("\r\n")
        assert len(lines[0].split(",")) == 11
        first, second = lines[1].split(","), lines[2].split(",")
        assert [*first[:2], *first[3:]] == [
            *("`2026-06-05 09:00:00", "`4200001", "`交易", "`交易", "`收入", "`3.50", "`4.50"),
            *("`system", "`", "`pay_1"),
        ]
        assert second[4:8] == ["`扣除交易手续费", "`支出", "`0.02", "`4.48"]
        assert first[2] != second[2]
        assert lines[3:] == ["资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额", "`2.0,`1.0,`3.5,`1.0,`0.02", ""]

    def test_a_reversed_charge_is_a_payment_and_its_opposite(self):
        terms = Terms(
            mchid="1900000001", appid="wx1", out_trade_no="pay_1", description="tea", total_fen=10_000, notify_url=""
        )
        order = Order(
            terms=terms,
            code="",
            code_made_at=START,
            created_at=START,
            expires_at=START,
            state=OrderState.REVOKED,
            transaction_id="4200001",
            paid_at=START,
            closed_at=START + timedelta(minutes=1),
            fee_basis_points=60,
            trade_type="MICROPAY",
        )
        paid, back = trade_file(merchant(), lines_of(merchant(), [order], [])).decode().split("\r\n")[1:3]
        assert "`MICROPAY,`SUCCESS," in paid
        assert "`MICROPAY,`REVOKED," in back
        assert "`100.00,`0.00,`ORIGINAL,`,`tea,`,`-0.60000," in back

    @pytest.mark.parametrize(
        ("settled_after", "state", "word"),
        [
            (timedelta(minutes=1), RefundState.SUCCESS, "SUCCESS"),
            (timedelta(hours=25), RefundState.SUCCESS, "PROCESSING"),
            (timedelta(minutes=1), RefundState.CLOSED, "FAIL"),
            (timedelta(minutes=1), RefundState.ABNORMAL, "CHANGE"),
        ],
    )
    def test_a_refund_stands_as_it_was_when_bills_are_made(
        self, settled_after: timedelta, state: RefundState, word: str
    ):
        terms = Terms(
            mchid="1900000001", appid="wx1", out_trade_no="pay_1", description="tea", total_fen=100, notify_url=""
        )
        order = Order(terms=terms, code="", code_made_at=START, created_at=START, expires_at=START, paid_at=START)
        refund = Refund(
            mchid="1900000001",
            out_refund_no="ref_1",
            out_trade_no="pay_1",
            transaction_id="",
            amount_fen=100,
            total_fen=100,
            reason="",
            notify_url="",
            created_at=START,
            settled_at=START + settled_after,
            state=state,
        )
        _, line = lines_of(merchant(), [order], [refund])
        assert (line.is_refund, line.state) == (True, word)


class TestAlipayFiles:
    def test_e10_names_and_contents_are_gbk(self):
        archive = trade_archive(Sheet("2088000000000001", DAY), [PAYMENT, REFUND])
        name = "20880000000000010156_20260605_业务明细.csv".encode("gbk")
        assert archive.count(name) == 2
        entries = zipfile.ZipFile(io.BytesIO(archive)).infolist()
        assert all(not entry.flag_bits & 0x800 for entry in entries)
        assert zipfile.ZipFile(io.BytesIO(archive)).testzip() is None
        details, summary = (zipfile.ZipFile(io.BytesIO(archive)).read(entry).decode("gbk") for entry in entries)
        lines = details.split("\r\n")
        assert lines[:3] == [
            "#支付宝业务明细查询",
            "#账号：[20880000000000010156]",
            "#起始日期：[2026年06月05日 00:00:00]   终止日期：[2026年06月06日 00:00:00]",
        ]
        assert len(lines[4].split(",")) == 25
        assert lines[5].startswith('4200001\t,pay_1\t,交易,"tea, cold and sweet",2026-06-05 09:00:00,')
        assert lines[5].endswith(",-0.60,0.00,")
        assert ",退款,,2026-06-05 10:00:00,2026-06-05 10:00:00," in lines[6]
        assert lines[6].endswith("-50.00,-50.00,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,ref_1\t,0.30,0.00,")
        assert lines[8:10] == [
            "#交易合计：1笔，商家实收共100.00元，商家优惠共0.00元",
            "#退款合计：1笔，商家实收退款共-50.00元，商家优惠退款共0.00元",
        ]
        assert "合计,,1,1,50.00,50.00,0.00,0.00,0.00,-0.30,0.00,49.70" in summary

    def test_movements(self):
        entries = [
            FundEntry(at=START, name="a", business="交易付款", amount_fen=350, platform_number="2026", voucher="pay_1"),
            FundEntry(at=START, name="b", business="收费", amount_fen=-2, platform_number="2026", voucher="pay_1"),
        ]
        archive = zipfile.ZipFile(io.BytesIO(fund_archive(Sheet("2088", DAY), with_balances(entries, 348))))
        lines = archive.read(archive.infolist()[0]).decode("gbk").split("\r\n")
        assert lines[5].endswith("\t,2026\t,pay_1\t,a,2026-06-05 09:00:00,,3.50,0.00,3.50,支付宝,交易付款,")
        assert lines[6].endswith(",0.00,-0.02,3.48,支付宝,收费,")
        assert lines[8:10] == ["#支出合计：1笔，共-0.02元", "#收入合计：1笔，共3.50元"]


@pytest.mark.parametrize(
    ("amount_fen", "fee_fen"), [(1, 0), (83, 0), (84, 1), (250, 2), (350, 2), (10_000, 60), (10_100, 61)]
)
def test_e09_fees_are_rounded_half_up(amount_fen: int, fee_fen: int):
    assert fee_of(amount_fen, 60) == fee_fen
    assert fee_back_of(amount_fen, 60, rest_fen=fee_fen + 5, is_last=False) == fee_fen
    assert fee_back_of(amount_fen, 60, rest_fen=fee_fen + 5, is_last=True) == fee_fen + 5


class World:
    """Both platforms on a clock of our own, a merchant at each, and the control port."""

    def __init__(self, server: GatewayServer, clock: ManualClock) -> None:
        self.server, self.clock = server, clock
        now = lambda: clock.now().timestamp()  # noqa: E731
        self.wechat = WechatMerchant(server.open_wechat_account("小卖部"), now)
        self.other = WechatMerchant(server.open_wechat_account("另一家"), now)
        self.alipay = AlipayMerchant(server.open_alipay_account("小卖部"))
        self.control = GatewayControl(server.control_url)

    async def sell(self) -> None:
        await self.wechat.create()
        await self.alipay.precreate()
        for platform in ("wechat", "alipay"):
            await self.control.pay(platform, number="pay_0000000001", lose_network=True)

    async def wechat_bill(self) -> dict[str, Any]:
        answer = await self.wechat.call(
            "GET", f"/v3/bill/tradebill?bill_date={DAY}&bill_type=ALL", None, **{"User-Agent": "x"}
        )
        assert self.wechat.is_genuine(answer.headers, answer.content)
        return dict(answer.json())

    async def alipay_bill(self) -> str:
        method = "alipay.data.dataservice.bill.downloadurl.query"
        answer = await self.alipay.send(
            self.alipay.parameters(method, {"bill_type": "trade", "bill_date": DAY.isoformat()})
        )
        assert self.alipay.is_genuine(answer.text, method)
        return str(answer.json()["alipay_data_dataservice_bill_downloadurl_query_response"]["bill_download_url"])


@pytest.fixture
async def world(stock: list[RSAPrivateKey], tmp_path: Path) -> AsyncIterator[World]:
    clock = ManualClock(START)
    server = GatewayServer(
        GatewaySettings(data_dir=tmp_path / "books"), clock, make_key=itertools.cycle(stock).__next__
    )
    await server.start()
    world = World(server, clock)
    yield world
    for client in (world.wechat.client, world.other.client, world.alipay.client):
        await client.aclose()
    await world.control.aclose()
    await server.stop()


async def test_e03_a_wechat_bill_lies_there_for_five_minutes_for_its_merchant(world: World):
    await world.sell()
    await world.clock.advance(OVER.total_seconds())
    bill = await world.wechat_bill()
    target = bill["download_url"].removeprefix(world.wechat.account.base_url)
    assert target.startswith("/v3/billdownload/file?token=")
    got = await world.wechat.call("GET", target)
    assert got.status_code == 200
    assert hashlib.sha1(got.content).hexdigest() == bill["hash_value"]
    assert "wechatpay-signature" not in got.headers
    async with httpx.AsyncClient(trust_env=False, timeout=30) as stranger:
        refused = await stranger.get(bill["download_url"])
        assert (refused.status_code, refused.json()["code"]) == (401, "SIGN_ERROR")
    other = await world.other.call("GET", target)
    assert (other.status_code, other.json()["code"]) == (403, "NO_AUTH")
    await world.clock.advance(299)
    assert (await world.wechat.call("GET", target)).status_code == 200
    await world.clock.advance(1)
    assert (await world.wechat.call("GET", target)).status_code == 400


async def test_an_alipay_bill_lies_there_for_thirty_seconds_for_anybody(world: World):
    await world.sell()
    await world.clock.advance(OVER.total_seconds())
    url = await world.alipay_bill()
    async with httpx.AsyncClient(trust_env=False, timeout=30) as anybody:
        assert zipfile.ZipFile(io.BytesIO((await anybody.get(url)).content)).testzip() is None
        await world.clock.advance(30)
        assert (await anybody.get(url)).status_code == 404


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/v3/bill/tradebill?bill_date=2026-06-06&bill_type=ALL", 400, "PARAM_ERROR"),
        ("/v3/bill/tradebill?bill_date=2026-02-01", 400, "PARAM_ERROR"),
        ("/v3/bill/tradebill?bill_date=today", 400, "PARAM_ERROR"),
        ("/v3/bill/tradebill?bill_date=2026-06-05&tar_type=GZIP", 400, "PARAM_ERROR"),
        ("/v3/bill/fundflowbill?bill_date=2026-06-05&account_type=FEES", 400, "PARAM_ERROR"),
        ("/v3/bill/tradebill?bill_date=2026-06-04", 400, "NO_STATEMENT_EXIST"),
        ("/v3/bill/fundflowbill?bill_date=2026-06-05&account_type=BASIC", 200, None),
        ("/v3/billdownload/file?token=nobody", 400, "INVALID_REQUEST"),
    ],
)
async def test_what_wechat_answers(world: World, target: str, status: int, code: str | None):
    await world.sell()
    await world.clock.advance(OVER.total_seconds())
    answer = await world.wechat.call("GET", target)
    assert (answer.status_code, answer.json().get("code")) == (status, code)


async def test_books_with_fees_and_payouts_outlive_the_process(
    world: World, stock: list[RSAPrivateKey], tmp_path: Path
):
    await world.sell()
    await world.wechat.refund("ref_1", 100)
    await world.alipay.call("refund", refund_amount="1.00", out_request_no="r1")
    await world.clock.advance(OVER.total_seconds())
    for platform in (world.server.wechat, world.server.alipay):
        platform.books()
    before = [world.server.wechat.books_now, world.server.alipay.books_now]
    accounts = [world.wechat.account.mchid, world.alipay.account.app_id]
    entries = [books.fund_entries(account) for books, account in zip(before, accounts, strict=True)]
    assert [sum(entry.amount_fen for entry in part) for part in entries] == [0, 0]
    await world.server.stop()
    again = GatewayServer(GatewaySettings(data_dir=tmp_path / "books"), world.clock, make_key=lambda: stock[0])
    await again.start()
    after: list[Any] = [again.wechat.books_now, again.alipay.books_now]
    assert [sorted(b.fund_entries(a), key=repr) for b, a in zip(after, accounts, strict=True)] == [
        sorted(part, key=repr) for part in entries
    ]
    await world.clock.advance(OVER.total_seconds())
    assert [
        row["balance_fen"]
        for books in (again.wechat.books(), again.alipay.books())
        for row in books["accounts"]  # type: ignore[attr-defined]
    ] == [100_000] * 3
    await again.stop()


def test_a_failed_refund_asked_again_leaves_both_tries_in_the_account():
    books: AlipayBooks = alipay_books(alipay_refund_delay_s=60)
    terms = alipay.Terms(app_id="20", out_trade_no="pay_1", subject="tea", total_fen=350)
    trade = books.pay(books.precreate(terms, START).code, "ann", START)
    asked = alipay.RefundAsked("r1", 200, "")
    books.refunds.settle_next_as(alipay.RefundState.FAILED, 1)
    books.refund(trade, asked, START)
    books.settle_due(START + timedelta(minutes=1))
    books.refund(trade, asked, START + timedelta(minutes=2))
    moved = [entry.amount_fen for entry in with_balances(books.fund_entries("20"), 0)]
    assert moved == [350, -4, -198, 198, 2, -200]


async def test_the_control_port_changes_bills_and_fees(world: World):
    await world.control.set_fee("alipay", world.alipay.account.app_id, 38)
    with pytest.raises(VendomatError) as refused:
        await world.control.set_fee("wechat", "nobody", 38)
    assert refused.value.code == ErrorCode.MALFORMED
    with pytest.raises(VendomatError, match="no state"):
        await world.control.change_bill("alipay", BillDifference.STATUS, world.alipay.account.app_id, DAY)
    await world.sell()
    await world.clock.advance(OVER.total_seconds())
    mchid = world.wechat.account.mchid
    plain = await world.wechat_bill()
    await world.control.change_bill("wechat", BillDifference.AMOUNT, mchid, DAY, number="pay_0000000001", amount_fen=1)
    (change,) = world.server.wechat.bill_desk.changes
    assert change == BillChange(
        difference=BillDifference.AMOUNT, account=mchid, day=DAY, number="pay_0000000001", amount_fen=1
    )
    assert change.kind is DailyBillKind.TRADE
    assert (await world.wechat_bill())["hash_value"] != plain["hash_value"]
    await world.control.clear_bill_changes("wechat")
    assert (await world.wechat_bill())["hash_value"] == plain["hash_value"]
    (trade,) = world.server.alipay.books_now.trades.values()
    assert trade.fee_fen == 1
