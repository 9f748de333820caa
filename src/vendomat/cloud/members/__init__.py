"""Members: whom a merchant knows, the link that is theirs, and the codes their phones show."""

from vendomat.cloud.members.api import TierName, tiers_router
from vendomat.cloud.members.drawing import qr_of
from vendomat.cloud.members.hot import ShownCode, forget_codes, insert_code, lock_code, member_exists, use_code
from vendomat.cloud.members.model import (
    CODE_LIFE,
    SERIAL_DIGITS,
    Member,
    MemberState,
    NewMember,
    is_member_code,
    member_code,
    serial_of,
)
from vendomat.cloud.members.service import FreshCode, MemberLink, Members, members_key
from vendomat.cloud.members.tiers import TURNOVER_TIME, Tier, Tiers, tier_for, tier_of

__all__ = [
    "CODE_LIFE",
    "SERIAL_DIGITS",
    "TURNOVER_TIME",
    "FreshCode",
    "Member",
    "MemberLink",
    "MemberState",
    "Members",
    "NewMember",
    "ShownCode",
    "Tier",
    "TierName",
    "Tiers",
    "forget_codes",
    "insert_code",
    "is_member_code",
    "lock_code",
    "member_code",
    "member_exists",
    "members_key",
    "qr_of",
    "serial_of",
    "tier_for",
    "tier_of",
    "tiers_router",
    "use_code",
]
