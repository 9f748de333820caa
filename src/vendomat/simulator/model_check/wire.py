"""The wire of the model check: which bit stands for which message, and which facts there are. Sends nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import msgspec

from vendomat.cloud.sales import model as sales
from vendomat.cloud.sales import vend_event
from vendomat.kernel import ManualClock, derive_id
from vendomat.protocol import Dispense, Fact, FactKind, FenceRequest, VendFact, VendResult
from vendomat.simulator.model_check.parts import AT, MACHINE, ORDER, Bounds
from vendomat.terminal.sale import Note

FACTS_PER_UNIT = 70
GOODS_END, LAST_WORDS_END = 10, 40
"""The first numbers of a unit's facts are for those that tell of goods, the next for other last words: a late one may
still change the books. What says nothing of the goods (INTENT, not known) comes behind."""
PRODUCT = derive_id("prd", "model check")


def command_id(unit: int) -> str:
    """The number that the cloud gives the command of the `unit`-th unit (from 0)."""
    return derive_id("cmd", ORDER, unit + 1)


def slot_of(unit: int) -> str:
    return f"A{unit + 1}"


@dataclass(frozen=True)
class Layout:
    """Bits: commands by (unit, nonce), fences by unit, hellos and heartbeats by nonce, facts by (fact, run)."""

    bounds: Bounds

    @cached_property
    def epochs(self) -> int:
        return self.bounds.power_cuts + 1

    @cached_property
    def per_epoch(self) -> int:
        return self.bounds.heartbeats + 1

    @cached_property
    def nonces(self) -> int:
        return self.epochs * self.per_epoch

    @cached_property
    def fence_base(self) -> int:
        return self.bounds.units * self.nonces

    @cached_property
    def hello_base(self) -> int:
        return self.fence_base + self.bounds.units

    @cached_property
    def fact_base(self) -> int:
        return self.hello_base + self.nonces

    def nonce(self, epoch: int, count: int) -> int:
        """The index of the `count`-th nonce (from 0) of run `epoch`."""
        return (epoch - 1) * self.per_epoch + count

    def epoch_of(self, nonce: int) -> int:
        return nonce // self.per_epoch + 1

    def nonce_text(self, nonce: int) -> str:
        return f"nonce-{self.epoch_of(nonce):06}-{nonce % self.per_epoch:06}"

    def dispense(self, unit: int, nonce: int) -> int:
        return 1 << (unit * self.nonces + nonce)

    def dispenses(self, unit: int) -> int:
        return ((1 << self.nonces) - 1) << (unit * self.nonces)

    def fence(self, unit: int) -> int:
        return 1 << (self.fence_base + unit)

    def hello(self, nonce: int) -> int:
        return 1 << (self.hello_base + nonce)

    def fact(self, fact: int, epoch: int) -> int:
        return 1 << (self.fact_base + fact * self.epochs + epoch - 1)

    def facts(self, first: int, end: int) -> int:
        """The bits of the facts from number `first` to before `end`, whoever sends them."""
        return ((1 << (end - first) * self.epochs) - 1) << (self.fact_base + first * self.epochs)

    @cached_property
    def to_machine(self) -> int:
        return (1 << self.hello_base) - 1

    @cached_property
    def to_cloud(self) -> int:
        return self.of_facts | ((1 << self.fact_base) - 1) & ~self.to_machine

    @cached_property
    def of_facts(self) -> int:
        return self.facts(0, self.bounds.units * FACTS_PER_UNIT)

    def dispense_message(self, unit: int, nonce: int) -> Dispense:
        return Dispense(
            cmd_id=command_id(unit),
            order_id=ORDER,
            unit=unit + 1,
            slot=slot_of(unit),
            product_id=PRODUCT,
            nonce=self.nonce_text(nonce),
            epoch=self.epoch_of(nonce),
        )

    def fence_message(self, unit: int) -> FenceRequest:
        return FenceRequest(cmd_id=command_id(unit), order_id=ORDER, unit=unit + 1, slot=slot_of(unit))


class FactBook:
    """Every fact that some run of the machine ever journalled, by number; with the event that it means to the cloud."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, Note], int] = {}
        self._facts: dict[int, tuple[int, Note]] = {}
        self._events: dict[int, sales.VendFactSeen] = {}
        self._clock = ManualClock(AT)

    def number(self, unit: int, note: Note) -> int:
        key = (unit, replace(note, is_acked=False))
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = self._free_number(unit, note)
            self._facts[found] = key
            self._events[found] = self._event(unit, note)
        return found

    def _free_number(self, unit: int, note: Note) -> int:
        first, end, base = GOODS_END, LAST_WORDS_END, unit * FACTS_PER_UNIT
        if note.result in (VendResult.DELIVERED, VendResult.DELIVERED_DOUBLE):
            first, end = 0, GOODS_END
        elif note.kind is FactKind.INTENT or note.result is VendResult.UNKNOWN:
            first, end = LAST_WORDS_END, FACTS_PER_UNIT
        free = (number for number in range(base + first, base + end) if number not in self._facts)
        return next(free)

    def _event(self, unit: int, note: Note) -> sales.VendFactSeen:
        body = VendFact(
            cmd_id=command_id(unit),
            order_id=ORDER,
            unit=unit + 1,
            slot=slot_of(unit),
            result=note.result,
            reason=note.reason,
        )
        fact = Fact(epoch=note.epoch, seq=note.seq, kind=note.kind, at="", body=msgspec.Raw(msgspec.json.encode(body)))
        found = vend_event(MACHINE, fact, self._clock)
        assert found is not None, "a fact of a vend moves an order"
        return found[1]

    def event(self, fact: int) -> sales.VendFactSeen:
        return self._events[fact]

    def words(self, fact: int) -> str:
        unit, note = self._facts[fact]
        return words_of(unit, note)

    def origins_in(self, inbox: int) -> list[tuple[int, int, int]]:
        """(unit, epoch, seq) of each fact whose bit is in `inbox`."""
        return [(unit, note.epoch, note.seq) for number, (unit, note) in self._facts.items() if inbox >> number & 1]

    def __len__(self) -> int:
        return len(self._facts)


def words_of(unit: int, note: Note) -> str:
    """A note in plain words, for a story."""
    said = note.result or note.reason
    return f"{note.kind.name}{f' ({said})' if said else ''} of unit {unit + 1}"


def bits_of(mask: int) -> list[int]:
    """The single bits of `mask`, lowest first."""
    found = []
    while mask:
        bit = mask & -mask
        found.append(bit)
        mask ^= bit
    return found
