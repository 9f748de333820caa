"""The control port's calls about notices: the list, one sent again in any guise, one forged."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from vendomat.simulator.gateways.notices import Guise, NoticeEngine
from vendomat.simulator.gateways.views import Platform

Routes = dict[tuple[str, str], Callable[[bytes], object]]


class _Number(msgspec.Struct):
    number: str


class _Again(msgspec.Struct):
    notice_id: str
    guise: Guise = Guise.GENUINE


def notice_routes(name: str, platform: Platform, engine: NoticeEngine) -> Routes:
    """Method and path below `/control/`, and what each does; sending is awaited."""

    async def forge(body: bytes) -> dict[str, str]:
        return {"answer": await platform.forge_payment_notice(msgspec.json.decode(body, type=_Number).number)}

    async def resend(body: bytes) -> dict[str, str]:
        asked = msgspec.json.decode(body, type=_Again)
        notice = engine.find(name, asked.notice_id)
        if not notice.url:
            raise ValueError("this notice has no address to be sent to")
        return {"answer": await engine.send_once(notice, asked.guise)}

    return {
        ("GET", f"{name}/notices"): lambda _: platform.notices(),
        ("POST", f"{name}/notices/forge"): forge,
        ("POST", f"{name}/notices/resend"): resend,
    }
