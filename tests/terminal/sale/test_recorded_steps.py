"""What every event does to a sale and to a vend, as recorded: to the field, to the second, in the order of effects.

Longer because the states and events of the vend and the sale are named once, beside what is recorded of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.recorded_steps import Speller, check_recorded, told
from tests.terminal.fake_cloud import FakeOrder
from tests.terminal.sale.sale_talk import LINES, ORD, REQ, Talk
from tests.terminal.sale.test_vend_model import CMD, COMMAND, FENCE, READY
from tests.terminal.sale.test_vend_model import Talk as VendTalk
from vendomat.kernel import derive_id
from vendomat.protocol import FactKind, OrderLine, OrderStatus, VendResult
from vendomat.terminal.sale import (
    CancelPressed,
    ChannelChosen,
    Checked,
    CodeEntered,
    CodeShown,
    CommandReceived,
    DonePressed,
    Durable,
    Event,
    FenceReceived,
    HealthChanged,
    LinkChanged,
    LocalUnit,
    MoreTimePressed,
    MotorEnded,
    Note,
    Ordered,
    Refused,
    ReportAcked,
    Restarted,
    Resumed,
    Safeguards,
    Sale,
    SlotCheck,
    StatusArrived,
    Ticked,
    Unanswered,
    UnitOutcome,
    UnitSeen,
    Unwritten,
    Vend,
    VendEffect,
    VendEvent,
    charge_state_of,
    code_url_of,
    is_all_final,
    outcome_of,
    payment_state_of,
    refund_of,
    restored,
    step_sale,
    step_vend,
    units_of,
)

OTHER_REQ, OTHER_ORD = derive_id("req", 9), derive_id("ord", 9)
SCAN, OTHER_SCAN, SHOWN = derive_id("scn", 1), derive_id("scn", 2), "134567890123456789"
NAMES = {
    SCAN: "SCAN",
    OTHER_SCAN: "SCAN2",
    REQ: "REQ",
    ORD: "ORD",
    OTHER_REQ: "REQ9",
    OTHER_ORD: "ORD9",
    CMD: "CMD",
    "n" * 20: "NONCE",
}
SOON_S, LATER_S, MUCH_LATER_S = 100.5, 160.0, 1000.0


def _paying() -> Talk:
    return Talk().to_paying()


def _delivering() -> Talk:
    return Talk().to_delivering()


def _seen(*outcomes: UnitOutcome) -> Talk:
    talk = _delivering()
    for unit, outcome in enumerate(outcomes, start=1):
        talk.see(unit, outcome)
    return talk


def _after(talk: Talk, event_type: type, **fields: object) -> Talk:
    talk.say(event_type, **fields)
    return talk


def _pressed() -> Talk:
    talk = Talk()
    talk.press()
    return talk


def _entered() -> Talk:
    return _after(Talk(), CodeEntered, request_id=REQ, code="12345678")


def _asked() -> Talk:
    return _after(_pressed(), Checked, request_id=REQ)


def _heard(talk: Talk, **changes: object) -> Talk:
    talk.hear(**changes)  # type: ignore[arg-type]
    return talk


def _late() -> Talk:
    talk = _paying()
    talk.later(130.0)
    return talk


def _resumed(state: str, *, has_url: bool = True) -> Talk:
    talk = Talk()
    talk.order.state = state
    talk.say(Resumed, status=talk.order.status(has_url=has_url), channel="" if has_url else "wechat")
    return talk


def _shown() -> Talk:
    return _after(_paying(), CodeShown, scan_id=SCAN, code=SHOWN)


_GOODS, _NONE = UnitOutcome.DELIVERED, UnitOutcome.NOT_DELIVERED
SALES: dict[str, Callable[[], Talk]] = {
    "browsing": Talk,
    "browsing without a link": lambda: _after(Talk(), LinkChanged, is_online=False),
    "browsing with a notice": lambda: _after(_pressed(), Checked, request_id=REQ, code="sold_out", detail="A1"),
    "out of order": lambda: _after(Talk(), HealthChanged, faults=("door_open",)),
    "checking": _pressed,
    "asking for an order": _asked,
    "asking again": lambda: _after(_asked(), Unanswered, about=REQ),
    "asked twice": lambda: _after(_after(_asked(), Unanswered, about=REQ), Unanswered, about=REQ),
    "asking without a link": lambda: _after(_asked(), LinkChanged, is_online=False),
    "an order without a code": lambda: _heard(_asked(), about=REQ, has_url=False),
    "a code is being checked": _entered,
    "a code was asked twice": lambda: _after(
        _after(_after(Talk(), CodeEntered, request_id=REQ, code="12345678"), Unanswered, about=REQ),
        Unanswered,
        about=REQ,
    ),
    "a code was refused": lambda: _after(_entered(), Refused, about=REQ, code="code_refused"),
    "codes are locked": lambda: _after(
        _entered(),
        Refused,
        about=REQ,
        code="code_locked",
        locked_for_s=900.0,
    ),
    "paying": _paying,
    "paying and cancelling": lambda: _after(_paying(), CancelPressed),
    "paying without a link": lambda: _after(_paying(), LinkChanged, is_online=False),
    "paying after the code's end": _late,
    "a payment code was shown": _shown,
    "a shown code is being charged": lambda: _heard(_shown(), about=SCAN, charge=("charging", "")),
    "a shown code was refused": lambda: _heard(_shown(), about=SCAN, charge=("closed", "not_enough")),
    "a shown code was not answered": lambda: _after(_shown(), Unanswered, about=SCAN),
    "delivering": _delivering,
    "the first unit turns": lambda: _seen(UnitOutcome.STARTED),
    "the first unit is out": lambda: _seen(_GOODS),
    "the first unit failed": lambda: _seen(_NONE),
    "all out": lambda: _seen(_GOODS, _GOODS),
    "one of two out": lambda: _seen(_GOODS, _NONE),
    "all unknown": lambda: _seen(UnitOutcome.UNKNOWN, UnitOutcome.UNKNOWN),
    "settled by the cloud": lambda: _heard(_delivering(), state="settled", outcomes=["delivered", "delivered"]),
    "expired": lambda: _heard(_paying(), state="expired"),
    "cancelled": lambda: _heard(_after(_paying(), CancelPressed), state="cancelled"),
    "resumed and awaiting": lambda: _resumed("awaiting_payment"),
    "resumed without a code": lambda: _resumed("awaiting_payment", has_url=False),
    "resumed and dispensing": lambda: _resumed("dispensing"),
    "resumed without a link": lambda: _after(_resumed("awaiting_payment"), LinkChanged, is_online=False),
    "seen before told": lambda: _after(Talk(), UnitSeen, unit=LocalUnit(ORD, 1, "A1", "", UnitOutcome.STARTED)),
}


def _statuses() -> dict[str, Event]:
    found: dict[str, Event] = {}
    for state in ("awaiting_payment", "dispensing", "settled", "expired", "cancelled"):
        for order_id, whose in ((ORD, "its"), (OTHER_ORD, "another")):
            order = FakeOrder(order_id, list(LINES), "wechat", state=state, version=50, channels=["wechat", "alipay"])
            order.outcomes = {"settled": ["delivered", "not_delivered"]}.get(state, ["pending", "pending"])
            for about in (REQ, order_id, "") if whose == "its" else ("",):
                key = f"{whose} status {state} about {NAMES.get(about, 'nothing')}"
                found[key] = StatusArrived(at_s=SOON_S, status=order.status(), about=about)
    bare = FakeOrder(ORD, list(LINES), "wechat", version=51, channels=["wechat"], outcomes=["pending", "pending"])
    found["its status without a code"] = StatusArrived(at_s=SOON_S, status=bare.status(has_url=False), about=ORD)
    old = FakeOrder(ORD, list(LINES), "wechat", version=0, channels=["wechat"], outcomes=["pending", "pending"])
    found["an older status"] = StatusArrived(at_s=SOON_S, status=old.status(), about=ORD)
    for state in ("awaiting_payment", "dispensing", "settled"):
        order = FakeOrder(ORD, list(LINES), "wechat", state=state, version=50, channels=["wechat"])
        order.outcomes = ["delivered" if state == "settled" else "pending"] * 2
        found[f"resumed {state}"] = Resumed(at_s=SOON_S, status=order.status(), channel="alipay")
    return found


SALE_EVENTS: dict[str, Event] = {
    "ordered": Ordered(at_s=SOON_S, request_id=OTHER_REQ, lines=LINES, channel="alipay"),
    "ready": Checked(at_s=SOON_S, request_id=REQ),
    "not ready": Checked(at_s=SOON_S, request_id=REQ, code="slot_closed", detail="A1"),
    "ready for another": Checked(at_s=SOON_S, request_id=OTHER_REQ),
    "wechat chosen": ChannelChosen(at_s=SOON_S, channel="wechat"),
    "alipay chosen": ChannelChosen(at_s=SOON_S, channel="alipay"),
    "cancel pressed": CancelPressed(at_s=SOON_S),
    "done pressed": DonePressed(at_s=SOON_S),
    "more time pressed": MoreTimePressed(at_s=SOON_S),
    "payment code shown": CodeShown(at_s=SOON_S, scan_id=OTHER_SCAN, code=SHOWN),
    "code entered": CodeEntered(at_s=SOON_S, request_id=OTHER_REQ, code="12345678"),
    **{
        f"refused {code} about {NAMES[about]}": Refused(at_s=SOON_S, about=about, code=code, detail="why")
        for code in ("sold_out", "not_found", "price_changed", "code_refused", "method_unavailable")
        for about in (REQ, ORD)
    },
    "refused for long": Refused(at_s=SOON_S, about=REQ, code="code_locked", locked_for_s=900.0),
    "refused about another": Refused(at_s=SOON_S, about=OTHER_REQ, code="sold_out"),
    **{f"unanswered {NAMES[about]}": Unanswered(at_s=SOON_S, about=about) for about in (REQ, ORD, OTHER_REQ, SCAN)},
    "door open": HealthChanged(at_s=SOON_S, faults=("door_open", "sensor_blocked")),
    "all well": HealthChanged(at_s=SOON_S, faults=()),
    "link lost": LinkChanged(at_s=SOON_S, is_online=False),
    "link back": LinkChanged(at_s=SOON_S, is_online=True),
    "a moment passes": Ticked(at_s=SOON_S),
    "a minute passes": Ticked(at_s=LATER_S),
    "a quarter of an hour passes": Ticked(at_s=MUCH_LATER_S),
    **{
        f"unit {unit} {outcome}": UnitSeen(at_s=SOON_S, unit=LocalUnit(ORD, unit, f"A{unit}", "", outcome, "why"))
        for unit in (1, 2)
        for outcome in UnitOutcome
    },
    "a unit of another order": UnitSeen(at_s=SOON_S, unit=LocalUnit(OTHER_ORD, 1, "A1", "", UnitOutcome.STARTED)),
    **_statuses(),
}


def _said(status: OrderStatus) -> str:
    outcomes = " ".join(unit.outcome for unit in status.units)
    return f"<{status.order_id} {status.state} v{status.version}: {outcomes}>"


def _sale_speller() -> Speller:
    return Speller(NAMES, brief={OrderStatus: _said, OrderLine: lambda line: line.slot})


def test_the_sale_does_what_is_recorded() -> None:
    sales: dict[str, Sale] = {name: make().sale for name, make in SALES.items()}
    check_recorded("sale", told(sales, SALE_EVENTS, step_sale, _sale_speller()))


def test_every_timer_runs_out_at_its_moment() -> None:
    """A timer that has run out is due at its very moment, and nothing happens a moment before."""
    parts = []
    for name, make in SALES.items():
        sale = make().sale
        moments = {"asks": sale.ask_at_s, "closes": sale.close_at_s, "stalls": sale.stalls_at_s}
        moments |= {"code ends": sale.expires_at_s, "lock ends": sale.code_entry.locked_until_s}
        moments["notice ends"] = sale.notice.until_s if sale.notice else None
        events: dict[str, Event] = {}
        for what, at_s in moments.items():
            if at_s:
                events[f"just before it {what}"] = Ticked(at_s=at_s - 0.001)
                events[f"when it {what}"] = Ticked(at_s=at_s)
                events[f"a code when it {what}"] = CodeEntered(at_s=at_s, request_id=OTHER_REQ, code="12345678")
        parts.append(told({name: sale}, events, step_sale, _sale_speller()))
    check_recorded("sale_timers", "\n".join(parts))


def test_what_is_seen_is_as_recorded() -> None:
    lines = []
    for name, make in SALES.items():
        sale = make().sale
        spell = Speller(NAMES).spell
        units = ", ".join(f"{u.unit} {u.slot} {u.outcome} {u.reason}".strip() for u in units_of(sale))
        codes = [code_url_of(sale.order, channel) for channel in ("wechat", "alipay")] if sale.order else []
        moments = (SOON_S, sale.expires_at_s, MUCH_LATER_S)
        lines += [
            f"## {name}",
            f"    units: {units}; all final: {is_all_final(sale)}",
            f"    refund: {spell(refund_of(sale))}; codes: {spell(codes)}; shown code: {charge_state_of(sale)}",
            f"    payment soon, at its end, later: {', '.join(payment_state_of(sale, at_s) for at_s in moments)}",
        ]
    check_recorded("sale_views", "\n".join(lines) + "\n")


def test_what_this_machine_saw_stands_until_the_cloud_knows_more() -> None:
    """Told and seen, each outcome against each: the later one in the life of a unit is shown, the machine's first."""
    shown = {}
    for told_outcome in UnitOutcome:
        for seen_outcome in UnitOutcome:
            talk = _delivering()
            talk.hear(outcomes=[told_outcome.value, "pending"])
            talk.see(1, seen_outcome, "why")
            unit = units_of(talk.sale)[0]
            shown[told_outcome, seen_outcome] = (unit.outcome, unit.reason, unit.product_id)
    product_id = talk.order.status().units[0].product_id
    for (told_outcome, seen_outcome), (outcome, reason, product) in shown.items():
        life = [UnitOutcome.PENDING, UnitOutcome.STARTED]
        ranks = [life.index(one) if one in life else 2 for one in (told_outcome, seen_outcome)]
        assert outcome == (told_outcome if ranks[0] > ranks[1] else seen_outcome)
        assert reason == ("" if ranks[0] > ranks[1] else "why")
        assert product == product_id


