"""Alarms in the two languages of messages that leave the cloud. A kind without words keeps its own name. Pure."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("zh-CN", "en")

TITLES: Mapping[str, tuple[str, str]] = {
    "vend_failed": ("货道出货失败，已关闭", "Slot failed and was closed"),
    "vend_unknown": ("出货结果不明，货道已关闭", "Outcome not known; the slot is closed"),
    "slot_locked": ("货道已锁定：结果多次不明", "Slot locked: outcomes stayed unknown too often"),
    "delivered_after_refund": ("退款后又报告出货", "Goods reported after the money went back"),
    "payment_mismatch": ("付款与订单不符", "Payment does not match its order"),
    "payment_short": ("已付订单在平台查无此款", "Paid sale whose money is not at the platform"),
    "payment_unknown": ("付款长时间不明", "Payment not known for long"),
    "refund_stuck": ("退款受阻", "Refund is stuck"),
    "refund_held": ("退款等待人工处理", "Refunds are held for a person"),
    "refund_open": ("退款长时间未完成", "Refund under way for long"),
    "refund_paid_twice": ("同一退款支付了两次", "A refund was paid twice"),
    "hold_open": ("预授权长时间未处理", "Reserved money not taken for long"),
    "hold_uncollected": ("已出货但预授权款已失效", "Delivered, and the reserved money is gone"),
    "hold_mismatch": ("预授权款与订单不符", "Reserved money does not fit its order"),
    "channel_away": ("支付方式无法连接，已暂停", "A way to pay cannot be reached and is not offered"),
    "bill_missing": ("平台账单缺失或无法读取", "A platform's bill is refused or unreadable"),
    "site_share": ("点位方分账需要处理", "A share of a site's owner needs a person"),
    "claim_old": ("有申诉等待超过一天", "A claim waits for longer than a day"),
    "claims_many": ("一天内申诉过多", "Many claims in a day"),
    "machine.offline": ("机器离线", "Machine not heard of"),
    "machines.offline": ("多台机器离线", "Many machines not heard of"),
    "machine.door_open": ("机器门打开", "The door is open"),
    "machine.not_ready": ("机器无法售货", "Machine sells nothing"),
    "machine.quiet": ("机器异常安静：销量远低于往常", "Sells far less than in its usual hours"),
    "machine.temperature": ("温度长时间超出范围", "Out of the wanted temperature for long"),
    "machine.fact_conflict": ("机器前后说法矛盾", "The machine contradicts what it told before"),
    "machine.clone": ("可能有另一台机器冒用身份", "Another machine may be using this identity"),
    "machine.security": ("有人干扰机器通信", "Somebody interferes with the messages of this machine"),
    "cash.difference": ("现金清点有差异", "The cash count differs"),
    "cash.not_booked": ("现金销售无法入账", "A cash sale could not be booked"),
    "code.locked": ("取货码多次错误，已锁定", "Wrong codes: entry is locked"),
    "code.guessing": ("有人在猜取货码", "Somebody is guessing codes"),
}
_WORDS: Mapping[str, tuple[str, str]] = {
    "warning": ("警告", "warning"),
    "critical": ("严重", "critical"),
    "escalated": ("尚无人确认", "nobody has acknowledged it"),
    "many": ("{count} 条告警", "{count} alarms"),
    "more": ("……另有 {count} 条", "... and {count} more"),
    "test": ("测试消息", "Test message"),
    "test_push": ("此浏览器可以收到 Vendomat 的告警。", "This browser can receive alarms of Vendomat."),
    "test_text": ("此渠道可以收到 Vendomat 的告警。", "This channel can receive alarms of Vendomat."),
}


def title_of(kind: str, language: str) -> str:
    """What the alarm is, for a person."""
    return TITLES.get(kind, (kind, kind))[LANGUAGES.index(language)]


def word(key: str, language: str) -> str:
    """One of the few words of a message. Raises `KeyError` for one that is none of ours."""
    return _WORDS[key][LANGUAGES.index(language)]
