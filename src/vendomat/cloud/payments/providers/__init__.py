"""Payment platforms behind one contract of five verbs: the door of this folder."""

from vendomat.cloud.payments.providers.contract import (
    Cancelled,
    CancelState,
    Notice,
    NoticeAnswer,
    NoticeKind,
    NoticeRefusedError,
    Provider,
    Refunded,
    RefundRequest,
    RefundState,
    Started,
    StartRequest,
    StartState,
    Trade,
    TradeState,
)
from vendomat.cloud.payments.providers.opening import CHANNELS, open_provider
from vendomat.cloud.payments.providers.threads import CallThreads
from vendomat.cloud.payments.providers.wechat import WeChatPayProvider, WeChatSettings

__all__ = [
    "CHANNELS",
    "CallThreads",
    "CancelState",
    "Cancelled",
    "Notice",
    "NoticeAnswer",
    "NoticeKind",
    "NoticeRefusedError",
    "Provider",
    "RefundRequest",
    "RefundState",
    "Refunded",
    "StartRequest",
    "StartState",
    "Started",
    "Trade",
    "TradeState",
    "WeChatPayProvider",
    "WeChatSettings",
    "open_provider",
]
