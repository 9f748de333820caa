"""Every word of the wallet page, in Chinese and English."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


BUYERS = {
    "buyer-1": {Language.ZH: "小安", Language.EN: "Ann"},
    "buyer-2": {Language.ZH: "小白", Language.EN: "Bo"},
    "buyer-3": {Language.ZH: "小陈", Language.EN: "Chen"},
}
"""The people whose phone this can be, so that a second buyer can try the first one's code."""

_TEXTS: dict[str, tuple[str, str]] = {
    "wechat": ("微信钱包", "WeChat wallet"),
    "alipay": ("支付宝钱包", "Alipay wallet"),
    "stripe": ("Stripe 结账页", "Stripe checkout"),
    "emulated": ("模拟环境 · 没有真实资金", "Simulated · no real money"),
    "tab_pay": ("付款", "Pay"),
    "tab_show": ("付款码", "My code"),
    "tab_bills": ("账单", "Bills"),
    "me": ("我是", "I am"),
    "switch": ("切换", "Switch"),
    "other_language": ("English", "中文"),
    "scan_title": ("扫一扫", "Scan to pay"),
    "scan_hint": ("粘贴屏幕上二维码的内容", "Paste what the QR code on the screen says"),
    "scan_go": ("打开", "Open"),
    "nearby": ("附近的收款码", "Codes shown nearby"),
    "nearby_none": ("附近没有待付款的收款码", "No code is waiting for payment"),
    "nearby_none_hint": (
        "在售货机上选择商品，收款码就会出现在这里。",
        "Choose something at a machine and its code appears here.",
    ),
    "left": ("剩余 {}", "{} left"),
    "pay_to": ("付款给", "Pay to"),
    "item": ("商品", "Item"),
    "order": ("订单号", "Order"),
    "paid_by": ("付款人", "Payer"),
    "pay": ("确认付款", "Pay"),
    "refuse": ("不付了", "Refuse"),
    "lose": ("付款后断网", "Pay and lose the network"),
    "lose_hint": (
        "钱会扣走，但商户收不到通知，用来检验它会不会主动查询。",
        "The money is taken and the merchant is never told: it has to ask by itself.",
    ),
    "show_title": ("向售货机出示付款码", "Show this code to the machine"),
    "show_hint": (
        "每分钟更新，只能用一次。请勿截图发给他人。",
        "New each minute and good for one payment. Never send a picture of it to anyone.",
    ),
    "show_digits": ("付款码数字", "The code's digits"),
    "ask_password": ("请输入支付密码", "Enter your payment password"),
    "confirm": ("密码正确，付款", "Right password: pay"),
    "decline": ("不付了", "Do not pay"),
    "done_confirm": ("付款成功", "Paid"),
    "done_confirm_hint": ("请回到售货机取货。", "Go back to the machine and take your goods."),
    "done_decline": ("未付款", "Not paid"),
    "done_decline_hint": ("没有扣款。", "No money was taken."),
    "close": ("关闭", "Close"),
    "done_pay": ("付款成功", "Paid"),
    "done_lose": ("已付款，通知已丢失", "Paid, and the notice is lost"),
    "done_refuse": ("未付款", "Not paid"),
    "done_pay_hint": ("请回到售货机取货。", "Go back to the machine and take your goods."),
    "done_lose_hint": (
        "商户要靠查询才能知道。没有出货的部分会退回。",
        "The merchant finds out only by asking. What is not delivered is refunded.",
    ),
    "done_refuse_hint": ("没有扣款，收款码仍然有效。", "No money was taken; the code stays valid."),
    "cannot": ("无法付款", "Cannot be paid"),
    "unknown_code": ("不认识这个收款码，请检查内容。", "This code is not known here. Check what was pasted."),
    "code_dead": (
        "收款码已失效，请扫描屏幕上最新的码。",
        "This code is no longer valid. Use the newest one on the screen.",
    ),
    "order_expired": ("订单已超过付款时间，没有扣款。", "The time to pay is over. No money was taken."),
    "order_closed": ("订单已关闭，没有扣款。", "The order was closed. No money was taken."),
    "already_paid": ("订单已经付过款，不会重复扣款。", "This order is already paid. It is not charged again."),
    "other_buyer": (
        "商家订单信息有误，请重新下单支付（此码已由他人打开）。",
        "Someone else has opened this code. Please order again.",
    ),
    "wrong_password": ("支付密码不正确，没有扣款。", "The password is wrong. No money was taken."),
    "not_enough": ("余额不足，没有扣款。", "There is not enough money in the wallet. Nothing was taken."),
    "card_refused": ("银行卡不支持这笔付款，没有扣款。", "The card was declined. No money was taken."),
    "not_trusted": (
        "暂时无法使用先享后付，请换一种付款方式。",
        "You cannot take first and pay after just now. Choose another way to pay.",
    ),
    "services": ("先取货，关门后按实际拿取付款", "Take first; when the door is closed you pay for what you took"),
    "up_to": ("最高额度", "at most"),
    "agree": ("同意并开门", "Agree and open the door"),
    "done_agree": ("已同意", "Agreed"),
    "done_agree_hint": (
        "请拿取商品并关好柜门，之后自动扣款。",
        "Take what you like and close the door. You are charged afterwards.",
    ),
    "bad_signature": (
        "支付验证签名失败，没有扣款。",
        "The page's signature is wrong. No money was taken.",
    ),
    "home": ("返回钱包", "Back to the wallet"),
    "see_bills": ("查看账单", "See bills"),
    "bills_none": ("还没有账单", "No bills yet"),
    "bills_none_hint": ("付款和退款都会记在这里。", "Payments and refunds are kept here."),
    "refunded": ("已退款", "Refunded"),
    "refunded_part": ("部分退款", "Partly refunded"),
    "refunding": ("退款处理中", "Refund on the way"),
    "paid": ("已付款", "Paid"),
}


def text(key: str, language: Language) -> str:
    """The words for `key`; an unknown key is a mistake of ours and raises KeyError."""
    chinese, english = _TEXTS[key]
    return chinese if language == Language.ZH else english
