"""The emulated WeChat Pay v3 platform: its books, its seals, its HTTP face. Knows no other platform."""

from vendomat.simulator.gateways.wechat.control import wechat_routes
from vendomat.simulator.gateways.wechat.platform import WechatPlatform
from vendomat.simulator.gateways.wechat.records import KeyMode, Merchant
from vendomat.simulator.gateways.wechat.routes import WechatApi

__all__ = ["KeyMode", "Merchant", "WechatApi", "WechatPlatform", "wechat_routes"]
