"""What the API says of site statements. Amounts are minor units of `currency`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel

from vendomat.cloud.commission.model import LineKind


class MachineShareView(BaseModel):
    """What a machine at the site sold in the month, and its part of the lines that are shared out."""

    machine_id: str
    number: str
    units: int
    net_minor: int
    share_minor: int


class LineView(BaseModel):
    """`share`, `units`, `fixed` or `minimum`; `base_minor` is what it was computed from."""

    kind: LineKind
    first: date
    last: date
    base_minor: int
    units: int
    amount_minor: int
    terms: str


class CorrectionView(BaseModel):
    """Of an earlier month; `reason` is empty when it was recomputed."""

    month: str
    amount_minor: int
    reason: str


class SiteStatementView(BaseModel):
    """A site's month. `state`: `preview` (nothing is promised) or `issued`, and then it never changes."""

    state: Literal["preview", "issued"]
    site_id: str
    site: str
    owner: str
    merchant: str
    month: str
    currency: str
    time_zone: str
    position: int
    previous: str
    content_sha256: str
    link: str
    issued_at: datetime | None
    lines: list[LineView]
    corrections: list[CorrectionView]
    machines: list[MachineShareView]
    days_not_closed: list[date]
    total_minor: int


class IssuedView(BaseModel):
    """One issued statement in a list."""

    position: int
    month: str
    currency: str
    total_minor: int
    content_sha256: str
    link: str
    issued_at: datetime
    issued_by: str


class SitePayoutView(BaseModel):
    """Money that went to a site's owner."""

    id: str
    reference: str
    currency: str
    amount_minor: int
    paid_on: date
    recorded_at: datetime


class SiteAccountView(BaseModel):
    """What a site's owner was promised and got: `owed_minor` is what the ledger still owes."""

    currency: str
    owed_minor: int
    next_month: str | None
    statements: list[IssuedView]
    payouts: list[SitePayoutView]


class VerifiedView(BaseModel):
    """Where a file, a content or a link belongs. `is_intact`: the chain is whole up to and with it."""

    site_id: str
    site: str
    position: int
    month: str
    form: str
    is_intact: bool
    broken_at: int | None
