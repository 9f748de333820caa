"""WeChat Pay's face devices: tokens that let a device look, and codes for the faces it recognised.

The documents give the token's life and say that a code is used once; how long a code waits they do not say: here as
long as a payment code. Both are forgotten when the process ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.shown_codes import CODE_LIFE
from vendomat.simulator.gateways.views import BuyerRefusal, BuyerRefusedError
from vendomat.simulator.gateways.wechat.records import openid_of


@dataclass(frozen=True, slots=True)
class FaceToken:
    text: str
    mchid: str
    appid: str
    device_id: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class FaceCode:
    """What a device hands over for a face: `openid` and `face_code`, for the merchant of its token alone."""

    face_code: str
    openid: str
    mchid: str
    payer: str
    ends_at: datetime
    is_used: bool = False


class FaceDesk:
    """Tokens and codes of one platform."""

    def __init__(self, numbers: Numbers, life_s: float) -> None:
        self._numbers = numbers
        self._life = timedelta(seconds=life_s)
        self._tokens: dict[str, FaceToken] = {}
        self._codes: dict[str, FaceCode] = {}

    @property
    def life_s(self) -> int:
        return int(self._life.total_seconds())

    def give_token(self, mchid: str, appid: str, device_id: str, now: datetime) -> FaceToken:
        self._tokens = {text: one for text, one in self._tokens.items() if now < one.ends_at}
        token = FaceToken(self._numbers.text(96), mchid, appid, device_id, now + self._life)
        self._tokens[token.text] = token
        return token

    def look_at(self, text: str, payer: str, now: datetime) -> FaceCode:
        """`payer` looks at the device; raises `BuyerRefusedError` when its token does not serve."""
        token = self._tokens.get(text)
        if token is None or now >= token.ends_at:
            raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)
        self._codes = {code: one for code, one in self._codes.items() if now < one.ends_at + CODE_LIFE}
        code = FaceCode(
            self._numbers.uuid(), openid_of(token.appid, payer), token.mchid, payer, ends_at=now + CODE_LIFE
        )
        self._codes[code.face_code] = code
        return code

    def use(self, face_code: str, mchid: str, openid: str, now: datetime) -> FaceCode | None:
        """The code, used from now on; None when nobody has it, it is over, used, or of another merchant or buyer."""
        code = self._codes.get(face_code)
        if code is None or code.is_used or now >= code.ends_at or code.mchid != mchid:
            return None
        if openid not in ("", code.openid):
            return None
        self._codes[face_code] = replace(code, is_used=True)
        return code

    def payer_of(self, face_code: str) -> str:
        code = self._codes.get(face_code)
        return code.payer if code else ""