# --- the vend --------------------------------------------------------------------------------------------------------


def _vends() -> dict[str, Vend]:
    found: dict[str, Vend] = {}

    def keep(name: str, *events: VendEvent) -> None:
        talk = VendTalk()
        for event in events:
            talk.say(event)
        found[name] = talk.vend
        durable = tuple(note for note in talk.vend.notes if note.seq)
        if durable:
            found[f"{name}, after a restart"] = restored(
                Vend(CMD, order_id=COMMAND.order_id, unit=1, slot="A1", notes=durable)
            )

    command, door = CommandReceived(COMMAND, READY), CommandReceived(COMMAND, replace(READY, is_door_shut=False))
    intent, second = Durable(5, 1, READY), Durable(5, 2, READY)
    fence, out = FenceReceived(FENCE), MotorEnded(VendResult.DELIVERED)
    keep("unheard of")
    keep("intending", command)
    keep("intending, fence waits", command, fence)
    keep("turning", command, intent)
    keep("turning, fence waits", command, intent, fence)
    keep("recording", command, intent, out)
    keep("recording, fence waits", command, intent, fence, out)
    keep("done", command, intent, out, second)
    keep("done and acknowledged", command, intent, out, second, ReportAcked(5, 1), ReportAcked(5, 2))
    keep("done without goods", command, intent, MotorEnded(VendResult.JAM), second)
    keep("refusing", door)
    keep("refused", door, intent)
    keep("refusing after the intent", command, Durable(5, 1, replace(READY, lease_age_s=21.0)))
    keep("refused after the intent", command, Durable(5, 1, replace(READY, lease_age_s=21.0)), second)
    keep("refusing, not written", command, Unwritten())
    keep("fencing", fence)
    keep("fenced", fence, intent)
    keep("fenced, then commanded", fence, intent, command)
    return found


