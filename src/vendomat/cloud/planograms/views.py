"""What the planograms' routes take and answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vendomat.cloud.catalog import PRICE_MINOR_MAX, PlannedSlot, image_path
from vendomat.cloud.machine_models import MachineModel
from vendomat.cloud.planograms.model import SlotChange
from vendomat.cloud.planograms.reading import MachinePlan, PlanogramFile
from vendomat.cloud.planograms.service import MACHINES_MAX, Wish
from vendomat.cloud.planograms.template_store import Template
from vendomat.kernel import Money

SLOTS_MAX = 200
MachineId = Annotated[str, Field(pattern=r"^mch_[0-9a-z]{26}$")]
ProductId = Annotated[str, Field(pattern=r"^prd_[0-9a-z]{26}$")]
Slot = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,6}$")]
Price = Annotated[int, Field(ge=1, le=PRICE_MINOR_MAX, strict=True)]
Edit = Annotated[int, Field(ge=1, strict=True)]
Counts = Annotated[dict[Slot, Annotated[int, Field(ge=0, le=1_000, strict=True)]], Field(max_length=SLOTS_MAX)]
State = Literal["as_wanted", "older", "not_known"]
Misfitting = Literal["no_slot", "too_many", "not_cooled"]
Kind = Literal["added", "removed", "swapped", "changed"]


class PlanSlotBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    slot: Slot
    product_id: ProductId
    price_minor: Price
    capacity: Annotated[int, Field(ge=1, le=100, strict=True)]


class DraftBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    slots: Annotated[list[PlanSlotBody], Field(min_length=1, max_length=SLOTS_MAX)]

    def planned(self, currency: str) -> list[PlannedSlot]:
        return [
            PlannedSlot(one.slot, one.product_id, Money(one.price_minor, currency), one.capacity) for one in self.slots
        ]


class TemplateBody(DraftBody):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Annotated[str, Field(min_length=1, max_length=80)]


class CountsBody(BaseModel):
    """`counts`: how many pieces are now in each slot that holds another product, or none."""

    model_config = ConfigDict(extra="forbid")

    counts: Counts = {}


class PublishBody(CountsBody):
    """`at`: from when on it is sold; a draft that changes prices and capacities may wait for a moment."""

    at: AwareDatetime | None = None


class WishBody(CountsBody):
    machine_id: MachineId
    edit: Edit


class PlacesBody(BaseModel):
    """Several machines, all or none; `edit` as each was read."""

    model_config = ConfigDict(extra="forbid")

    machines: Annotated[list[WishBody], Field(min_length=1, max_length=MACHINES_MAX)]

    def wishes(self) -> list[Wish]:
        return [Wish(one.machine_id, one.edit, one.counts) for one in self.machines]


class PublishManyBody(PlacesBody):
    """`at` as when one machine is published."""

    at: AwareDatetime | None = None


class PriceBody(PublishManyBody):
    price_minor: Price


class PlanSlotView(BaseModel):
    slot: str
    product_id: str
    price_minor: int
    capacity: int


class StockedPlanSlotView(PlanSlotView):
    on_hand: int
    reserved: int


class PlanChangeView(BaseModel):
    slot: str
    kind: Kind
    before: PlanSlotView | None
    after: PlanSlotView | None
    on_hand: int
    reserved: int
    asks_count: bool


class MachinePlanView(BaseModel):
    """`shown_plan` is the version that the screen shows, null when it is not known; at `due_at` the draft is published
    by itself; `misfits` slots of the draft do not fit the machine's model."""

    id: str
    number: str
    name_zh: str
    name_en: str
    version: int
    edit: int
    published_at: datetime | None
    published_by_name: str
    draft_at: datetime | None
    draft_by_name: str
    due_at: datetime | None
    due_by_name: str
    shown: State
    shown_plan: int | None
    since: datetime | None
    seen_at: datetime | None
    is_online: bool
    misfits: int


class PlannedProductView(BaseModel):
    id: str
    sku: str
    name_zh: str
    name_en: str
    image: str
    price_minor: int
    is_perishable: bool
    is_archived: bool


class ModelSlotView(BaseModel):
    slot: str
    capacity: int


