"""What the screen asks of the program behind it. Every call only says "taken"; results come with the next snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from vendomat.protocol import Count, OrderLine, Slot
from vendomat.terminal.screen.stream import Stream


class CartLine(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has in the cart."""

    slot: Slot
    quantity: Count


class Desk(Protocol):
    """Each verb raises `VendomatError` when it has no meaning now; nothing changed then."""

    stream: Stream

    def snapshot(self) -> dict[str, Any]: ...

    def price(self, lines: Sequence[CartLine]) -> dict[str, Any]:
        """What a cart comes to now, as the page shows it. Raises `VendomatError(unknown_slot)`."""
        ...

    def order(self, request_id: str, lines: Sequence[OrderLine], channel: str, shown_minor: int | None = None) -> None:
        """`shown_minor` is what the page says the cart comes to; None: the list prices."""
        ...

    def choose_channel(self, channel: str) -> None: ...

    def cancel(self) -> None: ...

    def done(self) -> None: ...

    def enter_code(self, code: str) -> None: ...

    def enter_coupon(self, code: str) -> None: ...

    def take_coupon_out(self) -> None: ...

    def awake(self) -> None: ...

    def picture(self, name: str) -> Path | None:
        """The file of a picture that is here, by `<sha256>.<form>`."""
        ...


class SimControl(Protocol):
    """The hand of a tester in a simulated machine; absent on a real one."""

    def set_fault(self, slot: str, fault: str, *, is_once: bool, is_on: bool) -> None: ...

    def scan(self, line: str) -> None:
        """Hold a code before the scanner."""
        ...

    def fill(self, slot: str, count: int) -> None: ...

    def act(self, deed: str, slot: str, count: int) -> None:
        """What a buyer's hands do at a cooler: pull, take, shut. Raises `VendomatError` when no hand could."""
        ...

    def state(self) -> dict[str, object]: ...
