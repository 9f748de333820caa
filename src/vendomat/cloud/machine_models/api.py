"""`/api/v1/machine-models`, and which machines are of which model."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.catalog import CAPACITY_MAX, SLOT_FORM, SLOTS_MAX
from vendomat.cloud.machine_models.model import NAME_MAX, MachineModel, Mechanism, ModelSlot, NewModel
from vendomat.cloud.machine_models.service import ModelDesk
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import (
    ASKED_ONCE,
    LIMIT_DEFAULT,
    LIMIT_MAX,
    Cursor,
    IfMatch,
    Page,
    page_of,
    set_version,
)

MODEL_ID = r"^mdl_[0-9a-z]{26}$"
MACHINE_ID = r"^mch_[0-9a-z]{26}$"
MACHINES_MAX = 200
ModelId = Annotated[str, Path(pattern=MODEL_ID)]
MachineId = Annotated[str, Path(pattern=MACHINE_ID)]


class ModelSlotBody(BaseModel):
    """`capacity`: how many units fit at most."""

    model_config = ConfigDict(extra="forbid")

    slot: Annotated[str, Field(pattern=f"^{SLOT_FORM}$")]
    capacity: Annotated[int, Field(ge=1, le=CAPACITY_MAX, strict=True)]


class NamedModelBody(BaseModel):
    """What a model is, but for its slots. `is_cooled`: perishable goods may stand in it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
    maker: Annotated[str, Field(max_length=NAME_MAX)] = ""
    mechanism: Mechanism = Mechanism.SPIRAL
    is_cooled: bool = True

    def to_new(self, slots: tuple[ModelSlot, ...] = ()) -> NewModel:
        return NewModel(self.name, slots, self.maker, self.mechanism, self.is_cooled)


class ModelBody(NamedModelBody):
    slots: Annotated[list[ModelSlotBody], Field(min_length=1, max_length=SLOTS_MAX)]

    def whole(self) -> NewModel:
        return self.to_new(tuple(ModelSlot(one.slot, one.capacity) for one in self.slots))


class MachinesModelBody(BaseModel):
    """Several machines, all or none. `model_id` null: of none."""

    model_config = ConfigDict(extra="forbid")

    machine_ids: Annotated[
        list[Annotated[str, Field(pattern=MACHINE_ID)]], Field(min_length=1, max_length=MACHINES_MAX)
    ]
    model_id: Annotated[str, Field(pattern=MODEL_ID)] | None


class ModelView(BaseModel):
    """`machines`: how many are of it."""

    id: str
    version: int
    name: str
    maker: str
    mechanism: Mechanism
    is_cooled: bool
    slots: list[ModelSlotBody]
    machines: int
    created_at: datetime


def machine_models_router(desk: ModelDesk, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["machines"])
    _add_reading(router, desk, permitted(current, Permission.FLEET_READ))
    _add_changes(router, desk, permitted(current, Permission.MACHINE_CHANGE))
    return router


def _add_reading(router: APIRouter, desk: ModelDesk, reading: CurrentOperator) -> None:
    @router.get("/machine-models", operation_id="machine_models.list")
    async def list_models(
        operator: Annotated[Operator, Depends(reading)],
        *,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Page[ModelView]:
        after = None if cursor is None else Cursor.from_text(cursor)
        found = await desk.page(operator, after=after, limit=limit + 1)
        return page_of(found, limit, _view, lambda one: Cursor(one.created_at, one.model_id))

    @router.get("/machine-models/{model_id}", operation_id="machine_models.get")
    async def find(model_id: ModelId, response: Response, operator: Annotated[Operator, Depends(reading)]) -> ModelView:
        return _answer(response, await desk.find(operator, model_id))


def _add_changes(router: APIRouter, desk: ModelDesk, changing: CurrentOperator) -> None:
    @router.post("/machine-models", operation_id="machine_models.create", dependencies=[ASKED_ONCE], status_code=201)
    async def create(
        body: ModelBody, response: Response, operator: Annotated[Operator, Depends(changing)]
    ) -> ModelView:
        return _answer(response, await desk.create(operator, body.whole()))

    @router.put("/machine-models/{model_id}", operation_id="machine_models.change")
    async def change(
        *,
        model_id: ModelId,
        body: ModelBody,
        response: Response,
        operator: Annotated[Operator, Depends(changing)],
        if_match: IfMatch = None,
    ) -> ModelView:
        return _answer(response, await desk.change(operator, model_id, body.whole(), if_match=if_match))

    @router.delete("/machine-models/{model_id}", operation_id="machine_models.delete", status_code=204)
    async def delete(
        model_id: ModelId, operator: Annotated[Operator, Depends(changing)], if_match: IfMatch = None
    ) -> None:
        await desk.delete(operator, model_id, if_match=if_match)

    @router.post("/machines/models", operation_id="machines.set_model", status_code=204)
    async def assign(body: MachinesModelBody, operator: Annotated[Operator, Depends(changing)]) -> None:
        await desk.assign(operator, body.machine_ids, body.model_id)

    @router.post(
        "/machines/{machine_id}/model",
        operation_id="machine_models.create_from",
        dependencies=[ASKED_ONCE],
        status_code=201,
    )
    async def create_from(
        machine_id: MachineId,
        body: NamedModelBody,
        response: Response,
        operator: Annotated[Operator, Depends(changing)],
    ) -> ModelView:
        return _answer(response, await desk.create_from(operator, machine_id, body.to_new()))


def _answer(response: Response, model: MachineModel) -> ModelView:
    set_version(response, model.version)
    return _view(model)


def _view(model: MachineModel) -> ModelView:
    data = model.data
    return ModelView(
        id=model.model_id,
        version=model.version,
        name=data.name,
        maker=data.maker,
        mechanism=data.mechanism,
        is_cooled=data.is_cooled,
        slots=[ModelSlotBody(slot=one.slot, capacity=one.capacity) for one in data.slots],
        machines=model.machines,
        created_at=model.created_at,
    )
