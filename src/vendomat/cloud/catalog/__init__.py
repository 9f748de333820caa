"""Catalog: products, pictures, planograms, and the catalogue that a machine is told."""

from vendomat.cloud.catalog.api import media_router
from vendomat.cloud.catalog.catalogue import catalogue_for
from vendomat.cloud.catalog.channels import (
    bump_all,
    channels_off,
    count_machines_off,
    not_offered,
    refused_channels,
    set_channel_off,
)
from vendomat.cloud.catalog.drawing import clean_svg
from vendomat.cloud.catalog.model import (
    CAPACITY_MAX,
    PRICE_MINOR_MAX,
    SLOT_FORM,
    SLOTS_MAX,
    NewProduct,
    PlannedSlot,
    Use,
    channel_order,
    checked_plan,
    image_path,
    slot_order,
    slot_state,
    why_closed,
)
from vendomat.cloud.catalog.photo import PICTURE_TYPES
from vendomat.cloud.catalog.product_api import catalog_router
from vendomat.cloud.catalog.product_bulk import ProductBulk
from vendomat.cloud.catalog.product_import import ImportReport, ProductImport, RowOutcome, RowReport
from vendomat.cloud.catalog.product_views import ImportView, import_view
from vendomat.cloud.catalog.products import PlannedIn, ProductDesk
from vendomat.cloud.catalog.seed import SeedProduct, seed_image, seed_products
from vendomat.cloud.catalog.service import Catalog
from vendomat.cloud.catalog.store import bump_catalogue_versions, bump_merchant_catalogues, put_slots

__all__ = [
    "CAPACITY_MAX",
    "PICTURE_TYPES",
    "PRICE_MINOR_MAX",
    "SLOTS_MAX",
    "SLOT_FORM",
    "Catalog",
    "ImportReport",
    "ImportView",
    "NewProduct",
    "PlannedIn",
    "PlannedSlot",
    "ProductBulk",
    "ProductDesk",
    "ProductImport",
    "RowOutcome",
    "RowReport",
    "SeedProduct",
    "Use",
    "bump_all",
    "bump_catalogue_versions",
    "bump_merchant_catalogues",
    "catalog_router",
    "catalogue_for",
    "channel_order",
    "channels_off",
    "checked_plan",
    "clean_svg",
    "count_machines_off",
    "image_path",
    "import_view",
    "media_router",
    "not_offered",
    "put_slots",
    "refused_channels",
    "seed_image",
    "seed_products",
    "set_channel_off",
    "slot_order",
    "slot_state",
    "why_closed",
]
