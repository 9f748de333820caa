"""The control port's calls about bills: differences for a day's bill, and the fee of an account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Protocol, runtime_checkable

import msgspec

from vendomat.simulator.gateways.daily_bills import BillChange, BillDesk, BillDifference, DailyBillKind

Routes = dict[tuple[str, str], Callable[[bytes], object]]


@runtime_checkable
class MakesBills(Protocol):
    """A platform that gives its merchants a bill of each day."""

    bill_desk: BillDesk

    def set_fee(self, account: str, basis_points: int) -> None: ...


class _Change(msgspec.Struct):
    difference: BillDifference
    account: str
    day: date
    kind: DailyBillKind = DailyBillKind.TRADE
    number: str = ""
    refund_number: str = ""
    amount_fen: int = 0
    seconds: float = 0.0
    word: str = ""


class _Fee(msgspec.Struct):
    account: str
    basis_points: int


def bill_routes(name: str, platform: MakesBills) -> Routes:
    """Method and path below `/control/`, and what each does."""
    return {
        ("GET", f"{name}/bills/changes"): lambda _: platform.bill_desk.changes,
        ("POST", f"{name}/bills/changes"): lambda body: _change(platform, body),
        ("DELETE", f"{name}/bills/changes"): lambda _: _clear(platform),
        ("POST", f"{name}/fee"): lambda body: _set_fee(platform, body),
    }


def _change(platform: MakesBills, body: bytes) -> dict[str, str]:
    asked = msgspec.json.decode(body, type=_Change)
    platform.bill_desk.change(BillChange(**msgspec.structs.asdict(asked)))
    return {"status": "ok"}


def _clear(platform: MakesBills) -> dict[str, str]:
    platform.bill_desk.clear()
    return {"status": "ok"}


def _set_fee(platform: MakesBills, body: bytes) -> dict[str, str]:
    asked = msgspec.json.decode(body, type=_Fee)
    if not 0 <= asked.basis_points <= 10_000:
        raise ValueError("basis_points must be from 0 to 10000")
    platform.set_fee(asked.account, asked.basis_points)
    return {"status": "ok"}
