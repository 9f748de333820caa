"""WeChat Pay Score as emulated: orders a buyer agrees to, that are completed with what was taken and then collected."""

from vendomat.simulator.gateways.wechat.score.books import ScoreBook, collected_order
from vendomat.simulator.gateways.wechat.score.records import Permission, Service, ServiceState
from vendomat.simulator.gateways.wechat.score.routes import ScoreApi, score_route
from vendomat.simulator.gateways.wechat.score.verbs import ScoreVerbs

__all__ = [
    "Permission",
    "ScoreApi",
    "ScoreBook",
    "ScoreVerbs",
    "Service",
    "ServiceState",
    "collected_order",
    "score_route",
]
