"""What was issued to a site and paid, read with the caller's connection: a merchant's people read of all their sites, a
site's owner of what is theirs. Changes nothing."""

from __future__ import annotations

import asyncpg

from vendomat.cloud.commission import store
from vendomat.cloud.commission.chain import broken_at
from vendomat.cloud.commission.drafting import issued_view
from vendomat.cloud.commission.views import IssuedView, SitePayoutView, SiteStatementView, VerifiedView
from vendomat.cloud.ledger import postings
from vendomat.cloud.sites import find_site, no_site
from vendomat.kernel import ErrorCode, VendomatError


async def issued_to(connection: asyncpg.Connection, merchant_id: str, site_id: str) -> list[IssuedView]:
    """Newest first."""
    rows = await store.statements_of(connection, merchant_id, site_id)
    return [IssuedView(**{name: row[name] for name in IssuedView.model_fields}) for row in reversed(rows)]


async def issued_month(connection: asyncpg.Connection, key: tuple[str, str], month: str) -> SiteStatementView:
    """`key` is (merchant, site). Raises `VendomatError(not_found)`."""
    rows = await store.statements_of(connection, *key)
    issued = next((row for row in rows if row["month"] == month), None)
    if issued is None:
        raise _nothing_issued()
    return issued_view(issued)


async def file_of(connection: asyncpg.Connection, key: tuple[str, str], month: str, form: str) -> bytes:
    """A file of an issued statement, as it was made then. Raises `VendomatError(not_found)`."""
    content = await store.find_file(connection, key, month, form)
    if content is None:
        raise _nothing_issued()
    return content


async def payouts_to(connection: asyncpg.Connection, merchant_id: str, site_id: str) -> list[SitePayoutView]:
    """Newest first."""
    return [payout_view(row) for row in await store.payouts_of(connection, merchant_id, site_id)]


def payout_view(row: asyncpg.Record) -> SitePayoutView:
    return SitePayoutView.model_validate({**dict(row), "id": row["payout_id"]})


async def owed_to(connection: asyncpg.Connection, merchant_id: str, site_id: str) -> int:
    """What was stated and not paid out yet, by the ledger."""
    return await store.owed_minor(connection, merchant_id, postings.site_rent(site_id))


async def verified(connection: asyncpg.Connection, merchant_id: str, sha256: str) -> VerifiedView:
    """Which statement a file (or content, or link) belongs to. Raises `VendomatError(not_found)` for none."""
    found = await store.find_by_hash(connection, merchant_id, sha256)
    if found is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "this belongs to no statement that was issued here")
    site = await find_site(connection, merchant_id, found["site_id"])
    if site is None:
        raise no_site()
    rows = await store.statements_of(connection, merchant_id, found["site_id"])
    broken = broken_at([store.sealed(row) for row in rows][: found["position"]])
    return VerifiedView(**dict(found), site=site.name, is_intact=broken is None, broken_at=broken)


def _nothing_issued() -> VendomatError:
    return VendomatError(ErrorCode.NOT_FOUND, "no statement of this month was issued to this site")
