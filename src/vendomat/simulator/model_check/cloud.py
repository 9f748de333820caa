"""The cloud's moves: the production purchase step, and the store, the sweeps and the platforms around it.

A crash of the cloud needs no count and no move: what it keeps in memory is nothing but work under way. A commit whose
publishing was lost is a message that never arrives; a call whose answer was lost is a move of the platform alone; and a
paused worker (`Hand`) may let go of what it took.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vendomat.cloud.orders import Closing, Command, CommandState, Finding, OrderState, Unit, UnitOutcome
from vendomat.cloud.payments import Payment, PaymentState, RefundStage
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales import Need, desk_model, need_of, step
from vendomat.cloud.sales import model as sales
from vendomat.kernel import IllegalMoveError, derive_id
from vendomat.simulator.model_check.parts import (
    AT,
    MACHINE,
    MERCHANT,
    ORDER,
    PRICE_MINOR,
    Bounds,
    Cloud,
    Hand,
    Move,
    Table,
)
from vendomat.simulator.model_check.rules import broken_by_step
from vendomat.simulator.model_check.wire import (
    FACTS_PER_UNIT,
    GOODS_END,
    LAST_WORDS_END,
    PRODUCT,
    FactBook,
    Layout,
    bits_of,
    command_id,
    slot_of,
)

OPERATOR = derive_id("opr", "model check")
QR = timedelta(seconds=120)
PHASES = (AT, AT + QR + timedelta(seconds=1), AT + timedelta(hours=1))
"""A moment before the code's end, one within the grace after it, one beyond."""

SOON, SILENT, LATE = (AT + timedelta(seconds=seconds) for seconds in (1, 20, 1000))
"""Moments at which a sweep finds a command that was queued, heard and quoted at `AT`."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A cloud after a commit, the messages that it published, and what broke."""

    cloud: Cloud
    says: int = 0
    broken: str = ""
    words: str = ""


