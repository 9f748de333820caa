"""Keeping machine models, and saying which machines are of which.

A change quotes the version it was made from. What machines hold and sell stays as it is: a model is what the next plan
begins with, and what a plan is compared with.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import slot_order
from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.machine_models import store
from vendomat.cloud.machine_models.model import MachineModel, NewModel
from vendomat.cloud.merchants import Operator
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor, check_version
from vendomat.cloud.platform.outbox import OutboxEvent, append_event
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

MODELS_MAX = 500
_NAMED_MAX = 5


class ModelDesk:
    """Raises `VendomatError` (not_found, invalid_value, conflict, version_missing, version_stale), changing nothing."""

    def __init__(self, database: Database, ids: Ids, clock: Clock) -> None:
        self._database = database
        self._ids = ids
        self._clock = clock

    async def page(self, operator: Operator, *, after: Cursor | None, limit: int) -> list[MachineModel]:
        """Newest first."""
        async with self._database.merchant(operator.merchant_id) as connection:
            return await store.list_models(connection, after=after, limit=limit)

    async def find(self, operator: Operator, model_id: str) -> MachineModel:
        async with self._database.merchant(operator.merchant_id) as connection:
            return _found(await store.find_model(connection, model_id))

    async def create(self, operator: Operator, new: NewModel) -> MachineModel:
        async with self._database.merchant(operator.merchant_id) as connection:
            return await self._add(connection, operator, new)

    async def create_from(self, operator: Operator, machine_id: str, new: NewModel) -> MachineModel:
        """A model with the slots that the machine's planogram names, instead of `new`'s; the machine is of it."""
        async with self._database.merchant(operator.merchant_id) as connection:
            before = await store.lock_machines(connection, [machine_id])
            if machine_id not in before:
                raise _no_machine()
            slots = await store.sold_slots(connection, machine_id)
            if not slots:
                raise VendomatError(ErrorCode.CONFLICT, "this machine's planogram has no slots yet; nothing changed")
            slots.sort(key=lambda one: slot_order(one.slot))
            model = await self._add(connection, operator, replace(new, slots=tuple(slots)))
            await self._set(connection, operator, before, model.model_id)
        return replace(model, machines=1)

    async def change(self, operator: Operator, model_id: str, new: NewModel, *, if_match: str | None) -> MachineModel:
        """All of it anew."""
        new = _in_order(new)
        async with self._database.merchant(operator.merchant_id) as connection:
            model = await self._lock(connection, model_id, if_match)
            with _taken():
                await store.update_model(connection, model_id, new)
            was, is_now = store.columns_of(model.data), store.columns_of(new)
            names = [name for name in is_now if was[name] != is_now[name]]
            before, after = ({name: side[name] for name in names} for side in (was, is_now))
            await self._tell(connection, operator, "machine_model.changed", model_id, before=before, after=after)
        return replace(model, data=new, version=model.version + 1)

    async def delete(self, operator: Operator, model_id: str, *, if_match: str | None) -> None:
        """Refused while a machine is of it."""
        async with self._database.merchant(operator.merchant_id) as connection:
            model = await self._lock(connection, model_id, if_match)
            numbers = await store.numbers_with(connection, model_id)
            if numbers:
                more = f" and {len(numbers) - _NAMED_MAX} more" if len(numbers) > _NAMED_MAX else ""
                raise VendomatError(
                    ErrorCode.CONFLICT,
                    f"{', '.join(numbers[:_NAMED_MAX])}{more} are of this model; give them another first. "
                    "Nothing changed",
                    machines=numbers[:_NAMED_MAX],
                )
            await store.delete_model(connection, model_id)
            await self._tell(
                connection, operator, "machine_model.deleted", model_id, before=store.columns_of(model.data)
            )

    async def assign(self, operator: Operator, machine_ids: Collection[str], model_id: str | None) -> None:
        """`machine_ids` are of this model, or of none: all of them or no one."""
        wanted = sorted(set(machine_ids))
        async with self._database.merchant(operator.merchant_id) as connection:
            if model_id is not None:
                _found(await store.find_model(connection, model_id, is_locking=True))
            before = await store.lock_machines(connection, wanted)
            if len(before) < len(wanted):
                raise _no_machine()
            await self._set(connection, operator, before, model_id)

    async def _add(self, connection: AsyncConnection, operator: Operator, new: NewModel) -> MachineModel:
        new = _in_order(new)
        if await store.count_models(connection) >= MODELS_MAX:
            raise VendomatError(ErrorCode.CONFLICT, f"there are {MODELS_MAX} models already; nothing changed")
        model = MachineModel(self._ids.new("mdl"), new, 1, self._clock.now())
        with _taken():
            await store.insert_model(connection, operator.merchant_id, model.model_id, new, at=model.created_at)
        await self._tell(connection, operator, "machine_model.created", model.model_id, after=store.columns_of(new))
        return model

    async def _set(
        self, connection: AsyncConnection, operator: Operator, before: dict[str, str | None], model_id: str | None
    ) -> None:
        changed = [machine_id for machine_id, was in sorted(before.items()) if was != model_id]
        await store.set_model(connection, changed, model_id)
        for machine_id in changed:
            await self._tell(
                connection,
                operator,
                "machine.model_set",
                machine_id,
                before={"model_id": before[machine_id]},
                after={"model_id": model_id},
            )

    async def _lock(self, connection: AsyncConnection, model_id: str, if_match: str | None) -> MachineModel:
        model = _found(await store.find_model(connection, model_id, is_locking=True))
        check_version(if_match, model.version)
        return model

    async def _tell(
        self,
        connection: AsyncConnection,
        operator: Operator,
        kind: str,
        subject: str,
        *,
        before: State | None = None,
        after: State | None = None,
    ) -> None:
        """To open pages, and to the change log."""
        now, merchant_id, actor = self._clock.now(), operator.merchant_id, operator.operator_id
        named = "machine_id" if kind.startswith("machine.") else "model_id"
        data: dict[str, object] = {named: subject, "operator_id": actor}
        await append_event(connection, OutboxEvent(merchant_id, kind, subject, data, now))
        change = Change(
            merchant_id=merchant_id, actor=actor, action=kind, subject=subject, at=now, before=before, after=after
        )
        await note_change(connection, change)


def _in_order(new: NewModel) -> NewModel:
    new.check()
    return replace(new, slots=tuple(sorted(new.slots, key=lambda one: slot_order(one.slot))))


def _found(model: MachineModel | None) -> MachineModel:
    if model is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine model; nothing changed")
    return model


def _no_machine() -> VendomatError:
    return VendomatError(ErrorCode.NOT_FOUND, "one of these machines is not there; nothing changed")


@contextmanager
def _taken() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise VendomatError(ErrorCode.CONFLICT, "this maker's model is kept already; nothing changed") from error
