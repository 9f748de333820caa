"""placeholder"""

from vendomat.simulator.gateways.asgi import Answer, Exchange
from vendomat.simulator.gateways.views import Platform


class Wallet:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def answer(self, exchange: Exchange) -> Answer:
        return Answer(404)
