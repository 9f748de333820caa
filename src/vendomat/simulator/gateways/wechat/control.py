"""What of the control port only WeChat Pay has: its keys, pages inside the wallet, face devices. JSON in, JSON out."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from vendomat.simulator.gateways.wechat.platform import WechatPlatform
from vendomat.simulator.gateways.wechat.records import KeyMode

Routes = dict[tuple[str, str], Callable[[bytes], object]]


class _Share(msgspec.Struct):
    """`percent` of what is signed is signed by the newer key."""

    percent: int = 100
    account: str = ""


class _Move(msgspec.Struct):
    account: str
    mode: KeyMode


class _Buyer(msgspec.Struct):
    account: str
    payer: str = "buyer-1"


class _Page(msgspec.Struct):
    parameters: dict[str, str]
    payer: str = "buyer-1"


class _Count(msgspec.Struct):
    count: int = 1
    reason: str = "ACCOUNT_ABNORMAL"


class _Agreement(msgspec.Struct):
    number: str
    payer: str = "buyer-1"


class _Permission(msgspec.Struct):
    """The merchant is told at `url`."""

    account: str
    payer: str = "buyer-1"
    url: str = ""
    is_open: bool = True


class _Distrust(msgspec.Struct):
    """`reason`: risk, unpaid, minor, or nothing for "trusted again"."""

    payer: str = "buyer-1"
    reason: str = ""


class _Look(msgspec.Struct):
    token: str
    payer: str = "buyer-1"


def wechat_routes(platform: WechatPlatform) -> Routes:
    """Method and path, below the control port's own prefix, to what is done with the body."""
    return {
        ("POST", "wechat/keys/rotate"): lambda body: _rotate(platform, body),
        ("POST", "wechat/keys/share"): lambda body: _share(platform, body),
        ("POST", "wechat/keys/move"): lambda body: _begin_move(platform, body),
        ("POST", "wechat/keys/moved"): lambda body: _end_move(platform, body),
        ("POST", "wechat/openid"): lambda body: _openid(platform, body),
        ("POST", "wechat/page"): lambda body: _open_page(platform, body),
        ("POST", "wechat/refunds/on-credit"): lambda body: _take_on_credit(platform, body),
        ("GET", "wechat/services"): lambda _: platform.services(),
        ("POST", "wechat/services/agree"): lambda body: _agree(platform, body),
        ("POST", "wechat/services/permit"): lambda body: _permit(platform, body),
        ("POST", "wechat/services/permit-asked"): lambda body: _permit_asked(platform, body),
        ("POST", "wechat/services/distrust"): lambda body: _distrust(platform, body),
        ("POST", "wechat/shares/close"): lambda body: _close_shares(platform, body),
        ("POST", "wechat/shares/fail-returns"): lambda body: _fail_returns(platform, body),
        ("POST", "wechat/face"): lambda body: _look_at(platform, body),
    }


def _rotate(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    asked = msgspec.json.decode(body or b"{}", type=_Share)
    return {"serial_no": platform.rotate_certificate(asked.percent)}


def _share(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    platform.sign_by_newest(msgspec.json.decode(body, type=_Share).percent)
    return {"status": "ok"}


def _begin_move(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    asked = msgspec.json.decode(body, type=_Share)
    platform.begin_move(asked.account, asked.percent)
    return {"status": "ok"}


def _end_move(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    asked = msgspec.json.decode(body, type=_Move)
    platform.end_move(asked.account, asked.mode)
    return {"status": "ok"}


def _openid(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    asked = msgspec.json.decode(body, type=_Buyer)
    return {"openid": platform.openid_of(asked.account, asked.payer)}


def _open_page(platform: WechatPlatform, body: bytes) -> object:
    asked = msgspec.json.decode(body, type=_Page)
    return platform.open_page(asked.parameters, asked.payer)


def _take_on_credit(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    platform.take_next_refunds_on_credit(msgspec.json.decode(body or b"{}", type=_Count).count)
    return {"status": "ok"}


def _agree(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    asked = msgspec.json.decode(body, type=_Agreement)
    platform.agree(asked.number, asked.payer)
    return {"status": "ok"}


def _permit(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    asked = msgspec.json.decode(body, type=_Permission)
    return {"openid": platform.permit(asked.account, asked.payer, asked.url, is_open=asked.is_open)}


def _permit_asked(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    asked = msgspec.json.decode(body, type=_Look)
    return {"openid": platform.permit_asked(asked.token, asked.payer)}


def _distrust(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    asked = msgspec.json.decode(body, type=_Distrust)
    platform.distrust(asked.payer, asked.reason)
    return {"status": "ok"}


def _close_shares(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    asked = msgspec.json.decode(body or b"{}", type=_Count)
    platform.sharing.close_next_shares(asked.reason, asked.count)
    return {"status": "ok"}


def _fail_returns(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    platform.sharing.fail_next_returns(msgspec.json.decode(body or b"{}", type=_Count).count)
    return {"status": "ok"}


def _look_at(platform: WechatPlatform, body: bytes) -> dict[str, str]:
    asked = msgspec.json.decode(body, type=_Look)
    seen = platform.look_at(asked.token, asked.payer)
    return {"face_code": seen.face_code, "openid": seen.openid}
