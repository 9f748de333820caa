"""`/api/v1/own-sites`: what concerns the sites that belong to the signed-in person. Nothing here changes anything."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from vendomat.cloud.commission import Month, SiteId, SiteStatementView, VerifiedView
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.own_sites.service import OwnSites
from vendomat.cloud.own_sites.views import OwnSalesView, OwnSiteDetailView, OwnSitesView
from vendomat.cloud.platform.http import described_file
from vendomat.cloud.sites import Day
from vendomat.cloud.statements import CSV, PDF, file_answer
from vendomat.cloud.statistics import By, Wanted


def own_sites_router(sites: OwnSites, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/own-sites", tags=["own sites"])
    reading = permitted(current, Permission.OWN_SITES_READ)

    @router.get("", operation_id="own_sites.list")
    async def own_sites(person: Annotated[Operator, Depends(reading)]) -> OwnSitesView:
        return await sites.sites(person)

    @router.get("/{site_id}", operation_id="own_sites.get")
    async def own_site(site_id: SiteId, person: Annotated[Operator, Depends(reading)]) -> OwnSiteDetailView:
        return await sites.site(person, site_id)

    @router.get("/{site_id}/sales", operation_id="own_sites.sales")
    async def sales(
        site_id: SiteId,
        person: Annotated[Operator, Depends(reading)],
        *,
        first: Day,
        last: Day,
        by: Annotated[Literal["day", "month", "machine"], Query()] = "day",
    ) -> OwnSalesView:
        return await sites.sales(person, Wanted(By(by), first, last, site_id=site_id))

    @router.get("/{site_id}/verify/{sha256}", operation_id="own_sites.verify")
    async def verify(
        site_id: SiteId,
        sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")],
        person: Annotated[Operator, Depends(reading)],
    ) -> VerifiedView:
        return await sites.verify(person, site_id, sha256)

    _statement_routes(router, sites, reading)
    return router


def _statement_routes(router: APIRouter, sites: OwnSites, reading: CurrentOperator) -> None:
    @router.get("/{site_id}/statements/{month}", operation_id="own_sites.statement")
    async def statement(
        site_id: SiteId, month: Month, person: Annotated[Operator, Depends(reading)]
    ) -> SiteStatementView:
        return await sites.statement(person, site_id, month)

    @router.get(
        "/{site_id}/statements/{month}/statement.csv",
        operation_id="own_sites.csv",
        response_class=Response,
        responses=described_file(CSV),
    )
    async def as_csv(site_id: SiteId, month: Month, person: Annotated[Operator, Depends(reading)]) -> Response:
        return file_answer(await sites.file(person, site_id, month, "csv"), CSV, f"site-{month}.csv")

    @router.get(
        "/{site_id}/statements/{month}/statement.pdf",
        operation_id="own_sites.pdf",
        response_class=Response,
        responses=described_file(PDF),
    )
    async def as_pdf(
        site_id: SiteId,
        month: Month,
        person: Annotated[Operator, Depends(reading)],
        lang: Annotated[Literal["zh", "en"], Query()] = "zh",
    ) -> Response:
        content = await sites.file(person, site_id, month, f"pdf_{lang}")
        return file_answer(content, PDF, f"site-{month}.pdf")
