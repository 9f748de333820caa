"""A merchant to start with: people, machines, goods and stock, for demos and tests. Nothing here is needed to sell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import Catalog, PlannedSlot, seed_image, seed_products
from vendomat.cloud.machine_models import ModelDesk, ModelSlot, NewModel
from vendomat.cloud.machines import Band, Machines, NewMachine
from vendomat.cloud.merchants import (
    MasterKey,
    Merchants,
    NewMerchant,
    NewOperator,
    Operator,
    Passwords,
    PaymentAccount,
    PaymentAccounts,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.promotions import Coupons, Limits, NewCoupons, Promotions
from vendomat.cloud.sites import Coordinates, Sites, Stay
from vendomat.kernel import Clock, Ids, Money
from vendomat.pricing import Goods, Kind, Promotion

CURRENCY = "CNY"
DEMO_EMAIL = "demo@vendomat.example"
SLOTS = tuple(f"{row}{column}" for row in "ABC" for column in range(1, 5))
_MODEL = NewModel("C-12", tuple(ModelSlot(slot, 10) for slot in SLOTS), maker="Sunshine")
_SITES = (
    ("人民广场站 2 号口", "People's Square station, exit 2", Coordinates(31.2333, 121.4711)),
    ("软件园 3 号楼大堂", "Software park, lobby of building 3", Coordinates(31.2062, 121.5958)),
    ("市图书馆一楼", "City library, ground floor", Coordinates(31.2089, 121.4479)),
    ("大学体育馆", "University sports hall", Coordinates(31.2987, 121.5012)),
    ("东方医院门诊楼", "East hospital, outpatient hall", Coordinates(31.2366, 121.5151)),
    ("滨江办公楼", "Riverside offices", Coordinates(31.1829, 121.4641)),
)
DEMO_COUPON = "WELCOME"
_PROMOTIONS = (
    (
        Promotion(
            promotion_id="",
            name="今日特惠 Today's offer",
            kind=Kind.PERCENT,
            basis_points=1_000,
            goods=Goods(categories=("drinks",)),
        ),
        Limits(),
    ),
    (
        Promotion(
            promotion_id="",
            name="支付宝立减 With Alipay",
            kind=Kind.CART_OFF,
            value_minor=30,
            channels=("alipay",),
            is_stackable=True,
        ),
        Limits(money_max=1_000_000),
    ),
    (
        Promotion(
            promotion_id="",
            name="新客券 Welcome",
            kind=Kind.CART_OFF,
            value_minor=100,
            coupon="new",
            is_stackable=True,
            from_minor=300,
        ),
        Limits(uses_max=100_000),
    ),
)
_STOCK_SLOT = sa.table(
    "stock_slot", *map(sa.column, ("merchant_id", "machine_id", "slot", "on_hand", "reserved", "closed_reason"))
)
_STOCK_MOVE = sa.table(
    "stock_move", *map(sa.column, ("merchant_id", "machine_id", "slot", "kind", "quantity", "order_id", "unit", "at"))
)


@dataclass(frozen=True, slots=True)
class SeededMachine:
    """`enrolment_token` is good once, for a day."""

    machine_id: str
    number: str
    enrolment_token: str


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a demo needs to start its machines and to sign in."""

    merchant_id: str
    operator_id: str
    email: str
    machines: tuple[SeededMachine, ...]
    products: dict[str, str]  # key -> product id
    slots: dict[str, str]  # slot -> product key, the same in every machine


@dataclass(frozen=True, slots=True)
class SeedPlan:
    """How much of it. `accounts` are `(channel, account, settings)` of the payment platforms; `band` is the temperature
    wanted of every machine, and `tags` go round. `has_sites`: each machine stands at a site that is on the map, from
    today on. `has_model`: all machines are of one model, which has a little more room than their plan takes."""

    password: str
    machines: int = 3
    email: str = DEMO_EMAIL
    accounts: Sequence[tuple[str, str, dict[str, object]]] = ()
    band: Band | None = None
    tags: Sequence[Sequence[str]] = ()
    has_sites: bool = False
    has_model: bool = False


