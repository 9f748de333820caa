"""Offers of WeChat Pay v3 as values: what we send for each presentation, and what its answer means. Pure.

The three differ in where the order is placed and in what they need to know of the buyer; what may be said of them
afterwards is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import msgspec

from vendomat.cloud.payments.providers.contract import Presentation, Started, StartRequest, StartState
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.limits import BEIJING, cut_to_bytes
from vendomat.cloud.payments.providers.wechat.wire import decode, error_code, error_text, is_definite

START_REFUSALS = frozenset({"PARAM_ERROR", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", "SIGN_ERROR", "NO_AUTH"})
"""Codes that say by themselves: nothing was created. Every other 4xx needs a look-up before it is a no."""

PRESENTATIONS = tuple(Presentation)
BROWSERS = ("Wap", "iOS", "Android")
PAYER_CHARACTERS_MAX = 128


class _Answer(msgspec.Struct):
    """One of the three is there, by the presentation."""

    code_url: str = ""
    prepay_id: str = ""
    h5_url: str = ""


def unfit_buyer(request: StartRequest) -> str:
    """What the presentation needs to know of the buyer and `request` does not say, or an empty text."""
    buyer = request.buyer
    if request.presentation is Presentation.IN_WALLET and not 1 <= len(buyer.payer) <= PAYER_CHARACTERS_MAX:
        return "a payment inside the wallet needs the buyer's id there"
    if request.presentation is Presentation.IN_BROWSER:
        if buyer.browser not in BROWSERS:
            return f"the browser is none of {', '.join(BROWSERS)}"
        try:
            ip_address(buyer.ip)
        except ValueError:
            return "a payment in a browser needs the buyer's address"
    return ""


def order(request: StartRequest, payer_client_ip: str = "") -> dict[str, Any]:
    """Keyword arguments of the library's `pay`. The same request gives the same order, byte for byte.

    The platform takes no device without an address, so without one the machine is only in `attach`.
    """
    made: dict[str, Any] = {
        "description": cut_to_bytes(request.description.strip(), 127),
        "out_trade_no": request.number,
        "amount": {"total": request.amount.minor_units, "currency": request.amount.currency},
        "time_expire": request.expires_at.astimezone(BEIJING).replace(microsecond=0).isoformat(),
        "notify_url": request.notify_url,
    }
    if attach := cut_to_bytes(request.attach or request.machine_id, 128):
        made["attach"] = attach
    if request.is_shared:
        made["settle_info"] = {"profit_sharing": True}
    if request.presentation is Presentation.IN_WALLET:
        made["payer"] = {"openid": request.buyer.payer}
    if scene := _scene(request, payer_client_ip):
        made["scene_info"] = scene
    return made


def _scene(request: StartRequest, payer_client_ip: str) -> dict[str, Any]:
    is_h5 = request.presentation is Presentation.IN_BROWSER
    address = request.buyer.ip if is_h5 else payer_client_ip
    if not address or not (is_h5 or request.machine_id):
        return {}
    scene: dict[str, Any] = {"payer_client_ip": address}
    if request.machine_id:
        scene["device_id"] = request.machine_id[:32]
    if is_h5:
        scene["h5_info"] = {"type": request.buyer.browser}
    return scene


def read_start(status: int, body: bytes | str, presentation: Presentation) -> Started:
    """The answer to an order. A doubtful 4xx comes back as UNKNOWN; see `is_definite`.

    For IN_WALLET the one parameter is `prepay_id`: what the page needs is signed over `signed_parts` of it.
    """
    if status == 200:
        try:
            answer = decode(body, _Answer)
        except NotKnownError as doubt:
            return Started(StartState.UNKNOWN, error=doubt.reason)
        return _started(answer, presentation)
    is_refusal = is_definite(status) and error_code(status, body) in START_REFUSALS
    return Started(StartState.REFUSED if is_refusal else StartState.UNKNOWN, error=error_text(status, body))


def _started(answer: _Answer, presentation: Presentation) -> Started:
    if presentation is Presentation.CODE and answer.code_url:
        return Started(StartState.STARTED, answer.code_url)
    if presentation is Presentation.IN_WALLET and answer.prepay_id:
        return Started(StartState.STARTED, parameters={"prepay_id": answer.prepay_id})
    if presentation is Presentation.IN_BROWSER and answer.h5_url.startswith(("https://", "http://")):
        return Started(StartState.STARTED, page_url=answer.h5_url)
    return Started(StartState.UNKNOWN, error="the answer has not what this presentation needs")


def package_of(prepay_id: str) -> str:
    return f"prepay_id={prepay_id}"


def signed_parts(appid: str, timestamp: str, nonce: str, prepay_id: str) -> list[str]:
    """The lines that a payment inside the wallet is signed over, each ended by a newline."""
    return [appid, timestamp, nonce, package_of(prepay_id)]


def page_parameters(parts: list[str], signature: str) -> Mapping[str, str]:
    """What the page in the wallet hands to its script, from the signed lines. Names as the script wants them."""
    appid, timestamp, nonce, package = parts
    return {
        "appId": appid,
        "timeStamp": timestamp,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": signature,
    }
