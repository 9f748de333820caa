"""Emulated payment platforms: WeChat Pay v3, the Alipay v2 gateway and Stripe on the real wire, with a wallet.

They keep books of their own, repeat notices on the platforms' schedules and fail on demand. They import no client
library of any platform and nothing of the cloud.
"""

from vendomat.simulator.gateways.client import GatewayControl
from vendomat.simulator.gateways.daily_bills import BillChange, BillDifference, DailyBillKind
from vendomat.simulator.gateways.enrolment import AlipayAccount, StripeAccount, WechatAccount
from vendomat.simulator.gateways.faults import CallFault, FaultRule, NoticeFault
from vendomat.simulator.gateways.program import main
from vendomat.simulator.gateways.server import GatewayPorts, GatewayServer
from vendomat.simulator.gateways.settings import GatewaySettings
from vendomat.simulator.gateways.shown_codes import Habits
from vendomat.simulator.gateways.store import Change, RecordStore
from vendomat.simulator.gateways.views import BuyerRefusal, BuyerRefusedError
from vendomat.simulator.gateways.wechat import KeyMode

__all__ = [
    "AlipayAccount",
    "BillChange",
    "BillDifference",
    "BuyerRefusal",
    "BuyerRefusedError",
    "CallFault",
    "Change",
    "DailyBillKind",
    "FaultRule",
    "GatewayControl",
    "GatewayPorts",
    "GatewayServer",
    "GatewaySettings",
    "Habits",
    "KeyMode",
    "NoticeFault",
    "RecordStore",
    "StripeAccount",
    "WechatAccount",
    "main",
]
