"""What a machine is told: its slots, what each would sell, its version; and pictures by their hash."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from tests.cloud.shop_stage import Shop
from vendomat.cloud.catalog import (
    Catalog,
    NewProduct,
    PlannedSlot,
    bump_catalogue_versions,
    catalogue_for,
    seed_products,
    slot_order,
    slot_state,
)
from vendomat.cloud.merchants import PaymentAccount, PaymentAccounts
from vendomat.kernel import ErrorCode, Money, VendomatError
from vendomat.protocol import Catalogue, SlotState

pytestmark = pytest.mark.slow


async def told(shop: Shop) -> Catalogue:
    async with shop.database.hot.acquire() as connection:
        return await catalogue_for(connection, shop.merchant_id, shop.machine_id)


def slot(catalogue: Catalogue, name: str) -> tuple[int, SlotState]:
    (found,) = [s for s in catalogue.slots if s.slot == name]
    return found.available, found.state


async def test_the_catalogue_of_a_seeded_machine(shop: Shop) -> None:
    catalogue = await told(shop)
    assert catalogue.machine_number == "SH-001"
    assert catalogue.payee == "阳光售货"
    assert [s.slot for s in catalogue.slots] == [f"{row}{n}" for row in "ABC" for n in (1, 2, 3, 4)]
    first = catalogue.slots[0]
    assert (first.name.en, first.price_minor, first.currency) == ("Iced cola", 400, "CNY")
    assert first.available == first.capacity == 8
    assert catalogue.slots[3].label.allergens == ["milk", "nuts", "soya"]
    assert (first.label.energy_kcal, first.label.nutrition.per, first.label.nutrition.sodium_mg) == (139, "ml", 4)
    assert catalogue.channels == []


async def test_channels_are_those_with_an_account(shop: Shop) -> None:
    accounts = PaymentAccounts(shop.database, shop.master_key)
    for channel in ("stripe", "alipay", "wechat"):
        await accounts.put(PaymentAccount(shop.merchant_id, channel, "a", {}))
    assert (await told(shop)).channels == ["wechat", "alipay", "stripe"]


async def test_reserved_goods_and_closed_slots_are_not_for_sale(shop: Shop) -> None:
    for name, change in (("A1", "reserved = 3"), ("A2", "reserved = on_hand"), ("A3", "closed_reason = 'jam'")):
        await shop.as_hot_owner(
            f"UPDATE stock_slot SET {change} WHERE machine_id = $1 AND slot = $2", shop.machine_id, name
        )
    catalogue = await told(shop)
    assert slot(catalogue, "A1") == (5, SlotState.OK)
    assert slot(catalogue, "A2") == (0, SlotState.SOLD_OUT)
    assert slot(catalogue, "A3")[1] is SlotState.CLOSED
    assert slot_state(0, 0, "jam") is SlotState.CLOSED


async def test_a_changed_price_raises_the_version(shop: Shop) -> None:
    before = await told(shop)
    product = shop.seeded.products["cola"]
    version = await Catalog(shop.database, shop.ids).put_planogram(
        shop.merchant_id, shop.machine_id, [PlannedSlot("A1", product, Money(450, "CNY"), 8)]
    )
    after = await told(shop)
    assert after.version == version == before.version + 1
    assert after.slots[0].price_minor == 450
    assert after.slots[1:] == before.slots[1:]


async def test_versions_rise_for_many_machines_at_once_and_from_many_sides(shop: Shop) -> None:
    machines = [(shop.merchant_id, m.machine_id) for m in shop.seeded.machines]

    async def bump(order: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
        async with shop.database.hot.acquire() as connection, connection.transaction():
            return await bump_catalogue_versions(connection, order)

    await asyncio.gather(*(bump(machines if n % 2 else machines[::-1] + machines) for n in range(6)))
    assert await bump(machines) == dict.fromkeys(machines, 2 + 7)
    assert await bump([("mer_other", shop.machine_id)]) == {}
    assert await bump([]) == {}


@pytest.mark.parametrize(
    ("slots", "code"),
    [
        ([], ErrorCode.INVALID_VALUE),
        ([("A1", 100, 5), ("A1", 100, 5)], ErrorCode.INVALID_VALUE),
        ([("a1", 100, 5)], ErrorCode.INVALID_VALUE),
        ([("A1", 0, 5)], ErrorCode.INVALID_VALUE),
        ([("A1", 10**9, 5)], ErrorCode.INVALID_VALUE),
        ([("A1", 100, 0)], ErrorCode.INVALID_VALUE),
    ],
)
async def test_an_impossible_planogram_changes_nothing(
    shop: Shop, slots: list[tuple[str, int, int]], code: ErrorCode
) -> None:
    before = await told(shop)
    product = shop.seeded.products["cola"]
    with pytest.raises(VendomatError) as caught:
        await Catalog(shop.database, shop.ids).put_planogram(
            shop.merchant_id,
            shop.machine_id,
            [PlannedSlot(name, product, Money(price, "CNY"), capacity) for name, price, capacity in slots],
        )
    assert caught.value.code is code
    assert await told(shop) == before


async def test_an_unknown_product_or_machine_changes_nothing(shop: Shop) -> None:
    catalog, before = Catalog(shop.database, shop.ids), await told(shop)
    plan = [PlannedSlot("A1", "prd_unknown", Money(100, "CNY"), 5)]
    with pytest.raises(VendomatError, match="product that does not exist"):
        await catalog.put_planogram(shop.merchant_id, shop.machine_id, plan)
    with pytest.raises(VendomatError, match="no such machine"):
        await catalog.put_planogram("mer_other", shop.machine_id, plan)
    assert await told(shop) == before


async def test_a_product_keeps_its_id_when_it_changes(shop: Shop) -> None:
    catalog = Catalog(shop.database, shop.ids)
    new = NewProduct(sku="cola", name_zh="可乐", name_en="Cola", price=Money(410, "CNY"))
    free = NewProduct(sku="air", name_zh="空气", name_en="Air", price=Money(0, "CNY"))
    with pytest.raises(VendomatError, match="air: a price is more than nothing"):
        await catalog.put_products(shop.merchant_id, [new, free])
    assert (await told(shop)).slots[0].name.en != "Cola"
    assert await catalog.put_products(shop.merchant_id, [new]) == [shop.seeded.products["cola"]]
    assert (await told(shop)).slots[0].name.en == "Cola"


async def test_pictures_are_found_by_their_hash(shop: Shop) -> None:
    catalog = Catalog(shop.database, shop.ids)
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0"/></svg>'
    [sha256] = await catalog.put_drawings(shop.merchant_id, [drawing])
    media_type, content = await catalog.find_media(sha256)
    assert media_type == "image/svg+xml" and hashlib.sha256(content).hexdigest() == sha256
    with pytest.raises(VendomatError) as caught:
        await catalog.find_media("0" * 64)
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_slots_are_in_the_order_people_see_them() -> None:
    assert sorted(["B1", "A10", "A2", "12", "2", "A1"], key=slot_order) == ["2", "12", "A1", "A2", "A10", "B1"]


def test_the_seed_is_sixteen_products_in_two_languages() -> None:
    products = seed_products()
    assert len({p.key for p in products}) == 16
    assert all(p.name_zh and p.name_en and p.price_fen > 0 and 0 < p.capacity <= 20 for p in products)


async def test_seeded_stock_was_loaded_by_moves(shop: Shop) -> None:
    rows = await shop.database.hot.fetch(
        "SELECT s.slot, s.on_hand, sum(m.quantity) AS moved "
        "FROM stock_slot s JOIN stock_move m USING (machine_id, slot) "
        "WHERE s.machine_id = $1 GROUP BY s.slot, s.on_hand",
        shop.machine_id,
    )
    assert len(rows) == 12
    assert all(row["on_hand"] == row["moved"] > 0 for row in rows)
