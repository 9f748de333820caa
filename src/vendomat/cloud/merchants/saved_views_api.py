"""`/api/v1/saved-views`: filters that a person keeps by name."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants.api import CurrentOperator
from vendomat.cloud.merchants.model import Operator
from vendomat.cloud.merchants.saved_views import SavedView, SavedViews, ViewPage

ViewId = Annotated[str, Path(pattern=r"^svw_[0-9a-z]{26}$")]


class SavedViewBody(BaseModel):
    """`query` is the part of the address after the question mark."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    page: ViewPage
    name: Annotated[str, Field(min_length=1, max_length=40)]
    query: Annotated[str, Field(max_length=500, pattern=r"^([a-z_]+=[^&#?\s]*(&[a-z_]+=[^&#?\s]*)*)?$")]


class SavedViewView(BaseModel):
    id: str
    page: ViewPage
    name: str
    query: str


class SavedViewsView(BaseModel):
    data: list[SavedViewView]


def saved_views_router(views: SavedViews, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/saved-views", tags=["account"])

    @router.get("", operation_id="saved_views.list")
    async def list_views(page: ViewPage, operator: Annotated[Operator, Depends(current)]) -> SavedViewsView:
        return SavedViewsView(data=[_view(one) for one in await views.views(operator, page)])

    @router.put("", operation_id="saved_views.put")
    async def put(body: SavedViewBody, operator: Annotated[Operator, Depends(current)]) -> SavedViewView:
        return _view(await views.save(operator, body.page, body.name, body.query))

    @router.delete("/{view_id}", operation_id="saved_views.remove", status_code=204)
    async def remove(view_id: ViewId, operator: Annotated[Operator, Depends(current)]) -> Response:
        await views.remove(operator, view_id)
        return Response(status_code=204)

    return router


def _view(one: SavedView) -> SavedViewView:
    return SavedViewView(id=one.view_id, page=one.page, name=one.name, query=one.query)
