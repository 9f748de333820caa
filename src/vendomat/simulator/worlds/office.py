"""The merchant's people in a world: now and then they give money back that nobody is owed, and judge such gifts.

They press twice, act on what they saw before, and ask for more than is left, through whichever worker lives. Refuses to
leave a gift waiting for its second person, also after closing time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any

import asyncpg

from vendomat.cloud.merchants import Operator, Role
from vendomat.cloud.sales import Gift, HandPayment, Judgement, RefundDesk, model
from vendomat.kernel import VendomatError, derive_id
from vendomat.simulator.worlds.postgres import WorldPostgres
from vendomat.simulator.worlds.trace import Trace, tail_of
from vendomat.simulator.worlds.workers import WorldWorker

_SETTLED = """
SELECT o.order_id, p.captured_minor, (SELECT count(*) FROM refund r WHERE r.payment_id = p.payment_id) AS refunds
FROM sale_order o JOIN payment p ON p.order_id = o.order_id AND p.is_winning
WHERE o.state = 'settled' ORDER BY o.order_id
"""
_HELD = "SELECT order_id, refund_id FROM refund WHERE state = 'held' ORDER BY refund_id"
_GIVEN_UP = """
SELECT r.order_id, r.refund_id, r.amount_minor FROM refund r
WHERE r.state = 'failed' AND r.asked_by = '' AND NOT EXISTS (SELECT FROM refund n WHERE n.payment_id = r.payment_id
    AND n.asked_by = '' AND (n.ordinal > r.ordinal OR n.state <> 'failed')) ORDER BY r.refund_id
"""
_FROZEN = """
SELECT order_id, payment_id, verdict FROM payment
WHERE is_frozen AND verdict NOT IN ('given_back', 'kept') ORDER BY payment_id
"""
_Act = Callable[[RefundDesk], Coroutine[Any, Any, model.Purchase]]


class Office:
    """`run` until cancelled; when no longer `is_open`, only what waits is judged."""

    def __init__(
        self, postgres: WorldPostgres, workers: Sequence[WorldWorker], *, merchant_id: str, chance: Random, trace: Trace
    ) -> None:
        self.is_open = True
        self.deeds: Counter[str] = Counter()
        self._postgres = postgres
        self._workers = workers
        self._chance = chance
        self._trace = trace
        self._people = [
            Operator(
                merchant_id, derive_id("opr", n), f"{n}@world.example", f"person {n}", Role.MANAGER, "world", "CNY"
            )
            for n in (1, 2)
        ]

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(1.0, 12.0))
            held, given_up = self._postgres.look(_HELD), self._postgres.look(_GIVEN_UP)
            frozen = self._postgres.look(_FROZEN)
            if held:
                await self._judge(self._chance.choice(held))
            elif given_up:
                await self._pay_by_hand(self._chance.choice(given_up))
            elif frozen:
                await self._decide(self._chance.choice(frozen))
            elif self.is_open and (settled := self._postgres.look(_SETTLED)):
                await self._give(self._chance.choice(settled))

    async def _give(self, order: asyncpg.Record) -> None:
        amount = self._chance.choice(
            (1, order["captured_minor"], self._chance.randrange(1, order["captured_minor"] + 2))
        )
        gift = Gift(amount, order["refunds"] + self._chance.choice((1, 1, 1, 2)), "kind")
        person = self._chance.choice(self._people)
        for _ in range(self._chance.choice((1, 1, 2))):
            await self._ask("gives", order["order_id"], lambda desk: desk.give(person, order["order_id"], gift))

    async def _judge(self, held: asyncpg.Record) -> None:
        person = self._chance.choice(self._people)
        which = (person, held["order_id"], held["refund_id"], "looked at")
        if self._chance.random() < 0.3:
            await self._ask("declines", held["order_id"], lambda desk: desk.decline(*which))
        else:
            await self._ask("releases", held["order_id"], lambda desk: desk.release(*which))

    async def _pay_by_hand(self, given_up: asyncpg.Record) -> None:
        """Or have the platform asked under the next number: people do not know which it will be."""
        person, order_id, refund_id = self._chance.choice(self._people), given_up["order_id"], given_up["refund_id"]
        paid = HandPayment(given_up["amount_minor"], "cash", f"slip {refund_id[-6:]}", "the account is closed")
        if self._chance.random() < 0.3:
            await self._ask("tries again", order_id, lambda desk: desk.try_again(person, order_id, refund_id, "again"))
            return
        for _ in range(self._chance.choice((1, 1, 2))):
            await self._ask("pays by hand", order_id, lambda desk: desk.pay_by_hand(person, order_id, refund_id, paid))

    async def _decide(self, frozen: asyncpg.Record) -> None:
        person, which = self._chance.choice(self._people), (frozen["order_id"], frozen["payment_id"])
        if frozen["verdict"] == "none":
            judged = Judgement(self._chance.random() < 0.3, "nobody knows why")
            await self._ask("judges", which[0], lambda desk: desk.judge(person, *which, judged))
        elif self._chance.random() < 0.2:
            await self._ask("takes back", which[0], lambda desk: desk.decline_verdict(person, *which, "not so"))
        else:
            asked = Judgement(frozen["verdict"] == "keep_asked", "seen too")
            await self._ask("agrees", which[0], lambda desk: desk.agree(person, *which, asked))

    async def _ask(self, deed: str, order_id: str, act: _Act) -> None:
        """What did not work is looked at again later, as people do."""
        alive = [worker for worker in self._workers if worker.node is not None and worker.parts is not None]
        if not alive:
            return
        worker = self._chance.choice(alive)
        assert worker.node is not None and worker.parts is not None
        asked = worker.node.spawn(act(worker.parts.refunds))
        await asyncio.wait([asked])
        error = None if asked.cancelled() else asked.exception()
        if error is not None and not isinstance(error, (VendomatError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            raise error
        end = "in vain" if asked.cancelled() or error is not None else "for"
        self.deeds[f"{deed} {end}"] += 1
        self._trace.note("office", f"{deed} {end} {tail_of(order_id)}")
