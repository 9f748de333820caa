"""Commission: what a site's owner gets, stated month by month in a chain that nobody can change, and paid out."""

from vendomat.cloud.commission.api import Month, SiteId, commission_router
from vendomat.cloud.commission.model import Correction
from vendomat.cloud.commission.reading import file_of, issued_month, issued_to, owed_to, payouts_to, verified
from vendomat.cloud.commission.service import Payout, SiteStatements, Wish
from vendomat.cloud.commission.views import SitePayoutView, SiteStatementView, VerifiedView

__all__ = [
    "Correction",
    "Month",
    "Payout",
    "SiteId",
    "SitePayoutView",
    "SiteStatementView",
    "SiteStatements",
    "VerifiedView",
    "Wish",
    "commission_router",
    "file_of",
    "issued_month",
    "issued_to",
    "owed_to",
    "payouts_to",
    "verified",
]
