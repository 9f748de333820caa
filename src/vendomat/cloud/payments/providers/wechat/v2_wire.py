"""WeChat Pay v2 as values: the calls of payment codes and faces, in XML. Pure.

XML is read strictly: no document type, no entities of its own, one level, no name twice, and of limited size. Every
answer that says anything must carry our own shared key's signature. A word we do not know is never guessed at.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from xml.parsers import expat

from vendomat.cloud.payments.providers.contract import (
    ChargeCredential,
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
from vendomat.cloud.payments.providers.faces import FaceDevice
from vendomat.cloud.payments.providers.limits import BEIJING, CURRENCY, cut_to_bytes
from vendomat.cloud.payments.providers.wechat.wire import CHARGE_STATES
from vendomat.kernel import Money, VendomatError

Fields = Mapping[str, str]

MD5, HMAC_SHA256 = "MD5", "HMAC-SHA256"
XML_BYTES_MAX = 64 * 1024
FIELDS_MAX = 100
FACE_TOKEN_CHARACTERS_MAX = 4096
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

CHARGE_REFUSALS = {
    "AUTHCODEEXPIRE": ChargeRefusal.CODE_EXPIRED,
    "AUTH_CODE_ERROR": ChargeRefusal.CODE_EXPIRED,
    "AUTH_CODE_INVALID": ChargeRefusal.CODE_EXPIRED,
    "NOTENOUGH": ChargeRefusal.NOT_ENOUGH,
    "NOTSUPORTCARD": ChargeRefusal.CARD_REFUSED,
    **dict.fromkeys(
        (
            "PARAM_ERROR",
            "NOAUTH",
            "ORDERCLOSED",
            "ORDERREVERSED",
            "XML_FORMAT_ERROR",
            "REQUIRE_POST_METHOD",
            "SIGNERROR",
            "LACK_PARAMS",
            "NOT_UTF8",
            "BUYER_MISMATCH",
            "APPID_NOT_EXIST",
            "MCHID_NOT_EXIST",
            "APPID_MCHID_NOT_MATCH",
        ),
        ChargeRefusal.REFUSED,
    ),
}
"""Codes that say by themselves: no money was taken. Not among them: SYSTEMERROR, BANKERROR, ORDERPAID and
OUT_TRADE_NO_USED, after which only a query knows. No list is published for faces; it is read by this one."""


def sign(fields: Fields, key: str, sign_type: str) -> str:
    """The signature over all fields but `sign` itself and the empty ones, in the order of ASCII."""
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "sign" and fields[name])
    signed = f"{text}&key={key}".encode()
    if sign_type == HMAC_SHA256:
        return hmac.new(key.encode(), signed, hashlib.sha256).hexdigest().upper()
    return hashlib.md5(signed, usedforsecurity=False).hexdigest().upper()


def write_xml(fields: Fields) -> bytes:
    """`fields` as the platform reads them, every value quoted."""
    parts = (
        f"<{name}><![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]></{name}>" for name, value in fields.items()
    )
    return f"<xml>{''.join(parts)}</xml>".encode()


class _Reader:
    """Takes what the parser finds, and refuses what does not belong into one flat element."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._path: list[str] = []
        self._text: list[str] = []

    def begin(self, name: str, attributes: object) -> None:
        depth = len(self._path)
        if depth > 1 or attributes or (depth == 0 and name != "xml") or not _NAME.fullmatch(name):
            raise NotKnownError("malformed XML: not one flat element")
        if depth == 1 and (name in self.fields or len(self.fields) >= FIELDS_MAX):
            raise NotKnownError("malformed XML: a name occurs twice, or there are too many")
        self._path.append(name)
        self._text = []

    def end(self, _: str) -> None:
        name = self._path.pop()
        if self._path:
            self.fields[name] = "".join(self._text)
        self._text = []

    def say(self, text: str) -> None:
        if len(self._path) == 2:
            self._text.append(text)
        elif text.strip():
            raise NotKnownError("malformed XML: text outside a field")

    def refuse(self, *_: object) -> int:
        raise NotKnownError("malformed XML: a document type or an entity")


