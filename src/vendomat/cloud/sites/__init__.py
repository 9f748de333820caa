"""Sites: where machines stand, whose place it is, and what its owner gets."""

from vendomat.cloud.sites.api import CoordinatesBody, Day, sites_router
from vendomat.cloud.sites.model import (
    Coordinates,
    Opening,
    Rule,
    Site,
    Span,
    Stay,
    Step,
    Terms,
    open_share,
    stays_within,
    terms_within,
)
from vendomat.cloud.sites.service import Sites, no_site
from vendomat.cloud.sites.store import find_site, opening_of

__all__ = [
    "Coordinates",
    "CoordinatesBody",
    "Day",
    "Opening",
    "Rule",
    "Site",
    "Sites",
    "Span",
    "Stay",
    "Step",
    "Terms",
    "find_site",
    "no_site",
    "open_share",
    "opening_of",
    "sites_router",
    "stays_within",
    "terms_within",
]
