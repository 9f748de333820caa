"""The three hot use cases, each over a list: create orders, apply payment facts, apply vend facts.

One connection, the caller's transaction, a fixed number of statements however long the list. Items of one list that
concern the same order are applied in their order. A refused item gets its error as its result and changes nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import asyncpg

from vendomat.cloud.alarms import AlarmRow, SecurityNote, Severity, note_security, raise_alarms
from vendomat.cloud.catalog import not_offered, refused_channels
from vendomat.cloud.machines import KnownMachine, Sender, known_machines
from vendomat.cloud.orders import Key
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.payments import store as payment_rows
from vendomat.cloud.platform.outbox import InboxFact, accept_facts, remember_notices
from vendomat.cloud.platform.rows import AtOnce
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.promotions import Use, keep_uses, open_coupons, open_offers, take_coupons
from vendomat.cloud.sales.cash import CashWord, book_cash
from vendomat.cloud.sales.effects import Change
from vendomat.cloud.sales.loading import load_purchases
from vendomat.cloud.sales.model import Effect, Event, Note, PaymentClosed, PaymentHeld, PaymentPaid, Purchase, Source
from vendomat.cloud.sales.new_order import NewOrder, Shelf, new_purchase
from vendomat.cloud.sales.steps import step
from vendomat.cloud.sales.store import Dispatch, insert_purchases, save
from vendomat.cloud.stock import change_slots, lock_offers
from vendomat.kernel import ErrorCode, Ids, VendomatError


@dataclass(frozen=True, slots=True)
class Applied:
    """One item's result. `purchase` is what stands after the commit; `dispatches` may be published now."""

    purchase: Purchase | None
    is_changed: bool = False
    dispatches: tuple[Dispatch, ...] = ()


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """The code a platform issued for a payment."""

    merchant_id: str
    payment_id: str
    code_url: str


@dataclass(frozen=True, slots=True)
class EventFor:
    """An event for the order of `key`, or (its order id empty) for the order of the payment that a notice tells of.

    `notice` (channel, id) is remembered in the inbox.
    """

    key: Key
    event: Event
    notice: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class VendItem:
    """A journalled fact of a terminal; `event` None: remembered only. `sender` None: not sent by a machine."""

    fact: InboxFact
    key: Key
    event: Event | None
    sender: Sender | None = None
    alert: SecurityNote | None = None  # what the fact reports, if it reports an attack
    cash: CashWord | None = None  # what the fact says of cash

    @property
    def machine(self) -> tuple[str, str]:
        return (self.fact.merchant_id, self.fact.machine_id)


@dataclass(frozen=True, slots=True)
class VendApplied:
    """`is_accepted`: it may be acknowledged (applied now, or known with the same digest)."""

    is_accepted: bool
    applied: Applied = field(default_factory=lambda: Applied(None))


# --- create orders ---------------------------------------------------------------------------------------------------


async def create_orders(
    connection: asyncpg.Connection, items: Sequence[NewOrder], settings: CloudSettings, ids: Ids
) -> list[Applied | Exception]:
    """Check, reserve, write. The same request again gives the order it made the first time."""
    known = await order_rows.find_by_request(connection, [(i.merchant_id, i.machine_id, i.request_id) for i in items])
    known_now = await known_machines(connection, [(i.merchant_id, i.machine_id) for i in items])
    offers = await lock_offers(connection, sorted({slot for item in items for slot in item.slots}))
    refused = await refused_channels(connection, sorted({item.wish for item in items}))
    results: list[Applied | Exception | None] = [None] * len(items)
    made: dict[tuple[str, str, str], int] = {}
    purchases: list[Purchase] = []
    uses: list[Use] = []
    promoted = [slot for slot, offer in offers.items() if offer.is_promoted]
    grace = timedelta(seconds=settings.price_grace_s)
    promotions = await open_offers(connection, promoted, [item.at for item in items], grace)
    coupons = await open_coupons(connection, [(i.merchant_id, i.coupon_id) for i in items if i.coupon_id])
    shelf = Shelf(known_now, offers, promotions, coupons, settings)
    for index, item in enumerate(items):
        request = (item.merchant_id, item.machine_id, item.request_id)
        if request in known or request in made:
            continue
        if item.wish in refused:
            results[index] = not_offered()
            continue
        try:
            purchase, given = new_purchase(item, shelf)
            purchases.append(purchase)
            uses += given
            made[request] = index
        except VendomatError as error:
            results[index] = error
    changes = _reservations(items, made, purchases)
    at_once = AtOnce(connection)
    await insert_purchases(at_once, purchases, settings)
    await keep_uses(at_once, uses)
    await take_coupons(at_once, [(use.merchant_id, use.coupon_id) for use in uses if use.coupon_id])
    if any(item.event is not None for item in items):
        await at_once.send()  # a command may follow at once, and its row needs the order's
    dispatches = await save(connection, changes, settings, ids=ids, at_once=at_once)
    await change_slots(
        connection,
        [((p.merchant_id, p.machine_id, u.slot), 0, 1, "") for p in purchases for u in p.units],
    )
    for change, index in zip(changes, made.values(), strict=True):
        mine = tuple(d for d in dispatches if d.order_id == change.after.order_id)
        results[index] = Applied(change.after, True, mine)
    return await _fill_known(connection, items, results, known)


