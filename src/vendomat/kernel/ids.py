"""Identifiers: a prefix that says what it names, and 26 characters that sort by time.

`pay_` + 26 = 30 characters of `[0-9a-z_]`, within the 32 that payment platforms allow for an order number.
The body is a ULID (48 bits of milliseconds, 80 random bits) in lower-case Crockford base 32.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from typing import Protocol

from vendomat.kernel.clock import Clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PATTERN = re.compile(r"[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}")


class Ids(Protocol):
    """A source of new identifiers."""

    def new(self, prefix: str) -> str: ...


class TimeOrderedIds:
    """Identifiers from a clock and a source of random bits (`randomness(n)` gives an integer of `n` bits)."""

    def __init__(self, clock: Clock, randomness: Callable[[int], int] = secrets.randbits) -> None:
        self._clock = clock
        self._randomness = randomness

    def new(self, prefix: str) -> str:
        milliseconds = int(self._clock.now().timestamp() * 1000)
        number = (milliseconds << 80) | self._randomness(80)
        return prefix + "_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the form of an identifier with `prefix`."""
    return text.startswith(prefix + "_") and _PATTERN.fullmatch(text) is not None


def reference_of(identifier: str) -> str:
    """The short form a buyer can read out: the last eight characters, upper case, in two groups."""
    tail = identifier[-8:].upper()
    return f"{tail[:4]}-{tail[4:]}"


def derive_id(prefix: str, *parts: str | int) -> str:
    """An identifier that follows from `parts` (128 bits of BLAKE2b): the same parts always give the same one.

    Used where a number must be constant by construction: one command per unit, one number per refund row.
    """
    text = "\n".join(str(part) for part in parts).encode()
    number = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")
    return prefix + "_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
