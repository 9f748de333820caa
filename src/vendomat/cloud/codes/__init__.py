"""Pickup codes: issued by the merchant, typed once at one machine."""

from vendomat.cloud.codes.api import codes_router
from vendomat.cloud.codes.hot import (
    CodeEntry,
    count_recent_failures,
    count_wrong,
    enter_code,
    find_code,
    forget_failures,
    mark_redeemed,
    note_failure,
    restore,
    take_turn,
)
from vendomat.cloud.codes.model import CodeKind, CodePosting, CodeState, Failures, NewCodes, PickupCode, code_hash
from vendomat.cloud.codes.service import Codes, IssuedCode, PostLedger, codes_key

__all__ = [
    "CodeEntry",
    "CodeKind",
    "CodePosting",
    "CodeState",
    "Codes",
    "Failures",
    "IssuedCode",
    "NewCodes",
    "PickupCode",
    "PostLedger",
    "code_hash",
    "codes_key",
    "codes_router",
    "count_recent_failures",
    "count_wrong",
    "enter_code",
    "find_code",
    "forget_failures",
    "mark_redeemed",
    "note_failure",
    "restore",
    "take_turn",
]