def _reservations(
    items: Sequence[NewOrder], made: dict[tuple[str, str, str], int], purchases: Sequence[Purchase]
) -> list[Change]:
    changes = []
    for purchase, index in zip(purchases, made.values(), strict=True):
        item = items[index]
        said: dict[str, object] = {
            "total_minor": purchase.total_minor,
            "channel": item.payment.channel,
            "origin": item.origin,
        }
        if purchase.discount_minor:
            said["discount_minor"] = purchase.discount_minor
        effects: tuple[Effect, ...] = (Note(Source.TERMINAL, "order.created", said),)
        after = purchase
        if item.event is not None:
            after, more = step(purchase, item.event)
            effects += more
        changes.append(Change(purchase, after, effects, item.at))
    return changes


async def _fill_known(
    connection: asyncpg.Connection,
    items: Sequence[NewOrder],
    results: Sequence[Applied | Exception | None],
    known: dict[tuple[str, str, str], str],
) -> list[Applied | Exception]:
    """Repeated requests get the order that stands for them."""
    by_request = {
        (r.purchase.merchant_id, r.purchase.machine_id, r.purchase.request_id): r
        for r in results
        if isinstance(r, Applied) and r.purchase is not None
    }
    keys = [
        (i.merchant_id, known[i.merchant_id, i.machine_id, i.request_id])
        for i in items
        if (i.merchant_id, i.machine_id, i.request_id) in known
    ]
    stored = await load_purchases(connection, keys, is_locking=False) if keys else {}
    filled: list[Applied | Exception] = []
    for item, result in zip(items, results, strict=True):
        request = (item.merchant_id, item.machine_id, item.request_id)
        if result is not None:
            filled.append(result)
        elif request in known:
            filled.append(Applied(stored[item.merchant_id, known[request]]))
        else:
            filled.append(Applied(by_request[request].purchase))
    return filled


# --- apply facts -----------------------------------------------------------------------------------------------------


async def keep_codes(
    connection: asyncpg.Connection, items: Sequence[IssuedCode], settings: CloudSettings, ids: Ids
) -> list[Exception | None]:
    """Keep the codes that platforms issued. No version rises: what is owed to whom stays the same."""
    await payment_rows.set_code_urls(connection, sorted((i.merchant_id, i.payment_id, i.code_url) for i in items))
    return [None] * len(items)


async def apply_payment_facts(
    connection: asyncpg.Connection, items: Sequence[EventFor], settings: CloudSettings, ids: Ids
) -> list[Applied | Exception]:
    """Apply what platforms (by notice, look-up or close), timers and people say of orders."""
    keys = sorted({item.key for item in items if item.key[1]})
    numbers = sorted({_number(item) for item in items if not item.key[1]})
    before = await load_purchases(connection, keys, numbers=numbers)
    orders = {(key[0], payment.payment_id): key for key, found in before.items() for payment in found.payments}
    placed = [item if item.key[1] else replace(item, key=orders.get(_number(item), item.key)) for item in items]
    at_once = AtOnce(connection)
    await remember_notices(at_once, [(i.key[0], *i.notice, i.event.at) for i in placed if i.notice and i.key[1]])
    events = [(i.key, i.event) for i in placed]
    return await _apply(connection, before, events, settings=settings, ids=ids, at_once=at_once)


def _number(item: EventFor) -> tuple[str, str]:
    """The number of the payment it tells of: of `(merchant_id, payment_id)`, the second empty when it tells of none."""
    event = item.event
    return (item.key[0], event.payment_id if isinstance(event, PaymentPaid | PaymentHeld | PaymentClosed) else "")


