"""WeChat Pay's profit sharing behind the contract. Whatever is answered but a verified success is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.limits import check_number, cut_to_bytes
from vendomat.cloud.payments.providers.sharing import (
    Receiver,
    Sharing,
    SharingRequest,
    SharingState,
    TakeBackRequest,
    TakeBackState,
    TakenBack,
)
from vendomat.cloud.payments.providers.wechat import sharing_wire, wire
from vendomat.cloud.payments.providers.wechat.asking import Asking
from vendomat.cloud.payments.providers.wechat.client import WeChatClient
from vendomat.kernel import Money

ROOT = "/v3/profitsharing"
ABSENT = "RESOURCE_NOT_EXISTS"


class WeChatProfitSharing:
    """One merchant's sharing."""

    def __init__(self, appid: str, client: WeChatClient, asking: Asking) -> None:
        self._appid = appid
        self._client = client
        self._asking = asking

    async def add_receiver(self, receiver: Receiver) -> str:
        try:
            status, text = await self._asking(lambda: self._client.add_receiver(receiver, self._appid))
        except NotKnownError as doubt:
            return doubt.reason
        return "" if status == 200 else wire.error_text(status, text)

    async def share(self, request: SharingRequest) -> Sharing:
        check_number(request.number)
        if reason := sharing_wire.unfit_sharing(request):
            return Sharing(SharingState.REFUSED, request.number, error=reason)
        body = {"appid": self._appid, **sharing_wire.sharing_body(request)}
        made = await self._make("/orders", body, request.number, request.transaction_id)
        if made.state in (SharingState.PROCESSING, SharingState.FINISHED) and not sharing_wire.has_shares(
            made, request
        ):
            error = "the platform has this number with other shares"
            return Sharing(SharingState.UNKNOWN, request.number, made.platform_number, made.shares, error, made.raw)
        return made

    async def set_free(self, number: str, transaction_id: str, reason: str) -> Sharing:
        check_number(number)
        body = {"transaction_id": transaction_id, "out_order_no": number, "description": cut_to_bytes(reason, 80)}
        return await self._make("/orders/unfreeze", body, number, transaction_id)

    async def _make(self, path: str, body: Mapping[str, Any], number: str, transaction_id: str) -> Sharing:
        try:
            status, text, _ = await self._asking(lambda: self._client.ask("POST", f"{ROOT}{path}", body))
            if status == 200:
                return sharing_wire.sharing_of(text, number, transaction_id)
        except NotKnownError as doubt:
            return Sharing(SharingState.UNKNOWN, number, error=doubt.reason)
        error = wire.error_text(status, text)
        found = await self.look_up(number, transaction_id)
        if found.state is not SharingState.NOT_FOUND:
            return found
        state = SharingState.REFUSED if wire.is_definite(status) else SharingState.UNKNOWN
        return Sharing(state, number, error=error)

    async def look_up(self, number: str, transaction_id: str) -> Sharing:
        check_number(number)
        target = f"{ROOT}/orders/{number}?transaction_id={quote(transaction_id, safe='')}"
        try:
            status, text, _ = await self._asking(lambda: self._client.ask("GET", target))
            if status == 200:
                return sharing_wire.sharing_of(text, number, transaction_id)
        except NotKnownError as doubt:
            return Sharing(SharingState.UNKNOWN, number, error=doubt.reason)
        is_absent = status == 404 and wire.error_code(status, text) == ABSENT
        state = SharingState.NOT_FOUND if is_absent else SharingState.UNKNOWN
        return Sharing(state, number, error=wire.error_text(status, text))

    async def left(self, transaction_id: str) -> Money | None:
        target = f"{ROOT}/transactions/{quote(transaction_id, safe='')}/amounts"
        try:
            status, text, _ = await self._asking(lambda: self._client.ask("GET", target))
            return sharing_wire.left_of(text, transaction_id) if status == 200 else None
        except NotKnownError:
            return None

    async def take_back(self, request: TakeBackRequest) -> TakenBack:
        check_number(request.number)
        body = sharing_wire.take_back_body(request)
        try:
            status, text, _ = await self._asking(lambda: self._client.ask("POST", f"{ROOT}/return-orders", body))
            if status == 200:
                return sharing_wire.taken_back_of(text, request)
        except NotKnownError as doubt:
            return TakenBack(TakeBackState.UNKNOWN, request.number, error=doubt.reason)
        found = await self.look_up_take_back(request)
        if found.state is not TakeBackState.NOT_FOUND:
            return found
        state = TakeBackState.REFUSED if wire.is_definite(status) else TakeBackState.UNKNOWN
        return TakenBack(state, request.number, error=wire.error_text(status, text))

    async def look_up_take_back(self, request: TakeBackRequest) -> TakenBack:
        check_number(request.number)
        target = f"{ROOT}/return-orders/{request.number}?out_order_no={request.sharing_number}"
        try:
            status, text, _ = await self._asking(lambda: self._client.ask("GET", target))
            if status == 200:
                return sharing_wire.taken_back_of(text, request)
        except NotKnownError as doubt:
            return TakenBack(TakeBackState.UNKNOWN, request.number, error=doubt.reason)
        is_absent = status == 404 and wire.error_code(status, text) == ABSENT
        state = TakeBackState.NOT_FOUND if is_absent else TakeBackState.UNKNOWN
        return TakenBack(state, request.number, error=wire.error_text(status, text))
