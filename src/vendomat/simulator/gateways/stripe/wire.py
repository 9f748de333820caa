"""Stripe's API as text: form parameters, the signature of an event, the schedule of its repetitions. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

import msgspec

from vendomat.simulator.gateways.stripe.refusals import Refusals, StripeRefusedError

API_VERSION = "2026-10-28.endive"
RETRY_DELAYS_S: tuple[float, ...] = (60, 300, 1_800, 7_200, 18_000, 36_000, 43_200, 43_200, 43_200, 43_200)
"""Waits between sendings. Documented is "up to three days, ever longer"; these figures are ours and make 66 h."""

STALE_BY_S = 400
ZERO_DECIMALS = frozenset({"jpy", "krw"})
THREE_DECIMALS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
MINIMUMS = {"usd": 50, "eur": 50, "gbp": 30, "hkd": 400, "sgd": 50, "jpy": 50}
"""The smallest charge by currency, where the documents name one."""

AMOUNT_MAX = 99_999_999


def read_form(text: str) -> dict[str, str]:
    """Parameters by their written names, as `line_items[0][quantity]`; `name[]` is counted into `name[0]`, …"""
    form: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name.endswith("[]"):
            index = sum(1 for known in form if known.startswith(name[:-1]))
            name = f"{name[:-1]}{index}]"  # noqa: PLW2901
        form[name] = value
    return form


def listed(form: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The values of `name[0]`, `name[1]`, …"""
    return tuple(value for key, value in form.items() if key.startswith(f"{name}["))


def mapped(form: Mapping[str, str], name: str) -> str:
    """`name[key]` parameters as JSON text, by key; an empty value leaves its key out."""
    prefix = f"{name}["
    found = {key[len(prefix) : -1]: value for key, value in form.items() if key.startswith(prefix) and value}
    return msgspec.json.encode(found, order="deterministic").decode()


def required(form: Mapping[str, str], name: str, length_max: int = 5_000) -> str:
    value = form.get(name, "")
    if not value:
        raise StripeRefusedError(Refusals.PARAMETER_MISSING, name)
    if len(value) > length_max:
        raise StripeRefusedError(Refusals.PARAMETER_INVALID, name)
    return value


def integer(form: Mapping[str, str], name: str, *, least: int = 1, most: int = AMOUNT_MAX) -> int:
    text = required(form, name, 12)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise StripeRefusedError(Refusals.INTEGER_INVALID, name)
    return int(text)


def signature(secret: str, at_s: int, body: bytes) -> str:
    """The lower-case hex HMAC-SHA256 of `t.body`."""
    return hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()


def signature_header(secrets: Iterable[str], at_s: int, body: bytes, *, scheme: str = "v1") -> str:
    """One signature for each secret in force."""
    return ",".join([f"t={at_s}", *(f"{scheme}={signature(secret, at_s, body)}" for secret in secrets)])
