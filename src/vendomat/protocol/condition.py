"""What a machine says of itself beside what selling asks for: temperatures, change, signal, versions.

Told when it changes and once every few minutes. A condition that is lost is not sent again: the next one says more.
Nothing is decided by it about money or motors.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from vendomat.protocol.messages import Minor

Probe = Annotated[str, Meta(pattern=r"^[a-z_]{1,20}\Z")]
Celsius = Annotated[float, Meta(ge=-100, le=200)]
Dbm = Annotated[int, Meta(ge=-150, le=0)]
Pieces = Annotated[int, Meta(ge=0, le=65_535)]


class Tube(msgspec.Struct, frozen=True, kw_only=True):
    """A tube of the coin changer: how many coins of one value it can give as change."""

    value_minor: Minor
    count: Pieces
    is_full: bool = False


class CashLevels(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine holds in coins to give, and how many notes it took since they were emptied."""

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
    tubes: Annotated[tuple[Tube, ...], Meta(max_length=16)] = ()
    notes: Pieces = 0


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """How the machine reaches the network. `dbm` is None where the way has no strength, or does not say it."""

    way: Annotated[str, Meta(pattern=r"^[a-z]{1,12}\Z")]  # wired | wifi | cellular
    dbm: Dbm | None = None


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """None says "not known" or "has none". `temperatures_c` by probe: cabinet, evaporator, product."""

    program: Annotated[str, Meta(max_length=80)]
    protocol: Annotated[int, Meta(ge=1, le=1000)]
    catalogue_version: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    is_door_shut: bool | None = None
    temperatures_c: Annotated[dict[Probe, Celsius], Meta(max_length=8)] = {}
    cash: CashLevels | None = None
    signal: Signal | None = None


class ConditionReply(msgspec.Struct, frozen=True, kw_only=True):
    """It was kept."""
