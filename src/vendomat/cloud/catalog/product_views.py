"""What `/api/v1/products` takes and answers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.catalog.model import (
    BASIS_POINTS_MAX,
    HUNDRED_G_MG,
    PRICE_MINOR_MAX,
    Allergen,
    NewProduct,
    NutritionPer,
    image_path,
)
from vendomat.cloud.catalog.product_bulk import PRODUCTS_MAX, Changes
from vendomat.cloud.catalog.product_import import ImportReport, RowOutcome
from vendomat.cloud.catalog.product_store import DatedCost, ListedProduct
from vendomat.cloud.catalog.products import ProductFile
from vendomat.cloud.platform.http import FlawView, flaw_view
from vendomat.kernel import MINOR_UNITS_MAX, Money

Text = Annotated[str, Field(max_length=80)]
Nutrient = Annotated[int, Field(ge=0, le=2 * HUNDRED_G_MG, strict=True)] | None


class ProductBody(BaseModel):
    """All of a product. `image` is what an upload of a picture gave, `tax_bp` in hundredths of a percent.

    From `energy_kj` to `sodium_mg` the figures are of 100 g or 100 ml, as `nutrition_per` says; null: not said.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    sku: Annotated[str, Field(min_length=1, max_length=40)]
    name_zh: Annotated[Text, Field(min_length=1)]
    name_en: Annotated[Text, Field(min_length=1)]
    detail_zh: Text = ""
    detail_en: Text = ""
    category: Text = ""
    price_minor: Annotated[int, Field(ge=1, le=PRICE_MINOR_MAX, strict=True)]
    image: Text = ""
    barcode: Annotated[str, Field(max_length=13)] = ""
    tax_bp: Annotated[int, Field(ge=0, le=BASIS_POINTS_MAX, strict=True)] = 0
    allergens: Annotated[list[Allergen], Field(max_length=len(Allergen))] = []
    energy_kcal: Annotated[int, Field(ge=0, le=10_000, strict=True)] | None = None
    nutrition_per: NutritionPer = NutritionPer.G
    energy_kj: Annotated[int, Field(ge=0, le=10_000, strict=True)] | None = None
    fat_mg: Nutrient = None
    saturates_mg: Nutrient = None
    carbohydrate_mg: Nutrient = None
    sugars_mg: Nutrient = None
    protein_mg: Nutrient = None
    sodium_mg: Nutrient = None
    age_min: Annotated[int, Field(ge=0, le=99, strict=True)] = 0
    is_perishable: bool = False
    shelf_life_days: Annotated[int, Field(ge=1, le=3_650, strict=True)] | None = None

    def to_new(self, currency: str) -> NewProduct:
        fields = self.model_dump(exclude={"price_minor", "allergens"})
        return NewProduct(
            **fields, price=Money(self.price_minor, currency), allergens=tuple(sorted(set(self.allergens)))
        )


class FieldsBody(BaseModel):
    """What many products have alike; what is left out stays. `shelf_life_days` null: not said."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    category: Text = ""
    tax_bp: Annotated[int, Field(ge=0, le=BASIS_POINTS_MAX, strict=True)] = 0
    age_min: Annotated[int, Field(ge=0, le=99, strict=True)] = 0
    is_perishable: bool = False
    shelf_life_days: Annotated[int, Field(ge=1, le=3_650, strict=True)] | None = None
    is_archived: bool = False

    def to_changes(self) -> Changes:
        said = self.model_dump(exclude_unset=True)
        is_archived = said.pop("is_archived", None)
        return Changes(said, is_archived)


class QuotedProductBody(BaseModel):
    """`version` as it was read."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^prd_[0-9a-z]{26}$")]
    version: Annotated[int, Field(ge=1, strict=True)]


class ProductsBody(BaseModel):
    """Several products, all or none, each once. `is_trial`: find what is wrong and keep nothing."""

    model_config = ConfigDict(extra="forbid")

    products: Annotated[list[QuotedProductBody], Field(min_length=1, max_length=PRODUCTS_MAX)]
    fields: FieldsBody
    is_trial: bool = False


