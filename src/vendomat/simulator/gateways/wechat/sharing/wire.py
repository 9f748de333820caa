"""Profit sharing as JSON: the bodies merchants send, read strictly, and what is answered. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.wechat import wire
from vendomat.simulator.gateways.wechat.requests import decoded
from vendomat.simulator.gateways.wechat.sharing.books import SHARES_MAX, Asked, lines_of
from vendomat.simulator.gateways.wechat.sharing.records import Receiver, ShareReturn, Sharing

_Type = Annotated[str, Meta(pattern=r"^(MERCHANT_ID|PERSONAL_OPENID)\Z")]
_Number = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*@]{1,64}\Z")]
_Account = Annotated[str, Meta(min_length=1, max_length=64)]
_Text = Annotated[str, Meta(min_length=1, max_length=80)]
_Fen = Annotated[int, Meta(ge=1)]


class _Add(msgspec.Struct, frozen=True):
    appid: str
    type: _Type
    account: _Account
    relation_type: Annotated[str, Meta(min_length=1, max_length=32)]
    name: Annotated[str, Meta(max_length=1024)] = ""


class _Row(msgspec.Struct, frozen=True):
    type: _Type
    account: _Account
    amount: _Fen
    description: _Text


class _Share(msgspec.Struct, frozen=True):
    appid: str
    transaction_id: str
    out_order_no: _Number
    receivers: Annotated[list[_Row], Meta(min_length=1, max_length=SHARES_MAX)]
    unfreeze_unsplit: bool


class _Free(msgspec.Struct, frozen=True):
    transaction_id: str
    out_order_no: _Number
    description: _Text


class _Back(msgspec.Struct, frozen=True):
    out_order_no: _Number
    out_return_no: _Number
    return_mchid: _Account
    amount: _Fen
    description: _Text


_add, _share = msgspec.json.Decoder(_Add), msgspec.json.Decoder(_Share)
_free, _back = msgspec.json.Decoder(_Free), msgspec.json.Decoder(_Back)


def read_receiver(body: bytes, mchid: str) -> tuple[Receiver, str, str]:
    """The receiver, the application named, and the sealed name."""
    asked = decoded(_add, body)
    return Receiver(mchid=mchid, type=asked.type, account=asked.account), asked.appid, asked.name


def read_sharing(body: bytes, numbers: Numbers) -> tuple[Asked, str]:
    """The sharing and the application named."""
    asked = decoded(_share, body)
    rows = [(row.type, row.account, row.amount, row.description) for row in asked.receivers]
    return Asked(asked.out_order_no, asked.transaction_id, lines_of(rows, numbers), asked.unfreeze_unsplit), asked.appid


def read_free(body: bytes) -> Asked:
    asked = decoded(_free, body)
    return Asked(asked.out_order_no, asked.transaction_id, (), True)


def read_return(body: bytes, mchid: str, now: datetime) -> ShareReturn:
    asked = decoded(_back, body)
    return ShareReturn(
        mchid=mchid,
        number=asked.out_return_no,
        sharing_number=asked.out_order_no,
        return_mchid=asked.return_mchid,
        amount_fen=asked.amount,
        description=asked.description,
        return_id="",
        made_at=now,
        settles_at=None,
    )


def sharing_answer(sharing: Sharing) -> dict[str, object]:
    """FINISHED says that it ran: each receiver's `result` is the truth."""
    finished_at = {"finish_time": wire.to_rfc3339(sharing.settled_at)} if sharing.settled_at else {}
    return {
        "transaction_id": sharing.transaction_id,
        "out_order_no": sharing.number,
        "order_id": sharing.order_id,
        "state": "FINISHED" if sharing.settled_at else "PROCESSING",
        "receivers": [
            {
                "type": line.type,
                "account": line.account,
                "amount": line.amount_fen,
                "description": line.description,
                "result": line.state.value,
                "detail_id": line.detail_id,
                "create_time": wire.to_rfc3339(sharing.made_at),
                **finished_at,
                **({"fail_reason": line.fail_reason} if line.fail_reason else {}),
            }
            for line in sharing.lines
        ],
    }


def return_answer(back: ShareReturn) -> dict[str, object]:
    answer: dict[str, object] = {
        "out_order_no": back.sharing_number,
        "out_return_no": back.number,
        "return_id": back.return_id,
        "return_mchid": back.return_mchid,
        "amount": back.amount_fen,
        "description": back.description,
        "result": back.result,
        "create_time": wire.to_rfc3339(back.made_at),
    }
    if back.result == "FAILED":
        answer["fail_reason"] = "PAYER_ACCOUNT_ABNORMAL"
    if back.settled_at is not None:
        answer["finish_time"] = wire.to_rfc3339(back.settled_at)
    return answer
