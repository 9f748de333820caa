"""What a machine tells of itself: at once, when it changes, and never so often that a sale would wait for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
import structlog

from vendomat.kernel import ManualClock
from vendomat.protocol import CashLevels, Condition, ConditionReply, Signal, Tube
from vendomat.terminal.drivers import Gauges, Readings, SimulatedInstruments, read_uplink, signal_of
from vendomat.terminal.link import NotAnsweredError
from vendomat.terminal.loop.telling import TOLD_AGAIN_S, TOLD_EVERY_S, Telling, is_news

CASH = CashLevels(currency="CNY", tubes=(Tube(value_minor=100, count=40),), notes=3)
SIGNAL = Signal(way="cellular", dbm=-71)


class Stand:
    """A machine's instruments, a wire that can be cut, and what came over it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.heard: list[Condition] = []
        self.is_cut = self.is_broken = False
        self.gauges = Gauges({"cabinet": 6.0}, CASH, SIGNAL)
        ports = SimpleNamespace(clock=self.clock, wire=self, log=structlog.get_logger(), chance=lambda: 0.5)
        self.machine = SimpleNamespace(ports=ports, catalogue=None, readings=Readings(True, True, 6.0), is_online=True)
        self.telling = Telling(cast(Any, self.machine))

    async def request(self, kind: str, body: Condition, reply_type: type[Any], *, timeout_s: float) -> ConditionReply:
        assert (kind, reply_type) == ("condition", ConditionReply)
        if self.is_cut:
            raise NotAnsweredError("cut")
        self.heard.append(msgspec.json.decode(msgspec.json.encode(body), type=Condition))
        return ConditionReply()

    async def read(self) -> Gauges:
        if self.is_broken:
            raise OSError("the bus is gone")
        return self.gauges

    async def look(self, after_s: float = 0.0) -> int:
        """How often it has been told by then."""
        await self.clock.advance(after_s)
        await self.telling.look(self)
        return len(self.heard)


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    yield Stand()


async def test_everything_is_told_at_once_and_then_every_few_minutes(stand: Stand) -> None:
    assert await stand.look() == 1
    said = stand.heard[0]
    assert (said.temperatures_c, said.is_door_shut, said.cash, said.signal) == ({"cabinet": 6.0}, True, CASH, SIGNAL)
    assert said.program.startswith("vendomat-terminal/") and said.protocol == 1
    assert await stand.look(after_s=TOLD_EVERY_S / 2) == 1
    assert await stand.look(after_s=TOLD_EVERY_S / 2) == 2


async def test_a_change_is_told_soon_but_not_a_tremble(stand: Stand) -> None:
    await stand.look()
    stand.gauges = Gauges({"cabinet": 6.3}, CASH, Signal(way="cellular", dbm=-75))
    assert await stand.look(after_s=TOLD_AGAIN_S) == 1
    stand.machine.readings = Readings(False, True, 6.3)
    assert await stand.look() == 2


async def test_a_flapping_door_is_told_six_times_a_minute_at_most(stand: Stand) -> None:
    for second in range(60):
        stand.machine.readings = Readings(second % 2 == 0, True, 6.0)
        await stand.look(after_s=1)
    assert len(stand.heard) <= 6


async def test_what_was_lost_is_told_anew_but_not_in_a_hurry(stand: Stand) -> None:
    stand.is_cut = True
    assert await stand.look() == 0
    stand.is_cut = False
    assert await stand.look(after_s=TOLD_AGAIN_S - 1) == 0
    assert await stand.look(after_s=1) == 1


async def test_broken_instruments_are_not_known_and_end_nothing(stand: Stand) -> None:
    stand.is_broken = True
    assert await stand.look() == 1
    assert (stand.heard[0].temperatures_c, stand.heard[0].cash, stand.heard[0].signal) == ({}, None, None)


def test_what_is_news() -> None:
    told = Condition(program="p", protocol=1, temperatures_c={"cabinet": 6.0}, cash=CASH, signal=SIGNAL)
    for changes, is_new in (
        ({"temperatures_c": {"cabinet": 6.4}}, False),
        ({"temperatures_c": {"cabinet": 6.5}}, True),
        ({"temperatures_c": {}}, True),
        ({"temperatures_c": {"cabinet": 6.0, "product": 5.0}}, True),
        ({"signal": Signal(way="cellular", dbm=-80)}, False),
        ({"signal": Signal(way="cellular", dbm=-81)}, True),
        ({"signal": Signal(way="wifi", dbm=-71)}, True),
        ({"signal": None}, True),
        ({"cash": CashLevels(currency="CNY", tubes=(Tube(value_minor=100, count=39),), notes=3)}, True),
        ({"catalogue_version": 2}, True),
        ({"is_door_shut": False}, True),
    ):
        assert is_news(told, msgspec.structs.replace(told, **changes)) is is_new, changes


ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
wwan0\t00000000\t0102A8C0\t0003\t0\t0\t700\t00000000\t0\t0\t0
wlan0\t0002A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0
"""
WIRELESS = """Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   54.  -56.  -256        0      0      0      0      0        0
"""


def test_linux_says_how_the_machine_reaches_the_network() -> None:
    assert signal_of(ROUTES, WIRELESS) == Signal(way="wifi", dbm=-56)
    assert signal_of(ROUTES.replace("\t600\t00000000", "\t800\t00000000"), WIRELESS) == Signal(way="cellular")
    assert signal_of(ROUTES.replace("wlan0", "eth0"), "") == Signal(way="wired")
    assert signal_of(ROUTES, WIRELESS.replace("-56.", " 44.")) == Signal(way="wifi")
    assert signal_of(ROUTES.splitlines()[0], WIRELESS) is None


def test_a_computer_that_does_not_say_is_not_known(tmp_path: Path) -> None:
    assert read_uplink(tmp_path) is None
    (tmp_path / "route").write_text(ROUTES)
    assert read_uplink(tmp_path) == Signal(way="wired")
    (tmp_path / "route").write_text(ROUTES.replace("\t600\t", "\tx\t"))
    assert read_uplink(tmp_path) is None


async def test_simulated_instruments_say_what_the_cabinet_says() -> None:
    async def readings() -> Readings:
        return Readings(True, True, 7.5)

    assert await SimulatedInstruments(readings, CASH, lambda: SIGNAL).read() == Gauges({"cabinet": 7.5}, CASH, SIGNAL)
