"""A cooler for the contract of service orders: one merchant's side, with a buyer of its own for each order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.contracts.payments.payment_stage import NoticeDoor, Stage
from vendomat.cloud.payments.providers import (
    Provider,
    ServiceBill,
    ServiceItem,
    ServiceOrder,
    ServiceOrders,
    ServiceOutcome,
    ServiceRequest,
    ServiceState,
)
from vendomat.kernel import Money
from vendomat.simulator.gateways import Habits


def bill(*fen: int, off: int = 0) -> ServiceBill:
    items = tuple(ServiceItem(f"tea {index}", Money(one, "CNY")) for index, one in enumerate(fen))
    return ServiceBill(items, (ServiceItem("coupon", Money(off, "CNY")),) if off else ())


@dataclass
class Cooler:
    """A cooler's side of the story, with a buyer of its own for each order."""

    stage: Stage
    orders: ServiceOrders
    merchant: Provider

    def request(self, fen: int = 2_000) -> ServiceRequest:
        number = self.stage.request().number
        return ServiceRequest(number, "Cooler, hall B", Money(fen, "CNY"), self.stage.notify_url, "mac_7")

    @staticmethod
    def buyer(number: str) -> str:
        return f"buyer of {number}"

    async def opened(self) -> str:
        """An order its buyer agreed to."""
        request = self.request()
        assert (await self.orders.create(request)).outcome is ServiceOutcome.TAKEN
        self.stage.platform.agree(request.number, self.buyer(request.number))
        return request.number

    async def completed(self, *fen: int) -> str:
        number = await self.opened()
        answer = await self.orders.complete(number, bill(*(fen or (350,))), self.stage.clock.now())
        assert answer.outcome is ServiceOutcome.TAKEN
        return number

    async def owed(self, *fen: int) -> str:
        """Completed by a buyer who cannot pay now."""
        number = await self.opened()
        self.stage.platform.set_habits(self.buyer(number), Habits(balance_fen=0))
        await self.orders.complete(number, bill(*(fen or (350,))), self.stage.clock.now())
        await self.stage.pass_time(3)
        return number

    async def order(self, number: str) -> ServiceOrder:
        return await self.orders.look_up(number)

    async def state(self, number: str) -> ServiceState:
        return (await self.orders.look_up(number)).state


class ServiceDoor(NoticeDoor):
    """A notify address for service orders alone."""

    @property
    def reader(self) -> Any:
        return self.provider.service_orders  # type: ignore[attr-defined]
