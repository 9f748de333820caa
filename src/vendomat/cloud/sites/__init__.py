"""Sites: where machines stand, whose place it is, and what its owner gets."""

from vendomat.cloud.sites.api import Day, sites_router
from vendomat.cloud.sites.model import Rule, Site, Span, Stay, Step, Terms, stays_within, terms_within
from vendomat.cloud.sites.service import Sites, no_site
from vendomat.cloud.sites.store import find_site

__all__ = [
    "Day",
    "Rule",
    "Site",
    "Sites",
    "Span",
    "Stay",
    "Step",
    "Terms",
    "find_site",
    "no_site",
    "sites_router",
    "stays_within",
    "terms_within",
]
