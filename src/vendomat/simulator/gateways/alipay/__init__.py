"""The emulated Alipay v2 gateway: its books, its seals, its HTTP face. Knows no other platform."""

from vendomat.simulator.gateways.alipay.platform import AlipayPlatform
from vendomat.simulator.gateways.alipay.records import Application, RefundState
from vendomat.simulator.gateways.alipay.routes import GATEWAY_PATH, VERBS, AlipayApi

CALLS = (*sorted(set(VERBS.values())), "bill_download")
"""What a fault can be ordered for."""

REFUND_ENDS = (RefundState.SUCCESS, RefundState.FAILED)

__all__ = ["CALLS", "GATEWAY_PATH", "REFUND_ENDS", "AlipayApi", "AlipayPlatform", "Application"]
