"""WeChat Pay's profit sharing as emulated: frozen money, receivers, shares that come through or not, and returns."""

from vendomat.simulator.gateways.wechat.sharing.books import SharingBook
from vendomat.simulator.gateways.wechat.sharing.records import Frozen, Receiver, ShareReturn, ShareState, Sharing
from vendomat.simulator.gateways.wechat.sharing.routes import VERBS, SharingApi, sharing_route
from vendomat.simulator.gateways.wechat.sharing.verbs import SharingVerbs

__all__ = [
    "VERBS",
    "Frozen",
    "Receiver",
    "ShareReturn",
    "ShareState",
    "Sharing",
    "SharingApi",
    "SharingBook",
    "SharingVerbs",
    "sharing_route",
]
