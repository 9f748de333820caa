"""Drafts that wait for a moment are published at it, in the name of whoever said so.

Several machines of one person go together; when one of them cannot, each goes by itself, and the one that cannot stays
a draft. Refuses to publish what was changed since: that waits for no moment any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import structlog

from vendomat.cloud.planograms.service import PlanogramDesk, Wish
from vendomat.cloud.platform.database import QUERY_FAILURES, Database
from vendomat.kernel import Clock, ErrorCode, VendomatError

ROUND_S = 1.0
AT_ONCE = 100

_DUE = """
SELECT p.merchant_id, p.due_by AS operator_id, r.currency, p.machine_id, p.edit
FROM planogram p JOIN merchant r USING (merchant_id) JOIN machine m USING (merchant_id, machine_id)
WHERE p.due_at <= $1 AND m.state <> 'retired' ORDER BY p.merchant_id, p.due_by, p.machine_id LIMIT $2
"""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Earlier:
    """Who said when it shall be published."""

    merchant_id: str
    operator_id: str
    currency: str


class DuePlanograms:
    """One per worker; two that find the same draft take turns at its row, and the second finds it published."""

    def __init__(self, database: Database, desk: PlanogramDesk, clock: Clock) -> None:
        self._database = database
        self._desk = desk
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                is_more = await self.once() == AT_ONCE
            except QUERY_FAILURES as error:
                is_more = False
                _log.warning("drafts that are due could not be published; trying again", error=repr(error))
            await self._clock.sleep(0.0 if is_more else ROUND_S)

    async def once(self) -> int:
        """Publish what is due; how many machines were."""
        due = await self._database.hot.fetch(_DUE, self._clock.now(), AT_ONCE)
        for author, rows in groupby(due, lambda row: Earlier(row["merchant_id"], row["operator_id"], row["currency"])):
            await self._publish(author, [Wish(row["machine_id"], row["edit"]) for row in rows])
        return len(due)

    async def _publish(self, author: Earlier, wishes: list[Wish]) -> None:
        try:
            await self._desk.publish(author, wishes)
        except VendomatError as error:
            if len(wishes) > 1:
                for wish in wishes:
                    await self._publish(author, [wish])
            elif error.code is not ErrorCode.VERSION_STALE:  # somebody was quicker: the next round sees what is left
                _log.warning("a draft was not published at its moment", machine=wishes[0].machine_id, why=str(error))
                await self._desk.give_up(author, wishes[0], str(error))