_DURABLE = {"readily": READY, "with the lease over": replace(READY, lease_age_s=20.5)}
VEND_EVENTS: dict[str, VendEvent] = {
    "commanded": CommandReceived(COMMAND, READY),
    "commanded at the lease's last moment": CommandReceived(COMMAND, replace(READY, lease_age_s=20.0)),
    "commanded at once": CommandReceived(COMMAND, replace(READY, lease_age_s=0.0)),
    "commanded half a second on": CommandReceived(COMMAND, replace(READY, lease_age_s=0.5)),
    "commanded too late": CommandReceived(COMMAND, replace(READY, lease_age_s=20.1)),
    "commanded with a lease of the future": CommandReceived(COMMAND, replace(READY, lease_age_s=-0.1)),
    "commanded with an unknown nonce": CommandReceived(COMMAND, replace(READY, lease_age_s=None)),
    "commanded for another run": CommandReceived(COMMAND, replace(READY, epoch=6)),
    "commanded for an unknown slot": CommandReceived(COMMAND, replace(READY, slot=SlotCheck.UNKNOWN)),
    "commanded for a closed slot": CommandReceived(COMMAND, replace(READY, slot=SlotCheck.CLOSED)),
    "commanded with the sensor blocked": CommandReceived(COMMAND, replace(READY, is_sensor_clear=False)),
    "commanded with the sensor not known": CommandReceived(COMMAND, replace(READY, is_sensor_clear=None)),
    "commanded with the door open": CommandReceived(COMMAND, replace(READY, is_door_shut=False)),
    "commanded with the door not known": CommandReceived(COMMAND, replace(READY, is_door_shut=None)),
    "commanded while busy": CommandReceived(COMMAND, replace(READY, is_busy=True)),
    "commanded with a broken journal": CommandReceived(COMMAND, replace(READY, is_journal_ok=False)),
    "fenced": FenceReceived(FENCE),
    **{f"motor ended {result}": MotorEnded(result) for result in VendResult},
    "motor ended for a reason": MotorEnded(VendResult.UNKNOWN, "door_open"),
    **{f"acknowledged {seq}": ReportAcked(5, seq) for seq in (1, 2, 7)},
    "acknowledged of another run": ReportAcked(4, 1),
    "restarted": Restarted(),
}


