"""Templates: one plan for many machines. Applied, it is the draft of each; nothing is sold differently before it is
published there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import PlannedSlot, checked_plan
from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.merchants import Operator
from vendomat.cloud.planograms import template_store as rows
from vendomat.cloud.planograms.model import packed
from vendomat.cloud.planograms.service import PlanogramDesk, Wish, check_products
from vendomat.cloud.planograms.template_store import Template
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import check_version
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

TEMPLATES_MAX = 200


class TemplateDesk:
    """Raises `VendomatError` (not_found, invalid_value, conflict, version_missing, version_stale), changing nothing."""

    def __init__(self, database: Database, ids: Ids, clock: Clock, planograms: PlanogramDesk) -> None:
        self._database = database
        self._ids = ids
        self._clock = clock
        self._planograms = planograms

    async def templates(self, operator: Operator) -> list[Template]:
        async with self._database.merchant(operator.merchant_id) as connection:
            return await rows.list_templates(connection, operator.currency)

    async def create(self, operator: Operator, name: str, slots: Sequence[PlannedSlot]) -> Template:
        plan = tuple(checked_plan(list(slots)))
        template = Template(self._ids.new("tpl"), name, plan, 1, self._clock.now())
        async with self._database.merchant(operator.merchant_id) as connection:
            if len(await rows.list_templates(connection, operator.currency)) >= TEMPLATES_MAX:
                raise VendomatError(ErrorCode.CONFLICT, f"there are {TEMPLATES_MAX} templates already; nothing changed")
            await check_products(connection, plan)
            with _taken():
                await rows.insert_template(connection, operator.merchant_id, template, operator.operator_id)
            await self._note(connection, operator, "created", template_id=template.template_id, after=template)
        return template

    async def change(
        self, operator: Operator, template_id: str, name: str, slots: Sequence[PlannedSlot], *, if_match: str | None
    ) -> Template:
        plan = tuple(checked_plan(list(slots)))
        async with self._database.merchant(operator.merchant_id) as connection:
            before = await self._lock(connection, operator, template_id, if_match)
            await check_products(connection, plan)
            after = replace(before, name=name, slots=plan, version=before.version + 1, changed_at=self._clock.now())
            with _taken():
                await rows.update_template(connection, after, operator.operator_id)
            await self._note(connection, operator, "changed", template_id=template_id, before=before, after=after)
        return after

    async def delete(self, operator: Operator, template_id: str, *, if_match: str | None) -> None:
        async with self._database.merchant(operator.merchant_id) as connection:
            before = await self._lock(connection, operator, template_id, if_match)
            await rows.delete_template(connection, template_id)
            await self._note(connection, operator, "deleted", template_id=template_id, before=before)

    async def apply(self, operator: Operator, template_id: str, wishes: Sequence[Wish]) -> None:
        """The template as the draft of each machine, in place of theirs."""
        async with self._database.merchant(operator.merchant_id) as connection:
            template = _found(await rows.lock_template(connection, template_id, operator.currency))
        await self._planograms.save_drafts(operator, template.slots, wishes)

    async def _note(
        self,
        connection: AsyncConnection,
        operator: Operator,
        what: str,
        *,
        template_id: str,
        before: Template | None = None,
        after: Template | None = None,
    ) -> None:
        change = Change(
            merchant_id=operator.merchant_id,
            actor=operator.operator_id,
            action=f"planogram.template_{what}",
            subject=template_id,
            at=self._clock.now(),
            before=_said(before),
            after=_said(after),
        )
        await note_change(connection, change)

    async def _lock(
        self, connection: AsyncConnection, operator: Operator, template_id: str, if_match: str | None
    ) -> Template:
        template = _found(await rows.lock_template(connection, template_id, operator.currency))
        check_version(if_match, template.version)
        return template


def _said(template: Template | None) -> State | None:
    return None if template is None else {"name": template.name, "slots": packed(template.slots)}


def _found(template: Template | None) -> Template:
    if template is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such template; nothing changed")
    return template


@contextmanager
def _taken() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise VendomatError(ErrorCode.CONFLICT, "another template has this name; nothing changed") from error
