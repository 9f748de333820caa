"""The emulated WeChat Pay v3 platform: its books, its seals, its HTTP face. Knows no other platform."""

from vendomat.simulator.gateways.wechat.control import wechat_routes
from vendomat.simulator.gateways.wechat.platform import WechatPlatform
from vendomat.simulator.gateways.wechat.records import KeyMode, Merchant, RefundState
from vendomat.simulator.gateways.wechat.routes import FIXED, WechatApi
from vendomat.simulator.gateways.wechat.v2_routes import PATHS as V2_PATHS

_NUMBERED = ("close", "query", "query_id", "refund_query")
CALLS = tuple(sorted({*(verb for _, verb in FIXED.values()), *V2_PATHS.values(), *_NUMBERED}))
"""What a fault can be ordered for."""

REFUND_ENDS = tuple(state for state in RefundState if state is not RefundState.PROCESSING)

__all__ = ["CALLS", "REFUND_ENDS", "KeyMode", "Merchant", "WechatApi", "WechatPlatform", "wechat_routes"]
