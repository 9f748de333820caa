"""WeChat Pay (APIv3, Native) behind the contract of payment providers."""

from vendomat.cloud.payments.providers.wechat.provider import WeChatPayProvider
from vendomat.cloud.payments.providers.wechat.settings import WeChatSettings

__all__ = ["WeChatPayProvider", "WeChatSettings"]
