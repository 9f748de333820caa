"""Own sites: what a site's owner sees of the machines there, of their sales, and of what was stated and paid."""

from vendomat.cloud.own_sites.api import own_sites_router
from vendomat.cloud.own_sites.service import OwnSites

__all__ = ["OwnSites", "own_sites_router"]
