"""Alipay (v2 gateway, codes to be scanned) behind the contract of payment providers."""

from vendomat.cloud.payments.providers.alipay.provider import AlipayProvider
from vendomat.cloud.payments.providers.alipay.settings import AlipaySettings

__all__ = ["AlipayProvider", "AlipaySettings"]
