"""WeChat Pay v2 as bytes: flat XML and its signatures. Pure; written without regard to any client's reader."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from vendomat.simulator.gateways.wechat.wire import CHINA

_DOCUMENT = re.compile(r"\s*(?:<\?xml[^<>]*\?>\s*)?<xml>(.*)</xml>\s*", re.DOTALL)
_FIELD = re.compile(r"\s*<([A-Za-z_][A-Za-z0-9_]*)>((?:<!\[CDATA\[.*?\]\]>|[^<])*)</\1>", re.DOTALL)
_QUOTED = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}


def read_xml(text: str) -> dict[str, str] | None:
    """The fields of a flat document, or None when it is none."""
    document = _DOCUMENT.fullmatch(text)
    if document is None:
        return None
    fields: dict[str, str] = {}
    place, inside = 0, document[1]
    while match := _FIELD.match(inside, place):
        fields[match[1]] = _value_of(match[2])
        place = match.end()
    return None if inside[place:].strip() else fields


def _value_of(raw: str) -> str:
    if "<![CDATA[" in raw:
        return "".join(_QUOTED.findall(raw))
    for entity, character in _ENTITIES.items():
        raw = raw.replace(entity, character)
    return raw


def write_xml(fields: Mapping[str, str]) -> bytes:
    return "".join(
        ["<xml>", *(f"<{name}><![CDATA[{value}]]></{name}>\n" for name, value in fields.items()), "</xml>"]
    ).encode()


def sign(fields: Mapping[str, str], key: str, sign_type: str) -> str:
    """Upper-case hexadecimal over the non-empty fields but `sign`, by ASCII order, and the key."""
    pairs = [f"{name}={value}" for name, value in sorted(fields.items()) if value and name != "sign"]
    text = "&".join([*pairs, f"key={key}"]).encode()
    if sign_type == "HMAC-SHA256":
        return hmac.new(key.encode(), text, "sha256").hexdigest().upper()
    return hashlib.md5(text, usedforsecurity=False).hexdigest().upper()


def to_time(moment: datetime) -> str:
    """`20141030133525`, China Standard Time."""
    return moment.astimezone(CHINA).strftime("%Y%m%d%H%M%S")


def read_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=CHINA)
    except ValueError:
        return None
