"""The Alipay v2 gateway as text: what is signed, how an answer is spelt, how times and amounts are written. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import urlencode

import msgspec

from vendomat.kernel import ErrorCode, Money, VendomatError

CHINA = timezone(timedelta(hours=8))
MEDIA_TYPE = "text/html;charset=utf-8"
RETRY_DELAYS_S: tuple[float, ...] = (240, 600, 600, 3_600, 7_200, 21_600, 54_000)
"""Waits between the eight sendings of one notice; about 25 h together."""
AMOUNT_FEN_MAX = 10_000_000_000

_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_TIME = re.compile(r"[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}")


def request_text(parameters: Mapping[str, str]) -> bytes:
    """What a merchant signs: all parameters but `sign` and empty ones, `sign_type` included, by ASCII order."""
    return _joined({name: value for name, value in parameters.items() if name != "sign" and value})


def notice_text(parameters: Mapping[str, str]) -> bytes:
    """What the platform signs of a notice: neither `sign` nor `sign_type`."""
    return _joined({name: value for name, value in parameters.items() if name not in ("sign", "sign_type")})


def _joined(parameters: Mapping[str, str]) -> bytes:
    return "&".join(f"{name}={parameters[name]}" for name in sorted(parameters)).encode()


def notice_body(parameters: Mapping[str, str]) -> bytes:
    return urlencode(parameters).encode()


def response_text(response: Mapping[str, object]) -> str:
    """The JSON of one response exactly as it is signed and sent, with `/` written `\\/`."""
    return msgspec.json.encode(response).decode().replace("/", "\\/")


def answer_body(key: str, response: str, sign: str | None, certificate_sn: str = "") -> bytes:
    """The whole answer: the signed text under `key`, and the signature beside it unless there is none."""
    tail = f',"alipay_cert_sn":"{certificate_sn}"' if certificate_sn else ""
    tail += f',"sign":"{sign}"' if sign is not None else ""
    return f'{{"{key}":{response}{tail}}}'.encode()


def read_multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """The plain fields of a `multipart/form-data` body, files left out; nothing when it is none."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    parts = message.iter_parts() if message.is_multipart() else ()
    fields = []
    for part in parts:
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes) and part.get_filename() is None:
            fields.append((name, content.decode("utf-8", "replace")))
    return fields


def response_key(method: str) -> str:
    """`alipay.trade.query` answers under `alipay_trade_query_response`."""
    return f"{method.replace('.', '_')}_response"


def to_time(moment: datetime) -> str:
    """`2014-07-24 03:07:50`, China Standard Time."""
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def read_time(text: str) -> datetime | None:
    """The moment written as `to_time` does, or None."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    except ValueError:
        return None


def read_duration(text: str, minute_s: float) -> timedelta | None:
    """`90m`, `2h`, `15d`, or None when it is none of these."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    minutes = int(match.group(1)) * {"m": 1, "h": 60, "d": 1_440}[match.group(2)]
    return timedelta(seconds=minutes * minute_s)


def to_yuan(amount_fen: int) -> str:
    return Money(amount_fen, "CNY").to_decimal_text()


def read_yuan(text: object) -> int | None:
    """Fen of a yuan string with at most two decimals, or None when out of the platform's bounds."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", text):
        return None
    try:
        fen = Money.from_decimal_text(text, "CNY").minor_units
    except VendomatError as error:
        assert error.code == ErrorCode.INVALID_AMOUNT, "only the amount can be wrong here"
        return None
    return fen if 1 <= fen <= AMOUNT_FEN_MAX else None
