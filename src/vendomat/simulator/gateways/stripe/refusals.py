"""Everything the emulated Stripe refuses: status, type, code, words, and whether the answer is kept under its key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Refusal:
    """`is_kept`: the request was begun, so its failure is repeated for the same idempotency key."""

    status: int
    type: str
    code: str
    message: str
    is_kept: bool = False


_INVALID = "invalid_request_error"


class Refusals(Enum):
    NO_KEY = Refusal(401, _INVALID, "", "no API key was provided")
    BAD_KEY = Refusal(401, _INVALID, "", "this API key is not valid")
    UNKNOWN_PATH = Refusal(404, _INVALID, "", "there is no such path")
    MISSING = Refusal(404, _INVALID, "resource_missing", "there is no such object")
    PARAMETER_MISSING = Refusal(400, _INVALID, "parameter_missing", "a required parameter is missing")
    PARAMETER_INVALID = Refusal(400, _INVALID, "parameter_invalid_empty", "a parameter cannot be read")
    INTEGER_INVALID = Refusal(400, _INVALID, "parameter_invalid_integer", "a parameter is not an integer that fits")
    EXPIRES_AT = Refusal(400, _INVALID, "", "expires_at is between 30 minutes and 24 hours from now")
    AMOUNT_TOO_SMALL = Refusal(400, _INVALID, "amount_too_small", "the amount is below the currency's minimum")
    AMOUNT_NOT_TEN = Refusal(400, _INVALID, "", "an amount in this currency ends in zero")
    EXISTS = Refusal(400, _INVALID, "resource_already_exists", "there is an object of this id already")
    NOT_OPEN = Refusal(400, _INVALID, "", "only an open session can be expired", is_kept=True)
    NOT_HELD = Refusal(
        400, _INVALID, "payment_intent_unexpected_state", "this payment intent holds nothing to capture", is_kept=True
    )
    CAPTURE_TOO_MUCH = Refusal(400, _INVALID, "amount_too_large", "more than is held cannot be captured", is_kept=True)
    NOT_CHARGED = Refusal(400, _INVALID, "", "this payment intent has no successful charge", is_kept=True)
    ALREADY_REFUNDED = Refusal(400, _INVALID, "charge_already_refunded", "the charge was refunded", is_kept=True)
    TOO_MUCH = Refusal(400, _INVALID, "", "the amount is greater than what is left of the charge", is_kept=True)
    BALANCE = Refusal(400, _INVALID, "balance_insufficient", "the balance is too low for this refund", is_kept=True)
    OTHER_PARAMETERS = Refusal(400, "idempotency_error", "", "this key was first used with other parameters")
    KEY_IN_USE = Refusal(409, "idempotency_error", "idempotency_key_in_use", "a request with this key is under way")
    LOCKED = Refusal(409, _INVALID, "lock_timeout", "the object is in use by another request")
    RATE = Refusal(429, _INVALID, "rate_limit", "too many requests")
    INTERNAL = Refusal(500, "api_error", "", "something went wrong on the platform's side", is_kept=True)


class StripeRefusedError(Exception):
    """Stripe refuses a call; nothing was changed. `parameter` names what is wrong."""

    def __init__(self, refusal: Refusals, parameter: str = "") -> None:
        super().__init__(refusal.value.message)
        self.refusal = refusal
        self.parameter = parameter
