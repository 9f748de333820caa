"""Changing what machines are wanted to hold: drafts, publishing now or at a moment, one price at many machines.

A change quotes what it was made from; when anybody was quicker, nothing is changed. Several machines change together or
not at all, in one transaction. What is in an open order keeps its price: orders carry their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import PRICE_MINOR_MAX, PlannedSlot, checked_plan
from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.merchants import Operator
from vendomat.cloud.planograms import store
from vendomat.cloud.planograms.model import (
    ChangeKind,
    Plan,
    Planogram,
    SlotChange,
    at_price,
    carried,
    changes_between,
    checked_counts,
    checked_moment,
    one_side,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import check_version
from vendomat.cloud.platform.outbox import OutboxEvent, append_event
from vendomat.kernel import Clock, ErrorCode, Money, VendomatError

MACHINES_MAX = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """One machine of several: `edit` is what its planogram was read as, `counts` what is in slots now."""

    machine_id: str
    edit: int
    counts: Mapping[str, int] = field(default_factory=dict)


class Author(Protocol):
    """In whose name something is published: whoever is signed in, or said earlier when it shall be."""

    @property
    def merchant_id(self) -> str: ...
    @property
    def operator_id(self) -> str: ...
    @property
    def currency(self) -> str: ...


class PlanogramDesk:
    """Raises `VendomatError` (not_found, invalid_value, conflict, version_missing, version_stale), changing nothing."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def save_draft(
        self, operator: Operator, machine_id: str, slots: Sequence[PlannedSlot], *, if_match: str | None
    ) -> None:
        """Keep what the machine shall hold next; nothing is sold differently yet."""
        draft = checked_plan(list(slots))
        async with self._database.merchant(operator.merchant_id) as connection:
            planogram = await self._lock_one(connection, operator, machine_id, if_match)
            await check_products(connection, draft)
            before = (await store.planned_slots(connection, [machine_id]))[machine_id]
            kept = None if tuple(draft) == before else draft
            await store.save_draft(connection, planogram, kept, at=self._clock.now(), by=operator.operator_id)
            await self._tell(connection, operator, "planogram.drafted", machine_id)

    async def drop_draft(self, operator: Operator, machine_id: str, *, if_match: str | None) -> None:
        async with self._database.merchant(operator.merchant_id) as connection:
            planogram = await self._lock_one(connection, operator, machine_id, if_match)
            if planogram.draft is not None:
                await store.save_draft(connection, planogram, None, at=self._clock.now(), by=operator.operator_id)
                await self._tell(connection, operator, "planogram.draft_dropped", machine_id)

    async def save_drafts(self, operator: Operator, slots: Sequence[PlannedSlot], wishes: Sequence[Wish]) -> None:
        """The same draft for several machines, in place of theirs."""
        draft = checked_plan(list(slots))
        async with self._database.merchant(operator.merchant_id) as connection:
            planograms = await _lock_all(connection, operator, wishes)
            await check_products(connection, draft)
            for planogram in planograms:
                await store.save_draft(connection, planogram, draft, at=self._clock.now(), by=operator.operator_id)
                await self._tell(connection, operator, "planogram.drafted", planogram.machine_id)

    async def draft_each(
        self,
        connection: AsyncConnection,
        operator: Operator,
        drafts: Sequence[tuple[Planogram, tuple[PlannedSlot, ...], tuple[PlannedSlot, ...]]],
    ) -> None:
        """`(planogram, sold, draft)` of locked ones: each its own draft; what is sold already needs none."""
        await check_products(connection, [planned for _, _, draft in drafts for planned in draft])
        for planogram, sold, draft in drafts:
            kept = None if draft == sold else draft
            await store.save_draft(connection, planogram, kept, at=self._clock.now(), by=operator.operator_id)
            kind = "planogram.draft_dropped" if kept is None else "planogram.drafted"
            await self._tell(connection, operator, kind, planogram.machine_id)

    async def publish(self, author: Author, wishes: Sequence[Wish], *, at: datetime | None = None) -> None:
        """What is drafted for each of the machines is what they sell from now on, or from `at` on."""
        async with self._database.merchant(author.merchant_id) as connection:
            if at is None:
                await self._publish(connection, author, wishes, lambda planogram, _: _drafted(planogram))
            else:
                await self._put_off(connection, author, wishes, at)

    async def publish_one(
        self,
        operator: Operator,
        machine_id: str,
        counts: Mapping[str, int],
        *,
        if_match: str | None,
        at: datetime | None = None,
    ) -> None:
        """As `publish`."""
        async with self._database.merchant(operator.merchant_id) as connection:
            planogram = await self._lock_one(connection, operator, machine_id, if_match)
        await self.publish(operator, [Wish(machine_id, planogram.edit, counts)], at=at)

    async def give_up(self, author: Author, wish: Wish, reason: str) -> None:
        """A draft that could not be published at its moment stays a draft, and the change log says why."""
        async with self._database.merchant(author.merchant_id) as connection:
            await _lock_all(connection, author, [wish])
            await store.set_moment(connection, wish.machine_id, None, "")
            await self._tell(connection, author, "planogram.not_published", wish.machine_id, after={"why": reason})

    async def set_price(
        self,
        operator: Operator,
        product_id: str,
        price_minor: int,
        wishes: Sequence[Wish],
        *,
        at: datetime | None = None,
    ) -> None:
        """The product's price in every slot of the machines, published at once. Drafts that left it alone follow.

        From `at` on, it is a draft of each machine, published then; a machine that has a draft already refuses.
        """
        if not 1 <= price_minor <= PRICE_MINOR_MAX:
            raise VendomatError(ErrorCode.INVALID_AMOUNT, "this is not a price; nothing changed")
        price = Money(price_minor, operator.currency)

        def wanted(_: Planogram, before: tuple[PlannedSlot, ...]) -> tuple[PlannedSlot, ...]:
            return at_price(before, product_id, price)

        async with self._database.merchant(operator.merchant_id) as connection:
            if at is None:
                await self._publish(connection, operator, wishes, wanted, is_keeping_drafts=True)
            else:
                await self._draft_all(connection, operator, wishes, wanted)
                drafted = [Wish(wish.machine_id, wish.edit + 1) for wish in wishes]
                await self._put_off(connection, operator, drafted, at)

    async def _draft_all(
        self,
        connection: AsyncConnection,
        author: Author,
        wishes: Sequence[Wish],
        wanted: Callable[[Planogram, tuple[PlannedSlot, ...]], tuple[PlannedSlot, ...]],
    ) -> None:
        """Drafts for machines that have none."""
        planograms = await _lock_all(connection, author, wishes)
        taken = [planogram.machine_id for planogram in planograms if planogram.draft is not None]
        if taken:
            numbers = sorted((await store.numbers_of(connection, taken)).values())
            raise VendomatError(
                ErrorCode.CONFLICT,
                f"{', '.join(numbers[:5])}: there is a draft already; publish or drop it first. Nothing changed",
                machines=numbers,
            )
        before = await store.planned_slots(connection, [planogram.machine_id for planogram in planograms])
        for planogram in planograms:
            draft = wanted(planogram, before[planogram.machine_id])
            await store.save_draft(connection, planogram, draft, at=self._clock.now(), by=author.operator_id)

    async def _put_off(self, connection: AsyncConnection, author: Author, wishes: Sequence[Wish], at: datetime) -> None:
        """The drafts are published by themselves at `at`."""
        planograms = await _lock_all(connection, author, wishes)
        machines = [planogram.machine_id for planogram in planograms]
        before = await store.planned_slots(connection, machines)
        numbers = await store.numbers_of(connection, machines)
        said = {wish.machine_id: wish.counts for wish in wishes}
        for planogram in planograms:
            machine_id = planogram.machine_id
            changes = changes_between(before[machine_id], _drafted(planogram), {})
            _check_any(numbers[machine_id], changes)
            checked_moment(numbers[machine_id], changes, at, self._clock.now())
            checked_counts(numbers[machine_id], changes, said[machine_id])
            await store.set_moment(connection, machine_id, at, author.operator_id)
            await self._tell(
                connection,
                author,
                "planogram.put_off",
                machine_id,
                before={"slots": one_side(changes, is_after=False)},
                after={"at": at.isoformat(), "slots": one_side(changes, is_after=True)},
            )

    async def _publish(
        self,
        connection: AsyncConnection,
        author: Author,
        wishes: Sequence[Wish],
        wanted: Callable[[Planogram, tuple[PlannedSlot, ...]], tuple[PlannedSlot, ...]],
        *,
        is_keeping_drafts: bool = False,
    ) -> None:
        planograms = await _lock_all(connection, author, wishes)
        machines = [planogram.machine_id for planogram in planograms]
        before = await store.planned_slots(connection, machines)
        after = {one.machine_id: wanted(one, before[one.machine_id]) for one in planograms}
        await check_products(connection, [planned for slots in after.values() for planned in slots])
        stock = await store.stock_of(connection, machines, is_locking=True)
        numbers = await store.numbers_of(connection, machines)
        said = {wish.machine_id: wish.counts for wish in wishes}
        plans = []
        for planogram in planograms:
            machine_id = planogram.machine_id
            changes = changes_between(before[machine_id], after[machine_id], stock[machine_id])
            _check_any(numbers[machine_id], changes)
            await _check_ages(connection, numbers[machine_id], changes)
            counts = checked_counts(numbers[machine_id], changes, said[machine_id])
            draft = carried(planogram.draft, before[machine_id], after[machine_id]) if is_keeping_drafts else None
            kept = None if draft == after[machine_id] else draft
            plans.append(Plan(planogram, before[machine_id], after[machine_id], tuple(changes), counts, kept))
        await store.publish(connection, author.merchant_id, plans, at=self._clock.now(), by=author.operator_id)
        for plan in plans:
            sides = (one_side(plan.changes, is_after=False), one_side(plan.changes, is_after=True))
            news: dict[str, object] = {"version": plan.planogram.version + 1, "slots": sides[1], "counts": plan.counts}
            await self._tell(
                connection,
                author,
                "planogram.published",
                plan.planogram.machine_id,
                before={"slots": sides[0]},
                after=news,
            )

    async def _lock_one(
        self, connection: AsyncConnection, operator: Operator, machine_id: str, if_match: str | None
    ) -> Planogram:
        found = await store.lock_planograms(connection, operator.merchant_id, [machine_id], operator.currency)
        if machine_id not in found:
            raise no_machine()
        check_version(if_match, found[machine_id].edit)
        return found[machine_id]

    async def _tell(
        self,
        connection: AsyncConnection,
        author: Author,
        kind: str,
        machine_id: str,
        *,
        before: State | None = None,
        after: State | None = None,
    ) -> None:
        """To open pages, and to the change log."""
        now, merchant_id, actor = self._clock.now(), author.merchant_id, author.operator_id
        data: dict[str, object] = {"machine_id": machine_id, "operator_id": actor}
        await append_event(connection, OutboxEvent(merchant_id, kind, machine_id, data, now))
        change = Change(
            merchant_id=merchant_id, actor=actor, action=kind, subject=machine_id, at=now, before=before, after=after
        )
        await note_change(connection, change)