class CloudMoves:
    """Moves by the number of a cloud in `table`; each is worked out once."""

    def __init__(self, bounds: Bounds, layout: Layout, facts: FactBook, settings: CloudSettings) -> None:
        self._bounds = bounds
        self._layout = layout
        self._facts = facts
        self._settings = settings
        self.table: Table[Cloud] = Table()

    def start(self) -> int:
        return self.table.number(Cloud(_new_purchase(self._bounds), pauses_left=self._bounds.paused_workers))

    # --- moves of its own --------------------------------------------------------------------------------------------

    def local(self, number: int) -> list[Move]:
        cloud = self.table.values[number]
        moves = [*self._time_moves(cloud), *self._closing_moves(cloud), *self._people_moves(cloud)]
        for index, unit in enumerate(cloud.purchase.units):
            if unit.command is not None and unit.command.state is not CommandState.DONE:
                moves += self._sweep_moves(cloud, index, unit.command)
        if cloud.hand is not None:
            moves += self._late_moves(cloud, cloud.hand)
        return [move for move in moves if move.after != number or move.says]

    def _time_moves(self, cloud: Cloud) -> Iterator[Move]:
        if self._bounds.may_give_up and cloud.phase < 2 and _may_be_paid(cloud, self._bounds):
            words = ("the code's time is over", "the grace after the code's end is over")[cloud.phase]
            yield self._move(words, Applied(replace(cloud, phase=cloud.phase + 1)))

    def _closing_moves(self, cloud: Cloud) -> Iterator[Move]:
        if not self._bounds.may_give_up or cloud.purchase.state is not OrderState.AWAITING_PAYMENT:
            return
        at = PHASES[cloud.phase]
        yield from self._moves("the buyer cancels", self.apply(cloud, sales.CloseAsked(Closing.CANCELLING, at)))
        if cloud.phase:
            expiring = self.apply(cloud, sales.CloseAsked(Closing.EXPIRING, at))
            yield from self._moves("the cloud begins to close the order", expiring)

    def _people_moves(self, cloud: Cloud) -> Iterator[Move]:
        """What an operator decides; and a refund that waits for one, because its machine asked for many."""
        if self._bounds.may_operator_ask:
            asked = self.apply(cloud, desk_model.RefundAsked(OPERATOR, "a person asks", AT))
            yield from self._moves("an operator asks for the money back", asked)
        for refund in cloud.purchase.refunds if self._bounds.may_refund_stop else ():
            if refund.stage is RefundStage.REQUESTED:
                held = desk_model.RefundHeld(refund.refund_id, 9, AT)
                yield from self._moves("the refund is held", self.apply(cloud, held))
            if refund.stage is RefundStage.HELD:
                released = desk_model.RefundReleased(refund.refund_id, OPERATOR, "looked at", AT)
                yield from self._moves("an operator lets the refund go", self.apply(cloud, released))

    def _sweep_moves(self, cloud: Cloud, index: int, command: Command) -> list[Move]:
        """A worker takes the row of a due command (which may quote the newest nonce) and attends to it."""
        moves: list[Move] = []
        if cloud.pauses_left and cloud.hand is None:
            paused = replace(cloud, hand=Hand(index, command), pauses_left=cloud.pauses_left - 1)
            label = f"a worker takes the row of unit {index + 1}'s command and is paused"
            moves.append(self._move(label, Applied(paused)))
        for now in (SOON, SILENT, LATE):
            moves += self._attend(cloud, index, command, now)
        if command.state is CommandState.QUEUED:
            quoting = self._quoted(command, cloud.live)
            taken = _with_command(cloud, index, quoting)
            for now in (SOON, SILENT):
                fresh = replace(quoting, nonce_at=now - timedelta(seconds=1))
                moves += self._attend(taken, index, fresh, now, is_quoted_now=True)
        return moves

    def _late_moves(self, cloud: Cloud, hand: Hand) -> Iterator[Move]:
        """The paused worker goes on, by what it saw; or it is gone."""
        free = replace(cloud, hand=None)
        yield self._move("the paused worker dies", Applied(free))
        if not self._bounds.guards.is_row_read_again:
            free = _with_command(free, hand.unit, hand.command)
        for now in (SILENT, LATE):
            for move in self._attend(free, hand.unit, hand.command, now):
                yield move._replace(label=f"the paused worker goes on: {move.label}")

    def _attend(
        self, cloud: Cloud, index: int, command: Command, now: datetime, *, is_quoted_now: bool = False
    ) -> list[Move]:
        layout, unit = self._layout, f"unit {index + 1}"
        match need_of(command, self._settings, now=now, is_quoted_now=is_quoted_now):
            case Need.SEND:
                says = layout.dispense(index, cloud.live)
                run = layout.epoch_of(cloud.live)
                return [self._move(f"the cloud sends the command of {unit}, for run {run}", Applied(cloud, says))]
            case Need.FENCE:
                return [self._move(f"the cloud sends a fence for {unit}", Applied(cloud, layout.fence(index)))]
            case Need.SILENCE:
                return self._moves(f"15 s without an answer for {unit}", self._silence(cloud, index, command))
            case Need.DEADLINE if self._bounds.guards.is_deadline_declared:
                applied = self.apply(cloud, sales.DeadlinePassed(command.cmd_id, AT))
                moves = self._moves(f"the deadline of {unit} passes: declared ambiguous", applied)
                return [move._replace(guard=index) for move in moves]
        return []

    def _silence(self, cloud: Cloud, index: int, command: Command) -> list[Applied]:
        event: sales.Event = sales.CommandSilent(command.cmd_id, command.nonce_at is not None, AT)
        if not self._bounds.guards.is_silence_no_answer:
            no = sales.VendSaid.NOT_DELIVERED
            event = sales.VendFactSeen(command.cmd_id, MACHINE, no, "", "silence", "", AT)
        return self.apply(cloud, event)

    # --- what it is told ---------------------------------------------------------------------------------------------

    def receive(self, number: int, bit: int) -> list[Move]:
        """A hello, a heartbeat or a fact arrives; nothing when it changes nothing."""
        cloud, layout = self.table.values[number], self._layout
        place = bit.bit_length() - 1
        if place < layout.fact_base:
            nonce = place - layout.hello_base
            return self._hear(cloud, nonce)
        fact, epoch = divmod(place - layout.fact_base, layout.epochs)
        if epoch + 1 < cloud.known_epoch or cloud.inbox >> fact & 1:
            return []
        event = self._facts.event(fact)
        heard = replace(cloud, inbox=cloud.inbox | 1 << fact)
        if not self._bounds.guards.is_outcome_final:
            heard = _reopened(heard, event)
        return self._moves(f"the cloud hears {self._facts.words(fact)}", self.apply(heard, event))

    def _hear(self, cloud: Cloud, nonce: int) -> list[Move]:
        epoch = self._layout.epoch_of(nonce)
        if epoch < cloud.known_epoch or nonce == cloud.live:
            return []
        heard = replace(cloud, live=nonce, known_epoch=epoch)
        return [self._move(f"the cloud hears a new nonce of run {epoch}", Applied(heard))]

    # --- the step and its effects ------------------------------------------------------------------------------------

    def apply(self, cloud: Cloud, event: sales.Event) -> list[Applied]:
        """One transaction: the step, its postings and stock moves, and the command it queued, quoted or not."""
        before = cloud.purchase
        if isinstance(event, sales.PaymentHeld) and not self._bounds.guards.is_hold_given_up_left:
            before = replace(before, payments=tuple(replace(p, close_wanted=False) for p in before.payments))
        try:
            purchase, effects = step(before, event)
        except IllegalMoveError as error:
            return [Applied(cloud, broken=f"the purchase step refuses: {error}")]
        broken = broken_by_step(cloud, purchase, effects)
        postings = cloud.postings | {e.posting for e in effects if isinstance(e, sales.Post)}
        released = cloud.released | {e.unit for e in effects if isinstance(e, sales.MoveStock) and e.released}
        after = replace(cloud, purchase=_canonical(purchase), postings=postings, released=released)
        queued = _newly_queued(cloud.purchase, purchase)
        if queued is None:
            return [Applied(after, broken=broken)]
        command = purchase.units[queued].command
        assert command is not None
        quoting = _with_command(after, queued, self._quoted(command, cloud.live))
        says = self._layout.dispense(queued, cloud.live)
        unit = f"the command of unit {queued + 1}"
        run = self._layout.epoch_of(cloud.live)
        return [
            Applied(quoting, says, broken, f"; {unit} is sent, for run {run}"),
            Applied(after, 0, broken, f"; {unit} waits for a fresh nonce"),
        ]

    def _quoted(self, command: Command, nonce: int) -> Command:
        text, epoch = self._layout.nonce_text(nonce), self._layout.epoch_of(nonce)
        return replace(command, nonce=text, epoch=epoch, nonce_at=AT)

    def _moves(self, label: str, applied: list[Applied]) -> list[Move]:
        return [self._move(label + one.words, one) for one in applied]

    def _move(self, label: str, applied: Applied) -> Move:
        cloud = applied.cloud
        if cloud.hand is not None and cloud.purchase.units[cloud.hand.unit].is_final:
            cloud = replace(cloud, hand=None)  # whatever it decides, a final unit stays
        if cloud.phase and not _may_be_paid(cloud, self._bounds):
            cloud = replace(cloud, phase=0)  # nobody asks for the time any more
        return Move(label, self.table.number(self._blanked(cloud)), applied.says, broken=applied.broken)

    def _blanked(self, cloud: Cloud) -> Cloud:
        """The same cloud without what no later step asks for: once every unit is final, no command quotes a nonce, and
        what was heard of a unit that is decided makes no difference."""
        if not self._is_merging:
            return cloud
        inbox = cloud.inbox
        for index, unit in enumerate(cloud.purchase.units):
            if unit.is_final:
                inbox &= ~(((1 << FACTS_PER_UNIT) - 1) << index * FACTS_PER_UNIT)
        if not all(unit.is_final for unit in cloud.purchase.units):
            return replace(cloud, inbox=inbox)
        epoch = 1 if self.deaf_to(cloud) == self._layout.of_facts else cloud.known_epoch
        return replace(cloud, inbox=inbox, known_epoch=epoch, live=self._layout.nonce(epoch, 0))

    @property
    def _is_merging(self) -> bool:
        return self._bounds.guards.is_outcome_final and not self._bounds.is_following_acks

    def deaf_to(self, cloud: Cloud) -> int:
        """The facts that change nothing any more: of a decided unit all but those that may still find something out."""
        deaf = 0
        for index, unit in enumerate(cloud.purchase.units):
            if self._is_merging and unit.is_final:
                first = index * FACTS_PER_UNIT
                deaf |= self._layout.facts(first + _heard_end(unit), first + FACTS_PER_UNIT)
        return deaf

    def news_for(self, number: int) -> int:
        """The messages that may still change something for this cloud, and all that are not for it."""
        cloud, layout = self.table.values[number], self._layout
        deaf = self.deaf_to(cloud)
        old = deaf if deaf != layout.of_facts else layout.to_cloud
        for fact in range(self._bounds.units * FACTS_PER_UNIT):
            for epoch in range(1, layout.epochs + 1):
                if cloud.inbox >> fact & 1 or epoch < cloud.known_epoch:
                    old |= layout.fact(fact, epoch)
        for nonce in range(layout.nonces):
            if layout.epoch_of(nonce) < cloud.known_epoch:
                old |= layout.hello(nonce)
        return ~old

    def late_words(self, number: int, facts: int) -> str:
        """What breaks when the facts of these bits still reach a cloud that is deaf to them; ""."""
        cloud = self.table.values[number]
        facts &= self.deaf_to(cloud)
        for bit in bits_of(facts):
            event = self._facts.event((bit.bit_length() - 1 - self._layout.fact_base) // self._layout.epochs)
            for applied in self.apply(cloud, event):
                if applied.broken or applied.cloud != cloud:
                    return applied.broken or f"I8: a late word ({event.said}) changes a unit that is decided"
        return ""

    def settled_move(self, applied: Applied) -> Move:
        """The move that `applied` is, with its words as the label."""
        return self._move(applied.words, applied)


def _new_purchase(bounds: Bounds) -> sales.Purchase:
    units = tuple(Unit(n + 1, slot_of(n), PRODUCT, PRICE_MINOR) for n in range(bounds.units))
    total = PRICE_MINOR * bounds.units
    payments = tuple(
        Payment(
            derive_id("pay", ORDER, channel),
            channel,
            f"account-{channel}",
            total,
            PaymentState.CREATED,
            is_hold=channel in bounds.holding,
        )
        for channel in bounds.channels
    )
    return sales.Purchase(
        merchant_id=MERCHANT,
        order_id=ORDER,
        machine_id=MACHINE,
        request_id=derive_id("req", ORDER),
        origin="touch",
        state=OrderState.AWAITING_PAYMENT,
        version=1,
        currency="CNY",
        total_minor=total,
        created_at=AT,
        expires_at=AT + QR,
        units=units,
        payments=payments,
    )


def _heard_end(unit: Unit) -> int:
    """Before this number are the facts of a decided unit that may still find out what became of the goods."""
    if unit.outcome is UnitOutcome.DELIVERED or unit.finding is Finding.CAME_OUT:
        return 0
    is_open = unit.outcome is UnitOutcome.UNKNOWN and unit.finding is Finding.NONE
    return LAST_WORDS_END if is_open else GOODS_END


def _may_be_paid(cloud: Cloud, bounds: Bounds) -> bool:
    payments = cloud.purchase.payments
    return any(
        (p.is_open and not p.is_winning) or (bounds.may_pay_after_close and p.state is not PaymentState.PAID)
        for p in payments
    )


def _newly_queued(before: sales.Purchase, after: sales.Purchase) -> int | None:
    for index, (old, new) in enumerate(zip(before.units, after.units, strict=True)):
        if old.command is None and new.command is not None:
            return index
    return None


def _with_command(cloud: Cloud, index: int, command: Command) -> Cloud:
    units = tuple(
        replace(unit, command=command) if place == index else unit for place, unit in enumerate(cloud.purchase.units)
    )
    return replace(cloud, purchase=replace(cloud.purchase, units=units))


def _canonical(purchase: sales.Purchase) -> sales.Purchase:
    """Versions and times are blanked: no step reads them, and the moments of a sweep are given to it."""
    units = tuple(
        replace(unit, command=replace(unit.command, queued_at=AT, heard_at=AT)) if unit.command else unit
        for unit in purchase.units
    )
    payments = tuple(replace(payment, paid_at=None) for payment in purchase.payments)
    return replace(purchase, version=1, ended_at=None, units=units, payments=payments)


def _reopened(cloud: Cloud, event: sales.VendFactSeen) -> Cloud:
    """As if no outcome were final: the unit that `event` is about may be decided once more."""
    units = tuple(
        replace(unit, is_final=False) if event.cmd_id == command_id(index) else unit
        for index, unit in enumerate(cloud.purchase.units)
    )
    return replace(cloud, purchase=replace(cloud.purchase, units=units))
