"""The catalogue as one machine is told it: its slots, what each would sell now, and how the buyer may pay."""

from __future__ import annotations

import asyncpg

from vendomat.cloud.catalog.model import NUTRIENTS, channel_order, image_path, slot_order, slot_state, why_closed
from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import Catalogue, CatalogueSlot, Label, LocalText, Nutrition

_MACHINE = """
SELECT m.number, m.name_zh, m.name_en, m.catalogue_version, r.service_phone, r.payee,
    ARRAY(
        SELECT a.channel FROM payment_account a
        WHERE a.merchant_id = m.merchant_id AND a.is_active AND a.away_since IS NULL
            AND NOT EXISTS (
                SELECT FROM machine_channel_off o
                WHERE (o.merchant_id, o.machine_id, o.channel) = (m.merchant_id, m.machine_id, a.channel)
            )
        ORDER BY a.channel
    ) AS channels
FROM machine m JOIN merchant r ON r.merchant_id = m.merchant_id
WHERE m.merchant_id = $1 AND m.machine_id = $2
"""
_SLOTS = """
SELECT p.slot, p.product_id, p.price_minor, p.currency, p.capacity,
    d.name_zh, d.name_en, d.detail_zh, d.detail_en, d.category, d.image, d.allergens, d.energy_kcal, d.nutrition_per,
    d.energy_kj, d.fat_mg, d.saturates_mg, d.carbohydrate_mg, d.sugars_mg, d.protein_mg, d.sodium_mg,
    coalesce(s.on_hand, 0) AS on_hand, coalesce(s.reserved, 0) AS reserved,
    coalesce(s.closed_reason, '') AS closed_reason, d.age_min
FROM planogram_slot p
JOIN product d ON d.merchant_id = p.merchant_id AND d.product_id = p.product_id
LEFT JOIN stock_slot s ON s.merchant_id = p.merchant_id AND s.machine_id = p.machine_id AND s.slot = p.slot
WHERE p.merchant_id = $1 AND p.machine_id = $2
"""


async def catalogue_for(connection: asyncpg.Connection, merchant_id: str, machine_id: str) -> Catalogue:
    """Reads the version first: content newer than its version is fetched once more, older content never stays.

    Raises `VendomatError(not_found)`.
    """
    machine = await connection.fetchrow(_MACHINE, merchant_id, machine_id)
    if machine is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine")
    rows = await connection.fetch(_SLOTS, merchant_id, machine_id)
    return Catalogue(
        version=machine["catalogue_version"],
        machine_number=machine["number"],
        name=LocalText(zh=machine["name_zh"], en=machine["name_en"]),
        service_phone=machine["service_phone"],
        payee=machine["payee"],
        channels=sorted(machine["channels"], key=channel_order),
        slots=[_slot(row) for row in sorted(rows, key=lambda row: slot_order(row["slot"]))],
    )


def _slot(row: asyncpg.Record) -> CatalogueSlot:
    return CatalogueSlot(
        slot=row["slot"],
        product_id=row["product_id"],
        name=LocalText(zh=row["name_zh"], en=row["name_en"]),
        detail=LocalText(zh=row["detail_zh"], en=row["detail_en"]),
        category=row["category"],
        price_minor=row["price_minor"],
        currency=row["currency"],
        image=image_path(row["image"]),
        capacity=row["capacity"],
        available=max(0, row["on_hand"] - row["reserved"]),
        state=slot_state(row["on_hand"], row["reserved"], why_closed(row["closed_reason"], row["age_min"])),
        label=_label(row),
    )


def _label(row: asyncpg.Record) -> Label:
    figures = {name: row[name] for name in ("energy_kj", *NUTRIENTS)}
    return Label(
        allergens=list(row["allergens"]),
        energy_kcal=row["energy_kcal"],
        nutrition=Nutrition(per=row["nutrition_per"], **figures),
    )
