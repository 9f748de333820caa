"""Each rule of the model check, shown a state or step that breaks it and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from vendomat.cloud.ledger import postings
from vendomat.cloud.orders import OrderState, UnitOutcome
from vendomat.cloud.payments import RefundStage, refund_number
from vendomat.cloud.sales import model as sales
from vendomat.simulator.model_check import Bounds, Search, check, rules
from vendomat.simulator.model_check.parts import (
    Cloud,
    Machine,
    Motor,
    Platform,
    PlatformRefund,
    RefundEnd,
    Truth,
    UnitPart,
)
from vendomat.simulator.model_check.world import State, VendingWorld

WORLD = VendingWorld(Bounds("rules", may_give_up=False))


def walk(*labels: str) -> State:
    """The state after the moves whose labels begin so, one after the other."""
    state = WORLD.start()
    for label in labels:
        state = next(after for name, after, _ in WORLD.successors(state) if name.startswith(label))
    return state


PAID = ("THE BUYER PAYS", "wechat's notice")
STARTED = (*PAID, "the command of unit 1", "the journal has INTENT", "the program hears", "THE MOTOR")
SOLD = (*STARTED, "the machine sees", "the journal has OUTCOME", "the cloud hears OUTCOME")
OWED = (*PAID, "the machine's oldest lease", "the deadline")
BACK = (*OWED, "wechat takes the refund", "THE MONEY", "the platform tells that the refund was paid")


def cloud_of(*labels: str) -> Cloud:
    return WORLD.clouds.table.values[walk(*labels)[1]]


def machine_of(*labels: str) -> Machine:
    return WORLD.machines.table.values[walk(*labels)[0]]


def platform_of(*labels: str) -> Platform:
    return WORLD.platforms.table.values[walk(*labels)[2]]


def purchase_with(cloud: Cloud, **changes: object) -> Cloud:
    return replace(cloud, purchase=replace(cloud.purchase, **changes))  # type: ignore[arg-type]


def unit_with(cloud: Cloud, **changes: object) -> Cloud:
    return purchase_with(cloud, units=(replace(cloud.purchase.units[0], **changes),))  # type: ignore[arg-type]


def part_with(machine: Machine, **changes: object) -> Machine:
    return replace(machine, units=(replace(machine.units[0], **changes),))  # type: ignore[arg-type]


@pytest.mark.parametrize("labels", [(), PAID, STARTED, SOLD, OWED, BACK])
def test_sound_states_break_nothing(labels: tuple[str, ...]) -> None:
    assert WORLD.broken(walk(*labels)) == ""


def test_i1_two_starts_or_two_items() -> None:
    assert rules.broken_machine(part_with(machine_of(*STARTED), starts=2)).startswith("I1")
    assert rules.broken_machine(part_with(machine_of(*STARTED), drops=2)).startswith("I1")


def test_i2_a_start_without_money_or_after_the_end() -> None:
    assert rules.broken_start(cloud_of(*PAID), 0) == ""
    assert "nobody has paid" in rules.broken_start(cloud_of(), 0)
    assert "declared to go back" in rules.broken_start(cloud_of(*OWED), 0)


BROKEN_ROWS: dict[str, tuple[tuple[str, ...], Callable[[Cloud], Cloud], str]] = {
    "more asked back than captured": (
        OWED,
        lambda c: purchase_with(c, refunds=(replace(c.purchase.refunds[0], amount_minor=301),)),
        "I3",
    ),
    "nothing asked back": (OWED, lambda c: purchase_with(c, refunds=()), "I6"),
    "a command before the money": (
        PAID,
        lambda c: purchase_with(c, payments=cloud_of().purchase.payments),
        "I7",
    ),
    "ended with an open payment": ((), lambda c: purchase_with(c, state=OrderState.EXPIRED), "I6"),
    "settled while money is owed": (OWED, lambda c: purchase_with(c, state=OrderState.SETTLED), "I6"),
    "a posting is missing": (SOLD, lambda c: replace(c, postings=frozenset(list(c.postings)[:1])), "I4"),
    "a refund nobody booked": (
        OWED,
        lambda c: purchase_with(c, refunds=(replace(c.purchase.refunds[0], stage=RefundStage.SUCCEEDED),)),
        "I4",
    ),
}


@pytest.mark.parametrize("name", BROKEN_ROWS)
def test_rows_and_books(name: str) -> None:
    labels, breaking, rule = BROKEN_ROWS[name]
    sound = cloud_of(*labels)
    assert rules.broken_cloud(sound) == ""
    assert rules.broken_cloud(breaking(sound)).startswith(rule)


def together(machine: Machine, cloud: Cloud, platform: Platform) -> str:
    return next(iter(rules.broken_together(machine, cloud, platform)), "")


def test_i3_more_paid_back_than_captured() -> None:
    twice = PlatformRefund("another", 0, 300, end=RefundEnd.PAID)
    platform = platform_of(*BACK)
    more = replace(platform, refunds=(*platform.refunds, twice))
    assert together(machine_of(*BACK), cloud_of(*BACK), more).startswith("I3")
    unpaid = replace(platform, payments=(Truth.OPEN,))
    assert together(machine_of(*BACK), cloud_of(*BACK), unpaid).startswith("I3")


def test_i7_a_refund_without_a_row() -> None:
    asked = Platform((Truth.PAID,), (PlatformRefund("nobody's", 0, 300),))
    assert together(machine_of(*PAID), cloud_of(*PAID), asked).startswith("I7")


def test_i5_goods_and_money() -> None:
    fallen, back = part_with(machine_of(*BACK), starts=1, drops=1), platform_of(*BACK)
    declared = cloud_of(*BACK)
    assert together(fallen, declared, back) == "", "a declared ambiguity is booked"
    unbooked = replace(declared, postings=frozenset(p for p in declared.postings if p.kind != "ambiguous"))
    assert together(fallen, unbooked, back).startswith("I5")
    denied = unit_with(declared, outcome=UnitOutcome.NOT_DELIVERED)
    assert together(fallen, denied, back).startswith("I5")
    assert together(part_with(fallen, has_lied=True), denied, back) == "", "a lying sensor is a class of its own"


def test_i6_sold_and_never_fell() -> None:
    empty = part_with(machine_of(*SOLD), drops=0)
    assert together(empty, cloud_of(*SOLD), platform_of(*SOLD)).startswith("I6")


def test_i8_i11_and_i4_at_a_step() -> None:
    sold, paid = cloud_of(*SOLD), cloud_of(*PAID)
    assert rules.broken_by_step(sold, replace(sold.purchase, state=OrderState.PAID), ()).startswith("I8")
    reopened = unit_with(sold, is_final=False).purchase
    assert rules.broken_by_step(sold, reopened, ()).startswith("I8")
    unpaid = replace(paid.purchase, payments=cloud_of().purchase.payments)
    assert rules.broken_by_step(paid, unpaid, ()).startswith("I8")
    again = sales.Post(next(p for p in sold.postings if p.kind == "delivered"))
    assert rules.broken_by_step(sold, sold.purchase, (again,)).startswith("I4")
    assert rules.broken_by_step(sold, sold.purchase, (sales.MoveStock("A1", 1, 0, 1),)).startswith("I11")
    assert "alert" in rules.broken_by_step(sold, sold.purchase, (sales.SecurityAlert("x", {}),))
    refund = replace(cloud_of(*BACK).purchase.refunds[0], stage=RefundStage.PROCESSING)
    assert rules.broken_by_step(cloud_of(*BACK), replace(cloud_of(*BACK).purchase, refunds=(refund,)), ()).startswith(
        "I3"
    )


def test_i9_pruned_and_not_applied() -> None:
    acked = part_with(machine_of(*SOLD), acked=frozenset({(1, 10)}))
    assert rules.broken_acks(acked, frozenset({(0, 1, 10)})) == ""
    assert rules.broken_acks(acked, frozenset({(0, 1, 11)})).startswith("I9")


def test_settled_means_the_platform_too() -> None:
    assert rules.is_settled(cloud_of(*BACK), platform_of(*BACK))
    assert rules.is_settled(cloud_of(*SOLD), platform_of(*SOLD))
    assert not rules.is_settled(cloud_of(*OWED), platform_of(*OWED))
    assert not rules.is_settled(cloud_of(*SOLD), Platform((Truth.OPEN,)))


# --- a harness that is wrong is found --------------------------------------------------------------------------------


class HastyWorld(VendingWorld):
    """Its machine comes up with a motor about to turn, which no command asked for."""

    def start(self) -> State:
        first, *others = super().start()
        motor = UnitPart(motor=Motor.WAITING)
        machine = replace(self.machines.table.values[first], units=(motor,))
        cloud, platform, wire = others
        return (self.machines.table.number(machine), cloud, platform, wire)


class DoubleBookingWorld(VendingWorld):
    """Its ledger has a posting that no step made."""

    def start(self) -> State:
        machine, cloud, platform, wire = super().start()
        extra = postings.payment_late("pay_none", "asset:clearing:wechat:account-wechat", 1)
        booked = replace(self.clouds.table.values[cloud], postings=frozenset({extra}))
        return (machine, self.clouds.table.number(booked), platform, wire)


def test_a_motor_that_starts_by_itself_is_found() -> None:
    found = Search(HastyWorld(Bounds("hasty")), states_max=1000).run()
    assert found.story is not None and len(found.story.lines) == 1
    assert found.story.broken == "I7: the motor starts before INTENT is durable"


def test_a_posting_from_nowhere_is_found_before_anything_happens() -> None:
    found = Search(DoubleBookingWorld(Bounds("booked")), states_max=1000).run()
    assert found.story is not None and not found.story.lines
    assert found.story.broken.startswith("I4")


def test_the_smallest_world_is_sound_and_its_refund_number_is_the_rows() -> None:
    result = check(Bounds("smallest", may_give_up=False))
    assert result.story is None and result.states > 500, result.report()
    purchase = cloud_of(*BACK).purchase
    assert purchase.refunds[0].refund_id == refund_number(purchase.payments[0].payment_id, 1)
