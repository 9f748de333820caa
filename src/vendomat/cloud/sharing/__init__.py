"""Profit sharing: what was stated to a site's owner is given to them by the platform, payment by payment."""

from vendomat.cloud.sharing.api import sharing_router
from vendomat.cloud.sharing.model import SHARE_MOVES, Duty, Share, ShareStage
from vendomat.cloud.sharing.service import AgreementWish, SharingDesk
from vendomat.cloud.sharing.tasks import SharingSweeps

__all__ = [
    "SHARE_MOVES",
    "AgreementWish",
    "Duty",
    "Share",
    "ShareStage",
    "SharingDesk",
    "SharingSweeps",
    "sharing_router",
]
