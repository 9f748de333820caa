"""The desk of a machine that cannot open: it says why on the screen, and takes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import OrderLine
from vendomat.terminal.sale import Sale, Screen
from vendomat.terminal.screen.contract import CartLine
from vendomat.terminal.screen.snapshot import Face, View, snapshot_of
from vendomat.terminal.screen.stream import Stream


class ClosedDesk:
    """`reason` is a fault as the kiosk page names it. Every verb raises `VendomatError(machine_not_ready)`."""

    def __init__(self, face: Face, reason: str) -> None:
        self.stream = Stream(0)
        self._reason = reason
        self._view = View(
            face=face,
            sale=Sale(screen=Screen.OUT_OF_ORDER, faults=(reason,)),
            catalogue=None,
            revision=self.stream.revision,
            at_s=0.0,
            available=lambda _: 0,
            is_open=lambda _: False,
            image=lambda _: "",
        )

    def snapshot(self) -> dict[str, Any]:
        return snapshot_of(self._view)

    def price(self, lines: Sequence[CartLine]) -> dict[str, Any]:
        self._refuse()

    def order(self, request_id: str, lines: Sequence[OrderLine], channel: str, shown_minor: int | None = None) -> None:
        self._refuse()

    def choose_channel(self, channel: str) -> None:
        self._refuse()

    def cancel(self) -> None:
        self._refuse()

    def done(self) -> None:
        self._refuse()

    def enter_code(self, code: str) -> None:
        self._refuse()

    def enter_coupon(self, code: str) -> None:
        self._refuse()

    def take_coupon_out(self) -> None:
        self._refuse()

    def awake(self) -> None:
        self._refuse()

    def picture(self, name: str) -> Path | None:
        return None

    def _refuse(self) -> NoReturn:
        said = f"the machine is out of order ({self._reason}); nothing was taken"
        raise VendomatError(ErrorCode.MACHINE_NOT_READY, said)