def test_the_vend_does_what_is_recorded() -> None:
    vends = _vends()
    text = told(vends, VEND_EVENTS, step_vend, Speller(NAMES))
    written = {name: vend for name, vend in vends.items() if vend.pending is not None}
    events: dict[str, VendEvent] = {f"written {how}": Durable(5, 9, at) for how, at in _DURABLE.items()}
    events["not written"] = Unwritten()
    check_recorded("vend", text + "\n" + told(written, events, step_vend, Speller(NAMES)))


def test_the_states_recorded_are_many() -> None:
    """A record of nothing would never differ."""
    kinds = {note.kind for vend in _vends().values() for note in vend.notes}
    assert kinds == {FactKind.INTENT, FactKind.OUTCOME, FactKind.REFUSED, FactKind.FENCED}
    assert {make().sale.screen for make in SALES.values()} >= {"browse", "preparing", "paying", "delivering", "result"}


def test_a_motor_before_its_intent_is_told_apart() -> None:
    """The check that takes a safeguard away must meet the machine without it, and otherwise the same machine."""
    careless = Safeguards(is_intent_first=False, is_leased=False)

    def step(vend: Vend, event: VendEvent) -> tuple[Vend, tuple[VendEffect, ...]]:
        return step_vend(vend, event, careless)

    intending, _ = step(Vend(CMD), VEND_EVENTS["commanded"])
    events = {"written": Durable(5, 1, READY)} | {name: VEND_EVENTS[name] for name in ("commanded too late", "fenced")}
    states = {"unheard of": Vend(CMD), "turning and intending": intending}
    only = {"unheard of": {"commanded too late": events["commanded too late"]}, "turning and intending": events}
    text = "\n".join(told({name: states[name]}, only[name], step, Speller(NAMES)) for name in states)
    check_recorded("vend_careless", text)


def test_what_is_read_back_has_nothing_under_way() -> None:
    vend = replace(_vends()["turning, fence waits"], pending=Note(FactKind.OUTCOME))
    assert (restored(vend).pending, restored(vend).has_fence_waiting) == (None, False)


def test_only_a_result_decides_about_goods() -> None:
    assert outcome_of(Note(FactKind.OUTCOME)) is UnitOutcome.NOT_DELIVERED
    assert outcome_of(Note(FactKind.REFUSED, result=VendResult.DELIVERED)) is UnitOutcome.NOT_DELIVERED
    assert outcome_of(Note(FactKind.OUTCOME, result=VendResult.TIMEOUT)) is UnitOutcome.UNKNOWN
