"""Smile pay: preparing a face device at Alipay. Pure; the charge itself is `alipay.trade.pay` like any other.

The device's kit describes itself in JSON, which goes to the platform as it is; what comes back goes to the kit. The
platform says nothing of how long that serves and gives it for one look, so nothing is kept, and `FACE_LIFE` is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from vendomat.cloud.payments.providers.alipay import wire
from vendomat.cloud.payments.providers.faces import FaceDevice, FaceReady, FaceState

FACE_LIFE = timedelta(minutes=1)
RAW_DATA_BYTES_MAX = 16 * 1024


def question_of(device: FaceDevice) -> dict[str, Any] | None:
    """The parameters of the call, with the store they stand in; None when the kit's text is no JSON object."""
    if len(device.raw_data.encode()) > RAW_DATA_BYTES_MAX:
        return None
    try:
        said = msgspec.json.decode(device.raw_data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError):
        return None
    place = {"store_code": device.store_id, "device_num": device.device_id}
    known = said.get("merchant_info")
    merchant_info = (known if isinstance(known, dict) else {}) | {name: value for name, value in place.items() if value}
    return said | {"merchant_info": merchant_info}


def read_ready(fields: Mapping[str, Any], now: datetime) -> FaceReady:
    """The answer. The token is what the kit is started with: the platform's session and its text."""
    session, text = fields.get("zim_id"), fields.get("zim_init_client_data")
    if wire.is_success(fields) and isinstance(session, str) and session and isinstance(text, str) and text:
        token = msgspec.json.encode({"zim_id": session, "zim_init_client_data": text}).decode()
        return FaceReady(FaceState.READY, token, now + FACE_LIFE)
    code = fields.get("code")
    state = FaceState.REFUSED if code in wire.REQUEST_REFUSALS or code == "40004" else FaceState.UNKNOWN
    return FaceReady(state, error=wire.error_text(fields))
