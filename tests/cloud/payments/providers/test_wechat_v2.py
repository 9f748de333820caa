"""WeChat Pay v2's wire: the published signatures, and XML that must not be read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vendomat.cloud.payments.providers import Charged, ChargeRequest, ChargeState, ReverseState, Trade, TradeState
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.wechat import v2_wire
from vendomat.kernel import Money, VendomatError

KEY = "192006250b4c09247ec02edce69f6a2d"
SIGNED = {
    "appid": "wxd930ea5d5a258f4f",
    "mch_id": "10000100",
    "device_info": "1000",
    "body": "test",
    "nonce_str": "ibuaiVcKdpRxkhJA",
}
NUMBER = "pay_00000000000000000000000001"
PAID = {
    "return_code": "SUCCESS",
    "result_code": "SUCCESS",
    "appid": "wx1",
    "mch_id": "1900000001",
    "out_trade_no": NUMBER,
    "transaction_id": "4200000000202611220000000001",
    "total_fee": "350",
    "time_end": "20261122120000",
    "openid": "o1",
}


def charged(**fields: str) -> Charged:
    return v2_wire.read_charge({**PAID, **fields}, NUMBER, mchid="1900000001", appid="wx1")


def traded(**fields: str) -> Trade:
    said = {**PAID, "trade_state": "SUCCESS", **fields}
    return v2_wire.read_trade(said, NUMBER, mchid="1900000001", appid="wx1")


class TestSignatures:
    def test_the_published_ones(self):
        assert v2_wire.sign(SIGNED, KEY, v2_wire.MD5) == "9A0A8659F005D6984697E2CA0A9CF3B7"
        hmac_sha256 = "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"
        assert v2_wire.sign(SIGNED, KEY, v2_wire.HMAC_SHA256) == hmac_sha256

    def test_empty_fields_and_the_signature_itself_are_left_out(self):
        more = {**SIGNED, "attach": "", "sign": "X"}
        assert v2_wire.sign(more, KEY, v2_wire.MD5) == v2_wire.sign(SIGNED, KEY, v2_wire.MD5)

    def test_an_answer_must_carry_ours(self):
        said = {**PAID, "sign": v2_wire.sign(PAID, KEY, v2_wire.MD5)}
        assert v2_wire.verified(v2_wire.write_xml(said), KEY, v2_wire.MD5) == said
        for false in ({**said, "total_fee": "1"}, {**said, "sign": ""}, {**said, "return_code": "FAIL"}):
            with pytest.raises(NotKnownError):
                v2_wire.verified(v2_wire.write_xml(false), KEY, v2_wire.MD5)


class TestXml:
    def test_what_is_written_is_read(self):
        fields = {"body": 'Tea & "milk" <b> ]]> 茶', "attach": "", "total_fee": "350"}
        assert v2_wire.read_xml(v2_wire.write_xml(fields)) == fields

    def test_unquoted_text_and_the_five_entities(self):
        assert v2_wire.read_xml(b"<xml>\n <a>1 &lt; 2 &amp; 3</a>\n</xml>") == {"a": "1 < 2 & 3"}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<xml><a>1</a>",
            b"<html><a>1</a></html>",
            b"<xml>words<a>1</a></xml>",
            b"<xml><a>1</a><a>2</a></xml>",
            b"<xml><a><b>1</b></a></xml>",
            b'<xml><a x="1">1</a></xml>',
            b"<xml><?run it?><a>1</a></xml>",
            b'<!DOCTYPE xml [<!ENTITY e "1">]><xml><a>&e;</a></xml>',
            b'<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml><a>1</a></xml>',
            b"<xml><a>&unknown;</a></xml>",
            b"<xml>" + b"".join(b"<a%d>1</a%d>" % (n, n) for n in range(101)) + b"</xml>",
            b"<xml><a>" + b"1" * v2_wire.XML_BYTES_MAX + b"</a></xml>",
            b"<xml><a>\xff\xfe</a></xml>",
        ],
    )
    def test_what_must_not_be_read(self, body: bytes):
        with pytest.raises(NotKnownError):
            v2_wire.read_xml(body)


class TestMeaning:
    def test_a_success_is_a_payment(self):
        trade = charged().trade
        assert charged().state is ChargeState.PAID
        assert trade is not None and trade.amount == Money(350, "CNY")
        assert trade.paid_at == datetime(2026, 11, 22, 4, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"out_trade_no": "pay_00000000000000000000000002"},
            {"mch_id": "1900000002"},
            {"appid": "wx2"},
            {"total_fee": ""},
            {"total_fee": "3.50"},
            {"transaction_id": ""},
            {"time_end": "now"},
            {"fee_type": "USD"},
        ],
    )
    def test_a_success_that_is_not_whole_is_not_known(self, wrong: dict[str, str]):
        assert charged(**wrong).state is ChargeState.UNKNOWN
        assert traded(**wrong).state is TradeState.UNKNOWN

    @pytest.mark.parametrize("code", ["SYSTEMERROR", "BANKERROR", "ORDERPAID", "OUT_TRADE_NO_USED", "", "NEW_WORD"])
    def test_what_only_a_query_knows(self, code: str):
        assert charged(result_code="FAIL", err_code=code).state is ChargeState.UNKNOWN

    @pytest.mark.parametrize(
        ("word", "state"),
        [
            ("NOTPAY", TradeState.NOT_PAID),
            ("USERPAYING", TradeState.NOT_PAID),
            ("PAYERROR", TradeState.NOT_PAID),
            ("CLOSED", TradeState.CLOSED),
            ("REVOKED", TradeState.CLOSED),
            ("REFUND", TradeState.PAID),
            ("NEW_WORD", TradeState.UNKNOWN),
        ],
    )
    def test_states(self, word: str, state: TradeState):
        assert traded(trade_state=word).state is state
        assert bool(traded(trade_state=word).error) is (word in ("PAYERROR", "NEW_WORD"))

    def test_a_reverse_is_done_only_when_the_platform_says_so_in_full(self):
        assert v2_wire.read_reverse({"result_code": "SUCCESS", "recall": "N"}) is not None
        again = v2_wire.read_reverse({"result_code": "SUCCESS", "recall": "Y"})
        assert again is not None and again.state is ReverseState.UNKNOWN
        assert v2_wire.read_reverse({"result_code": "SUCCESS"}) is None
        assert v2_wire.read_reverse({"result_code": "FAIL", "recall": "N"}) is None

    def test_a_refused_reverse_leaves_a_charge_paid_only_when_it_is_too_old(self):
        paid = traded()
        assert v2_wire.reversed_as(paid, {"err_code": "REVERSE_EXPIRE"}).state is ReverseState.PAID
        assert v2_wire.reversed_as(paid, {"err_code": "SYSTEMERROR"}).state is ReverseState.UNKNOWN


class TestAccounts:
    async def test_without_keys_for_it_no_code_is_taken(self, open_account, wechat_settings):
        provider = open_account("wechat", wechat_settings)
        assert not provider.takes_codes
        request = ChargeRequest(NUMBER, Money(350, "CNY"), "Tea", "13" * 9, datetime(2030, 1, 1, tzinfo=UTC), "")
        with pytest.raises(VendomatError, match="no money was taken"):
            await provider.charge(request)

    @pytest.mark.parametrize(
        "keys",
        [
            {"apiv2_key": KEY},
            {"apiv2_key": "short", "certificate": "-----BEGIN CERTIFICATE-----"},
            {"apiv2_key": KEY, "certificate": "no certificate"},
        ],
    )
    async def test_half_a_set_of_keys_is_refused(self, open_account, wechat_settings, keys: dict[str, str]):
        with pytest.raises(VendomatError):
            open_account("wechat", wechat_settings | keys)
