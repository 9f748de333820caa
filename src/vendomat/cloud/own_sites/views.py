"""What the API says to a site's owner. Amounts are minor units; no product, no buyer, no cost and no other site."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel

from vendomat.cloud.commission import SitePayoutView

MachineStanding = Literal["selling", "not_selling", "offline"]


class OwnSiteView(BaseModel):
    """One of the sites. `machines` stand there today, `selling` of them could sell now."""

    id: str
    name: str
    address: str
    machines: int
    selling: int
    owed_minor: int


class OwnSitesView(BaseModel):
    """`today` is the merchant's business day."""

    merchant: str
    currency: str
    time_zone: str
    today: date
    data: list[OwnSiteView]


class OwnMachineView(BaseModel):
    """A machine that stands there today, since `first_day`."""

    number: str
    first_day: date
    state: MachineStanding


class OwnStatementView(BaseModel):
    """One issued statement."""

    position: int
    month: str
    currency: str
    total_minor: int
    link: str
    issued_at: datetime


class OwnSiteDetailView(OwnSiteView):
    """`statements` and `payouts` have the newest first."""

    currency: str
    time_zone: str
    today: date
    fleet: list[OwnMachineView]
    statements: list[OwnStatementView]
    payouts: list[SitePayoutView]


class OwnSalesRowView(BaseModel):
    """What machines sold while they stood there: of one day or month (`at`), or of one machine (`number`)."""

    at: datetime | None
    number: str
    currency: str
    units: int
    gross_minor: int


class OwnSalesView(BaseModel):
    """Rows over time in their order, machines by what they sold. The last minute may be missing."""

    first: date
    last: date
    by: Literal["day", "month", "machine"]
    currency: str
    units: int
    gross_minor: int
    rows: list[OwnSalesRowView]
