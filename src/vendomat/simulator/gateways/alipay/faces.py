"""Smile pay at the emulated Alipay: sessions for face devices, and the tokens a device has after it saw a buyer.

A session belongs to the application that asked for it, a token is good once and for a minute. Nothing is kept over the
end of the process, and nobody's face is known here: the control port says whom a device saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from vendomat.simulator.gateways.alipay.refusals import AlipayRefusedError, Refusals
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.views import BuyerRefusal, BuyerRefusedError

TOKEN_LIFE = timedelta(minutes=1)
SESSION_LIFE = timedelta(minutes=5)
"""The documents name neither; these are ours."""

TOKEN_START, TOKEN_LENGTH = "fp", 35


@dataclass(frozen=True, slots=True)
class Seen:
    """What a device's token stands for."""

    app_id: str
    payer: str
    ends_at: datetime


class FaceBook:
    """Sessions and tokens of one platform."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._sessions: dict[str, tuple[str, datetime]] = {}
        self._tokens: dict[str, Seen] = {}

    def initialize(self, app_id: str, now: datetime) -> tuple[str, str]:
        """A session and the text its device is started with."""
        self._sessions = {one: kept for one, kept in self._sessions.items() if now < kept[1]}
        session = self._numbers.hex(33)
        self._sessions[session] = (app_id, now + SESSION_LIFE)
        return session, self._numbers.text(120)

    def look(self, session: str, payer: str, now: datetime) -> str:
        """The device of `session` sees `payer`: a token for one charge. Raises `BuyerRefusedError`."""
        app_id, ends_at = self._sessions.pop(session, ("", now))
        if now >= ends_at:
            raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)
        self._tokens = {one: seen for one, seen in self._tokens.items() if now < seen.ends_at}
        token = TOKEN_START + self._numbers.hex(TOKEN_LENGTH - len(TOKEN_START))
        self._tokens[token] = Seen(app_id, payer, now + TOKEN_LIFE)
        return token

    def use(self, token: str, app_id: str, now: datetime) -> str:
        """Whom `token` charges; it is used up by any try. Raises `AlipayRefusedError`."""
        seen = self._tokens.pop(token, None)
        if seen is None or now >= seen.ends_at:
            raise AlipayRefusedError(Refusals.AUTH_CODE_INVALID)
        if seen.app_id != app_id:
            raise AlipayRefusedError(Refusals.OTHER_MERCHANTS_FACE)
        return seen.payer
