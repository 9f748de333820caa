"""Numbers the platforms hand out: digits, code texts and nonces, from one injected source of random bits."""

from __future__ import annotations

import secrets
from collections.abc import Callable

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

Randomness = Callable[[int], int]
"""`randomness(n)` is an integer of `n` random bits."""


class Numbers:
    """New numbers; the same source gives the same sequence."""

    def __init__(self, randomness: Randomness = secrets.randbits) -> None:
        self._randomness = randomness

    def digits(self, count: int) -> str:
        return str(self._randomness(count * 4) % 10**count).zfill(count)

    def hex(self, count: int) -> str:
        return f"{self._randomness(count * 4):0{count}x}"

    def text(self, count: int) -> str:
        """`count` characters of `[0-9A-Za-z]`."""
        number = self._randomness(count * 8)
        characters = []
        for _ in range(count):
            number, index = divmod(number, 62)
            characters.append(_BASE62[index])
        return "".join(characters)

    def bits(self, count: int) -> int:
        return self._randomness(count)

    def uuid(self) -> str:
        raw = self.hex(32)
        return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
