"""How the emulated WeChat Pay changes its keys: a new certificate beside the old one, and a merchant's move to the key.

A part of the platform. Nothing here weakens a signature: what is signed is signed by one of the keys that are told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from vendomat.simulator.gateways.context import Context
from vendomat.simulator.gateways.store import Change
from vendomat.simulator.gateways.wechat.books import WechatBooks
from vendomat.simulator.gateways.wechat.records import KeyMode
from vendomat.simulator.gateways.wechat.seals import PlatformKeys, Seals, make_certificate_pair


class _Office(Protocol):
    """What the part needs of the platform it is a part of."""

    books_now: WechatBooks
    seals: Seals
    platform_keys: PlatformKeys
    _context: Context
    _now: Callable[[], datetime]

    def _commit(self) -> None: ...


if TYPE_CHECKING:
    _Base = _Office
else:
    _Base = object


class KeyVerbs(_Base):
    """Rotation and grey release."""

    platform_keys: PlatformKeys

    def rotate_certificate(self, newest_percent: int = 100) -> str:
        """A new certificate, listed beside the last one, that signs `newest_percent` of what certificates sign."""
        pair = make_certificate_pair(self._context.make_key, self._context.numbers, self._now())
        self.platform_keys = replace(self.platform_keys, newer=(*self.platform_keys.newer, pair))
        self._context.store.save([Change(PlatformKeys.KIND, "keys", self.platform_keys)])
        self.seals.add(pair, newest_percent)
        return self.seals.certificate_serial

    def sign_by_newest(self, percent: int) -> None:
        """The grey release of a new certificate goes on, or back."""
        self.seals.newest_percent = percent

    def begin_move(self, mchid: str, percent: int) -> None:
        """`mchid` moves to the public key, which signs `percent` of what it is told from now on."""
        self.books_now.add_merchant(replace(self.books_now.merchants[mchid], public_key_percent=percent))
        self._commit()

    def end_move(self, mchid: str, mode: KeyMode) -> None:
        """The move is over, or called off: everything is signed by `mode` again."""
        merchant = self.books_now.merchants[mchid]
        self.books_now.add_merchant(replace(merchant, public_key_percent=None, mode=mode))
        self._commit()
