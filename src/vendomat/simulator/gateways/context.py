"""What every platform is built from: settings, clock, numbers, memory, notices, faults, wake-ups."""

from __future__ import annotations

from dataclasses import dataclass

from vendomat.kernel import Clock
from vendomat.simulator.gateways.alarms import Alarms
from vendomat.simulator.gateways.faults import CallFault, FaultBook
from vendomat.simulator.gateways.keys import KeySource
from vendomat.simulator.gateways.notices import NoticeEngine
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.settings import GatewaySettings
from vendomat.simulator.gateways.store import RecordStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Built once by the server and handed to each platform."""

    settings: GatewaySettings
    clock: Clock
    numbers: Numbers
    make_key: KeySource
    store: RecordStore
    notices: NoticeEngine
    alarms: Alarms
    call_faults: FaultBook[CallFault]
