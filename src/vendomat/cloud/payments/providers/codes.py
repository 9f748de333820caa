"""Which platform a payment code belongs to: known by its digits alone. Pure.

A code that fits none is refused before anybody is asked. Refuses to say whether a code is still good.
"""

from __future__ import annotations

import re

_FORMS = (
    ("wechat", re.compile(r"1[0-5][0-9]{16}")),  # 18 digits; 10-14 mainland, 15 Hong Kong
    ("alipay", re.compile(r"(?:2[5-9]|30)[0-9]{14,22}")),  # 16 to 24 digits
)


def channel_of_code(code: str) -> str:
    """The channel that `code` is charged on, or "" when it is no payment code of any."""
    return next((channel for channel, form in _FORMS if form.fullmatch(code)), "")
