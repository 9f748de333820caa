"""Charges of the emulated WeChat Pay over v3: `codepay` and its reverse, in v3's words.

The published pages name a few refusals of their own (NOTENOUGH, ACCOUNTERROR, USERPAYING with 202); for what is wrong
with a payment code they name none, so v2's words stand here, under 403.
"""

from __future__ import annotations

from collections.abc import Callable

from vendomat.simulator.gateways.asgi import Exchange
from vendomat.simulator.gateways.wechat import requests, shapes
from vendomat.simulator.gateways.wechat.charges import Shown
from vendomat.simulator.gateways.wechat.platform import WechatPlatform
from vendomat.simulator.gateways.wechat.records import Merchant, Order, TradeType
from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError
from vendomat.simulator.gateways.wechat.v2_refusals import V2Code, V2RefusedError

_AS_V3 = {
    V2Code.SYSTEMERROR: Refusals.SYSTEM_ERROR,
    V2Code.PARAM_ERROR: Refusals.WRONG_PARAMETER,
    V2Code.ORDERPAID: Refusals.ORDER_PAID,
    V2Code.AUTHCODEEXPIRE: Refusals.CODE_EXPIRED,
    V2Code.AUTH_CODE_ERROR: Refusals.CODE_WRONG,
    V2Code.AUTH_CODE_INVALID: Refusals.CODE_INVALID,
    V2Code.NOTENOUGH: Refusals.PAYER_NOT_ENOUGH,
    V2Code.NOTSUPORTCARD: Refusals.ACCOUNT_ERROR,
    V2Code.ORDERCLOSED: Refusals.ORDER_CLOSED,
    V2Code.ORDERREVERSED: Refusals.ORDER_CLOSED,
    V2Code.BANKERROR: Refusals.BANK_ERROR,
    V2Code.USERPAYING: Refusals.USER_PAYING,
    V2Code.BUYER_MISMATCH: Refusals.NUMBER_USED,
    V2Code.OUT_TRADE_NO_USED: Refusals.NUMBER_USED,
    V2Code.ORDERNOTEXIST: Refusals.ORDER_NOT_EXIST,
    V2Code.REVERSE_EXPIRE: Refusals.REVERSE_TOO_LATE,
}


class V3Charges:
    """The two calls."""

    def __init__(self, platform: WechatPlatform) -> None:
        self._platform = platform

    def charge(self, merchant: Merchant, exchange: Exchange) -> object:
        terms, code = requests.read_charge(exchange.body)
        check_owner(merchant, terms.mchid, terms.appid)
        order = _in_v3(lambda: self._platform.charge(terms, Shown(TradeType.MICROPAY, code)))
        return shapes.order_answer(order)

    def reverse(self, merchant: Merchant, number: str, exchange: Exchange) -> object:
        asked = requests.read_reverse(exchange.body)
        check_owner(merchant, asked.mchid, asked.appid)
        _in_v3(lambda: self._platform.reverse(merchant.mchid, number, TradeType.MICROPAY))
        return {"appid": merchant.appid, "mchid": merchant.mchid, "out_trade_no": number}


def check_owner(merchant: Merchant, mchid: str, appid: str) -> None:
    """Raises `WechatRefusedError` unless the call names the merchant that signed it."""
    if mchid != merchant.mchid:
        raise WechatRefusedError(Refusals.OTHER_MERCHANT)
    if appid != merchant.appid:
        raise WechatRefusedError(Refusals.APPID_MISMATCH)


def _in_v3(deed: Callable[[], Order]) -> Order:
    try:
        return deed()
    except V2RefusedError as error:
        raise WechatRefusedError(_AS_V3[error.code]) from error