def read_xml(body: bytes) -> dict[str, str]:
    """The fields of a flat answer. Raises `NotKnownError`."""
    if len(body) > XML_BYTES_MAX:
        raise NotKnownError(f"malformed XML: larger than {XML_BYTES_MAX} bytes")
    reader, parser = _Reader(), expat.ParserCreate("utf-8")
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.say
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    parser.ExternalEntityRefHandler = reader.refuse
    parser.ProcessingInstructionHandler = reader.refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise NotKnownError(f"malformed XML: {error}") from error
    return reader.fields


def verified(body: bytes, key: str, sign_type: str) -> dict[str, str]:
    """The fields of an answer that the platform signed. What it says unsigned, also a refusal, is not known."""
    fields = read_xml(body)
    if fields.get("return_code") != "SUCCESS":
        raise NotKnownError(f"not taken: {fields.get('return_msg', '')[:120]}")
    if not hmac.compare_digest(sign(fields, key, sign_type).encode(), fields.get("sign", "").encode()):
        raise NotKnownError("the signature of the answer is wrong")
    return fields


def charge_fields(request: ChargeRequest, payer_client_ip: str) -> dict[str, str]:
    """What a charge says beside the account. After `time_expire` the platform takes it no more."""
    fields = {
        "body": cut_to_bytes(request.description.strip(), 128),
        "out_trade_no": request.number,
        "total_fee": str(request.amount.minor_units),
        "fee_type": request.amount.currency,
        "spbill_create_ip": payer_client_ip or "127.0.0.1",
        "time_expire": request.expires_at.astimezone(BEIJING).strftime("%Y%m%d%H%M%S"),
    }
    if request.credential is ChargeCredential.FACE:
        fields["face_code"] = request.code
        fields |= {"openid": request.payer} if request.payer else {}
    else:
        fields["auth_code"] = request.code
    if request.machine_id:
        fields["device_info"] = request.machine_id[:32]
    if attach := cut_to_bytes(request.attach, 127):
        fields["attach"] = attach
    return fields


def face_fields(device: FaceDevice, now: datetime) -> dict[str, str]:
    """What asking for a face device's token says beside the account."""
    return {
        "store_id": cut_to_bytes(device.store_id, 32),
        "store_name": cut_to_bytes(device.store_name, 128),
        "device_id": cut_to_bytes(device.device_id, 32),
        "rawdata": device.raw_data,
        "now": str(int(now.timestamp())),
        "version": "1",
    }


def read_face_token(fields: Fields) -> tuple[str, int]:
    """The token and how long it serves, in seconds; ("", 0) when it was refused. Raises `NotKnownError`."""
    if fields.get("result_code", "SUCCESS") != "SUCCESS":
        return "", 0
    token, life = fields.get("authinfo", ""), fields.get("expires_in", "")
    if not 1 <= len(token) <= FACE_TOKEN_CHARACTERS_MAX or not re.fullmatch(r"[1-9][0-9]{0,6}", life):
        raise NotKnownError("no token, or one without an end")
    return token, int(life)


def error_text(fields: Fields) -> str:
    """Code and words for people, at most 200 characters."""
    return f"{fields.get('err_code', 'no code')}: {fields.get('err_code_des', '')}"[:200]


def is_success(fields: Fields) -> bool:
    return fields.get("result_code") == "SUCCESS"


def read_charge(fields: Fields, number: str, *, mchid: str, appid: str) -> Charged:
    """The verified answer to a micropay."""
    if is_success(fields):
        try:
            trade = trade_of({**fields, "trade_state": "SUCCESS"}, number, mchid=mchid, appid=appid)
        except NotKnownError as doubt:
            return Charged(ChargeState.UNKNOWN, error=doubt.reason)
        return Charged(ChargeState.PAID, trade)
    code = fields.get("err_code", "")
    if code == "USERPAYING":
        return Charged(ChargeState.WAITING, error=error_text(fields))
    if code in CHARGE_REFUSALS:
        return Charged(ChargeState.REFUSED, None, CHARGE_REFUSALS[code], error_text(fields))
    return Charged(ChargeState.UNKNOWN, error=error_text(fields))


