"""Fetching bills: what each answer means, and that a file comes whole, from the platform's own host, or not at all."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.payments.providers.scripted_platform import (
    AlipayPen,
    Answer,
    ScriptedPlatform,
    WeChatPen,
    refusal,
)
from vendomat.cloud.payments.providers import BillKind, BillState, FetchedBill, Provider
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.downloads import Promise, fetch_file, target_of
from vendomat.cloud.payments.providers.transport import DownloadLimits, Transport
from vendomat.kernel import ManualClock


def packed(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


YESTERDAY = date(2025, 12, 31)  # the clock stands at 08:00 of the day after, where the platforms are
BILL = "总交易单数\r\n".encode()
SHA1 = hashlib.sha1(BILL).hexdigest()
ARCHIVE = packed("x_业务明细.csv", BILL)
METHOD = "alipay.data.dataservice.bill.downloadurl.query"


@pytest.fixture
def wechat(open_account: Callable[..., Provider], wechat_settings: dict[str, Any], platform: ScriptedPlatform) -> Any:
    return open_account("wechat", wechat_settings | {"base_url": platform.url, "timeout_s": 30.0})


@pytest.fixture
def alipay(open_account: Callable[..., Provider], alipay_settings: dict[str, Any], platform: ScriptedPlatform) -> Any:
    return open_account("alipay", alipay_settings | {"gateway_url": platform.url + "/gateway.do", "timeout_s": 30.0})


@pytest.fixture
def into(tmp_path: Path) -> Path:
    path = tmp_path / "bill.csv"
    path.write_bytes(b"what was there")
    return path


def untouched(into: Path) -> bool:
    return into.read_bytes() == b"what was there" and list(into.parent.iterdir()) == [into]


def promise(platform: ScriptedPlatform, **changes: str) -> dict[str, str]:
    url = f"{platform.url}/v3/billdownload/file?token=a-b_c%2F"
    return {"hash_type": "SHA1", "hash_value": SHA1, "download_url": url} | changes


class TestWhatWechatSays:
    @pytest.mark.parametrize(
        ("status", "code", "state"),
        [
            (400, "NO_STATEMENT_EXIST", BillState.EMPTY),
            (400, "STATEMENT_CREATING", BillState.NOT_YET),
            (400, "PARAM_ERROR", BillState.REFUSED),
            (400, "INVALID_REQUEST", BillState.REFUSED),
            (401, "SIGN_ERROR", BillState.REFUSED),
            (403, "NO_AUTH", BillState.REFUSED),
            (404, "MCH_NOT_EXISTS", BillState.REFUSED),
            (429, "FREQUENCY_LIMITED", BillState.UNKNOWN),
            (429, "NO_STATEMENT_EXIST", BillState.UNKNOWN),
            (500, "SYSTEM_ERROR", BillState.UNKNOWN),
            (500, "NO_STATEMENT_EXIST", BillState.UNKNOWN),
            (503, "SERVICE_UNAVAILABLE", BillState.UNKNOWN),
            (400, "A_NEW_CODE", BillState.UNKNOWN),
            (302, "", BillState.UNKNOWN),
        ],
    )
    async def test_codes(
        self, wechat: Any, platform: ScriptedPlatform, into: Path, status: int, code: str, state: BillState
    ):
        platform.say(refusal(status, code))
        fetched = await wechat.fetch_bill(BillKind.TRADE, YESTERDAY, into)
        assert (fetched.state, fetched.sha256, fetched.size_bytes) == (state, "", 0)
        assert code in fetched.error
        assert fetched.error
        assert untouched(into)
        assert len(platform.received) == 1

    @pytest.mark.parametrize("changes", [{"Signature": "c2lnbg=="}, {"Timestamp": "1"}])
    async def test_an_answer_nobody_signed(
        self, wechat: Any, platform: ScriptedPlatform, wechat_pen: WeChatPen, into: Path, changes: dict[str, str]
    ):
        platform.say(wechat_pen.answer(promise(platform), **changes), Answer(200, BILL))
        assert (await wechat.fetch_bill(BillKind.TRADE, YESTERDAY, into)).state is BillState.UNKNOWN
        assert len(platform.received) == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"hash_type": "MD5"},
            {"hash_value": ""},
            {"download_url": "https://bills.example/v3/billdownload/file?token=x"},
            {"download_url": "/v3/billdownload/file?token=x"},
            {"download_url": "http://127.0.0.1/v3/billdownload/file?token=x"},
        ],
    )
    async def test_a_promise_that_binds_to_nothing(
        self, wechat: Any, platform: ScriptedPlatform, wechat_pen: WeChatPen, into: Path, changes: dict[str, str]
    ):
        platform.say(wechat_pen.answer(promise(platform, **changes)), Answer(200, BILL))
        fetched = await wechat.fetch_bill(BillKind.TRADE, YESTERDAY, into)
        assert fetched.state is BillState.UNKNOWN
        assert len(platform.received) == 1


class TestTheDownload:
    @pytest.mark.parametrize(
        ("kind", "target"),
        [
            (BillKind.TRADE, "/v3/bill/tradebill?bill_date=2025-12-31&bill_type=ALL"),
            (BillKind.FUND_FLOW, "/v3/bill/fundflowbill?bill_date=2025-12-31&account_type=BASIC"),
        ],
    )
    async def test_comes_whole(
        self,
        wechat: Any,
        platform: ScriptedPlatform,
        wechat_pen: WeChatPen,
        into: Path,
        kind: BillKind,
        target: str,
    ):
        platform.say(wechat_pen.answer(promise(platform, hash_value=SHA1.upper())), Answer(200, BILL))
        fetched = await wechat.fetch_bill(kind, YESTERDAY, into)
        assert fetched == FetchedBill(BillState.READY, hashlib.sha256(BILL).hexdigest(), len(BILL))
        assert into.read_bytes() == BILL
        assert list(into.parent.iterdir()) == [into]
        asked, got = platform.received
        assert (asked.target, got.target) == (target, "/v3/billdownload/file?token=a-b_c%2F")
        assert got.headers["authorization"].startswith("WECHATPAY2-SHA256-RSA2048 mchid=")
        assert got.headers["authorization"] != asked.headers["authorization"]

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(200, BILL + b"x"),
            Answer(200, BILL[:-1]),
            Answer(200, b""),
            Answer(302, BILL, {"Location": "/elsewhere"}),
            Answer(403, BILL),
            Answer(500, BILL),
            Answer(204),
            Answer(is_reset=True),
        ],
    )
    async def test_or_not_at_all(
        self, wechat: Any, platform: ScriptedPlatform, wechat_pen: WeChatPen, into: Path, answer: Answer
    ):
        platform.say(wechat_pen.answer(promise(platform)), answer)
        fetched = await wechat.fetch_bill(BillKind.TRADE, YESTERDAY, into)
        assert (fetched.state, fetched.sha256) == (BillState.UNKNOWN, "")
        assert fetched.error
        assert untouched(into)
        assert len(platform.received) == 2

    async def test_of_a_day_that_is_not_over_is_not_asked_for(self, wechat: Any, alipay: Any, into: Path):
        for provider in (wechat, alipay):
            for day in (YESTERDAY + timedelta(days=1), YESTERDAY + timedelta(days=9)):
                assert (await provider.fetch_bill(BillKind.TRADE, day, into)).state is BillState.NOT_YET
        assert untouched(into)

    async def test_into_a_folder_that_is_not_there(
        self, wechat: Any, platform: ScriptedPlatform, wechat_pen: WeChatPen, tmp_path: Path
    ):
        platform.say(wechat_pen.answer(promise(platform)), Answer(200, BILL))
        fetched = await wechat.fetch_bill(BillKind.TRADE, YESTERDAY, tmp_path / "none" / "bill")
        assert (fetched.state, fetched.error) == (
            BillState.UNKNOWN,
            "the bill cannot be kept: No such file or directory",
        )

    @pytest.mark.parametrize(
        ("limits", "reason"),
        [(DownloadLimits(bytes_max=len(BILL) - 1), "larger"), (DownloadLimits(timeout_s=-1.0), "slowly")],
    )
    def test_has_limits(
        self, platform: ScriptedPlatform, clock: ManualClock, into: Path, limits: DownloadLimits, reason: str
    ):
        platform.say(Answer(200, BILL))
        transport = Transport(platform.url, clock=clock, timeout_s=30.0, connections_max=1)
        with pytest.raises(NotKnownError, match=reason):
            fetch_file(transport, Promise("/bill"), headers={}, into=into, limits=limits)
        assert untouched(into)
        transport.close()


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://dwbillcenter.alipay.com/downloadBillFile.resource?token=x", True),
        ("http://dwbillcenter.alipay.com/downloadBillFile.resource?token=x", True),
        ("https://DWBILLCENTER.alipay.com/a", True),
        ("https://dwbillcenter.alipay.com.evil.example/a", False),
        ("https://user@dwbillcenter.alipay.com/a", False),
        ("https://dwbillcenter.alipay.com:8443/a", False),
        ("https://evil.example/dwbillcenter.alipay.com", False),
        ("//", False),
        ("", False),
    ],
)
def test_only_the_platforms_own_host(url: str, is_good: bool):
    if is_good:
        assert target_of(url, ["dwbillcenter.alipay.com"]).startswith("/")
    else:
        with pytest.raises(NotKnownError):
            target_of(url, ["dwbillcenter.alipay.com"])


def refused(code: str, sub_code: str) -> tuple[str, dict[str, object]]:
    return METHOD, {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "because"}


class TestWhatAlipaySays:
    @pytest.mark.parametrize(
        ("code", "sub_code", "state"),
        [
            ("40004", "NO_BILL_DATA", BillState.EMPTY),
            ("40004", "isp.no_bill_data", BillState.EMPTY),
            ("40004", "BILL_NOT_EXIST", BillState.NOT_YET),
            ("40004", "isp.bill_not_exist", BillState.NOT_YET),
            ("40004", "INVAILID_ARGUMENTS", BillState.REFUSED),
            ("40004", "ACQ.INVALID_PARAMETER", BillState.REFUSED),
            ("40004", "ACQ.ACCESS_FORBIDDEN", BillState.REFUSED),
            ("40006", "isv.insufficient-isv-permissions", BillState.REFUSED),
            ("40002", "isv.invalid-app-id", BillState.REFUSED),
            ("40004", "UNKNOW_ERROR", BillState.UNKNOWN),
            ("40004", "ACQ.SYSTEM_ERROR", BillState.UNKNOWN),
            ("40005", "isv.app-call-limited", BillState.UNKNOWN),
            ("20000", "isp.unknow-error", BillState.UNKNOWN),
            ("20000", "NO_BILL_DATA", BillState.UNKNOWN),
        ],
    )
    async def test_codes(
        self, alipay: Any, talk: Callable[..., None], into: Path, code: str, sub_code: str, state: BillState
    ):
        talk(refused(code, sub_code))
        fetched = await alipay.fetch_bill(BillKind.TRADE, YESTERDAY, into)
        assert (fetched.state, fetched.sha256) == (state, "")
        assert sub_code in fetched.error
        assert untouched(into)

    async def test_no_bill_is_sure_on_the_second_morning(
        self, alipay: Any, talk: Callable[..., None], clock: ManualClock, into: Path
    ):
        talk(refused("40004", "BILL_NOT_EXIST"))
        await clock.advance(25 * 3600 - 1)
        assert (await alipay.fetch_bill(BillKind.TRADE, YESTERDAY, into)).state is BillState.NOT_YET
        await clock.advance(1)
        assert (await alipay.fetch_bill(BillKind.TRADE, YESTERDAY, into)).state is BillState.EMPTY

    async def test_the_archive_comes_from_the_gateways_own_host(
        self, alipay: Any, platform: ScriptedPlatform, talk: Callable[..., None], into: Path
    ):
        url = f"{platform.url}/downloadBillFile.resource?token=x"
        talk((METHOD, {"code": "10000", "msg": "Success", "bill_download_url": url}), Answer(200, ARCHIVE))
        fetched = await alipay.fetch_bill(BillKind.FUND_FLOW, YESTERDAY, into)
        assert fetched == FetchedBill(BillState.READY, hashlib.sha256(ARCHIVE).hexdigest(), len(ARCHIVE))
        asked, got = platform.received
        assert "%22bill_type%22%3A%22signcustomer%22" in asked.target
        assert "%22bill_date%22%3A%222025-12-31%22" in asked.target
        assert got.target == "/downloadBillFile.resource?token=x"
        assert "authorization" not in got.headers

    @pytest.mark.parametrize("content", [BILL, ARCHIVE[:-1], ARCHIVE[:52] + b"?" + ARCHIVE[53:], b""])
    async def test_a_damaged_archive_is_asked_for_again(
        self, alipay: Any, platform: ScriptedPlatform, talk: Callable[..., None], into: Path, content: bytes
    ):
        url = f"{platform.url}/downloadBillFile.resource?token=x"
        talk((METHOD, {"code": "10000", "msg": "Success", "bill_download_url": url}), Answer(200, content))
        assert (await alipay.fetch_bill(BillKind.TRADE, YESTERDAY, into)).state is BillState.UNKNOWN
        assert untouched(into)

    @pytest.mark.parametrize("url", ["https://bills.example/x", "", None])
    async def test_and_from_no_other(
        self, alipay: Any, platform: ScriptedPlatform, talk: Callable[..., None], into: Path, url: str | None
    ):
        talk((METHOD, {"code": "10000", "msg": "Success", "bill_download_url": url}), Answer(200, BILL))
        assert (await alipay.fetch_bill(BillKind.TRADE, YESTERDAY, into)).state is BillState.UNKNOWN
        assert len(platform.received) == 1

    async def test_an_answer_nobody_signed(
        self, alipay: Any, platform: ScriptedPlatform, alipay_pen: AlipayPen, into: Path
    ):
        fields: dict[str, object] = {"code": "10000", "bill_download_url": f"{platform.url}/x"}
        platform.say(alipay_pen.answer(METHOD, fields, is_signed=False), Answer(200, BILL))
        assert (await alipay.fetch_bill(BillKind.TRADE, YESTERDAY, into)).state is BillState.UNKNOWN
        assert untouched(into)
