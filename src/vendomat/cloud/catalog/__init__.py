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
from vendomat.cloud.catalog.model import NewProduct, PlannedSlot, channel_order, image_path, slot_order, slot_state
from vendomat.cloud.catalog.seed import SeedProduct, seed_image, seed_products
from vendomat.cloud.catalog.service import Catalog
from vendomat.cloud.catalog.store import bump_catalogue_versions, bump_merchant_catalogues

__all__ = [
    "Catalog",
    "NewProduct",
    "PlannedSlot",
    "SeedProduct",
    "bump_all",
    "bump_catalogue_versions",
    "bump_merchant_catalogues",
    "catalogue_for",
    "channel_order",
    "channels_off",
    "clean_svg",
    "count_machines_off",
    "image_path",
    "media_router",
    "not_offered",
    "refused_channels",
    "seed_image",
    "seed_products",
    "set_channel_off",
    "slot_order",
    "slot_state",
]
