"""Rules for what goes in and comes back, the same for every platform: number forms, sizes, ages, text lengths."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime, timedelta, timezone
from urllib.parse import urlsplit

from vendomat.cloud.payments.providers.contract import (
    ChargeCredential,
    ChargeRequest,
    Presentation,
    RefundRequest,
    StartRequest,
)
from vendomat.kernel import ErrorCode, VendomatError

AGE_S_MAX = 300
"""How far the timestamp of a signed answer or notice may be from our clock, either way."""

NOTICE_BYTES_MAX = 64 * 1024
NOTIFY_URL_CHARACTERS_MAX = 255
CURRENCY = "CNY"
BEIJING = timezone(timedelta(hours=8))

_NUMBER = re.compile(r"[0-9A-Za-z_]{6,32}")
_REFUND_NUMBER = re.compile(r"[0-9A-Za-z_]{6,64}")


def check_number(number: str) -> None:
    """Raises `VendomatError` unless `number` is safe in every platform's paths and signatures."""
    if not _NUMBER.fullmatch(number):
        raise VendomatError(ErrorCode.INVALID_VALUE, f"{number!r} is not a payment number")


def check_refund_number(number: str) -> None:
    if not _REFUND_NUMBER.fullmatch(number):
        raise VendomatError(ErrorCode.INVALID_VALUE, f"{number!r} is not a refund number")


def unfit_start(
    request: StartRequest,
    *,
    currencies: Collection[str] = (CURRENCY,),
    presentations: Collection[Presentation] = (Presentation.CODE,),
    may_share: bool = False,
) -> str:
    """Why `request` must not even be sent, or an empty text."""
    if request.is_shared and not may_share:
        return "this account shares no profit"
    if request.presentation not in presentations:
        return f"this account offers no payment {request.presentation.value}"
    if request.amount.currency not in currencies or request.amount.minor_units < 1:
        return (
            f"{request.amount} cannot be charged here: a positive amount of {', '.join(sorted(currencies))} is needed"
        )
    if not request.description.strip():
        return "a description is needed"
    return unfit_notify_url(request.notify_url)


def unfit_charge(
    request: ChargeRequest, *, credentials: Collection[ChargeCredential] = (ChargeCredential.BAR_CODE,)
) -> str:
    """Why `request` must not even be sent, or an empty text. It never quotes the code."""
    if request.credential not in credentials:
        return f"this account takes no {request.credential.value}"
    if request.amount.currency != CURRENCY or request.amount.minor_units < 1:
        return f"{request.amount} cannot be charged here: a positive amount of {CURRENCY} is needed"
    return "" if request.description.strip() else "a description is needed"


def unfit_refund(request: RefundRequest, *, currencies: Collection[str] = (CURRENCY,)) -> str:
    """Why `request` must not even be sent, or an empty text."""
    amount, paid = request.amount, request.payment_amount
    is_same = amount.currency == paid.currency and amount.currency in currencies
    if not is_same or not 1 <= amount.minor_units <= paid.minor_units:
        return f"{amount} of {paid} cannot be refunded"
    return unfit_notify_url(request.notify_url)


def unfit_notify_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        return "the notify address must be absolute and without a query"
    return "" if len(url) <= NOTIFY_URL_CHARACTERS_MAX else "the notify address is too long"


def is_timely(at: datetime, now: datetime, age_s_max: int = AGE_S_MAX) -> bool:
    return abs((now - at).total_seconds()) <= age_s_max


def is_over(day: date, now: datetime) -> bool:
    """Whether `day` has ended where the platforms are. Before that there is no bill of it to ask for."""
    return day < now.astimezone(BEIJING).date()


def cut_to_bytes(text: str, bytes_max: int) -> str:
    """`text` shortened to at most `bytes_max` bytes of UTF-8, never inside a character."""
    return text.encode()[:bytes_max].decode(errors="ignore")
