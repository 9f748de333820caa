"""The error catalogue: one base error, one list of codes.

A message says what happened, what it means for money or goods, and what to do. HTTP status and wire answers are
mapped from the code at the edges; nothing here knows a protocol.
"""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """Every code that leaves a part of Vendomat. Codes are stable names: never renamed, never reused."""

    # input
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    INVALID_AMOUNT = "invalid_amount"
    INVALID_VALUE = "invalid_value"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    IN_PROGRESS = "in_progress"
    VERSION_MISSING = "version_missing"
    VERSION_STALE = "version_stale"
    # who
    NOT_SIGNED_IN = "not_signed_in"
    SECOND_FACTOR_REQUIRED = "second_factor_required"
    SECOND_FACTOR_MISSING = "second_factor_missing"
    PROOF_REQUIRED = "proof_required"
    FORBIDDEN = "forbidden"
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"
    REPLAYED = "replayed"
    RATE_LIMITED = "rate_limited"
    ENROLMENT_REFUSED = "enrolment_refused"
    OLD_EPOCH = "old_epoch"
    # sale
    UNKNOWN_SLOT = "unknown_slot"
    PRICE_CHANGED = "price_changed"
    SOLD_OUT = "sold_out"
    SLOT_CLOSED = "slot_closed"
    MACHINE_NOT_READY = "machine_not_ready"
    CART_TOO_LARGE = "cart_too_large"
    ORDER_NOT_OPEN = "order_not_open"
    METHOD_UNAVAILABLE = "method_unavailable"
    CODE_REFUSED = "code_refused"
    CODE_LOCKED = "code_locked"
    COUPON_REFUSED = "coupon_refused"
    # payment
    PAYMENT_MISMATCH = "payment_mismatch"
    PLATFORM_REFUSED = "platform_refused"
    PLATFORM_UNREACHABLE = "platform_unreachable"
    # own fault
    ILLEGAL_MOVE = "illegal_move"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class VendomatError(Exception):
    """The one base error. `code` is from the catalogue; `message` is for a person; `detail` is for a program."""

    def __init__(self, code: ErrorCode, message: str, **detail: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail

    def __repr__(self) -> str:
        return f"VendomatError({self.code.value}: {self.message})"


class IllegalMoveError(VendomatError):
    """A state machine was asked for a move its table does not have. Nothing was changed."""

    def __init__(self, message: str, **detail: object) -> None:
        super().__init__(ErrorCode.ILLEGAL_MOVE, message, **detail)
