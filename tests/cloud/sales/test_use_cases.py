"""The three hot use cases on a real database: what they write, and that batching changes nothing."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from vendomat.cloud.machines import Sender
from vendomat.cloud.orders import Closing, FindingMove, OrderState
from vendomat.cloud.payments import Payment, PaymentState, refund_number
from vendomat.cloud.platform.outbox import InboxFact
from vendomat.cloud.sales.model import (
    AmbiguityResolved,
    CloseAsked,
    DeadlinePassed,
    Event,
    PaymentClosed,
    PaymentPaid,
    PaymentUncertain,
    RefundSaid,
    RefundSeen,
    VendFactSeen,
    VendSaid,
)
from vendomat.cloud.sales.use_cases import (
    Applied,
    EventFor,
    NewOrder,
    VendItem,
    apply_payment_facts,
    apply_vend_facts,
    create_orders,
)
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import ErrorCode, ManualClock, TimeOrderedIds, VendomatError, derive_id
from vendomat.protocol import OrderLine

pytestmark = pytest.mark.slow

AT = datetime(2026, 6, 1, tzinfo=UTC)
IDS = TimeOrderedIds(ManualClock(AT), random.Random(1).getrandbits)


def new_order(n: int, slots: tuple[tuple[str, int, int], ...] = (("A1", 1, 350),), **other: object) -> NewOrder:
    order = NewOrder(
        merchant_id=MERCHANT,
        machine_id=MACHINE,
        request_id=derive_id("req", n),
        order_id=derive_id("ord", n),
        origin="touch",
        lines=tuple(OrderLine(slot=s, quantity=q, price_minor=p) for s, q, p in slots),
        payment=Payment(derive_id("pay", n), "wechat", "1900000001", 0, PaymentState.CREATED),
        at=AT,
        expires_at=AT + timedelta(seconds=120),
    )
    return replace(order, **other)  # type: ignore[arg-type]


def paid(n: int, amount: int = 350, **other: object) -> EventFor:
    event = PaymentPaid(
        payment_id=derive_id("pay", n),
        account="1900000001",
        amount_minor=amount,
        currency="CNY",
        transaction_id=f"42000{n}",
        paid_at=AT,
        via="notice",
        grace=timedelta(seconds=30),
        at=AT,
    )
    return EventFor((MERCHANT, derive_id("ord", n)), replace(event, **other))  # type: ignore[type-var]


def vend(n: int, seq: int, said: VendSaid, unit: int = 1, result: str = "") -> VendItem:
    order_id = derive_id("ord", n)
    event = VendFactSeen(command_number(order_id, unit), MACHINE, said, result or said, "", f"1/{seq}", AT)
    return VendItem(InboxFact(MERCHANT, MACHINE, 1, seq, f"{seq:032}", "outcome", AT), (MERCHANT, order_id), event)


async def create(world: World, *orders: NewOrder) -> list[Applied | Exception]:
    async with world.hot.transaction():
        return await create_orders(world.hot, orders, world.settings, IDS)


async def pay(world: World, *facts: EventFor) -> list[Applied | Exception]:
    async with world.hot.transaction():
        return await apply_payment_facts(world.hot, facts, world.settings, IDS)


async def balances(world: World) -> dict[str, int]:
    rows = await world.superuser.fetch("SELECT account, sum(amount_minor)::bigint FROM ledger_line GROUP BY 1")
    return {account: amount for account, amount in rows if amount}


async def test_a_good_sale_ends_as_income(world: World) -> None:
    (made,) = await create(world, new_order(1))
    assert isinstance(made, Applied) and made.purchase is not None and made.purchase.total_minor == 350
    (applied,) = await pay(world, paid(1))
    assert isinstance(applied, Applied)
    (dispatch,) = applied.dispatches
    assert (dispatch.nonce, dispatch.slot) == ("nonce-nonce-nonce-1", "A1")
    async with world.hot.transaction():
        await apply_vend_facts(
            world.hot, [vend(1, 1, VendSaid.STARTED), vend(1, 2, VendSaid.DELIVERED)], world.settings, IDS
        )
    order = await world.superuser.fetchrow("SELECT state, ended_at FROM sale_order")
    assert order["state"] == "settled" and order["ended_at"] == AT
    assert await balances(world) == {"asset:clearing:wechat:1900000001": 350, f"income:sales:{MERCHANT}": -350}
    assert tuple(await world.superuser.fetchrow("SELECT on_hand, reserved FROM stock_slot WHERE slot = 'A1'")) == (
        39,
        0,
    )


async def test_f14_pf21_what_did_not_come_out_is_asked_back_in_one_sum(world: World) -> None:
    """F14: of three units two fail: one refund of exactly their prices; the shares sum to the payment."""
    await create(world, new_order(1, (("A1", 2, 350), ("A2", 1, 200))))
    await pay(world, paid(1, 900))
    order_id = derive_id("ord", 1)
    for seq, (unit, said) in enumerate([(1, "delivered"), (2, "not_delivered"), (3, "not_delivered")], start=1):
        async with world.hot.transaction():
            await apply_vend_facts(
                world.hot, [vend(1, seq, VendSaid(said), unit, "jam" if unit > 1 else "")], world.settings, IDS
            )
    refund = await world.superuser.fetchrow("SELECT * FROM refund")
    assert (refund["amount_minor"], refund["ordinal"], refund["state"]) == (550, 1, "requested")
    number = refund_number(derive_id("pay", 1), 1)
    assert refund["refund_id"] == number
    for said in (RefundSaid.ACCEPTED, RefundSaid.SUCCEEDED, RefundSaid.SUCCEEDED):
        await pay(world, EventFor((MERCHANT, order_id), RefundSeen(number, said, "", AT)))
    assert await world.superuser.fetchval("SELECT state FROM sale_order") == "settled"
    assert await balances(world) == {"asset:clearing:wechat:1900000001": 350, f"income:sales:{MERCHANT}": -350}
    closed = await world.superuser.fetch("SELECT slot, closed_reason, reserved FROM stock_slot ORDER BY slot")
    assert [tuple(row) for row in closed] == [("A1", "jam", 0), ("A2", "jam", 0)]
    assert await world.superuser.fetchval("SELECT count(*) FROM alarm WHERE kind = 'vend_failed'") == 2


async def test_the_same_request_gives_the_same_order(world: World) -> None:
    first, second = await create(world, new_order(1), new_order(1, order_id=derive_id("ord", 99)))
    (third,) = await create(world, new_order(1, order_id=derive_id("ord", 98)))
    ids = {r.purchase.order_id for r in (first, second, third) if isinstance(r, Applied) and r.purchase}
    assert ids == {derive_id("ord", 1)}
    assert await world.superuser.fetchval("SELECT reserved FROM stock_slot WHERE slot = 'A1'") == 1


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (new_order(1, (("Z9", 1, 350),)), ErrorCode.UNKNOWN_SLOT),
        (new_order(1, (("A1", 1, 1),)), ErrorCode.PRICE_CHANGED),
        (new_order(1, (("A2", 4, 200),)), ErrorCode.SOLD_OUT),
        (new_order(1, (("A2", 2, 200), ("A2", 2, 200))), ErrorCode.SOLD_OUT),
        (new_order(1, (("A1", 11, 350),)), ErrorCode.CART_TOO_LARGE),
        (new_order(1, sender=Sender(MERCHANT, MACHINE, "U", 0, 1)), ErrorCode.OLD_EPOCH),
        (new_order(1, sender=Sender(MERCHANT, MACHINE, "V", 1, 1)), ErrorCode.BAD_SIGNATURE),
        (new_order(1, machine_id="mch_" + "1" * 26), ErrorCode.FORBIDDEN),
    ],
)
async def test_a_refused_order_reserves_nothing_and_leaves_its_neighbour_alone(
    world: World, order: NewOrder, code: ErrorCode
) -> None:
    refused, good = await create(world, order, new_order(2))
    assert isinstance(refused, VendomatError) and refused.code is code
    assert isinstance(good, Applied)
    assert await world.superuser.fetchval("SELECT sum(reserved) FROM stock_slot") == 1


async def test_goods_with_an_age_limit_are_refused_before_any_money(world: World) -> None:
    await world.superuser.execute(
        "INSERT INTO product (merchant_id, product_id, sku, name_zh, name_en, price_minor, age_min) "
        f"VALUES ('{MERCHANT}', 'prd_wine', 'wine', '酒', 'Wine', 200, 18);"
        "UPDATE planogram_slot SET product_id = 'prd_wine' WHERE slot = 'A2'"
    )
    refused, mixed, good = await create(
        world, new_order(1, (("A2", 1, 200),)), new_order(2, (("A1", 1, 350), ("A2", 1, 200))), new_order(3)
    )
    for one in (refused, mixed):
        assert isinstance(one, VendomatError) and one.code is ErrorCode.SLOT_CLOSED and "age of 18" in one.message
    assert isinstance(good, Applied)
    assert await world.superuser.fetchval("SELECT sum(reserved) FROM stock_slot") == 1


async def test_a_paid_order_takes_no_second_payment(world: World) -> None:
    await create(world, new_order(1))
    await pay(world, paid(1), paid(1))
    key = (MERCHANT, derive_id("ord", 1))
    assert await world.superuser.fetchval("SELECT count(*) FROM command") == 1
    await pay(world, EventFor(key, CloseAsked(Closing.EXPIRING, AT)))
    assert await world.superuser.fetchval("SELECT state FROM sale_order") == "paid"


async def test_a_late_payment_goes_back_and_never_vends(world: World) -> None:
    await create(world, new_order(1))
    key = (MERCHANT, derive_id("ord", 1))
    await pay(
        world, EventFor(key, CloseAsked(Closing.EXPIRING, AT)), EventFor(key, PaymentClosed(derive_id("pay", 1), AT))
    )
    assert await world.superuser.fetchval("SELECT state FROM sale_order") == OrderState.EXPIRED
    await pay(world, paid(1))
    assert await world.superuser.fetchval("SELECT count(*) FROM command") == 0
    assert await world.superuser.fetchval("SELECT amount_minor FROM refund") == 350
    assert await balances(world) == {"asset:clearing:wechat:1900000001": 350, "liab:refund_payable": -350}


@pytest.mark.parametrize("wrong", [{"amount_minor": 349}, {"currency": "USD"}, {"account": "1900000002"}])
async def test_f04_pf07_money_that_does_not_fit_freezes_and_alarms(world: World, wrong: dict[str, object]) -> None:
    """F04: other amount, currency or account: no vend, no refund by itself, a security event."""
    await create(world, new_order(1))
    await pay(world, paid(1, **wrong))
    assert await world.superuser.fetchval("SELECT is_frozen AND NOT is_winning FROM payment")
    assert await world.superuser.fetchval("SELECT count(*) FROM command") == 0
    assert await world.superuser.fetchval("SELECT count(*) FROM refund") == 0
    assert await world.superuser.fetchval("SELECT count(*) FROM security_event") == 1
    assert await world.superuser.fetchval("SELECT kind FROM alarm") == "payment_mismatch"


async def test_a_fact_with_other_content_under_a_known_origin_is_not_accepted(world: World) -> None:
    await create(world, new_order(1))
    await pay(world, paid(1))
    item = vend(1, 1, VendSaid.STARTED)
    forged = replace(vend(1, 1, VendSaid.DELIVERED), fact=replace(item.fact, digest="f" * 32))
    async with world.hot.transaction():
        first, again, other = await apply_vend_facts(world.hot, [item, item, forged], world.settings, IDS)
    assert [r.is_accepted for r in (first, again, other) if not isinstance(r, Exception)] == [True, True, False]
    assert await world.superuser.fetchval("SELECT outcome FROM vend_unit") == "started"


async def test_the_ledger_refuses_what_does_not_balance_and_any_change(world: World) -> None:
    insert = "INSERT INTO ledger_line VALUES ($1, 'x', 1, 'a', 5, 'CNY', now())"
    with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
        await world.hot.execute(insert, MERCHANT)
    await create(world, new_order(1))
    await pay(world, paid(1))
    for statement in ("UPDATE ledger_line SET amount_minor = 1", "DELETE FROM ledger_line", "TRUNCATE ledger_line"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await world.hot.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await world.superuser.execute(statement)


# --- any split into batches gives the same database ------------------------------------------------------------------

ORDERS = 4
LIVES = {
    "good": [VendSaid.STARTED, VendSaid.DELIVERED],
    "fails": [VendSaid.STARTED, VendSaid.NOT_DELIVERED],
    "refused": [VendSaid.NOT_DELIVERED],
    "lost": [VendSaid.STARTED, VendSaid.UNKNOWN],
    "seen_late": [VendSaid.STARTED, VendSaid.NOT_DELIVERED, VendSaid.DELIVERED],
    "ambiguous": [VendSaid.STARTED, VendSaid.UNKNOWN],
    "found": [VendSaid.STARTED, VendSaid.UNKNOWN],
}


def story(n: int, life: str) -> list[tuple[str, object]]:
    """What happens to order `n`, in order; `life` names it."""
    key = (MERCHANT, derive_id("ord", n))
    items: list[tuple[str, object]] = [("create", new_order(n))]
    if life == "walks_away":
        events: list[Event] = [CloseAsked(Closing.EXPIRING, AT), PaymentClosed(derive_id("pay", n), AT)]
        return items + [("pay", EventFor(key, event)) for event in events]
    if life == "late":
        return [*story(n, "walks_away"), ("pay", paid(n))]
    items += [("pay", paid(n)), ("pay", paid(n))]
    items += [("vend", vend(n, 10 * n + i, said)) for i, said in enumerate(LIVES[life])]
    if life in ("ambiguous", "found"):
        items += [("pay", EventFor(key, DeadlinePassed(command_number(key[1], 1), AT)))]
    if life == "found":
        items += [("pay", EventFor(key, AmbiguityResolved(1, FindingMove.SEE_OUT, "opr", "seen", AT)))]
        items += [("vend", vend(n, 10 * n + 5, VendSaid.DELIVERED))]
    if life in ("fails", "refused"):
        number = refund_number(derive_id("pay", n), 1)
        items += [
            ("pay", EventFor(key, RefundSeen(number, said, "", AT)))
            for said in (RefundSaid.ACCEPTED, RefundSaid.SUCCEEDED)
        ]
    return items


async def play(world: World, items: list[tuple[str, object]], sizes: list[int]) -> list[list[tuple[object, ...]]]:
    """Apply `items` in order, cut into batches of `sizes` (never across kinds), and read the whole outcome."""
    transaction = world.hot.transaction()
    await transaction.start()
    try:
        cuts = iter(sizes)
        while items:
            size = next(cuts, len(items))
            kind = items[0][0]
            batch = []
            while items and items[0][0] == kind and len(batch) < size:
                batch.append(items.pop(0)[1])
            case = {"create": create_orders, "pay": apply_payment_facts, "vend": apply_vend_facts}[kind]
            await case(world.hot, batch, world.settings, IDS)  # type: ignore[operator]
        return [[tuple(row) for row in await world.hot.fetch(query)] for query in OUTCOME]
    finally:
        await transaction.rollback()


OUTCOME = (
    "SELECT order_id, state, closing, version, ended_at FROM sale_order ORDER BY 1",
    "SELECT order_id, unit, outcome, is_final, result, reason, finding FROM vend_unit ORDER BY 1, 2",
    "SELECT cmd_id, state, nonce, epoch FROM command ORDER BY 1",
    "SELECT payment_id, state, is_winning, captured_minor, close_wanted FROM payment ORDER BY 1",
    "SELECT refund_id, ordinal, amount_minor, state FROM refund ORDER BY 1",
    "SELECT txn_key, line, account, amount_minor FROM ledger_line ORDER BY 1, 2",
    "SELECT slot, on_hand, reserved, closed_reason, vend_record FROM stock_slot ORDER BY 1",
    "SELECT slot, kind, quantity, order_id FROM stock_move ORDER BY 1, 2, 4",
    "SELECT order_id, unit, price_minor, declared_at, finding, found_at FROM ambiguity ORDER BY 1, 2",
    "SELECT order_id, source, kind, data FROM evidence ORDER BY 1, entry",
    "SELECT kind, subject, data FROM outbox WHERE kind <> 'alarm.raised' ORDER BY 2, event_id",
    "SELECT slot, kind, severity, count FROM alarm ORDER BY 1, 2",
    "SELECT epoch, seq, digest FROM machine_fact ORDER BY 1, 2",
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_split_into_batches_gives_the_same_database(world: World, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from([*LIVES, "walks_away", "late"]), min_size=2, max_size=ORDERS))
    stories = [story(n, life) for n, life in enumerate(names, start=1)]
    items: list[tuple[str, object]] = []
    while any(stories):
        chosen = data.draw(st.sampled_from([s for s in stories if s]))
        items.append(chosen.pop(0))
    sizes = data.draw(st.lists(st.integers(1, 6), max_size=40))
    one_by_one = await play(world, list(items), [1] * len(items))
    assert await play(world, list(items), sizes) == one_by_one
    assert await play(world, list(items), []) == one_by_one


async def test_a_cancelled_order_gives_its_goods_free_before_its_payments_are_closed(world: World) -> None:
    await create(world, new_order(1))
    key = (MERCHANT, derive_id("ord", 1))
    await pay(world, EventFor(key, CloseAsked(Closing.CANCELLING, AT)))
    assert await world.superuser.fetchval("SELECT reserved FROM stock_slot WHERE slot = 'A1'") == 0
    assert await world.superuser.fetchval("SELECT state FROM sale_order") == "awaiting_payment"
    await pay(world, paid(1))
    assert await world.superuser.fetchval("SELECT count(*) FROM command") == 0
    assert await world.superuser.fetchval("SELECT amount_minor FROM refund") == 350
    assert await world.superuser.fetchval("SELECT state FROM sale_order") == "cancelled"


async def test_an_expired_order_gives_its_goods_free_once_nothing_may_vend_any_more(world: World) -> None:
    await create(world, new_order(1))
    key = (MERCHANT, derive_id("ord", 1))
    grace, payment_id = timedelta(seconds=30), derive_id("pay", 1)
    within, after = AT + timedelta(seconds=149), AT + timedelta(seconds=151)
    await pay(world, EventFor(key, CloseAsked(Closing.EXPIRING, AT + timedelta(seconds=120))))
    await pay(world, EventFor(key, PaymentUncertain(payment_id, "", grace, within)))
    assert await world.superuser.fetchval("SELECT reserved FROM stock_slot WHERE slot = 'A1'") == 1
    await pay(world, EventFor(key, PaymentUncertain(payment_id, "", grace, after)))
    assert await world.superuser.fetchval("SELECT reserved FROM stock_slot WHERE slot = 'A1'") == 0
    await pay(world, paid(1, at=within))  # a worker whose clock is behind
    assert await world.superuser.fetchval("SELECT count(*) FROM command") == 0
    assert await world.superuser.fetchval("SELECT state FROM sale_order") == "expired"