async def apply_vend_facts(
    connection: asyncpg.Connection, items: Sequence[VendItem], settings: CloudSettings, ids: Ids
) -> list[VendApplied | Exception]:
    """Apply what terminals say, each fact once by its origin (machine, epoch, seq); nothing from an older run."""
    known = await known_machines(connection, [i.machine for i in items if i.sender is not None])
    refusals = [_refusal_of(i.sender, known) for i in items]
    is_current = [refusal is None for refusal in refusals]
    results = iter(await _apply_current(connection, list(itertools.compress(items, is_current)), settings, ids))
    return [next(results) if refusal is None else refusal for refusal in refusals]


def _refusal_of(sender: Sender | None, known: dict[tuple[str, str], KnownMachine]) -> VendomatError | None:
    if sender is None:
        return None
    if sender.key not in known:
        return VendomatError(ErrorCode.FORBIDDEN, "this machine is not enrolled; nothing was accepted")
    try:
        known[sender.key].check(sender)
    except VendomatError as refusal:
        return refusal
    return None


async def _apply_current(
    connection: asyncpg.Connection, items: Sequence[VendItem], settings: CloudSettings, ids: Ids
) -> list[VendApplied | Exception]:
    to_apply, is_accepted = await accept_facts(connection, [i.fact for i in items])
    conflicts = [fact_conflict(item.fact) for item, is_good in zip(items, is_accepted, strict=True) if not is_good]
    await raise_alarms(connection, conflicts, ids=ids)
    alerts = [alert for index in to_apply if (alert := items[index].alert) is not None]
    await note_security(connection, alerts, ids=ids)
    await book_cash(connection, [word for index in to_apply if (word := items[index].cash) is not None], settings, ids)
    moving = [(index, items[index].key, event) for index in to_apply if (event := items[index].event) is not None]
    outcomes = await apply_events(connection, [(key, event) for _, key, event in moving], settings, ids)
    by_index = {index: outcome for (index, _, _), outcome in zip(moving, outcomes, strict=True)}
    results: list[VendApplied | Exception] = []
    for index, accepted in enumerate(is_accepted):
        outcome = by_index.get(index)
        # A fact about an order that does not exist is remembered in the inbox and moves nothing.
        results.append(VendApplied(accepted, outcome if isinstance(outcome, Applied) else Applied(None)))
    return results


def fact_conflict(fact: InboxFact) -> AlarmRow:
    """The machine tells another story under an origin we know: its memory was changed, or two run with one key."""
    return AlarmRow(
        merchant_id=fact.merchant_id,
        machine_id=fact.machine_id,
        kind="machine.fact_conflict",
        severity=Severity.CRITICAL,
        at=fact.at,
        detail=f"run {fact.epoch}, fact {fact.seq}: not what it had told before",
    )


async def apply_events(
    connection: asyncpg.Connection,
    items: Sequence[tuple[Key, Event]],
    settings: CloudSettings,
    ids: Ids,
) -> list[Applied | Exception]:
    """Each event in its place, everything of it in the caller's transaction."""
    before = await load_purchases(connection, sorted({key for key, _ in items}))
    return await _apply(connection, before, items, settings=settings, ids=ids, at_once=AtOnce(connection))


async def _apply(
    connection: asyncpg.Connection,
    before: Mapping[Key, Purchase],
    items: Sequence[tuple[Key, Event]],
    *,
    settings: CloudSettings,
    ids: Ids,
    at_once: AtOnce,
) -> list[Applied | Exception]:
    after = dict(before)
    effects: dict[Key, tuple[Effect, ...]] = {}
    last_at: dict[Key, datetime] = {}
    for key, event in items:
        if key in after:
            after[key], more = step(after[key], event)
            effects[key] = effects.get(key, ()) + more
            last_at[key] = event.at
    changes = [
        Change(before[key], after[key], effects[key], last_at[key])
        for key in sorted(effects)
        if effects[key] or after[key] is not before[key]
    ]
    dispatches = await save(connection, changes, settings, ids=ids, at_once=at_once)
    results: list[Applied | Exception] = []
    for key, _ in items:
        if key not in after:
            results.append(VendomatError(ErrorCode.NOT_FOUND, f"there is no order {key[1]}; nothing changed"))
            continue
        mine = tuple(d for d in dispatches if (d.merchant_id, d.order_id) == key)
        dispatches = [d for d in dispatches if d not in mine]
        results.append(Applied(after[key], after[key] is not before[key], mine))
    return results


def grace_of(settings: CloudSettings) -> timedelta:
    """How long after a code's end a payment may still vend."""
    return timedelta(seconds=settings.late_grace_s)
