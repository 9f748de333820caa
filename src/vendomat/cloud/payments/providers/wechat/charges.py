"""Charging what a buyer shows at WeChat Pay: by v2 (payment codes and faces) or by v3 (payment codes), one behaviour.

v2 is the rule for payment codes; v3 has the same calls in its own form and is switched on per account. Faces exist in
v2 only. Refuses to guess: what an answer leaves open is UNKNOWN, and a charge ends by a reverse, never by "close".
"""

from __future__ import annotations

from typing import Protocol

from vendomat.cloud.payments.providers.contract import (
    Charged,
    ChargeRefusal,
    ChargeRequest,
    ChargeState,
    Reversed,
    ReverseState,
    Trade,
    TradeState,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.wechat import v2_wire, v3_charges, wire
from vendomat.cloud.payments.providers.wechat.asking import Asking
from vendomat.cloud.payments.providers.wechat.client import WeChatClient
from vendomat.cloud.payments.providers.wechat.settings import WeChatSettings
from vendomat.cloud.payments.providers.wechat.v2_client import ChargePaths, V2Client
from vendomat.kernel import Clock


class Charges(Protocol):
    """One credential's three verbs. The request was found fit before."""

    async def charge(self, request: ChargeRequest) -> Charged: ...

    async def look_up(self, number: str) -> Trade: ...

    async def reverse(self, number: str) -> Reversed: ...


class V2Charges:
    """By the calls of `paths`. The platform takes no charge that arrives after the request's end."""

    def __init__(self, asking: Asking, client: V2Client, settings: WeChatSettings, paths: ChargePaths) -> None:
        self._asking = asking
        self._client = client
        self._settings = settings
        self._paths = paths

    async def charge(self, request: ChargeRequest) -> Charged:
        order = v2_wire.charge_fields(request, self._settings.payer_client_ip)
        try:
            fields = await self._asking(lambda: self._client.charge(self._paths, order))
        except NotKnownError as doubt:
            return Charged(ChargeState.UNKNOWN, error=doubt.reason)
        return v2_wire.read_charge(fields, request.number, mchid=self._settings.mchid, appid=self._settings.appid)

    async def look_up(self, number: str) -> Trade:
        try:
            fields = await self._asking(lambda: self._client.query(self._paths, number))
        except NotKnownError as doubt:
            return Trade(TradeState.UNKNOWN, number, error=doubt.reason)
        return v2_wire.read_trade(fields, number, mchid=self._settings.mchid, appid=self._settings.appid)

    async def reverse(self, number: str) -> Reversed:
        try:
            fields = await self._asking(lambda: self._client.reverse(self._paths, number))
        except NotKnownError as doubt:
            return Reversed(ReverseState.UNKNOWN, doubt.reason)
        said = v2_wire.read_reverse(fields)
        return said or v2_wire.reversed_as(await self.look_up(number), fields)


class V3Charges:
    """By `codepay`. It carries no end of its own: a request past its end is not sent, and what is on the way longer
    than five minutes the platform refuses by the age of its signature."""

    def __init__(self, asking: Asking, client: WeChatClient, settings: WeChatSettings, clock: Clock) -> None:
        self._asking = asking
        self._client = client
        self._settings = settings
        self._clock = clock
        self._account = wire.Account(settings.mchid, settings.appid)

    async def charge(self, request: ChargeRequest) -> Charged:
        if request.expires_at <= self._clock.now():
            return Charged(ChargeState.REFUSED, None, ChargeRefusal.REFUSED, "the payment has expired")
        order = v3_charges.charge_order(request, self._settings.payer_client_ip, self._settings.store_id)
        try:
            status, body = await self._asking(lambda: self._client.charge(order))
        except NotKnownError as doubt:
            return Charged(ChargeState.UNKNOWN, error=doubt.reason)
        charged = v3_charges.read_charge(status, body, request.number, self._account)
        if charged.state is not ChargeState.UNKNOWN or not wire.is_definite(status):
            return charged
        found = await self.look_up(request.number)
        if found.state is not TradeState.NOT_FOUND:
            return charged
        return Charged(ChargeState.REFUSED, None, ChargeRefusal.REFUSED, charged.error)

    async def look_up(self, number: str) -> Trade:
        try:
            status, body = await self._asking(lambda: self._client.query(out_trade_no=number))
        except NotKnownError as doubt:
            return Trade(TradeState.UNKNOWN, number, error=doubt.reason)
        return wire.read_trade(status, body, number, self._account, states=wire.CHARGE_STATES)

    async def reverse(self, number: str) -> Reversed:
        try:
            status, body = await self._asking(lambda: self._client.codepay_reverse(out_trade_no=number))
        except NotKnownError as doubt:
            return Reversed(ReverseState.UNKNOWN, doubt.reason)
        said = v3_charges.read_reverse(status, body, number)
        return said or v3_charges.reversed_as(await self.look_up(number), wire.error_text(status, body))
