"""Commission: what a site's owner gets, stated month by month in a chain that nobody can change, and paid out."""

from vendomat.cloud.commission.api import commission_router
from vendomat.cloud.commission.model import Correction
from vendomat.cloud.commission.service import Payout, SiteStatements, Wish

__all__ = ["Correction", "Payout", "SiteStatements", "Wish", "commission_router"]
