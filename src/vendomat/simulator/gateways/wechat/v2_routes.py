"""WeChat Pay v2 over HTTP: charges by payment code and by face. XML both ways, HTTP 200 always, the reason inside.

Reversing asks for the merchant's certificate in the TLS handshake; a call without it is refused before business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from vendomat.kernel import Clock
from vendomat.simulator.gateways.asgi import Answer, Exchange
from vendomat.simulator.gateways.faults import CallFault
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.wechat import shapes, v2_wire
from vendomat.simulator.gateways.wechat.charges import Shown
from vendomat.simulator.gateways.wechat.platform import WechatPlatform
from vendomat.simulator.gateways.wechat.records import Merchant, Order, OrderState, Terms, TradeType, openid_of
from vendomat.simulator.gateways.wechat.v2_refusals import UNSIGNED, WORDS, V2Code, V2RefusedError

PATHS = {
    "/pay/micropay": "charge",
    "/pay/orderquery": "charge_query",
    "/secapi/pay/reverse": "reverse",
    "/pay/facepay": "charge",
    "/pay/facepayquery": "charge_query",
    "/secapi/pay/facepayreverse": "reverse",
    "/face/get_wxpayface_authinfo": "face_token",
}
_BEFORE = (CallFault.ERROR_BEFORE, CallFault.ACCEPTED, CallFault.RATE_LIMITED)
_FALSE = (CallFault.FORGED_ANSWER, CallFault.SIGNTEST_ANSWER)
_NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
_FEN = re.compile(r"[1-9][0-9]{0,8}")
_CHARGE_NEEDS = ("body", "out_trade_no", "total_fee", "spbill_create_ip")
_TOKEN_NEEDS = ("store_id", "store_name", "device_id", "rawdata", "now", "version")
_HMAC = "HMAC-SHA256"
_HMAC_ONLY = ("/pay/facepay", "/secapi/pay/facepayreverse")

Fields = Mapping[str, str]


class WechatV2Api:
    """Answers exchanges of the paths. `fault` concerns the answer alone."""

    def __init__(self, platform: WechatPlatform, clock: Clock, numbers: Numbers) -> None:
        self._platform = platform
        self._clock = clock
        self._numbers = numbers
        self._verbs: dict[str, Callable[[Merchant, Fields, TradeType], dict[str, str]]] = {
            "charge": self._charge,
            "charge_query": self._query,
            "reverse": self._reverse,
            "face_token": self._face_token,
        }

    def answer(self, exchange: Exchange, fault: CallFault | None) -> Answer:
        """Do what `exchange` asks and answer it, under `fault`."""
        if fault == CallFault.UNAVAILABLE:
            return Answer(502, b"<html>502 Bad Gateway</html>", "text/html")
        try:
            fields, merchant = self._admit(exchange)
        except V2RefusedError as error:
            return _unsigned(error.code)
        try:
            said = self._done(exchange.raw_path, merchant, fields, fault)
        except V2RefusedError as error:
            said = {"result_code": "FAIL", "err_code": error.code.value, "err_code_des": WORDS[error.code]}
            if error.recall:
                said["recall"] = error.recall
        return self._signed(merchant, fields, said, is_false=fault in _FALSE)

    def _done(self, path: str, merchant: Merchant, fields: Fields, fault: CallFault | None) -> dict[str, str]:
        if fault in _BEFORE:
            raise V2RefusedError(V2Code.SYSTEMERROR)
        if fields.get("appid") != merchant.appid:
            is_known = any(m.appid == fields.get("appid") for m in self._platform.books_now.merchants.values())
            raise V2RefusedError(V2Code.APPID_MCHID_NOT_MATCH if is_known else V2Code.APPID_NOT_EXIST)
        said = self._verbs[PATHS[path]](merchant, fields, TradeType.FACEPAY if "face" in path else TradeType.MICROPAY)
        if fault == CallFault.ERROR_AFTER:
            raise V2RefusedError(V2Code.SYSTEMERROR)
        return said

    def _admit(self, exchange: Exchange) -> tuple[dict[str, str], Merchant]:
        """Who calls, with what; the signature before anything that depends on content."""
        if exchange.method != "POST":
            raise V2RefusedError(V2Code.REQUIRE_POST_METHOD)
        try:
            fields = v2_wire.read_xml(exchange.body.decode())
        except UnicodeDecodeError as error:
            raise V2RefusedError(V2Code.NOT_UTF8) from error
        if fields is None:
            raise V2RefusedError(V2Code.XML_FORMAT_ERROR)
        merchant = self._platform.books_now.merchants.get(fields.get("mch_id", ""))
        if merchant is None:
            raise V2RefusedError(V2Code.MCHID_NOT_EXIST)
        if not merchant.apiv2_key:
            raise V2RefusedError(V2Code.NOAUTH)
        if fields.get("sign") != v2_wire.sign(fields, merchant.apiv2_key, fields.get("sign_type", "MD5")):
            raise V2RefusedError(V2Code.SIGNERROR)
        if exchange.raw_path.startswith(_HMAC_ONLY) and fields.get("sign_type") != _HMAC:
            raise V2RefusedError(V2Code.SIGNERROR)
        if exchange.raw_path.startswith("/secapi/") and exchange.peer_serial != merchant.serial_no:
            raise V2RefusedError(V2Code.NOAUTH)
        return fields, merchant

    # business

    def _charge(self, merchant: Merchant, fields: Fields, trade_type: TradeType) -> dict[str, str]:
        credential = "face_code" if trade_type == TradeType.FACEPAY else "auth_code"
        if not all(fields.get(name) for name in (*_CHARGE_NEEDS, credential, "nonce_str")):
            raise V2RefusedError(V2Code.LACK_PARAMS)
        expires = v2_wire.read_time(fields["time_expire"]) if fields.get("time_expire") else None
        is_fit = bool(_NUMBER.fullmatch(fields["out_trade_no"]) and _FEN.fullmatch(fields["total_fee"]))
        has_limits = len(fields["body"].encode()) <= 128 and fields.get("fee_type", "CNY") == "CNY"
        if not is_fit or not has_limits or (fields.get("time_expire") and expires is None):
            raise V2RefusedError(V2Code.PARAM_ERROR)
        terms = Terms(
            mchid=merchant.mchid,
            appid=merchant.appid,
            out_trade_no=fields["out_trade_no"],
            description=fields["body"],
            total_fen=int(fields["total_fee"]),
            notify_url="",
            attach=fields.get("attach", ""),
            device_id=fields.get("device_info", ""),
            time_expire=expires,
            rest=fields["spbill_create_ip"],
        )
        shown = Shown(trade_type, fields[credential], fields.get("openid", "") if credential == "face_code" else "")
        return _trade_fields(self._platform.charge(terms, shown))

    def _query(self, merchant: Merchant, fields: Fields, trade_type: TradeType) -> dict[str, str]:
        order = self._platform.look_up_charge(merchant.mchid, _number_of(fields), trade_type)
        words = {"trade_state": order.state.value, "trade_state_desc": shapes.STATE_WORDS[order.state]}
        if not order.is_paid:
            return {"out_trade_no": order.terms.out_trade_no, **words}
        return _trade_fields(order) | words

    def _reverse(self, merchant: Merchant, fields: Fields, trade_type: TradeType) -> dict[str, str]:
        self._platform.reverse(merchant.mchid, _number_of(fields), trade_type)
        return {"recall": "N"}

    def _face_token(self, merchant: Merchant, fields: Fields, trade_type: TradeType) -> dict[str, str]:
        if not all(fields.get(name) for name in (*_TOKEN_NEEDS, "nonce_str")):
            raise V2RefusedError(V2Code.LACK_PARAMS)
        if fields["version"] != "1" or not fields["now"].isdigit():
            raise V2RefusedError(V2Code.PARAM_ERROR)
        token = self._platform.give_face_token(merchant.mchid, merchant.appid, fields["device_id"])
        return {"authinfo": token.text, "expires_in": str(self._platform.faces.life_s)}

    # answers

    def _signed(self, merchant: Merchant, asked: Fields, said: Fields, *, is_false: bool) -> Answer:
        fields = {
            "return_code": "SUCCESS",
            "return_msg": "OK",
            "appid": asked.get("appid", ""),
            "mch_id": merchant.mchid,
            "nonce_str": self._numbers.text(32),
            "result_code": "SUCCESS",
            **said,
        }
        key = self._numbers.text(32) if is_false else merchant.apiv2_key
        fields["sign"] = v2_wire.sign(fields, key, asked.get("sign_type", "MD5"))
        return Answer(200, v2_wire.write_xml(fields), "text/xml; charset=utf-8")


def _number_of(fields: Fields) -> str:
    if not fields.get("out_trade_no"):
        raise V2RefusedError(V2Code.LACK_PARAMS)
    return fields["out_trade_no"]


def _trade_fields(order: Order) -> dict[str, str]:
    """A paid charge as answer and query show it."""
    assert order.paid_at is not None and order.state in (OrderState.SUCCESS, OrderState.REFUND)
    terms = order.terms
    fields = {
        "openid": openid_of(terms.appid, order.payer),
        "is_subscribe": "N",
        "trade_type": order.trade_type.value,
        "bank_type": "OTHERS",
        "fee_type": "CNY",
        "total_fee": str(terms.total_fen),
        "cash_fee": str(terms.total_fen),
        "transaction_id": order.transaction_id,
        "out_trade_no": terms.out_trade_no,
        "time_end": v2_wire.to_time(order.paid_at),
    }
    if terms.attach:
        fields["attach"] = terms.attach
    if terms.device_id:
        fields["device_info"] = terms.device_id
    return fields


def _unsigned(code: V2Code) -> Answer:
    assert code in UNSIGNED
    fields = {"return_code": "FAIL", "return_msg": WORDS[code], "err_code": code.value}
    return Answer(200, v2_wire.write_xml(fields), "text/plain")
