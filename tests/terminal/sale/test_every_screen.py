"""Every event on every screen: a move of the table, or a refusal that changes nothing."""

from __future__ import annotations

import pytest

from tests.terminal.fake_cloud import FakeOrder
from tests.terminal.sale.sale_talk import LINES, ORD, REQ, Talk
from vendomat.kernel import IllegalMoveError, derive_id
from vendomat.terminal.sale import (
    SALE_MOVES,
    CancelPressed,
    ChannelChosen,
    Checked,
    CodeEntered,
    DonePressed,
    HealthChanged,
    LinkChanged,
    LocalUnit,
    MoreTimePressed,
    Ordered,
    Refused,
    SaleMove,
    Screen,
    StatusArrived,
    Ticked,
    Unanswered,
    UnitOutcome,
    UnitSeen,
)


@pytest.mark.parametrize("screen", list(Screen))
@pytest.mark.parametrize("move", list(SaleMove))
def test_every_screen_and_move_is_in_the_table_or_refused(screen: Screen, move: SaleMove) -> None:
    if SALE_MOVES.may(screen, move):
        assert SALE_MOVES.next(screen, move) in Screen
    else:
        with pytest.raises(IllegalMoveError):
            SALE_MOVES.next(screen, move)


@pytest.mark.parametrize("start", ["browse", "paying", "delivering", "result", "out_of_order", "preparing"])
def test_no_event_breaks_any_screen(start: str) -> None:
    """Each event on each screen gives a sale that the table allows, or is refused and changes nothing."""
    events: list[tuple[type, dict[str, object]]] = [
        (Ordered, {"request_id": derive_id("req", 9), "lines": LINES, "channel": "wechat"}),
        (Checked, {"request_id": REQ}),
        (ChannelChosen, {"channel": "alipay"}),
        (CancelPressed, {}),
        (DonePressed, {}),
        (MoreTimePressed, {}),
        (CodeEntered, {"request_id": derive_id("req", 8), "code": "12345678"}),
        (Refused, {"about": REQ, "code": "sold_out"}),
        (Refused, {"about": ORD, "code": "not_found"}),
        (Unanswered, {"about": REQ}),
        (HealthChanged, {"faults": ("door_open",)}),
        (HealthChanged, {"faults": ()}),
        (LinkChanged, {"is_online": False}),
        (Ticked, {}),
    ]
    states = ("awaiting_payment", "dispensing", "settled", "expired", "cancelled")
    for state in states:
        order = FakeOrder(ORD, list(LINES), "wechat", state=state, version=50, channels=["wechat"])
        order.outcomes = ["delivered" if state == "settled" else "pending"] * 2
        events.append((StatusArrived, {"status": order.status(), "about": ORD}))
        events.append((StatusArrived, {"status": order.status(), "about": ""}))
    for outcome in UnitOutcome:
        events.append((UnitSeen, {"unit": LocalUnit(ORD, 1, "A1", "", outcome)}))
    for event_type, fields in events:
        talk = _on(start)
        before = talk.sale
        try:
            talk.say(event_type, **fields)
        except IllegalMoveError:
            assert talk.sale == before
        else:
            moves = {after for (screen, _), after in SALE_MOVES.table.items() if screen is before.screen}
            reachable = moves | {before.screen, Screen.OUT_OF_ORDER, Screen.BROWSE}
            assert talk.sale.screen in reachable, f"{event_type.__name__} on {start}"


def _on(start: str) -> Talk:
    talk = Talk()
    if start == "preparing":
        talk.press()
    elif start == "paying":
        talk.to_paying()
    elif start in ("delivering", "result"):
        talk.to_delivering()
        if start == "result":
            talk.see(1, UnitOutcome.DELIVERED)
            talk.see(2, UnitOutcome.DELIVERED)
    elif start == "out_of_order":
        talk.say(HealthChanged, faults=("door_open",))
    assert talk.sale.screen.value == start
    return talk
