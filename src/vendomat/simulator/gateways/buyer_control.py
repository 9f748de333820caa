"""The control port's calls that play the buyer: scanning, paying, failing to pay, showing a code, giving a password."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from vendomat.simulator.gateways.shown_codes import Habits
from vendomat.simulator.gateways.views import BuyerRefusal, BuyerRefusedError, Platform, ShowsCodes

Routes = dict[tuple[str, str], Callable[[bytes], object]]


class _Deed(msgspec.Struct):
    """A buyer's deed on a code, or on the newest code of an order number."""

    code: str = ""
    number: str = ""
    payer: str = "buyer-1"
    late: bool = False
    lose_network: bool = False
    wrong_password: bool = False


def buyer_routes(name: str, platform: Platform) -> Routes:
    """Method and path below `/control/`, and what each does."""
    routes: Routes = {
        ("GET", f"{name}/codes"): lambda _: platform.open_codes(),
        ("POST", f"{name}/scan"): lambda body: _do(platform, platform.scan, body),
        ("POST", f"{name}/refuse"): lambda body: _do(platform, platform.refuse, body),
        ("POST", f"{name}/pay"): lambda body: _pay(platform, body),
        ("POST", f"{name}/habits"): lambda body: _set_habits(platform, body),
    }
    if isinstance(platform, ShowsCodes):
        shows = platform
        routes |= {
            ("POST", f"{name}/payment-code"): lambda body: _show_code(shows, body),
            ("POST", f"{name}/confirm"): lambda body: _decide(shows.confirm, body),
            ("POST", f"{name}/decline"): lambda body: _decide(shows.decline, body),
        }
    return routes


def _do(platform: Platform, deed: Callable[[str, str], object], body: bytes) -> object:
    asked = msgspec.json.decode(body, type=_Deed)
    return deed(asked.code or platform.code_of(asked.number), asked.payer)


def _pay(platform: Platform, body: bytes) -> object:
    asked = msgspec.json.decode(body, type=_Deed)
    code = asked.code or platform.code_of(asked.number)
    if asked.wrong_password:
        platform.scan(code, asked.payer)  # which makes the order this buyer's
        raise BuyerRefusedError(BuyerRefusal.WRONG_PASSWORD)
    return platform.pay(code, asked.payer, is_late=asked.late, is_notice_lost=asked.lose_network)


def _show_code(platform: ShowsCodes, body: bytes) -> dict[str, object]:
    shown = platform.show_code(msgspec.json.decode(body, type=_Deed).payer)
    return {"code": shown.code, "ends_at": shown.ends_at}


def _set_habits(platform: Platform, body: bytes) -> dict[str, str]:
    platform.set_habits(msgspec.json.decode(body, type=_Deed).payer, msgspec.json.decode(body, type=Habits))
    return {"status": "ok"}


def _decide(deed: Callable[[str, str], object], body: bytes) -> object:
    asked = msgspec.json.decode(body, type=_Deed)
    if asked.wrong_password:
        raise BuyerRefusedError(BuyerRefusal.WRONG_PASSWORD)
    return deed(asked.number, asked.payer)
