"""Tokens for WeChat Pay's face devices: asked for once, kept per device while they last, renewed early.

A token is for a device and its place, not for the text its kit gave this time, so the text is no part of what it is
kept under (the platform calls a token reusable and says no more). Nothing outlives the process.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.faces import FaceDevice, FaceReady, FaceState
from vendomat.cloud.payments.providers.wechat import v2_wire
from vendomat.cloud.payments.providers.wechat.asking import Asking
from vendomat.cloud.payments.providers.wechat.v2_client import V2Client
from vendomat.kernel import Clock

KEPT_MAX = 20_000
_Place = tuple[str, str, str]


class FaceTokens:
    """One account's tokens."""

    def __init__(self, asking: Asking, client: V2Client, clock: Clock) -> None:
        self._asking = asking
        self._client = client
        self._clock = clock
        self._kept: dict[_Place, FaceReady] = {}
        self._renew_at: dict[_Place, float] = {}

    async def prepare(self, device: FaceDevice) -> FaceReady:
        """The kept token until half of its life is over, then a new one; the kept one again if that cannot be had."""
        place = (device.device_id, device.store_id, device.store_name)
        kept = self._kept.get(place)
        if kept is not None and self._clock.elapsed() < self._renew_at[place]:
            return kept
        fetched = await self._fetch(device, place)
        is_kept_good = kept is not None and kept.expires_at is not None and self._clock.now() < kept.expires_at
        if fetched.state is not FaceState.READY and kept is not None and is_kept_good:
            return replace(kept, error=fetched.error)
        return fetched

    async def _fetch(self, device: FaceDevice, place: _Place) -> FaceReady:
        asked_at, asked_s = self._clock.now(), self._clock.elapsed()
        try:
            fields = await self._asking(lambda: self._client.face_token(v2_wire.face_fields(device, asked_at)))
            token, life_s = v2_wire.read_face_token(fields)
        except NotKnownError as doubt:
            return FaceReady(FaceState.UNKNOWN, error=doubt.reason)
        if not token:
            return FaceReady(FaceState.REFUSED, error=v2_wire.error_text(fields))
        ready = FaceReady(FaceState.READY, token, asked_at + timedelta(seconds=life_s))
        if len(self._kept) >= KEPT_MAX:
            self._forget_oldest()
        self._kept[place] = ready
        self._renew_at[place] = asked_s + life_s / 2
        return ready

    def _forget_oldest(self) -> None:
        oldest = min(self._renew_at, key=self._renew_at.__getitem__)
        del self._kept[oldest], self._renew_at[oldest]
