"""WeChat Pay's profit sharing as values: what we send, and what its answers mean. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.limits import CURRENCY, cut_to_bytes
from vendomat.cloud.payments.providers.sharing import (
    Receiver,
    ReceiverKind,
    ShareResult,
    ShareState,
    Sharing,
    SharingRequest,
    SharingState,
    TakeBackRequest,
    TakeBackState,
    TakenBack,
)
from vendomat.cloud.payments.providers.wechat.wire import decode
from vendomat.kernel import Money, VendomatError

SHARES_MAX = 50
KINDS = {ReceiverKind.MERCHANT: "MERCHANT_ID", ReceiverKind.PERSON: "PERSONAL_OPENID"}
_KIND_OF = {word: kind for kind, word in KINDS.items()}
_STATES = {"PROCESSING": SharingState.PROCESSING, "FINISHED": SharingState.FINISHED}
_RESULTS = {"PENDING": ShareState.PENDING, "SUCCESS": ShareState.SUCCEEDED, "CLOSED": ShareState.CLOSED}
_BACK = {
    "PROCESSING": TakeBackState.PROCESSING,
    "SUCCESS": TakeBackState.SUCCEEDED,
    "FAILED": TakeBackState.FAILED,
}


class _Share(msgspec.Struct):
    type: str
    account: str
    amount: int
    result: str
    fail_reason: str = ""
    detail_id: str = ""


class _Order(msgspec.Struct):
    transaction_id: str
    out_order_no: str
    order_id: str
    state: str
    receivers: list[_Share] = []


class _Back(msgspec.Struct):
    out_return_no: str
    out_order_no: str
    return_mchid: str
    amount: int
    result: str
    fail_reason: str = ""
    return_id: str = ""


class _Left(msgspec.Struct):
    transaction_id: str
    unsplit_amount: int


def unfit_sharing(request: SharingRequest) -> str:
    """Why `request` must not even be sent, or an empty text."""
    if not 1 <= len(request.shares) <= SHARES_MAX:
        return f"from one to {SHARES_MAX} shares are needed"
    if any(share.amount.currency != CURRENCY or share.amount.minor_units < 1 for share in request.shares):
        return f"every share is a positive amount of {CURRENCY}"
    names = [(share.kind, share.account) for share in request.shares]
    return "" if len(set(names)) == len(names) else "a receiver occurs twice"


def receiver_body(receiver: Receiver, seal: Callable[[str], str]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": KINDS[receiver.kind],
        "account": receiver.account,
        "relation_type": receiver.relation,
    }
    return body | ({"name": seal(receiver.name)} if receiver.name else {})


def sharing_body(request: SharingRequest) -> dict[str, Any]:
    return {
        "transaction_id": request.transaction_id,
        "out_order_no": request.number,
        "receivers": [
            {
                "type": KINDS[share.kind],
                "account": share.account,
                "amount": share.amount.minor_units,
                "description": cut_to_bytes(share.description, 80),
            }
            for share in request.shares
        ],
        "unfreeze_unsplit": request.frees_rest,
    }


def take_back_body(request: TakeBackRequest) -> dict[str, Any]:
    return {
        "out_order_no": request.sharing_number,
        "out_return_no": request.number,
        "return_mchid": request.account,
        "amount": request.amount.minor_units,
        "description": cut_to_bytes(request.description, 80),
    }


def sharing_of(body: str, number: str, transaction_id: str) -> Sharing:
    """A verified sharing. Raises `NotKnownError`."""
    said = decode(body, _Order)
    if (said.out_order_no, said.transaction_id) != (number, transaction_id):
        raise NotKnownError("the answer is about another sharing")
    if said.state not in _STATES:
        raise NotKnownError(f"state {said.state!r} is not known")
    shares = tuple(_share_of(share) for share in said.receivers)
    return Sharing(_STATES[said.state], number, said.order_id, shares, raw=decode(body, dict))


def _share_of(said: _Share) -> ShareResult:
    if said.type not in _KIND_OF or said.result not in _RESULTS:
        raise NotKnownError(f"result {said.result!r} of a {said.type!r} is not known")
    return ShareResult(
        _KIND_OF[said.type],
        said.account,
        _money(said.amount),
        _RESULTS[said.result],
        said.fail_reason,
        said.detail_id,
    )


def has_shares(sharing: Sharing, request: SharingRequest) -> bool:
    """Whether the platform's sharing is the one asked for. It adds a row of its own for what was set free."""
    there = {(share.kind, share.account, share.amount) for share in sharing.shares}
    return all((share.kind, share.account, share.amount) in there for share in request.shares)


def taken_back_of(body: str, request: TakeBackRequest) -> TakenBack:
    """A verified return. Raises `NotKnownError`."""
    said = decode(body, _Back)
    asked = (request.number, request.sharing_number, request.account, request.amount.minor_units)
    if (said.out_return_no, said.out_order_no, said.return_mchid, said.amount) != asked:
        raise NotKnownError("the answer is about another return")
    if said.result not in _BACK:
        raise NotKnownError(f"result {said.result!r} is not known")
    return TakenBack(_BACK[said.result], request.number, request.amount, said.fail_reason, said.return_id)


def left_of(body: str, transaction_id: str) -> Money:
    """Raises `NotKnownError`."""
    said = decode(body, _Left)
    if said.transaction_id != transaction_id:
        raise NotKnownError("the answer is about another payment")
    return _money(said.unsplit_amount)


def _money(fen: int) -> Money:
    try:
        return Money(fen, CURRENCY)
    except VendomatError as error:
        raise NotKnownError(error.message) from error
