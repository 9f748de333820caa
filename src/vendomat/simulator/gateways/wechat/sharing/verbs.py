"""What the emulated WeChat Pay does with shared money: a part of the platform. Each verb ends with the books saved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from vendomat.simulator.gateways.context import Context
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.wechat.seals import Seals
from vendomat.simulator.gateways.wechat.sharing.books import SharingBook
from vendomat.simulator.gateways.wechat.sharing.records import Receiver, ShareReturn, Sharing


class _Office(Protocol):
    """What the part needs of the platform it is a part of."""

    seals: Seals
    _context: Context
    _now: Callable[[], datetime]

    @property
    def sharing(self) -> SharingBook: ...

    def _commit(self) -> None: ...


if TYPE_CHECKING:
    _Base = _Office
else:
    _Base = object


class SharingVerbs(_Base):
    """Receivers, sharings, returns. Only receivers are told of a share, so no notice goes out."""

    def sharing_time(self) -> datetime:
        return self._now()

    def sharing_numbers(self) -> Numbers:
        return self._context.numbers

    def opens(self, serial: str, sealed: str) -> str | None:
        return self.seals.opened(serial, sealed)

    def add_receiver(self, receiver: Receiver) -> None:
        self.sharing.add_receiver(receiver)
        self._commit()

    def keep_sharing(self, sharing: Sharing) -> Sharing:
        self._commit()
        self._await(sharing.settles_at)
        return sharing

    def keep_return(self, back: ShareReturn) -> ShareReturn:
        self._commit()
        self._await(back.settles_at)
        return back

    def await_sharings(self) -> None:
        """What a former process left on its way."""
        on_the_way: list[Sharing | ShareReturn] = [*self.sharing.sharings.values(), *self.sharing.returns.values()]
        for one in on_the_way:
            if one.settled_at is None:
                self._await(one.settles_at)

    def _await(self, moment: datetime | None) -> None:
        if moment is not None:
            self._context.alarms.set(moment, self.settle_sharings)

    def settle_sharings(self) -> None:
        self.sharing.settle_due(self._now())
        self._commit()
