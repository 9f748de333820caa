"""The emulated Alipay v2 gateway: its books, its seals, its HTTP face. Knows no other platform."""

from vendomat.simulator.gateways.alipay.platform import AlipayPlatform
from vendomat.simulator.gateways.alipay.records import Application
from vendomat.simulator.gateways.alipay.routes import GATEWAY_PATH, AlipayApi

__all__ = ["GATEWAY_PATH", "AlipayApi", "AlipayPlatform", "Application"]
