"""A purchase as a conversation: a sale, an order of a small cloud, and a clock that is a number."""

from __future__ import annotations

from tests.terminal.fake_cloud import FakeOrder
from vendomat.kernel import derive_id
from vendomat.protocol import OrderLine
from vendomat.terminal.sale import (
    Checked,
    LocalUnit,
    Ordered,
    Sale,
    SaleEffect,
    Screen,
    StatusArrived,
    Ticked,
    UnitOutcome,
    UnitSeen,
    step_sale,
)

REQ, ORD = derive_id("req", 1), derive_id("ord", 1)
LINES = (OrderLine(slot="A1", quantity=1, price_minor=350), OrderLine(slot="A2", quantity=1, price_minor=500))


class Talk:
    """`say(EventType, ...)` at the present moment; `later(s)` lets time pass."""

    def __init__(self) -> None:
        self.sale = Sale(is_online=True)
        self.at_s = 100.0
        self.order = FakeOrder(ORD, list(LINES), "wechat", channels=["wechat"], outcomes=["pending", "pending"])

    def say(self, event_type: type, **fields: object) -> tuple[SaleEffect, ...]:
        self.sale, effects = step_sale(self.sale, event_type(at_s=self.at_s, **fields))
        return effects

    def later(self, seconds: float) -> tuple[SaleEffect, ...]:
        self.at_s += seconds
        return self.say(Ticked)

    def press(self) -> tuple[SaleEffect, ...]:
        return self.say(Ordered, request_id=REQ, lines=LINES, channel="wechat")

    def hear(self, about: str = ORD, *, has_url: bool = True, **changes: object) -> tuple[SaleEffect, ...]:
        for name, value in changes.items():
            setattr(self.order, name, value)
        self.order.version += bool(changes)
        return self.say(StatusArrived, status=self.order.status(has_url=has_url), about=about)

    def see(self, unit: int, outcome: UnitOutcome, reason: str = "") -> tuple[SaleEffect, ...]:
        slot = self.order.slots()[unit - 1]
        return self.say(UnitSeen, unit=LocalUnit(ORD, unit, slot, "", outcome, reason))

    def to_paying(self) -> Talk:
        self.press()
        self.say(Checked, request_id=REQ)
        self.hear(about=REQ)
        assert self.sale.screen is Screen.PAYING
        return self

    def to_delivering(self) -> Talk:
        self.to_paying()
        self.hear(state="dispensing")
        assert self.sale.screen is Screen.DELIVERING
        return self
