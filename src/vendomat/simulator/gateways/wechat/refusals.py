"""Everything WeChat Pay refuses, in one table: code, HTTP status, message, and the number that ends `Request-ID`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    code: str
    message: str
    internal: int = 268_435_456


class Refusals(Enum):
    """The refusals by what happened; several share one wire code."""

    NO_USER_AGENT = Refusal(400, "INVALID_REQUEST", "Http头缺少Accept或User-Agent")
    NO_AUTHORIZATION = Refusal(
        401, "SIGN_ERROR", "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"
    )
    NO_AUTHORIZATION_ORDERS = Refusal(401, "SIGN_ERROR", "签名信息错误，验签失败")
    OLD_TIMESTAMP = Refusal(401, "SIGN_ERROR", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
    WRONG_SIGNATURE = Refusal(401, "SIGN_ERROR", "签名错误")
    WRONG_PARAMETER = Refusal(400, "PARAM_ERROR", "参数错误")
    OTHER_MERCHANT = Refusal(403, "NO_AUTH", "商户号与签名的商户号不一致")
    APPID_MISMATCH = Refusal(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配，请检查后再试")
    ORDER_NOT_EXIST = Refusal(404, "ORDER_NOT_EXIST", "订单不存在", 268_512_771)
    BAD_TRANSACTION_ID = Refusal(500, "INVALID_TRANSACTIONID", "订单号非法")
    NUMBER_USED = Refusal(403, "OUT_TRADE_NO_USED", "商户订单号重复", 268_498_688)
    ORDER_CLOSED = Refusal(400, "ORDER_CLOSED", "订单已关闭")
    ORDER_EXPIRED = Refusal(400, "ORDER_CLOSED", "订单已过期，请更换商户订单号重新下单", 268_447_914)
    ORDER_PAID = Refusal(400, "ORDER_PAID", "该订单已支付", 268_449_538)
    USER_PAYING = Refusal(202, "USERPAYING", "用户支付中，需要输入密码")
    CODE_EXPIRED = Refusal(403, "AUTHCODEEXPIRE", "付款码已过期，请用户刷新后再试")
    CODE_WRONG = Refusal(403, "AUTH_CODE_ERROR", "请扫描微信支付付款码")
    CODE_INVALID = Refusal(403, "AUTH_CODE_INVALID", "付款码无效，请用户刷新后再试")
    PAYER_NOT_ENOUGH = Refusal(403, "NOTENOUGH", "用户余额不足")
    ACCOUNT_ERROR = Refusal(403, "ACCOUNTERROR", "用户账户异常或不支持该卡")
    BANK_ERROR = Refusal(500, "BANKERROR", "银行系统异常")
    REVERSE_TOO_LATE = Refusal(403, "REVERSE_EXPIRE", "订单无法撤销")
    SERVICE_NOT_GRANTED = Refusal(403, "NO_AUTH", "商户未开通该服务")
    SERVICE_NOT_PERMITTED = Refusal(403, "NO_AUTH", "用户未授权该服务")
    PERMISSION_NOT_EXISTS = Refusal(404, "RESOURCE_NOT_EXISTS", "授权记录不存在")
    SERVICE_NOT_EXIST = Refusal(404, "ORDER_NOT_EXIST", "订单不存在")
    SERVICE_STATE = Refusal(400, "INVALID_ORDER_STATE", "单据状态错误")
    SERVICE_COMPLETED = Refusal(400, "INVALID_ORDER_STATE", "订单已完结，不能取消", 271_316_592)
    SERVICE_TOTAL = Refusal(400, "PARAM_ERROR", "最终总金额计算非法")
    SERVICE_NOT_LOWER = Refusal(400, "PARAM_ERROR", "修改后的金额必须小于原金额")
    SERVICE_RISK = Refusal(403, "RULE_LIMIT", "用户综合评估未通过", 271_300_099)
    SERVICE_UNPAID = Refusal(403, "RULE_LIMIT", "用户有未支付的订单", 271_299_627)
    SERVICE_MINOR = Refusal(403, "RULE_LIMIT", "用户已开启未成年人模式", 268_560_785)
    SHARING_NOT_EXISTS = Refusal(404, "RESOURCE_NOT_EXISTS", "分账单不存在")
    SHARING_OTHER = Refusal(400, "INVALID_REQUEST", "参数与之前请求不一致，请核实后再试")
    SHARING_NOT_FROZEN = Refusal(400, "INVALID_REQUEST", "非分账订单不支持分账")
    SHARING_NOT_NOW = Refusal(400, "INVALID_REQUEST", "订单处理中，暂时无法分账，请稍后再试")
    SHARING_UNKNOWN_RECEIVER = Refusal(400, "INVALID_REQUEST", "分账接收方关系不存在，请检查参数中每个接收方的关系")
    SHARING_CEILING = Refusal(403, "RULE_LIMIT", "分账金额超出最大分账比例")
    SHARING_NOT_ENOUGH = Refusal(403, "NOT_ENOUGH", "订单剩余待分金额不足")
    SHARING_NOT_RETURNABLE = Refusal(400, "INVALID_REQUEST", "回退金额超出可回退金额，或已超过回退期限")
    ONLY_REVERSE = Refusal(403, "TRADE_ERROR", "付款码订单只能撤销，不能关闭", 268_449_641)
    CERTIFICATES_NOT_USED = Refusal(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请使用微信支付公钥")
    REFUND_NOT_EXISTS = Refusal(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
    REFUND_ORDER_NOT_EXISTS = Refusal(404, "RESOURCE_NOT_EXISTS", "订单不存在", 268_512_771)
    REFUND_NOT_PAID = Refusal(400, "INVALID_REQUEST", "订单未支付，不能退款")
    REFUND_TOO_LARGE = Refusal(400, "INVALID_REQUEST", "申请退款金额大于订单可退金额")
    REFUND_OTHER_TOTAL = Refusal(400, "INVALID_REQUEST", "订单金额与原订单不一致，请核实后再试")
    REFUND_OTHER_PARAMETERS = Refusal(
        400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试", 268_498_688
    )
    REFUND_TOO_OLD = Refusal(400, "INVALID_REQUEST", "订单已超过可退款的最大期限")
    REFUND_TOO_MANY = Refusal(400, "INVALID_REQUEST", "一笔订单最多支持50次部分退款")
    REFUND_TOO_SOON = Refusal(429, "FREQUENCY_LIMITED", "退款申请频率过高，请稍后再试")
    REFUND_NOT_ABNORMAL = Refusal(400, "INVALID_REQUEST", "退款单状态不是退款异常，不能发起异常退款")
    REFUND_SENT_ELSEWHERE = Refusal(400, "INVALID_REQUEST", "异常退款的参数与之前请求不一致，请核实后再试")
    UNREADABLE = Refusal(400, "PARAM_ERROR", "敏感字段解密失败")
    REFUND_NOT_ENOUGH = Refusal(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起")
    STATEMENT_CREATING = Refusal(400, "STATEMENT_CREATING", "账单生成中")
    NO_STATEMENT = Refusal(400, "NO_STATEMENT_EXIST", "请求的账单文件不存在")
    DOWNLOAD_OVER = Refusal(400, "INVALID_REQUEST", "下载地址已失效，请重新申请账单")
    RATE_LIMITED = Refusal(429, "FREQUENCY_LIMITED", "频率限制")
    SYSTEM_ERROR = Refusal(500, "SYSTEM_ERROR", "系统异常，请使用相同参数稍后重新调用")
    UNAVAILABLE = Refusal(503, "SERVICE_UNAVAILABLE", "服务不可用，请稍后重试")


class WechatRefusedError(Exception):
    """WeChat refuses a call; nothing was changed. `field` and `value` go into the error's detail."""

    def __init__(self, refusal: Refusals, *, field: str = "", issue: str = "", location: str = "body") -> None:
        super().__init__(refusal.value.message)
        self.refusal = refusal
        self.field = field
        self.issue = issue
        self.location = location