class PlanModelView(BaseModel):
    """The machine's model, which its plan is compared with."""

    id: str
    name: str
    maker: str
    is_cooled: bool
    slots: list[ModelSlotView]


class MisfitView(BaseModel):
    """A slot that the model does not have, holds fewer pieces, or does not cool."""

    slot: str
    kind: Misfitting


class PlanogramView(BaseModel):
    """`misfits` are of the draft or, without one, of what is sold; they keep nobody from publishing."""

    machine: MachinePlanView
    currency: str
    slots: list[StockedPlanSlotView]
    draft: list[PlanSlotView] | None
    unpublished: list[PlanChangeView]
    unshown: list[PlanChangeView]
    products: list[PlannedProductView]
    model: PlanModelView | None
    misfits: list[MisfitView]


class PlaceView(BaseModel):
    machine_id: str
    number: str
    name_zh: str
    name_en: str
    slot: str
    price_minor: int
    edit: int
    has_draft: bool


class PlacesView(BaseModel):
    data: list[PlaceView]


class TemplateView(BaseModel):
    id: str
    name: str
    version: int
    changed_at: datetime
    slots: list[PlanSlotView]


class TemplatesView(BaseModel):
    data: list[TemplateView]


class MachinesDoneView(BaseModel):
    """How many machines were changed."""

    machines: int


def machine_view(one: MachinePlan) -> MachinePlanView:
    values = asdict(one)
    return MachinePlanView(
        **{name: values[name] for name in MachinePlanView.model_fields if name not in ("id", "shown")},
        id=one.machine_id,
        shown=one.shown.value,
    )


def planogram_view(file: PlanogramFile, currency: str) -> PlanogramView:
    draft = file.planogram.draft
    return PlanogramView(
        machine=machine_view(file.machine),
        currency=currency,
        slots=[_stocked_view(planned, file) for planned in file.slots],
        draft=None if draft is None else slot_views(draft),
        unpublished=[_change_view(change) for change in file.unpublished],
        unshown=[_change_view(change) for change in file.unshown],
        products=[
            PlannedProductView(
                id=one.product_id,
                sku=one.sku,
                name_zh=one.name_zh,
                name_en=one.name_en,
                image=image_path(one.image),
                price_minor=one.price_minor,
                is_perishable=one.is_perishable,
                is_archived=one.is_archived,
            )
            for one in file.products
        ],
        model=None if file.model is None else _model_view(file.model),
        misfits=[MisfitView(slot=one.slot, kind=one.kind.value) for one in file.misfits],
    )


def template_view(template: Template) -> TemplateView:
    return TemplateView(
        id=template.template_id,
        name=template.name,
        version=template.version,
        changed_at=template.changed_at,
        slots=slot_views(template.slots),
    )


def slot_views(slots: Iterable[PlannedSlot]) -> list[PlanSlotView]:
    return [_slot_view(planned) for planned in slots]


def place_views(rows: Sequence[object]) -> PlacesView:
    return PlacesView(data=[PlaceView.model_validate(row) for row in rows])


def _model_view(model: MachineModel) -> PlanModelView:
    data = model.data
    return PlanModelView(
        id=model.model_id,
        name=data.name,
        maker=data.maker,
        is_cooled=data.is_cooled,
        slots=[ModelSlotView(slot=one.slot, capacity=one.capacity) for one in data.slots],
    )


def _slot_view(planned: PlannedSlot) -> PlanSlotView:
    return PlanSlotView(
        slot=planned.slot,
        product_id=planned.product_id,
        price_minor=planned.price.minor_units,
        capacity=planned.capacity,
    )


def _stocked_view(planned: PlannedSlot, file: PlanogramFile) -> StockedPlanSlotView:
    stock = file.stock.get(planned.slot)
    return StockedPlanSlotView(
        **_slot_view(planned).model_dump(),
        on_hand=stock.on_hand if stock else 0,
        reserved=stock.reserved if stock else 0,
    )


def _change_view(change: SlotChange) -> PlanChangeView:
    return PlanChangeView(
        slot=change.slot,
        kind=change.kind.value,
        before=None if change.before is None else _slot_view(change.before),
        after=None if change.after is None else _slot_view(change.after),
        on_hand=change.stock.on_hand,
        reserved=change.stock.reserved,
        asks_count=change.asks_count,
    )
