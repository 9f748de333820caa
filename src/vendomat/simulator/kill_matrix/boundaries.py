"""The named effect boundaries: every place where a part has done one thing and not yet the next.

Data only. A boundary names its victim, the purchase during which it is reached, and nothing else; how a process gets
there is in the launchers beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Victim(StrEnum):
    CLOUD = "cloud"
    TERMINAL = "terminal"
    PLATFORMS = "platforms"


class Purchase(StrEnum):
    """What happens while the boundary is waited for. `deaf`: the machine hears fences and no commands. `coupon`: one
    is typed first; `coupon_left`: and its buyer walks away."""

    GOOD = "good"
    JAM = "jam"
    WALKS_AWAY = "walks_away"
    NOTICE_LOST = "notice_lost"
    REFUND_NOTICE_LOST = "refund_notice_lost"
    DEAF = "deaf"
    RESTART = "restart"
    COUPON = "coupon"
    COUPON_LEFT = "coupon_left"


@dataclass(frozen=True, slots=True)
class Boundary:
    """`point` is the name a process reaches."""

    victim: Victim
    point: str
    purchase: Purchase


def _around(victim: Victim, point: str, purchase: Purchase) -> list[Boundary]:
    return [Boundary(victim, f"{side} {point}", purchase) for side in ("before", "after")]


def _cloud() -> list[Boundary]:
    good, jam = Purchase.GOOD, Purchase.JAM
    around = {
        "commit of order": good,
        "commit of coupon": Purchase.COUPON,
        "commit of coupon given back": Purchase.COUPON_LEFT,
        "commit of code": good,
        "commit of payment": good,
        "commit of command": good,
        "commit of intent": good,
        "commit of outcome": good,
        "commit of fenced": Purchase.DEAF,
        "commit of closed payment": Purchase.WALKS_AWAY,
        "commit of refund": jam,
        "commit of refund answer": jam,
        "commit of refund claim": jam,
        "commit of payment claim": Purchase.NOTICE_LOST,
        "publish of dispense": good,
        "publish of fence": Purchase.DEAF,
        "platform start": good,
        "platform look_up": Purchase.NOTICE_LOST,
        "platform cancel": Purchase.WALKS_AWAY,
        "platform refund": jam,
        "platform look_up_refund": Purchase.REFUND_NOTICE_LOST,
        "platform read_notice": good,
    }
    found = [one for point, purchase in around.items() for one in _around(Victim.CLOUD, point, purchase)]
    answers = {"order": good, "facts": good, "dispense": good, "fence": Purchase.DEAF}
    found += [
        Boundary(Victim.CLOUD, f"before reply to {kind}", answers[kind]) for kind in ("order", "facts")
    ]  # committed, and the machine does not know
    found += [
        Boundary(Victim.CLOUD, f"after answer to {kind}", answers[kind]) for kind in ("dispense", "fence")
    ]  # heard, and not committed
    found.append(Boundary(Victim.CLOUD, "before answer to notice", good))
    return found


def _terminal() -> list[Boundary]:
    good, jam = Purchase.GOOD, Purchase.JAM
    around = {
        "append of boot": Purchase.RESTART,
        "append of intent": good,
        "append of outcome": good,
        "append of fenced": Purchase.DEAF,
        "motor": good,
        "report": good,
        "prune": good,
        "request of order": good,
        "put of slots": jam,
    }
    found = [one for point, purchase in around.items() for one in _around(Victim.TERMINAL, point, purchase)]
    found += [Boundary(Victim.TERMINAL, point, story) for point in ("during motor", "after motor") for story in (jam,)]
    found.append(Boundary(Victim.TERMINAL, "before append of outcome", jam))
    found.append(Boundary(Victim.TERMINAL, "during motor", good))
    found.append(Boundary(Victim.TERMINAL, "before reply to dispense", good))
    found.append(Boundary(Victim.TERMINAL, "before reply to fence", Purchase.DEAF))
    return found


def _platforms() -> list[Boundary]:
    around = {"record of trade": Purchase.GOOD, "record of notice": Purchase.GOOD, "record of refund": Purchase.JAM}
    return [one for point, purchase in around.items() for one in _around(Victim.PLATFORMS, point, purchase)]


def kill_points() -> list[Boundary]:
    """All of them, in a fixed order."""
    return [*_cloud(), *_terminal(), *_platforms()]


NOTHING_HANGS = frozenset(
    {
        "commit of code",
        "commit of payment claim",
        "platform look_up",
        "platform look_up_refund",
        "platform read_notice",
        "publish of fence",
        "reply to order",
        "answer to fence",
        "answer to notice",
    }
)
"""Effects of the cloud that only ask or tell: neither money nor goods is under way between two parts."""


def short_points() -> list[Boundary]:
    """Each state with money or goods under way that a death can leave, once.

    What stands before an effect is what stood after the one before it, so "before" counts only where no "after" does.
    """
    short: dict[tuple[Victim, str], Boundary] = {}
    for boundary in kill_points():
        side, _, effect = boundary.point.partition(" ")
        if boundary.victim is Victim.CLOUD and effect in NOTHING_HANGS:
            continue
        if side != "before" or (boundary.victim, effect) not in short:
            short[boundary.victim, effect if side != "during" else boundary.point] = boundary
    return list(short.values())