async def seed_demo(
    database: Database, master_key: MasterKey, *, ids: Ids, clock: Clock, passwords: Passwords, plan: SeedPlan
) -> Seeded:
    """One merchant with everything it needs to sell. Raises `VendomatError(conflict)` when it is there already."""
    merchants = Merchants(database, passwords, ids, clock)
    merchant, operator = await merchants.create(
        NewMerchant(
            name="Sunshine Vending 阳光售货", payee="阳光售货", currency=CURRENCY, service_phone="400-000-0000"
        ),
        NewOperator(email=plan.email, name="Demo", password=plan.password),
    )
    merchant_id = merchant.merchant_id
    accounts = PaymentAccounts(database, master_key)
    for channel, account, settings in plan.accounts:
        await accounts.put(PaymentAccount(merchant_id, channel, account, settings))
    catalog = Catalog(database, ids)
    products = await _put_products(catalog, merchant_id)
    machines = Machines(database, ids, clock)
    seeded = []
    for index in range(plan.machines):
        machine_id = await machines.create(merchant_id, _machine(index))
        await catalog.put_planogram(merchant_id, machine_id, _plan(products))
        async with database.merchant(merchant_id) as connection:
            await load_stock(connection, merchant_id, machine_id, loads=_loads(), at=clock.now())
        if plan.band is not None:
            await machines.set_band(merchant_id, machine_id, plan.band, by="")
        if plan.tags:
            await machines.tag(merchant_id, [machine_id], add=plan.tags[index % len(plan.tags)], remove=(), by="")
        token = await machines.issue_token(merchant_id, machine_id)
        seeded.append(SeededMachine(machine_id, token.number, token.text))
    if plan.has_sites:
        today = clock.now().astimezone(ZoneInfo(merchant.time_zone)).date()
        await _place_machines(Sites(database, clock), operator, [one.machine_id for one in seeded], today)
    if plan.has_model:
        models = ModelDesk(database, ids, clock)
        model = await models.create(operator, _MODEL)
        await models.assign(operator, [one.machine_id for one in seeded], model.model_id)
    return Seeded(
        merchant_id=merchant_id,
        operator_id=operator.operator_id,
        email=operator.email,
        machines=tuple(seeded),
        products=products,
        slots={slot: product.key for slot, product in zip(SLOTS, seed_products(), strict=False)},
    )


async def seed_promotions(database: Database, master_key: MasterKey, seeded: Seeded, *, ids: Ids, clock: Clock) -> str:
    """A promotion for everybody, one for a way to pay and one for those who type the word that is returned."""
    promotions, coupons = Promotions(database, ids, clock), Coupons(database, master_key, ids=ids, clock=clock)
    merchant_id, by = seeded.merchant_id, seeded.operator_id
    for rule, limits in _PROMOTIONS:
        kept = await promotions.create(merchant_id, rule, limits, by=by)
        promotion_id = kept.rule.promotion_id
        await promotions.activate(merchant_id, promotion_id, version=kept.version, by=by)
        if kept.rule.coupon:
            await coupons.issue(merchant_id, NewCoupons(promotion_id, word=DEMO_COUPON, uses_each=100_000), by=by)
    return DEMO_COUPON


async def _place_machines(sites: Sites, operator: Operator, machine_ids: Sequence[str], today: date) -> None:
    """Each at its site, which the next machines share once every site has one."""
    for index, machine_id in enumerate(machine_ids):
        name_zh, name_en, coordinates = _SITES[index % len(_SITES)]
        made = await sites.create(operator, f"{name_zh} · {name_en}", "Demo", request_key="demo")
        await sites.change(operator, replace(made, coordinates=coordinates))
        await sites.stay(operator, Stay(machine_id, today, made.site_id))


async def load_stock(
    connection: AsyncConnection, merchant_id: str, machine_id: str, *, loads: dict[str, int], at: datetime
) -> None:
    """Put goods into slots: the stock rises and each load is a move, in the caller's transaction."""
    rows = [{"merchant_id": merchant_id, "machine_id": machine_id, "slot": slot} for slot in sorted(loads)]
    statement = upsert(_STOCK_SLOT)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["merchant_id", "machine_id", "slot"],
            set_={"on_hand": _STOCK_SLOT.c.on_hand + statement.excluded.on_hand},
        ),
        [row | {"on_hand": loads[row["slot"]], "reserved": 0, "closed_reason": ""} for row in rows],
    )
    await connection.execute(
        sa.insert(_STOCK_MOVE),
        [row | {"kind": "loaded", "quantity": loads[row["slot"]], "order_id": "", "unit": 0, "at": at} for row in rows],
    )


async def _put_products(catalog: Catalog, merchant_id: str) -> dict[str, str]:
    """The ids of the products by key; a transaction for all of them, and one for their pictures."""
    drawn = {product.key: picture for product in seed_products() if (picture := seed_image(product.key)) is not None}
    images = dict(zip(drawn, await catalog.put_drawings(merchant_id, list(drawn.values())), strict=True))
    products = [product.new_product(CURRENCY, images.get(product.key, "")) for product in seed_products()]
    ids = await catalog.put_products(merchant_id, products)
    return {product.sku: product_id for product, product_id in zip(products, ids, strict=True)}


def _machine(index: int) -> NewMachine:
    site_zh, site_en, _ = _SITES[index % len(_SITES)]
    return NewMachine(number=f"SH-{index + 1:03d}", name_zh=site_zh, name_en=site_en, site=f"{site_zh} · {site_en}")


def _plan(products: dict[str, str]) -> list[PlannedSlot]:
    return [
        PlannedSlot(slot, products[product.key], Money(product.price_fen, CURRENCY), product.capacity)
        for slot, product in zip(SLOTS, seed_products(), strict=False)
    ]


def _loads() -> dict[str, int]:
    return {slot: product.capacity for slot, product in zip(SLOTS, seed_products(), strict=False)}
