"""Repeats journalled facts until the cloud has acknowledged each with its digest; then prunes them.

Oldest first, by origin; but the newest facts of vends ride with every request before the rest, so that a sale of today
does not wait for a month of records.
"""

from __future__ import annotations

import asyncio
from collections import deque

from vendomat.kernel import VendomatError
from vendomat.protocol import FACTS_MAX, Fact, FactKind, Facts, FactsReply
from vendomat.terminal.journal import JournalError
from vendomat.terminal.link import NotAnsweredError
from vendomat.terminal.loop.machine import Machine
from vendomat.terminal.loop.vending import Vending

UPLOAD_TIMEOUT_S = 5.0
AGAIN_FIRST_S = 0.5
AGAIN_MAX_S = 10.0
FRESH_MAX = 20
"""Newest facts of vends that go first; an older one waits for its turn."""
_VEND_KINDS = frozenset({FactKind.INTENT, FactKind.OUTCOME, FactKind.REFUSED, FactKind.FENCED})


class Uploading:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._wake = asyncio.Event()
        self._fresh: deque[Fact] = deque(maxlen=FRESH_MAX)

    def note_fresh(self, fact: Fact) -> None:
        """A vend has just recorded `fact`, and somebody may be waiting for it."""
        self._fresh.append(fact)

    def wake(self) -> None:
        """There is something to send, or somebody to send it to."""
        self._wake.set()

    async def run(self, vending: Vending) -> None:
        """Until cancelled."""
        again_s = AGAIN_FIRST_S
        while True:
            self._wake.clear()
            is_progress = await self._upload(vending)
            if is_progress is None:
                await self._wake.wait()
            elif is_progress:
                again_s = AGAIN_FIRST_S
            else:
                await self._machine.ports.clock.sleep(again_s * (0.5 + self._machine.ports.chance() / 2))
                again_s = min(again_s * 2, AGAIN_MAX_S)

    async def _upload(self, vending: Vending) -> bool | None:
        """None: nothing to do now. True: some facts were acknowledged. False: try again later."""
        machine, ports = self._machine, self._machine.ports
        if not machine.is_online:
            return None
        try:
            facts = self._with_fresh(await ports.journal.run(lambda j: j.unacked(FACTS_MAX)))
            if not facts:
                machine.facts_waiting = 0
                return None
            reply = await ports.wire.request("facts", Facts(facts=facts), FactsReply, timeout_s=UPLOAD_TIMEOUT_S)
            return await self._prune(facts, reply, vending)
        except NotAnsweredError:
            return False
        except JournalError as error:
            machine.note_journal(error)
            return False
        except VendomatError as refusal:
            ports.log.warning("facts_refused", code=refusal.code.value, detail=refusal.message)
            return False

    def _with_fresh(self, oldest: list[Fact]) -> list[Fact]:
        """What is asked next: the oldest facts, after the fresh ones that would not be among them for long."""
        known = {(fact.epoch, fact.seq) for fact in oldest}
        if len(oldest) < FACTS_MAX:
            return oldest
        fresh = [fact for fact in self._fresh if (fact.epoch, fact.seq) not in known]
        return [*fresh, *oldest[: FACTS_MAX - len(fresh)]]

    async def _prune(self, facts: list[Fact], reply: FactsReply, vending: Vending) -> bool:
        machine, journal = self._machine, self._machine.ports.journal
        digests = {(ack.epoch, ack.seq): ack.digest for ack in reply.acks}
        acked = [fact for fact in facts if digests.get((fact.epoch, fact.seq)) == fact.digest()]
        done = [(fact.epoch, fact.seq, fact.digest()) for fact in acked]
        self._fresh = deque((fact for fact in self._fresh if fact not in acked), maxlen=FRESH_MAX)
        for fact in acked:
            if fact.kind in _VEND_KINDS:
                vending.acked(fact)
        pruned = {(prune.epoch, prune.seq) for prune in vending.take_pruned()}
        kinds = {(fact.epoch, fact.seq): fact.kind for fact in acked}
        done = [origin for origin in done if origin[:2] in pruned or kinds[origin[:2]] not in _VEND_KINDS]
        if any(kind is FactKind.BOOT and epoch == journal.epoch for (epoch, _), kind in kinds.items()):
            machine.caution.is_loss_known = True
        await journal.run(lambda j: j.prune(done))
        faults = machine.faults()
        machine.facts_waiting = await journal.run(lambda j: j.count_unacked())
        if machine.faults() != faults:  # a month of records is no month of new pictures for the screen
            machine.changed()
        return bool(done)