def read_trade(fields: Fields, number: str, *, mchid: str, appid: str) -> Trade:
    """The verified answer to an order query."""
    if is_success(fields):
        try:
            return trade_of(fields, number, mchid=mchid, appid=appid)
        except NotKnownError as doubt:
            return Trade(TradeState.UNKNOWN, number, error=doubt.reason)
    is_absent = fields.get("err_code") == "ORDERNOTEXIST"
    return Trade(TradeState.NOT_FOUND if is_absent else TradeState.UNKNOWN, number, error=error_text(fields))


def trade_of(fields: Fields, number: str, *, mchid: str, appid: str) -> Trade:
    """Raises `NotKnownError` when the fields do not tell of `number` completely, or of another account."""
    if (fields.get("mch_id"), fields.get("appid")) != (mchid, appid):
        raise NotKnownError("the trade belongs to another account")
    if fields.get("out_trade_no") != number:
        raise NotKnownError("the answer is about another number")
    word = fields.get("trade_state", "")
    state = CHARGE_STATES.get(word)
    if state is None or fields.get("fee_type", CURRENCY) != CURRENCY:
        raise NotKnownError(f"trade_state {word!r} in {fields.get('fee_type', CURRENCY)!r} is not known")
    error = f"PAYERROR: {fields.get('trade_state_desc', '')}"[:200] if word == "PAYERROR" else ""
    if state is not TradeState.PAID:
        return Trade(state, number, account=mchid, error=error, raw=dict(fields))
    if not fields.get("transaction_id"):
        raise NotKnownError("paid, but without a transaction")
    return Trade(
        state,
        number,
        transaction_id=fields["transaction_id"],
        amount=_money(fields.get("total_fee", "")),
        account=mchid,
        paid_at=_moment(fields.get("time_end", "")),
        payer=fields.get("openid", ""),
        raw=dict(fields),
    )


def read_reverse(fields: Fields) -> Reversed | None:
    """The verified answer to a reverse; None when only a query can tell what became of the charge."""
    if fields.get("recall") == "Y":
        return Reversed(ReverseState.UNKNOWN, "the platform wants to be asked again")
    if is_success(fields) and fields.get("recall") == "N":
        return Reversed(ReverseState.REVERSED)
    return None


def reversed_as(trade: Trade, fields: Fields) -> Reversed:
    """What became of a charge whose reverse was refused with `fields`. Only "too old" leaves it paid for good."""
    states = {TradeState.CLOSED: ReverseState.REVERSED, TradeState.NOT_FOUND: ReverseState.NOT_FOUND}
    if fields.get("err_code") == "REVERSE_EXPIRE":
        states[TradeState.PAID] = ReverseState.PAID
    return Reversed(states.get(trade.state, ReverseState.UNKNOWN), error_text(fields))


def is_revoked(trade: Trade) -> bool:
    """Whether the platform itself ended this charge and gave back what it had taken."""
    return trade.state is TradeState.CLOSED and trade.raw.get("trade_state") == "REVOKED"


def _money(fen: str) -> Money:
    if not re.fullmatch(r"[0-9]{1,12}", fen):
        raise NotKnownError("paid, but the amount is no number")
    try:
        return Money(int(fen), CURRENCY)
    except VendomatError as error:
        raise NotKnownError(error.message) from error


def _moment(text: str) -> datetime:
    """`yyyyMMddHHmmss` in Beijing, as UTC."""
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING).astimezone(UTC)
    except ValueError as error:
        raise NotKnownError(f"{text!r} is not a time") from error
