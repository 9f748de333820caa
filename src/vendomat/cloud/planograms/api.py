"""`/api/v1/planograms`, `/api/v1/machines/{machine}/planogram`, `/api/v1/planogram-templates`, and a product's price at
many machines."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from vendomat.cloud.catalog import ImportView, import_view
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.planograms.files import PlanogramFiles
from vendomat.cloud.planograms.reading import PlanogramReport
from vendomat.cloud.planograms.service import PlanogramDesk
from vendomat.cloud.planograms.templates import TemplateDesk
from vendomat.cloud.planograms.views import (
    DraftBody,
    MachinePlanView,
    MachinesDoneView,
    PlacesBody,
    PlacesView,
    PlanogramView,
    PriceBody,
    PublishBody,
    PublishManyBody,
    TemplateBody,
    TemplatesView,
    TemplateView,
    machine_view,
    place_views,
    planogram_view,
    template_view,
)
from vendomat.cloud.platform.http import (
    ASKED_ONCE,
    LIMIT_DEFAULT,
    LIMIT_MAX,
    TABLE_BODY,
    TABLE_FILE,
    Cursor,
    IfMatch,
    Page,
    TableForm,
    page_of,
    set_version,
    table_file,
)

Machine = Annotated[str, Path(pattern=r"^mch_[0-9a-z]{26}$")]
Product = Annotated[str, Path(pattern=r"^prd_[0-9a-z]{26}$")]
TemplateId = Annotated[str, Path(pattern=r"^tpl_[0-9a-z]{26}$")]
Tag = Annotated[str, Query(max_length=32)]
Filter = Literal["all", "differs", "drafts", "due"]


def planograms_router(
    desk: PlanogramDesk, report: PlanogramReport, files: PlanogramFiles, current: CurrentOperator
) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["planograms"])
    _add_files(router, files, current)
    _add_many(router, desk, report, current)
    _add_one(router, desk, report, current)
    return router


def _add_many(router: APIRouter, desk: PlanogramDesk, report: PlanogramReport, current: CurrentOperator) -> None:
    reading = permitted(current, Permission.CATALOG_READ)
    publishing = permitted(current, Permission.CATALOG_CHANGE, is_proven=True)
    pricing = permitted(current, Permission.PRICE_CHANGE, is_proven=True)

    @router.get("/planograms", operation_id="planograms.list")
    async def list_planograms(
        operator: Annotated[Operator, Depends(reading)],
        *,
        state: Filter = "all",
        tag: Tag = "",
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
        cursor: str | None = None,
    ) -> Page[MachinePlanView]:
        after = None if cursor is None else Cursor.from_text(cursor)
        found = await report.machines(operator, state, after=after, limit=limit + 1, tag=tag)
        return page_of(found, limit, machine_view, lambda one: Cursor(one.created_at, one.machine_id))

    @router.post("/planograms/publish", operation_id="planograms.publish_many")
    async def publish_many(
        body: PublishManyBody, operator: Annotated[Operator, Depends(publishing)]
    ) -> MachinesDoneView:
        await desk.publish(operator, body.wishes(), at=body.at)
        return MachinesDoneView(machines=len(body.machines))

    @router.get("/products/{product_id}/places", operation_id="products.places")
    async def places(product_id: Product, operator: Annotated[Operator, Depends(reading)]) -> PlacesView:
        return place_views(await report.places(operator, product_id))

    @router.post("/products/{product_id}/price", operation_id="products.set_price")
    async def set_price(
        product_id: Product, body: PriceBody, operator: Annotated[Operator, Depends(pricing)]
    ) -> MachinesDoneView:
        await desk.set_price(operator, product_id, body.price_minor, body.wishes(), at=body.at)
        return MachinesDoneView(machines=len(body.machines))


def _add_files(router: APIRouter, files: PlanogramFiles, current: CurrentOperator) -> None:
    reading = permitted(current, Permission.CATALOG_READ)
    changing = permitted(current, Permission.CATALOG_CHANGE)

    @router.get(
        "/planograms/file.{form}",
        operation_id="planograms.file",
        response_class=Response,
        responses=TABLE_FILE,
    )
    async def file(
        operator: Annotated[Operator, Depends(reading)], form: Annotated[TableForm, Path()], tag: Tag = ""
    ) -> Response:
        return table_file("planograms", form, await files.written(operator, form, tag=tag))

    @router.post("/planograms/import", operation_id="planograms.import", openapi_extra=TABLE_BODY)
    async def take(
        request: Request,
        operator: Annotated[Operator, Depends(changing)],
        is_trial: bool = True,
        is_only_good: bool = False,
    ) -> ImportView:
        """A CSV file or XLSX workbook as the whole body. A machine's lines become its draft; a trial keeps nothing."""
        content = await request.body()
        return import_view(await files.take(operator, content, is_trial=is_trial, is_only_good=is_only_good))


