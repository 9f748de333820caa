"""What the emulated WeChat Pay does with charges: a part of the platform, with the wallet's side of it.

Each verb ends with the books saved. It tells nobody: the platform sends no notice of a charge.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from vendomat.simulator.gateways.shown_codes import Habits, ShownCode
from vendomat.simulator.gateways.views import CodeView
from vendomat.simulator.gateways.wechat.charges import ChargeDesk, Shown
from vendomat.simulator.gateways.wechat.faces import FaceCode, FaceDesk, FaceToken
from vendomat.simulator.gateways.wechat.records import Order, Terms, TradeType


class _Counter(Protocol):
    """What the part needs of the platform it is a part of."""

    charges: ChargeDesk
    faces: FaceDesk
    _now: Callable[[], datetime]

    def _commit(self) -> None: ...

    def _view(self, order: Order) -> CodeView: ...


if TYPE_CHECKING:
    _Base = _Counter
else:
    _Base = object


class ChargeVerbs(_Base):
    """Charges by payment code or face, and the buyers who are asked about them."""

    def charge(self, terms: Terms, shown: Shown) -> Order:
        try:
            return self.charges.charge(terms, shown, self._now())
        finally:
            self._commit()  # also when it answers "waiting": the order is there

    def look_up_charge(self, mchid: str, number: str, trade_type: TradeType) -> Order:
        return self.charges.look_up(mchid, number, trade_type, self._now())

    def reverse(self, mchid: str, number: str, trade_type: TradeType) -> Order:
        order = self.charges.reverse(mchid, number, trade_type, self._now())
        self._commit()
        return order

    def show_code(self, payer: str) -> ShownCode:
        return self.charges.codes.show(payer, self._now())

    def set_habits(self, payer: str, habits: Habits) -> None:
        self.charges.codes.set_habits(payer, habits)

    def waiting(self, payer: str) -> list[CodeView]:
        return [self._view(order) for order in self.charges.waiting(payer)]

    def confirm(self, number: str, payer: str) -> CodeView:
        order = self.charges.confirm(number, payer, self._now())
        self._commit()
        return self._view(order)

    def decline(self, number: str, payer: str) -> CodeView:
        order = self.charges.decline(number, payer)
        self._commit()
        return self._view(order)

    # the platform's face devices

    def give_face_token(self, mchid: str, appid: str, device_id: str) -> FaceToken:
        return self.faces.give_token(mchid, appid, device_id, self._now())

    def look_at(self, token: str, payer: str) -> FaceCode:
        """`payer` looks at a device that was given `token`."""
        return self.faces.look_at(token, payer, self._now())
