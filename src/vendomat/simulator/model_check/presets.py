"""What is checked: the whole design within several bounds, and each safeguard removed in turn."""

from __future__ import annotations

from dataclasses import dataclass

from vendomat.simulator.model_check.parts import Bounds, Guards
from vendomat.simulator.model_check.search import DEAD_END
from vendomat.terminal.sale import PRODUCTION, Safeguards

WHOLE_DESIGN = (
    Bounds("one unit", power_cuts=2, sensor_lies=1, may_die=True),
    Bounds("paused worker, late money", heartbeats=1, paused_workers=1, may_die=True, may_pay_after_close=True),
    Bounds(
        "acknowledgements, sick disk, silent board",
        power_cuts=1,
        failed_writes=1,
        silent_controllers=1,
        is_following_acks=True,
        may_give_up=False,
    ),
    Bounds("refunds that stop", power_cuts=1, may_operator_ask=True, may_refund_stop=True, may_give_up=False),
    Bounds("two units", units=2, may_die=True, may_operator_ask=True, may_give_up=False, may_refund_be_unclear=False),
    Bounds("two payments", channels=("wechat", "alipay"), may_lease_run_out=False, may_refund_be_unclear=False),
    Bounds("a hold", units=2, channels=("stripe",), holding=("stripe",), may_give_up=False, may_hold_lapse=True),
    Bounds(
        "a hold beside a payment",
        channels=("stripe", "wechat"),
        holding=("stripe",),
        may_lease_run_out=False,
        may_refund_be_unclear=False,
        may_hold_lapse=True,
        may_operator_ask=True,
    ),
)
"""Every safeguard on: nothing may be found. Together within every run of the tests."""

WIDER = (
    Bounds("two payments, lease", channels=("wechat", "alipay"), may_refund_be_unclear=False),
    Bounds("one unit, paused worker", power_cuts=2, sensor_lies=1, paused_workers=1, may_die=True),
    Bounds("two units, refunds that stop", units=2, may_operator_ask=True, may_refund_stop=True, may_give_up=False),
    Bounds("two units, power cut", units=2, power_cuts=1, may_give_up=False),
    Bounds(
        "two payments, late money", channels=("wechat", "alipay"), may_pay_after_close=True, may_refund_be_unclear=False
    ),
)
"""As `WHOLE_DESIGN`, for a longer wait."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A safeguard taken away, and how what is found must begin ("" where nothing may be found)."""

    what: str
    bounds: Bounds
    harm: str


def _without(what: str, harm: str, *, safeguards: Safeguards = PRODUCTION, guards: Guards | None = None) -> Removal:
    bounds = Bounds(
        f"without {what}",
        power_cuts=1,
        may_give_up=False,
        looking_for=harm,
        safeguards=safeguards,
        guards=guards or Guards(),
    )
    return Removal(what, bounds, harm)


REMOVALS = {
    "G1": _without("the fence (silence is refunded)", "I5", guards=Guards(is_silence_no_answer=False)),
    "G2": _without("the durable fence (kept in memory only)", "I5", safeguards=Safeguards(is_fence_durable=False)),
    "G3": _without("INTENT before the motor", "I1", safeguards=Safeguards(is_intent_first=False)),
    "G4": _without("knowing a command again", "I1", safeguards=Safeguards(is_deduplicating=False)),
    "G5": _without("UNKNOWN after a restart", "I1", safeguards=Safeguards(is_unknown_after_restart=False)),
    "G6": _without("the journal's sync", "I1", guards=Guards(is_journal_synced=False)),
    "G7": _without("the constant refund number", "I3", guards=Guards(is_refund_number_constant=False)),
    "G8": Removal(
        "the declared deadline",
        Bounds(
            "without the declared deadline",
            may_die=True,
            may_give_up=False,
            looking_for=DEAD_END,
            guards=Guards(is_deadline_declared=False),
        ),
        DEAD_END,
    ),
    "lease": _without("the lease", "I2", safeguards=Safeguards(is_leased=False)),
    "hold": Removal(
        "the refusal of a hold that is being given up",
        Bounds(
            "without the refusal of a hold that is being given up",
            channels=("stripe",),
            holding=("stripe",),
            looking_for="I6",
            guards=Guards(is_hold_given_up_left=False),
        ),
        "I6",
    ),
    "row": Removal(
        "the row read again under the order's lock",
        Bounds(
            "without the row read again", looking_for="I5", paused_workers=1, guards=Guards(is_row_read_again=False)
        ),
        "I5",
    ),
}
"""Each must be found, or the check proves nothing."""

DEFENCE_IN_DEPTH = {
    "G9": _without("the final outcome", "", guards=Guards(is_outcome_final=False)),
    "G10": Removal(
        "the return of late money",
        Bounds("without the return of late money", power_cuts=1, guards=Guards(is_late_money_returned=False)),
        "",
    ),
    "waiting fence": _without("the fence that waits for the motor", "", safeguards=Safeguards(is_fence_waiting=False)),
}
"""Removed without a promise to be found: what is found stands in docs/reliability.md."""
