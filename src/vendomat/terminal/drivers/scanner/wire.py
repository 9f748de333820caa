"""What a scanner sends: one line of text for each code, ended by CR or LF. Pure.

Anything that is not a whole payment code is nothing: half a code, two in one, a poster's address. Refuses to say which
platform a code is of: the cloud knows the platforms.
"""

from __future__ import annotations

import re

from vendomat.protocol import COUPON_PATTERN

LINE_BYTES_MAX = 64
_COUPON = re.compile(rf"coupon:({COUPON_PATTERN})", re.IGNORECASE)
_CODE = re.compile(r"[0-9]{16,24}")


def payment_code_of(line: str) -> str:
    """The digits of the payment code in `line`, or ""."""
    text = line.strip("\r\n ")
    return text if len(text) <= LINE_BYTES_MAX and _CODE.fullmatch(text) else ""


def coupon_of(line: str) -> str:
    """The coupon in `line`, or "". It says `coupon:` before the code: a barcode on a bottle is nobody's try."""
    found = _COUPON.fullmatch(line.strip("\r\n "))
    return found[1].upper() if found else ""