def _drafted(planogram: Planogram) -> tuple[PlannedSlot, ...]:
    if planogram.draft is None:
        raise VendomatError(ErrorCode.CONFLICT, "there is no draft to publish; nothing changed")
    return planogram.draft


def _check_any(number: str, changes: Sequence[SlotChange]) -> None:
    if not changes:
        raise VendomatError(
            ErrorCode.CONFLICT, f"{number} is planned like this already; nothing changed", machine=number
        )


async def _lock_all(connection: AsyncConnection, author: Author, wishes: Sequence[Wish]) -> list[Planogram]:
    """All or none, each as it was read."""
    expected = {wish.machine_id: wish.edit for wish in wishes}
    if not 1 <= len(expected) == len(wishes) <= MACHINES_MAX:
        raise VendomatError(
            ErrorCode.INVALID_VALUE, f"name 1 to {MACHINES_MAX} machines, each of them once; nothing changed"
        )
    found = await store.lock_planograms(connection, author.merchant_id, expected, author.currency)
    if len(found) != len(expected):
        raise no_machine()
    stale = [machine_id for machine_id, planogram in found.items() if planogram.edit != expected[machine_id]]
    if stale:
        numbers = sorted((await store.numbers_of(connection, stale)).values())
        raise VendomatError(
            ErrorCode.VERSION_STALE,
            f"somebody changed {', '.join(numbers[:5])} since you read it; nothing changed anywhere. Read it again",
            machines=numbers,
        )
    return [found[machine_id] for machine_id in sorted(found)]


