"""What WeChat Pay v2 refuses, by `err_code`, with its words. The codes are the platform's own, as published."""

from __future__ import annotations

from enum import StrEnum


class V2Code(StrEnum):
    SYSTEMERROR = "SYSTEMERROR"
    PARAM_ERROR = "PARAM_ERROR"
    ORDERPAID = "ORDERPAID"
    NOAUTH = "NOAUTH"
    AUTHCODEEXPIRE = "AUTHCODEEXPIRE"
    NOTENOUGH = "NOTENOUGH"
    NOTSUPORTCARD = "NOTSUPORTCARD"
    ORDERCLOSED = "ORDERCLOSED"
    ORDERREVERSED = "ORDERREVERSED"
    BANKERROR = "BANKERROR"
    USERPAYING = "USERPAYING"
    AUTH_CODE_ERROR = "AUTH_CODE_ERROR"
    AUTH_CODE_INVALID = "AUTH_CODE_INVALID"
    XML_FORMAT_ERROR = "XML_FORMAT_ERROR"
    REQUIRE_POST_METHOD = "REQUIRE_POST_METHOD"
    SIGNERROR = "SIGNERROR"
    LACK_PARAMS = "LACK_PARAMS"
    NOT_UTF8 = "NOT_UTF8"
    BUYER_MISMATCH = "BUYER_MISMATCH"
    APPID_NOT_EXIST = "APPID_NOT_EXIST"
    MCHID_NOT_EXIST = "MCHID_NOT_EXIST"
    OUT_TRADE_NO_USED = "OUT_TRADE_NO_USED"
    APPID_MCHID_NOT_MATCH = "APPID_MCHID_NOT_MATCH"
    ORDERNOTEXIST = "ORDERNOTEXIST"  # of a query or a reverse
    REVERSE_EXPIRE = "REVERSE_EXPIRE"  # of a reverse after seven days


WORDS = {
    V2Code.SYSTEMERROR: "系统超时",
    V2Code.PARAM_ERROR: "参数错误",
    V2Code.ORDERPAID: "订单号已支付，请勿重复支付",
    V2Code.NOAUTH: "商户无此接口权限",
    V2Code.AUTHCODEEXPIRE: "二维码已过期，请用户在微信上刷新后再试",
    V2Code.NOTENOUGH: "用户余额不足",
    V2Code.NOTSUPORTCARD: "不支持卡类型",
    V2Code.ORDERCLOSED: "订单已关闭",
    V2Code.ORDERREVERSED: "订单已撤销",
    V2Code.BANKERROR: "银行系统异常",
    V2Code.USERPAYING: "需要用户输入支付密码",
    V2Code.AUTH_CODE_ERROR: "请扫描微信支付被扫条码/二维码",
    V2Code.AUTH_CODE_INVALID: "收银员扫描的不是微信支付的条码",
    V2Code.XML_FORMAT_ERROR: "XML格式错误",
    V2Code.REQUIRE_POST_METHOD: "请使用post方法",
    V2Code.SIGNERROR: "签名错误",
    V2Code.LACK_PARAMS: "缺少必要的请求参数",
    V2Code.NOT_UTF8: "未使用指定编码格式",
    V2Code.BUYER_MISMATCH: "支付帐号错误",
    V2Code.APPID_NOT_EXIST: "APPID不存在",
    V2Code.MCHID_NOT_EXIST: "MCHID不存在",
    V2Code.OUT_TRADE_NO_USED: "商户订单号重复",
    V2Code.APPID_MCHID_NOT_MATCH: "appid和mch_id不匹配",
    V2Code.ORDERNOTEXIST: "此交易订单号不存在",
    V2Code.REVERSE_EXPIRE: "订单无法撤销",
}

UNSIGNED = frozenset(
    {
        V2Code.XML_FORMAT_ERROR,
        V2Code.REQUIRE_POST_METHOD,
        V2Code.SIGNERROR,
        V2Code.NOT_UTF8,
        V2Code.MCHID_NOT_EXIST,
        V2Code.NOAUTH,
    }
)
"""Refused before it is known, or agreed, with whose key to sign: `return_code` FAIL. Which ones, the documents leave
open; the rest comes signed, under `result_code` FAIL."""


class V2RefusedError(Exception):
    """The platform answers with `code`. Nothing was changed; at USERPAYING and BANKERROR the order waits."""

    def __init__(self, code: V2Code, *, recall: str = "") -> None:
        super().__init__(WORDS[code])
        self.code = code
        self.recall = recall
