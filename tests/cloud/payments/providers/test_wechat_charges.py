"""WeChat Pay's v3 charges and face tokens on the wire: what is sent, and what each answer means."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.cloud.payments.providers.scripted_platform import APPID, MCHID, Answer, refusal
from tests.cloud.payments.providers.wechat_answers import NUMBER, wechat_trade
from vendomat.cloud.payments.providers import (
    ChargeCredential,
    ChargeRefusal,
    ChargeRequest,
    ChargeState,
    FaceDevice,
    FaceState,
    ReverseState,
    TradeState,
)
from vendomat.cloud.payments.providers.wechat import v2_wire
from vendomat.kernel import Money, VendomatError

V2_KEY = "0123456789abcdef0123456789abcdef"
CODE = "130061098828009406"


@pytest.fixture
def request_(clock):
    return ChargeRequest(
        number=NUMBER,
        amount=Money(350, "CNY"),
        description="Oolong tea",
        code=CODE,
        expires_at=clock.now() + timedelta(seconds=60),
        notify_url="https://vend.example/hooks/mer_1",
        machine_id="mac_7",
    )


@pytest.fixture
def v3(open_account, wechat_settings, platform):
    settings = {"base_url": platform.url, "timeout_s": 0.5, "code_pay": "v3", "store_id": "0001"}
    return open_account("wechat", wechat_settings | settings)


class TestV3:
    async def test_sends_the_code_and_the_store_and_no_notify_address(self, v3, platform, wechat_pen, request_):
        platform.say(wechat_pen.answer(wechat_trade(trade_type="MICROPAY")))
        charged = await v3.charge(request_)
        assert (charged.state, charged.trade.number) == (ChargeState.PAID, NUMBER)
        (sent,) = platform.received
        assert (sent.method, sent.target) == ("POST", "/v3/pay/transactions/codepay")
        assert json.loads(sent.body) == {
            "appid": APPID,
            "mchid": MCHID,
            "description": "Oolong tea",
            "out_trade_no": NUMBER,
            "amount": {"total": 350, "currency": "CNY"},
            "payer": {"auth_code": CODE},
            "scene_info": {"store_info": {"id": "0001"}, "device_ip": "127.0.0.1", "device_id": "mac_7"},
        }

    async def test_v2_is_the_rule(self, open_account, wechat_settings):
        provider = open_account("wechat", wechat_settings)
        assert not provider.takes_codes
        with pytest.raises(VendomatError):
            await provider.look_up_charge(NUMBER)

    @pytest.mark.parametrize("told", ["USERPAYING by 202", "USERPAYING as its state"])
    async def test_waiting(self, v3, platform, wechat_pen, request_, told):
        in_state = wechat_trade(trade_state="USERPAYING", transaction_id="", success_time="")
        content = {"code": "USERPAYING", "message": "m"} if "202" in told else in_state
        platform.say(wechat_pen.answer(content, status=202 if "202" in told else 200))
        assert (await v3.charge(request_)).state is ChargeState.WAITING

    async def test_an_unsigned_202_is_no_word_of_the_platform(self, v3, platform, request_):
        platform.say(refusal(202, "USERPAYING"))
        assert (await v3.charge(request_)).state is ChargeState.UNKNOWN

    @pytest.mark.parametrize(
        ("code", "reason"),
        [("NOTENOUGH", ChargeRefusal.NOT_ENOUGH), ("ACCOUNTERROR", ChargeRefusal.CARD_REFUSED)],
    )
    async def test_refused_by_what_it_says(self, v3, platform, request_, code, reason):
        platform.say(refusal(403, code))
        charged = await v3.charge(request_)
        assert (charged.state, charged.reason) == (ChargeState.REFUSED, reason)

    @pytest.mark.parametrize(
        ("found", "state"),
        [(None, ChargeState.REFUSED), ("USERPAYING", ChargeState.UNKNOWN), ("SUCCESS", ChargeState.UNKNOWN)],
    )
    async def test_a_refusal_nobody_lists_is_looked_up(self, v3, platform, wechat_pen, request_, found, state):
        looked_up = wechat_pen.answer(wechat_trade(trade_state=found)) if found else refusal(404, "ORDER_NOT_EXIST")
        platform.say(refusal(403, "RULE_LIMIT"), looked_up)
        assert (await v3.charge(request_)).state is state

    async def test_of_another_number_or_account_is_not_believed(self, v3, platform, wechat_pen, request_):
        platform.say(wechat_pen.answer(wechat_trade(out_trade_no="pay_another")))
        assert (await v3.charge(request_)).state is ChargeState.UNKNOWN
        platform.say(wechat_pen.answer(wechat_trade(mchid="1900000009")))
        assert (await v3.charge(request_)).state is ChargeState.UNKNOWN

    async def test_after_its_time_it_is_not_sent(self, v3, platform, request_, clock):
        charged = await v3.charge(replace(request_, expires_at=clock.now()))
        assert (charged.state, platform.received) == (ChargeState.REFUSED, [])

    @pytest.mark.parametrize(
        ("word", "state"),
        [("USERPAYING", TradeState.NOT_PAID), ("PAYERROR", TradeState.NOT_PAID), ("REVOKED", TradeState.CLOSED)],
    )
    async def test_states_of_a_charge(self, v3, platform, wechat_pen, word, state):
        platform.say(wechat_pen.answer(wechat_trade(trade_state=word, transaction_id="", success_time="")))
        found = await v3.look_up_charge(NUMBER)
        assert (found.state, bool(found.error)) == (state, word == "PAYERROR")

    async def test_no_state_of_a_charge_is_one_of_an_offer(self, v3, platform, wechat_pen):
        platform.say(wechat_pen.answer(wechat_trade(trade_state="REVOKED")))
        assert (await v3.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_a_reverse_names_merchant_and_application(self, v3, platform, wechat_pen):
        platform.say(wechat_pen.answer({"appid": APPID, "mchid": MCHID, "out_trade_no": NUMBER}))
        assert (await v3.reverse(NUMBER)).state is ReverseState.REVERSED
        (sent,) = platform.received
        assert (sent.method, sent.target) == ("POST", f"/v3/pay/transactions/out-trade-no/{NUMBER}/reverse")
        assert json.loads(sent.body) == {"appid": APPID, "mchid": MCHID}

    async def test_a_reverse_of_another_number_is_not_ours(self, v3, platform, wechat_pen):
        platform.say(wechat_pen.answer({"out_trade_no": "pay_another"}))
        assert (await v3.reverse(NUMBER)).state is ReverseState.UNKNOWN

    @pytest.mark.parametrize(
        ("code", "word", "state"),
        [
            ("TRADE_ERROR", "SUCCESS", ReverseState.UNKNOWN),
            ("REVERSE_EXPIRE", "SUCCESS", ReverseState.PAID),
            ("TRADE_ERROR", "REVOKED", ReverseState.REVERSED),
        ],
    )
    async def test_a_refused_reverse_is_looked_up(self, v3, platform, wechat_pen, code, word, state):
        platform.say(refusal(403, code), wechat_pen.answer(wechat_trade(trade_state=word)))
        assert (await v3.reverse(NUMBER)).state is state


def v2_answer(**fields: str) -> Answer:
    said = {"return_code": "SUCCESS", "result_code": "SUCCESS"} | fields
    said["sign"] = v2_wire.sign(said, V2_KEY, v2_wire.HMAC_SHA256)
    return Answer(200, v2_wire.write_xml(said), {"Content-Type": "text/xml"})


class TestFaceTokens:
    DEVICE = FaceDevice("dev_1", "raw data of the kit", "0001", "Hall B")

    @pytest.fixture
    def faces(self, open_account, wechat_settings, platform, merchant_key, clock):
        from tests.cloud.payments.providers.scripted_platform import certificate_of, certificate_pem

        pem = certificate_pem(certificate_of(merchant_key, clock))
        more = {"apiv2_key": V2_KEY, "certificate": pem, "takes_faces": True, "face_url": platform.url}
        return open_account("wechat", wechat_settings | more | {"base_url": platform.url, "timeout_s": 0.5})

    async def test_a_token_is_asked_for_once_and_renewed_at_half_its_life(self, faces, platform, clock):
        platform.say(v2_answer(authinfo="token-1", expires_in="3600"), v2_answer(authinfo="token-2", expires_in="3600"))
        first = await faces.prepare_face(self.DEVICE)
        assert (first.state, first.token) == (FaceState.READY, "token-1")
        assert first.expires_at == clock.now() + timedelta(hours=1)
        sent = v2_wire.read_xml(platform.received[0].body)
        assert platform.received[0].target == "/face/get_wxpayface_authinfo"
        assert sent.pop("sign") == v2_wire.sign(sent, V2_KEY, v2_wire.HMAC_SHA256)
        assert sent.pop("nonce_str") and sent.pop("now") == str(int(clock.now().timestamp()))
        assert sent == {
            "appid": APPID,
            "mch_id": MCHID,
            "sign_type": "HMAC-SHA256",
            "store_id": "0001",
            "store_name": "Hall B",
            "device_id": "dev_1",
            "rawdata": "raw data of the kit",
            "version": "1",
        }
        await clock.advance(1799)
        assert (await faces.prepare_face(replace(self.DEVICE, raw_data="another text"))).token == "token-1"
        await clock.advance(1)
        assert (await faces.prepare_face(self.DEVICE)).token == "token-2"

    async def test_another_device_has_its_own(self, faces, platform):
        platform.say(v2_answer(authinfo="token-1", expires_in="3600"), v2_answer(authinfo="token-2", expires_in="3600"))
        await faces.prepare_face(self.DEVICE)
        assert (await faces.prepare_face(replace(self.DEVICE, device_id="dev_2"))).token == "token-2"

    async def test_without_an_answer_the_old_one_serves_to_its_end(self, faces, platform, clock):
        platform.say(v2_answer(authinfo="token-1", expires_in="3600"), Answer(502), Answer(502))
        await faces.prepare_face(self.DEVICE)
        await clock.advance(3599)
        kept = await faces.prepare_face(self.DEVICE)
        assert (kept.state, kept.token, kept.error) == (FaceState.READY, "token-1", "HTTP_502")
        await clock.advance(1)
        assert (await faces.prepare_face(self.DEVICE)).state is FaceState.UNKNOWN

    @pytest.mark.parametrize(
        ("fields", "state"),
        [
            ({"authinfo": "", "expires_in": "3600"}, FaceState.UNKNOWN),
            ({"authinfo": "t", "expires_in": "0"}, FaceState.UNKNOWN),
            ({"authinfo": "t" * 4097, "expires_in": "3600"}, FaceState.UNKNOWN),
            ({"result_code": "FAIL", "err_code": "NOAUTH"}, FaceState.REFUSED),
        ],
    )
    async def test_what_is_no_token(self, faces, platform, fields, state):
        platform.say(v2_answer(**fields))
        assert (await faces.prepare_face(self.DEVICE)).state is state

    async def test_its_charge_says_face_and_its_query_asks_there(self, faces, platform, request_):
        platform.say(v2_answer(result_code="FAIL", err_code="USERPAYING"))
        shown = replace(request_, code="face-code-1", credential=ChargeCredential.FACE, payer="oUpF8")
        assert (await faces.charge(shown)).state is ChargeState.WAITING
        sent = v2_wire.read_xml(platform.received[0].body)
        assert platform.received[0].target == "/pay/facepay"
        assert (sent["face_code"], sent["openid"], "auth_code" in sent) == ("face-code-1", "oUpF8", False)
        await faces.look_up_charge(NUMBER, ChargeCredential.FACE)
        assert platform.received[1].target == "/pay/facepayquery"

    async def test_an_account_without_faces_takes_none(self, v3, request_):
        with pytest.raises(VendomatError):
            await v3.charge(replace(request_, credential=ChargeCredential.FACE))
        with pytest.raises(VendomatError):
            await v3.prepare_face(self.DEVICE)
