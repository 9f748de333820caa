"""The control port's calls about what shall go wrong: faults of calls and of notices, ends of refunds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from vendomat.simulator.gateways.faults import CallFault, FaultBook, FaultRule, NoticeFault

Routes = dict[tuple[str, str], Callable[[bytes], object]]


class _Rule(msgspec.Struct):
    fault: str
    platform: str = ""
    verb: str = ""
    number: str = ""
    count: int = 1
    delay_s: float = 0.0


def fault_routes(calls: FaultBook[CallFault], notices: FaultBook[NoticeFault]) -> Routes:
    """Method and path below `/control/`, and what each does."""

    def clear(_: bytes) -> dict[str, str]:
        calls.clear()
        notices.clear()
        return {"status": "ok"}

    return {
        ("GET", "faults"): lambda _: {"calls": calls.rules, "notices": notices.rules},
        ("DELETE", "faults"): clear,
        ("POST", "faults/calls"): lambda body: _add(body, CallFault, calls),
        ("POST", "faults/notices"): lambda body: _add(body, NoticeFault, notices),
    }


def _add(body: bytes, names: type[Any], faults: FaultBook[Any]) -> dict[str, str]:
    asked = msgspec.json.decode(body, type=_Rule)
    if not asked.count:
        raise ValueError("count is how often, or below zero for always")
    faults.add(
        FaultRule(
            fault=names(asked.fault),
            platform=asked.platform,
            verb=asked.verb,
            number=asked.number,
            count=asked.count,
            delay_s=asked.delay_s,
        )
    )
    return {"status": "ok"}