def _add_one(router: APIRouter, desk: PlanogramDesk, report: PlanogramReport, current: CurrentOperator) -> None:
    reading = permitted(current, Permission.CATALOG_READ)
    changing = permitted(current, Permission.CATALOG_CHANGE)
    publishing = permitted(current, Permission.CATALOG_CHANGE, is_proven=True)

    async def answer(operator: Operator, machine_id: str, response: Response) -> PlanogramView:
        file = await report.find(operator, machine_id)
        set_version(response, file.planogram.edit)
        return planogram_view(file, operator.currency)

    @router.get("/machines/{machine_id}/planogram", operation_id="planograms.get")
    async def find(
        machine_id: Machine, response: Response, operator: Annotated[Operator, Depends(reading)]
    ) -> PlanogramView:
        return await answer(operator, machine_id, response)

    @router.put("/machines/{machine_id}/planogram/draft", operation_id="planograms.save_draft")
    async def save_draft(
        *,
        machine_id: Machine,
        body: DraftBody,
        response: Response,
        operator: Annotated[Operator, Depends(changing)],
        if_match: IfMatch = None,
    ) -> PlanogramView:
        await desk.save_draft(operator, machine_id, body.planned(operator.currency), if_match=if_match)
        return await answer(operator, machine_id, response)

    @router.delete("/machines/{machine_id}/planogram/draft", operation_id="planograms.drop_draft")
    async def drop_draft(
        *,
        machine_id: Machine,
        response: Response,
        operator: Annotated[Operator, Depends(changing)],
        if_match: IfMatch = None,
    ) -> PlanogramView:
        await desk.drop_draft(operator, machine_id, if_match=if_match)
        return await answer(operator, machine_id, response)

    @router.post("/machines/{machine_id}/planogram/publish", operation_id="planograms.publish")
    async def publish(
        *,
        machine_id: Machine,
        body: PublishBody,
        response: Response,
        operator: Annotated[Operator, Depends(publishing)],
        if_match: IfMatch = None,
    ) -> PlanogramView:
        await desk.publish_one(operator, machine_id, body.counts, if_match=if_match, at=body.at)
        return await answer(operator, machine_id, response)


def templates_router(desk: TemplateDesk, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/planogram-templates", tags=["planograms"])
    reading = permitted(current, Permission.CATALOG_READ)
    changing = permitted(current, Permission.CATALOG_CHANGE)

    @router.get("", operation_id="planogram_templates.list")
    async def list_templates(operator: Annotated[Operator, Depends(reading)]) -> TemplatesView:
        return TemplatesView(data=[template_view(one) for one in await desk.templates(operator)])

    @router.post("", operation_id="planogram_templates.create", dependencies=[ASKED_ONCE], status_code=201)
    async def create(
        body: TemplateBody, response: Response, operator: Annotated[Operator, Depends(changing)]
    ) -> TemplateView:
        template = await desk.create(operator, body.name, body.planned(operator.currency))
        set_version(response, template.version)
        return template_view(template)

    @router.put("/{template_id}", operation_id="planogram_templates.change")
    async def change(
        *,
        template_id: TemplateId,
        body: TemplateBody,
        response: Response,
        operator: Annotated[Operator, Depends(changing)],
        if_match: IfMatch = None,
    ) -> TemplateView:
        slots = body.planned(operator.currency)
        template = await desk.change(operator, template_id, body.name, slots, if_match=if_match)
        set_version(response, template.version)
        return template_view(template)

    @router.delete("/{template_id}", operation_id="planogram_templates.delete", status_code=204)
    async def delete(
        template_id: TemplateId, operator: Annotated[Operator, Depends(changing)], if_match: IfMatch = None
    ) -> Response:
        await desk.delete(operator, template_id, if_match=if_match)
        return Response(status_code=204)

    @router.post("/{template_id}/apply", operation_id="planogram_templates.apply")
    async def apply(
        template_id: TemplateId, body: PlacesBody, operator: Annotated[Operator, Depends(changing)]
    ) -> MachinesDoneView:
        await desk.apply(operator, template_id, body.wishes())
        return MachinesDoneView(machines=len(body.machines))

    return router
