"""Everything the Alipay gateway refuses: code, sub code and words. Codes 40004 are business, the rest the gateway's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str
    sub_code: str
    sub_msg: str


MESSAGES = {
    "20000": "Service Currently Unavailable",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40003": "Insufficient Conditions",
    "40004": "Business Failed",
    "40005": "Call Limited",
    "40006": "Insufficient Permissions",
}


class Refusals(Enum):
    NO_APP_ID = Refusal("40001", "isv.missing-app-id", "缺少AppID参数")
    BAD_APP_ID = Refusal("40002", "isv.invalid-app-id", "无效的AppID参数")
    NO_METHOD = Refusal("40001", "isv.missing-method", "缺少方法名参数")
    BAD_METHOD = Refusal("40002", "isv.invalid-method", "不存在的方法名")
    NO_SIGNATURE = Refusal("40001", "isv.missing-signature", "缺少签名参数")
    NO_SIGNATURE_TYPE = Refusal("40001", "isv.missing-signature-type", "缺少签名类型参数")
    BAD_SIGNATURE_TYPE = Refusal("40002", "isv.invalid-signature-type", "无效的签名类型")
    BAD_SIGNATURE = Refusal("40002", "isv.invalid-signature", "无效签名，验签出错")
    NO_TIMESTAMP = Refusal("40001", "isv.missing-timestamp", "缺少时间戳参数")
    BAD_TIMESTAMP = Refusal("40002", "isv.invalid-timestamp", "非法的时间戳参数")
    NO_VERSION = Refusal("40001", "isv.missing-version", "缺少版本参数")
    BAD_FORMAT = Refusal("40002", "isv.invalid-format", "无效的数据格式")
    BAD_CHARSET = Refusal("40002", "isv.invalid-charset", "无效的字符集")
    NO_CERTIFICATE = Refusal("40001", "isv.missing-app-cert-sn", "缺少应用公钥证书序列号")
    BAD_CERTIFICATE = Refusal("40002", "isv.invalid-app-cert-sn", "应用公钥证书序列号无效")
    BAD_ROOT = Refusal("40002", "isv.invalid-alipay-root-cert-sn", "支付宝根证书序列号无效")
    """The documents have these checks and not their words, which are ours."""

    BAD_PARAMETER = Refusal("40002", "isv.invalid-parameter", "参数无效")
    CALL_LIMITED = Refusal("40005", "isv.app-call-limited", "应用调用次数超限")
    UNKNOWN_ERROR = Refusal("20000", "isp.unknow-error", "系统繁忙")

    INVALID_PARAMETER = Refusal("40004", "ACQ.INVALID_PARAMETER", "参数无效")
    TRADE_NOT_EXIST = Refusal("40004", "ACQ.TRADE_NOT_EXIST", "交易不存在")
    TRADE_HAS_SUCCESS = Refusal("40004", "ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
    TRADE_HAS_CLOSE = Refusal("40004", "ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
    CONTEXT_INCONSISTENT = Refusal("40004", "ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
    SECOND_CODE = Refusal("40004", "ACQ.APPLY_PC_MERCHANT_CODE_ERROR", "二维码申请失败")
    EXPIRE_TIME_PAST = Refusal("40004", "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR", "当前时间已超过允许支付的时间")
    TRADE_STATUS_ERROR = Refusal("40004", "ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    TRADE_STATUS_INVALID = Refusal("40004", "ACQ.REASON_TRADE_STATUS_INVALID", "交易状态异常")
    REFUND_FEE_ERROR = Refusal("40004", "ACQ.REASON_TRADE_REFUND_FEE_ERR", "退款金额无效")
    REPEAT_DIFFERS = Refusal("40004", "ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致")
    BALANCE_NOT_ENOUGH = Refusal("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足")
    TRADE_FINISHED = Refusal("40004", "ACQ.TRADE_HAS_FINISHED", "交易已完结，不允许退款")
    AUTH_CODE_INVALID = Refusal("40004", "ACQ.PAYMENT_AUTH_CODE_INVALID", "支付授权码无效")
    OTHER_MERCHANTS_FACE = Refusal("40004", "ACQ.SMILE_PAY_MERCHANT_NOT_MATCH", "刷脸支付的商户不匹配")
    BUYER_BALANCE_NOT_ENOUGH = Refusal("40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH", "买家余额不足")
    BUYER_CARD_NOT_ENOUGH = Refusal("40004", "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH", "用户银行卡余额不足")
    BUYER_NOT_MATCH = Refusal("40004", "ACQ.TRADE_BUYER_NOT_MATCH", "交易买家不匹配")
    SYSTEM_ERROR = Refusal("40004", "ACQ.SYSTEM_ERROR", "接口返回错误")
    CANCEL_TOO_LATE = Refusal("40004", "ACQ.TRADE_CANCEL_TIME_OUT", "超过撤销时间范围")

    NO_BILL_DATA = Refusal("40004", "NO_BILL_DATA", "当日无账单数据")
    BILL_NOT_EXIST = Refusal("40004", "BILL_NOT_EXIST", "账单不存在")
    BILL_ARGUMENTS = Refusal("40004", "INVAILID_ARGUMENTS", "入参不合法")


class AlipayRefusedError(Exception):
    """Alipay refuses a call; nothing was changed."""

    def __init__(self, refusal: Refusals, detail: str = "") -> None:
        super().__init__(refusal.value.sub_msg)
        self.refusal = refusal
        self.detail = detail
