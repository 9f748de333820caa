"""`/api/v1/products` and `/api/v1/pictures`: the goods of a merchant, as the console and an integrator keep them."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from vendomat.cloud.catalog.model import image_path
from vendomat.cloud.catalog.photo import PICTURE_TYPES
from vendomat.cloud.catalog.product_bulk import ProductBulk
from vendomat.cloud.catalog.product_import import ProductImport
from vendomat.cloud.catalog.product_store import Wanted
from vendomat.cloud.catalog.product_views import (
    CostBody,
    ImportView,
    PictureView,
    ProductBody,
    ProductDetailView,
    ProductListView,
    ProductsBody,
    ProductsDoneView,
    detail_view,
    import_view,
    listed_view,
)
from vendomat.cloud.catalog.products import ProductDesk, ProductFile
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import (
    ASKED_ONCE,
    LIMIT_DEFAULT,
    LIMIT_MAX,
    TABLE_BODY,
    TABLE_FILE,
    Cursor,
    IfMatch,
    TableForm,
    described_body,
    page_of,
    set_version,
    table_file,
)

ProductId = Annotated[str, Path(pattern=r"^prd_[0-9a-z]{26}$")]
Day = Annotated[date, Path()]
Words = Annotated[str, Query(max_length=80)]


def catalog_router(desk: ProductDesk, files: ProductImport, bulk: ProductBulk, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["products"])
    _add_files(router, files, current)
    _add_reading(router, desk, permitted(current, Permission.CATALOG_READ))
    _add_changes(router, desk, permitted(current, Permission.CATALOG_CHANGE))
    _add_many(router, bulk, permitted(current, Permission.CATALOG_CHANGE))
    return router


def _add_files(router: APIRouter, files: ProductImport, current: CurrentOperator) -> None:
    reading = permitted(current, Permission.CATALOG_READ)
    changing = permitted(current, Permission.CATALOG_CHANGE)

    @router.get(
        "/products/file.{form}",
        operation_id="products.file",
        response_class=Response,
        responses=TABLE_FILE,
    )
    async def file(operator: Annotated[Operator, Depends(reading)], form: Annotated[TableForm, Path()]) -> Response:
        return table_file("products", form, await files.written(operator, form))

    @router.post("/products/import", operation_id="products.import", openapi_extra=TABLE_BODY)
    async def take(
        request: Request,
        operator: Annotated[Operator, Depends(changing)],
        is_trial: bool = True,
        is_only_good: bool = False,
    ) -> ImportView:
        """A CSV file or an XLSX workbook as the whole body. A trial tells of each row and changes nothing."""
        content = await request.body()
        return import_view(await files.take(operator, content, is_trial=is_trial, is_only_good=is_only_good))


def _add_reading(router: APIRouter, desk: ProductDesk, reading: CurrentOperator) -> None:
    @router.get("/products", operation_id="products.list")
    async def list_products(
        *,
        operator: Annotated[Operator, Depends(reading)],
        search: Words = "",
        category: Words = "",
        is_archived: bool = False,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
        cursor: str | None = None,
    ) -> ProductListView:
        after = None if cursor is None else Cursor.from_text(cursor)
        wanted = Wanted(search, category, is_archived)
        found, categories = await desk.page(operator, wanted, after=after, limit=limit + 1)
        page = page_of(found, limit, listed_view, lambda one: Cursor(one.created_at, one.product.product_id))
        return ProductListView(
            data=page.data, next_cursor=page.next_cursor, has_more=page.has_more, categories=categories
        )

    @router.get("/products/{product_id}", operation_id="products.get")
    async def find(
        product_id: ProductId, response: Response, operator: Annotated[Operator, Depends(reading)]
    ) -> ProductDetailView:
        return _answer(response, await desk.find(operator, product_id))


def _add_changes(router: APIRouter, desk: ProductDesk, changing: CurrentOperator) -> None:
    @router.post("/products", operation_id="products.create", dependencies=[ASKED_ONCE], status_code=201)
    async def create(
        body: ProductBody, response: Response, operator: Annotated[Operator, Depends(changing)]
    ) -> ProductDetailView:
        return _answer(response, await desk.create(operator, body.to_new(operator.currency)))

    @router.put("/products/{product_id}", operation_id="products.change")
    async def change(
        *,
        product_id: ProductId,
        body: ProductBody,
        response: Response,
        operator: Annotated[Operator, Depends(changing)],
        if_match: IfMatch = None,
    ) -> ProductDetailView:
        new = body.to_new(operator.currency)
        return _answer(response, await desk.change(operator, product_id, new, if_match=if_match))

    @router.post("/products/{product_id}/archive", operation_id="products.archive")
    async def archive(
        *,
        product_id: ProductId,
        response: Response,
        operator: Annotated[Operator, Depends(changing)],
        if_match: IfMatch = None,
    ) -> ProductDetailView:
        return _answer(response, await desk.archive(operator, product_id, if_match=if_match))

    @router.post("/products/{product_id}/restore", operation_id="products.restore")
    async def restore(
        *,
        product_id: ProductId,
        response: Response,
        operator: Annotated[Operator, Depends(changing)],
        if_match: IfMatch = None,
    ) -> ProductDetailView:
        return _answer(response, await desk.restore(operator, product_id, if_match=if_match))

    @router.put("/products/{product_id}/costs/{first_day}", operation_id="products.set_cost")
    async def set_cost(
        *,
        product_id: ProductId,
        first_day: Day,
        body: CostBody,
        response: Response,
        operator: Annotated[Operator, Depends(changing)],
    ) -> ProductDetailView:
        return _answer(response, await desk.set_cost(operator, product_id, first_day, body.cost_minor))

    @router.post(
        "/pictures", operation_id="pictures.put", status_code=201, openapi_extra=described_body(*PICTURE_TYPES)
    )
    async def put_picture(request: Request, operator: Annotated[Operator, Depends(changing)]) -> PictureView:
        """SVG, PNG, JPEG or WebP as the whole body; what it is, its content says."""
        image = await desk.put_picture(operator, await request.body())
        return PictureView(image=image, picture=image_path(image))


def _add_many(router: APIRouter, bulk: ProductBulk, changing: CurrentOperator) -> None:
    @router.post("/products/change", operation_id="products.change_many")
    async def change_many(body: ProductsBody, operator: Annotated[Operator, Depends(changing)]) -> ProductsDoneView:
        versions = {one.id: one.version for one in body.products}
        report = await bulk.change(operator, versions, body.fields.to_changes(), is_trial=body.is_trial)
        return ProductsDoneView(changed=report.changed, same=report.same, is_done=report.is_done)


def _answer(response: Response, file: ProductFile) -> ProductDetailView:
    set_version(response, file.product.version)
    return detail_view(file)
