"""The words of statements on paper, in both languages."""

from __future__ import annotations

from typing import Literal

Language = Literal["zh", "en"]

_WORDS: dict[str, tuple[str, str]] = {
    "title": ("对账单", "Statement"),
    "period": ("账期", "Period"),
    "time_zone": ("时区", "Time zone"),
    "running": ("未结束，数字仍会变化", "Not over: the figures will still change"),
    "provisional": ("暂定：尚未与支付平台全部核对", "Provisional: not yet reconciled with every platform"),
    "closed": ("已核对关账", "Closed: reconciled with every platform"),
    "accounts": ("科目", "Accounts"),
    "account": ("科目", "Account"),
    "opening": ("期初", "Opening"),
    "payments": ("收款", "Payments"),
    "refunds": ("退款", "Refunds"),
    "fees": ("手续费", "Fees"),
    "payouts": ("结算", "Payouts"),
    "other": ("其他", "Other"),
    "closing": ("期末", "Closing"),
    "figures": ("主要数字", "Figures"),
    "income": ("销售收入", "Income"),
    "goodwill": ("善意退款", "Goodwill"),
    "sensor_fault": ("传感器故障损失", "Sensor faults"),
    "gifts": ("赠送", "Gifts"),
    "site_rent": ("点位费用", "Site rent"),
    "other_expense": ("其他支出", "Other expenses"),
    "ambiguous": ("结果不明（备查）", "Ambiguous (memo)"),
    "result": ("结果", "Result"),
    "machines": ("按机器", "By machine"),
    "machine": ("机器", "Machine"),
    "products": ("按商品", "By product"),
    "product": ("商品", "Product"),
    "units": ("件数", "Units"),
    "sold": ("售出", "Sold"),
    "late": ("迟到出货", "Late goods"),
    "nothing": ("本期没有任何记账。", "Nothing was booked in this period."),
    "tax": (
        "金额均为实际收付，未拆分税额。手续费与结算按支付平台账单入账，通常晚一天。",
        "Amounts are as charged; no tax is split off. Fees and payouts are booked from the platform's bill, "
        "mostly a day later.",
    ),
    "asset:bank": ("银行", "Bank"),
    "asset:cash": ("现金", "Cash"),
    "asset:cash_in_hand": ("已取出的现金", "Cash taken out"),
    "liab:undelivered": ("已付款未出货", "Paid, not yet delivered"),
    "liab:refund_payable": ("应退款", "Owed back to buyers"),
    "liab:voucher": ("预付取货码", "Pre-paid codes"),
    "liab:wallet": ("会员钱包", "Member wallets"),
    "liab:site_rent": ("应付点位方", "Owed to site owners"),
    "liab:site_share": ("分账在途", "On its way to site owners"),
    "income:sales": ("销售收入", "Sales"),
    "income:cash_over": ("现金长款", "Cash over"),
    "expense:cash_short": ("现金短款", "Cash short"),
    "expense:gift": ("赠送", "Gifts"),
    "expense:goodwill": ("善意退款", "Goodwill"),
    "expense:sensor_fault": ("传感器故障", "Sensor faults"),
    "expense:site_rent": ("点位费用", "Site rent"),
    "memo:ambiguous": ("结果不明（备查）", "Ambiguous (memo)"),
    "memo:ambiguous_contra": ("结果不明（对方）", "Ambiguous (contra)"),
    "asset:clearing": ("支付平台", "At the platform"),
    "asset:receivable": ("已出货待扣款", "Delivered, money not yet taken"),
    "expense:uncollected": ("已出货未收到款", "Delivered, never paid"),
    "expense:fee": ("手续费", "Fees"),
    "suspense:long": ("待查长款", "Unexplained surplus"),
    "suspense:short": ("待查短款", "Unexplained shortfall"),
    "wechat": ("微信支付", "WeChat Pay"),
    "alipay": ("支付宝", "Alipay"),
    "stripe": ("Stripe", "Stripe"),
}


def word(name: str, language: Language) -> str:
    """The word for `name`; a name without one stands for itself."""
    pair = _WORDS.get(name)
    return name if pair is None else pair[0 if language == "zh" else 1]


def account_word(account: str, language: Language) -> str:
    """An account in words; its numbers stay as they are."""
    if account in _WORDS:
        return word(account, language)
    kind, _, rest = account.partition(":")
    name, _, more = rest.partition(":")
    if f"{kind}:{name}" not in _WORDS:
        return account
    return " ".join([word(f"{kind}:{name}", language), *(word(part, language) for part in more.split(":"))]).strip()
