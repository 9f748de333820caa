"""The bodies merchants send to WeChat Pay, read strictly: wrong ones are PARAM_ERROR with the field that is wrong."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from vendomat.simulator.gateways.wechat.records import Order, Refund, Terms
from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError

_Number = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*]{6,32}\Z")]
_RefundNumber = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*@]{1,64}\Z")]
_Url = Annotated[str, Meta(pattern=r"^https?://[^?\s]+\Z", max_length=255)]
_Currency = Annotated[str, Meta(pattern="^CNY$")]
_PATH = re.compile(r"at `\$\.?([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]+)`")
Body = TypeVar("Body", bound=msgspec.Struct)


class _Amount(msgspec.Struct, frozen=True):
    total: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    currency: _Currency = "CNY"


class _Scene(msgspec.Struct, frozen=True):
    payer_client_ip: Annotated[str, Meta(max_length=45)] = ""
    device_id: Annotated[str, Meta(max_length=32)] = ""
    store_info: dict[str, Any] = {}


class _Payer(msgspec.Struct, frozen=True):
    openid: Annotated[str, Meta(min_length=1, max_length=128)]


class _H5Info(msgspec.Struct, frozen=True):
    type: Annotated[str, Meta(pattern=r"^(Wap|iOS|Android)\Z")]
    app_name: Annotated[str, Meta(max_length=64)] = ""
    app_url: Annotated[str, Meta(max_length=128)] = ""
    bundle_id: Annotated[str, Meta(max_length=128)] = ""
    package_name: Annotated[str, Meta(max_length=128)] = ""


class _H5Scene(_Scene, frozen=True, kw_only=True):
    payer_client_ip: Annotated[str, Meta(min_length=1, max_length=45)]
    h5_info: _H5Info


class _OrderBody(msgspec.Struct, frozen=True, kw_only=True):
    appid: Annotated[str, Meta(min_length=1, max_length=32)]
    mchid: Annotated[str, Meta(min_length=1, max_length=32)]
    description: Annotated[str, Meta(min_length=1, max_length=127)]
    out_trade_no: _Number
    notify_url: _Url
    amount: _Amount
    time_expire: datetime | None = None
    attach: Annotated[str, Meta(max_length=128)] = ""
    scene_info: _Scene = _Scene()
    goods_tag: Annotated[str, Meta(max_length=32)] = ""
    support_fapiao: bool = False
    detail: dict[str, Any] = {}
    settle_info: dict[str, Any] = {}


class _JsapiBody(_OrderBody, frozen=True, kw_only=True):
    payer: _Payer


class _H5Body(_OrderBody, frozen=True, kw_only=True):
    scene_info: _H5Scene


class _CodePayer(msgspec.Struct, frozen=True):
    auth_code: Annotated[str, Meta(min_length=1, max_length=32)]


class _Store(msgspec.Struct, frozen=True):
    id: Annotated[str, Meta(max_length=32)] = ""
    out_id: Annotated[str, Meta(max_length=32)] = ""


class _StoreScene(msgspec.Struct, frozen=True, kw_only=True):
    store_info: _Store
    device_id: Annotated[str, Meta(max_length=32)] = ""
    device_ip: Annotated[str, Meta(max_length=45)] = ""


class _ChargeBody(msgspec.Struct, frozen=True, kw_only=True):
    appid: Annotated[str, Meta(min_length=1, max_length=32)]
    mchid: Annotated[str, Meta(min_length=1, max_length=32)]
    description: Annotated[str, Meta(min_length=1, max_length=127)]
    out_trade_no: _Number
    amount: _Amount
    payer: _CodePayer
    scene_info: _StoreScene
    attach: Annotated[str, Meta(max_length=128)] = ""


class _ReverseBody(msgspec.Struct, frozen=True):
    appid: str
    mchid: str


class _CloseBody(msgspec.Struct, frozen=True):
    mchid: str


class _RefundAmount(msgspec.Struct, frozen=True):
    refund: Annotated[int, Meta(ge=1)]
    total: Annotated[int, Meta(ge=1)]
    currency: _Currency


class _RefundBody(msgspec.Struct, frozen=True):
    out_refund_no: _RefundNumber
    amount: _RefundAmount
    transaction_id: str = ""
    out_trade_no: str = ""
    reason: Annotated[str, Meta(max_length=80)] = ""
    notify_url: Annotated[str, Meta(max_length=256)] = ""


class _AbnormalBody(msgspec.Struct, frozen=True):
    out_refund_no: _RefundNumber
    type: Annotated[str, Meta(pattern=r"^(USER|MERCHANT)_BANK_CARD\Z")]
    bank_type: Annotated[str, Meta(max_length=16)] = ""
    bank_account: Annotated[str, Meta(max_length=1024)] = ""
    real_name: Annotated[str, Meta(max_length=1024)] = ""


_abnormal = msgspec.json.Decoder(_AbnormalBody)
_order = msgspec.json.Decoder(_OrderBody)
_jsapi = msgspec.json.Decoder(_JsapiBody)
_charge = msgspec.json.Decoder(_ChargeBody)
_reverse = msgspec.json.Decoder(_ReverseBody)
_h5 = msgspec.json.Decoder(_H5Body)
_close = msgspec.json.Decoder(_CloseBody)
_refund = msgspec.json.Decoder(_RefundBody)


def decoded(decoder: msgspec.json.Decoder[Body], body: bytes) -> Body:
    """`body` in the decoder's shape; raises `WechatRefusedError` with the field that is wrong."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        words = str(error)
        path = match.group(1).replace(".", "/") if (match := _PATH.search(words)) else ""
        if missing := _MISSING.search(words):
            path = f"{path}/{missing.group(1)}" if path else missing.group(1)
        raise WechatRefusedError(Refusals.WRONG_PARAMETER, field=f"/{path}", issue=words) from error