class ProductsDoneView(BaseModel):
    """How many products change, and how many were so already. `is_done`: it was kept."""

    changed: int
    same: int
    is_done: bool


class CostBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cost_minor: Annotated[int, Field(ge=0, le=MINOR_UNITS_MAX, strict=True)]


class CostView(BaseModel):
    first_day: date
    cost_minor: int
    set_at: datetime
    set_by_name: str


class UseView(BaseModel):
    """A slot of a machine, or of a template (then `machine_id` is empty)."""

    machine_id: str
    name: str
    slot: str
    is_draft: bool


class ListedProductView(BaseModel):
    """One row of the list. `cost_minor` holds today; null: nobody said. `machines` have it in a slot."""

    id: str
    version: int
    sku: str
    name_zh: str
    name_en: str
    category: str
    price_minor: int
    currency: str
    image: str
    barcode: str
    cost_minor: int | None
    machines: int
    is_perishable: bool
    is_archived: bool


class ProductListView(BaseModel):
    data: list[ListedProductView]
    next_cursor: str | None
    has_more: bool
    categories: list[str]


class ProductDetailView(BaseModel):
    """`data.image` names the picture, `picture` is its address."""

    id: str
    version: int
    data: ProductBody
    picture: str
    currency: str
    is_archived: bool
    costs: list[CostView]
    uses: list[UseView]


class PictureView(BaseModel):
    image: str
    picture: str


class ImportRowView(BaseModel):
    """One line of the file; the first line below the head is 2."""

    number: int
    sku: str
    outcome: RowOutcome
    flaw: FlawView | None


class ImportView(BaseModel):
    """`is_done`: it was kept; otherwise nothing changed. `rows` has those that are not the same as before."""

    is_done: bool
    created: int
    changed: int
    same: int
    refused: int
    rows: list[ImportRowView]


def import_view(report: ImportReport) -> ImportView:
    counts = {outcome.value: sum(row.outcome is outcome for row in report.rows) for outcome in RowOutcome}
    rows = [
        ImportRowView(number=row.number, sku=row.sku, outcome=row.outcome, flaw=flaw_view(row.flaw))
        for row in report.rows
        if row.outcome is not RowOutcome.SAME
    ]
    return ImportView(is_done=report.is_done, rows=rows, **counts)


def listed_view(one: ListedProduct) -> ListedProductView:
    data = one.product.data
    return ListedProductView(
        id=one.product.product_id,
        version=one.product.version,
        sku=data.sku,
        name_zh=data.name_zh,
        name_en=data.name_en,
        category=data.category,
        price_minor=data.price.minor_units,
        currency=data.price.currency,
        image=image_path(data.image),
        barcode=data.barcode,
        cost_minor=one.cost_minor,
        machines=one.machines,
        is_perishable=data.is_perishable,
        is_archived=one.product.is_archived,
    )


def detail_view(file: ProductFile) -> ProductDetailView:
    data = file.product.data
    names = set(ProductBody.model_fields) - {"price_minor", "allergens"}
    return ProductDetailView(
        id=file.product.product_id,
        version=file.product.version,
        data=ProductBody(
            **{name: getattr(data, name) for name in names},
            price_minor=data.price.minor_units,
            allergens=list(data.allergens),
        ),
        picture=image_path(data.image),
        currency=data.price.currency,
        is_archived=file.product.is_archived,
        costs=[_cost_view(cost) for cost in file.costs],
        uses=[
            UseView(machine_id=use.machine_id, name=use.name, slot=use.slot, is_draft=use.is_draft) for use in file.uses
        ],
    )


def _cost_view(cost: DatedCost) -> CostView:
    return CostView(
        first_day=cost.first_day, cost_minor=cost.cost_minor, set_at=cost.set_at, set_by_name=cost.set_by_name
    )