async def check_products(connection: AsyncConnection, slots: Sequence[PlannedSlot]) -> None:
    """Every product is there and stays so until the transaction ends. Raises `VendomatError(conflict)`."""
    wanted = {planned.product_id for planned in slots}
    missing = wanted - await store.lock_products(connection, wanted)
    if missing:
        at = [planned.slot for planned in slots if planned.product_id in missing]
        raise VendomatError(
            ErrorCode.CONFLICT,
            f"slot {at[0]} names a product that is put away or does not exist; nothing changed",
            slots=at,
        )


async def _check_ages(connection: AsyncConnection, number: str, changes: Sequence[SlotChange]) -> None:
    """No goods with an age limit come into a machine: it cannot tell how old a buyer is."""
    new = {c.slot: c.after.product_id for c in changes if c.after and c.kind is not ChangeKind.CHANGED}
    limited = await store.age_limited(connection, new.values())
    slots = [slot for slot, product_id in new.items() if product_id in limited]
    if slots:
        raise VendomatError(
            ErrorCode.CONFLICT,
            f"{number}: {', '.join(slots)} would hold goods with an age limit, and no machine can tell how old a buyer "
            "is; nothing changed",
            machine=number,
            slots=slots,
        )


def no_machine() -> VendomatError:
    return VendomatError(ErrorCode.NOT_FOUND, "there is no such machine in use; nothing changed")