def read_order(body: bytes) -> Terms:
    """The terms of a Native order, times aware."""
    return _terms_of(decoded(_order, body))


def read_jsapi_order(body: bytes) -> Terms:
    asked = decoded(_jsapi, body)
    return _terms_of(asked, openid=asked.payer.openid)


def read_h5_order(body: bytes) -> Terms:
    return _terms_of(decoded(_h5, body))


def _terms_of(asked: _OrderBody, *, openid: str = "") -> Terms:
    if asked.time_expire is not None and asked.time_expire.tzinfo is None:
        raise WechatRefusedError(Refusals.WRONG_PARAMETER, field="/time_expire", issue="time zone is missing")
    rest = {
        "scene_info": asked.scene_info,
        "goods_tag": asked.goods_tag,
        "support_fapiao": asked.support_fapiao,
        "detail": asked.detail,
        "settle_info": asked.settle_info,
    }
    return Terms(
        mchid=asked.mchid,
        appid=asked.appid,
        out_trade_no=asked.out_trade_no,
        description=asked.description,
        total_fen=asked.amount.total,
        notify_url=asked.notify_url,
        attach=asked.attach,
        device_id=asked.scene_info.device_id,
        time_expire=asked.time_expire,
        openid=openid,
        is_shared=asked.settle_info.get("profit_sharing") is True,
        rest=msgspec.json.encode(rest, order="deterministic").decode(),
    )


def read_charge(body: bytes) -> tuple[Terms, str]:
    """The terms of a charge by payment code, and the code."""
    asked = decoded(_charge, body)
    if not asked.scene_info.store_info.id and not asked.scene_info.store_info.out_id:
        raise WechatRefusedError(Refusals.WRONG_PARAMETER, field="/scene_info/store_info/id", issue="a store is needed")
    terms = Terms(
        mchid=asked.mchid,
        appid=asked.appid,
        out_trade_no=asked.out_trade_no,
        description=asked.description,
        total_fen=asked.amount.total,
        notify_url="",
        attach=asked.attach,
        device_id=asked.scene_info.device_id,
        rest=msgspec.json.encode(asked.scene_info, order="deterministic").decode(),
    )
    return terms, asked.payer.auth_code


def read_reverse(body: bytes) -> _ReverseBody:
    return decoded(_reverse, body)


def read_close(body: bytes) -> str:
    """The mchid a close call names."""
    return decoded(_close, body).mchid


def read_refund(body: bytes) -> _RefundBody:
    """A refund call; exactly one of transaction_id and out_trade_no is set."""
    asked = decoded(_refund, body)
    if bool(asked.transaction_id) == bool(asked.out_trade_no):
        raise WechatRefusedError(
            Refusals.WRONG_PARAMETER, field="/out_trade_no", issue="give one of transaction_id and out_trade_no"
        )
    return asked


def read_abnormal_refund(body: bytes) -> _AbnormalBody:
    """An abnormal refund's call; to a buyer's card only with all that names the card."""
    asked = decoded(_abnormal, body)
    if asked.type == "USER_BANK_CARD":
        for name in ("bank_type", "bank_account", "real_name"):
            if not getattr(asked, name):
                raise WechatRefusedError(Refusals.WRONG_PARAMETER, field=f"/{name}", issue=f"{name} is missing")
    return asked


def to_refund(asked: _RefundBody, order: Order, now: datetime) -> Refund:
    """The refund `asked` of `order`, not accepted yet."""
    return Refund(
        mchid=order.terms.mchid,
        out_refund_no=asked.out_refund_no,
        out_trade_no=order.terms.out_trade_no,
        transaction_id=order.transaction_id,
        amount_fen=asked.amount.refund,
        total_fen=asked.amount.total,
        reason=asked.reason,
        notify_url=asked.notify_url,
        created_at=now,
    )
