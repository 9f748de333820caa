"""Planted bugs: each takes one safeguard away and says in how many worlds its harm must have been seen.

They stand in the place of production parts (other safeguards, a disk that lies, a spoiled writer, a spoiled door to the
database or a platform); production code has no switch for them. A search that cannot find them proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.simulator.worlds import spoilers
from vendomat.simulator.worlds.machines import TerminalParts
from vendomat.simulator.worlds.workers import WorkerBugs
from vendomat.simulator.worlds.world import Bug
from vendomat.terminal.sale import Safeguards


@dataclass(frozen=True)
class Plant:
    """`worlds_max`: planted in the worlds from seed 1 on, it must be found in at most this many."""

    what: str
    bug: Bug
    worlds_max: int


def _terminal(safeguards: Safeguards) -> Bug:
    return Bug(terminal=TerminalParts(safeguards=safeguards))


PLANTS = {
    "refund-on-silence": Plant(
        "G1: a silent machine's unit is refunded without a fence",
        Bug(worker=WorkerBugs(make_writer=spoilers.SilenceIsFailure)),
        60,
    ),
    "fence-in-memory": Plant(
        "G2: a fence is told and not written: it is forgotten when the machine restarts",
        Bug(terminal=TerminalParts(make_journal=spoilers.FencesInMemory)),
        30,
    ),
    "motor-before-intent": Plant(
        "G3: the motor starts before its intent is written", _terminal(Safeguards(is_intent_first=False)), 10
    ),
    "no-dedupe": Plant(
        "G4: the same command starts the motor again", _terminal(Safeguards(is_deduplicating=False)), 40
    ),
    "motor-resumed": Plant(
        "G5: after a restart the motor is started to find out",
        _terminal(Safeguards(is_unknown_after_restart=False)),
        20,
    ),
    "disk-lies": Plant(
        "G6: the journal's last commits are not synced", Bug(terminal=TerminalParts(make_disk=spoilers.LyingDisk)), 5
    ),
    "new-refund-number": Plant(
        "G7: each retry of a refund has a number of its own",
        Bug(worker=WorkerBugs(provider=spoilers.NewNumberEachTime)),
        30,
    ),
    "no-deadline": Plant(
        "G8: nothing is ever declared ambiguous", Bug(worker=WorkerBugs(make_writer=spoilers.NoDeadline)), 20
    ),
    "late-payment-vends": Plant(
        "G10: a payment after the order's end still vends",
        Bug(worker=WorkerBugs(make_writer=spoilers.LatePaymentWins)),
        40,
    ),
    "origin-forgotten": Plant(
        "a machine's fact counts each time it arrives", Bug(worker=WorkerBugs(make_writer=spoilers.OriginForgotten)), 5
    ),
    "ack-before-commit": Plant(
        "facts are acknowledged before they are booked",
        Bug(worker=WorkerBugs(make_writer=spoilers.AckBeforeCommit)),
        5,
    ),
    "reports-forgotten": Plant(
        "the machine drops its reports unacknowledged", Bug(terminal=TerminalParts(wire=spoilers.ReportsForgotten)), 5
    ),
    "timeout-is-failure": Plant(
        "no answer of the motor board is taken for no goods",
        Bug(terminal=TerminalParts(dispenser=spoilers.TimeoutIsFailure)),
        80,
    ),
    "refund-early": Plant(
        "money goes back before every unit is decided",
        Bug(worker=WorkerBugs(tamper=spoilers.refund_before_decided)),
        10,
    ),
    "second-payment-kept": Plant(
        "a second payment of an order is not refunded", Bug(worker=WorkerBugs(tamper=spoilers.second_payment_kept)), 40
    ),
    "refund-unknown-is-done": Plant(
        "a refund without an answer is called done", Bug(worker=WorkerBugs(provider=spoilers.UnknownIsSuccess)), 80
    ),
    "stock-not-released": Plant(
        "reserved goods are never set free", Bug(worker=WorkerBugs(tamper=spoilers.stock_not_released)), 5
    ),
    "income-not-booked": Plant(
        "delivered units leave no line in the ledger", Bug(worker=WorkerBugs(tamper=spoilers.income_not_booked)), 5
    ),
}


def plant_named(name: str) -> Plant:
    """Raises `VendomatError(invalid_value)` that lists what there is."""
    plant = PLANTS.get(name)
    if plant is None:
        known = "\n".join(f"  {known:24}{plant.what}" for known, plant in PLANTS.items())
        raise VendomatError(ErrorCode.INVALID_VALUE, f"there is no bug {name!r} to plant; there are:\n{known}")
    return plant
