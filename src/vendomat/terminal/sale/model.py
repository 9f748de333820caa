"""One purchase at the screen as a pure step: buttons, the cloud's answers, the machine's own eyes and time.

Rules: no QR before slot, sensor, door, journal and link were found ready now; an answer older than the one shown is
ignored; what the machine itself saw of a unit is shown at once; an order that nobody looks at any more is cancelled,
never forgotten while it may still be paid; no answer in time is "not known" and is asked again.

Refuses to decide about money: the cloud does, this only shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from vendomat.kernel import ErrorCode, IllegalMoveError
from vendomat.protocol import OrderStatus
from vendomat.terminal.sale import terms, typed_model
from vendomat.terminal.sale.shown_model import is_shown, on_code_shown, scan_unanswered
from vendomat.terminal.sale.terms import (
    AWAITING,
    CANCELLED,
    EXPIRED,
    FINAL_OUTCOMES,
    MOVES,
    NOTICE_S,
    SETTLED,
    AskCancel,
    AskChannel,
    AskOrder,
    AskRedeem,
    AskStatus,
    Attempt,
    CheckReady,
    CodeEntry,
    CouponEntry,
    Notice,
    Remember,
    Sale,
    SaleEffect,
    SaleMove,
    Screen,
    UnitOutcome,
)
from vendomat.terminal.sale.views import (
    code_url_of,
    is_all_final,
    payment_state_of,
    refund_of,
    units_of,
)

ASK_EVERY_S = 2.0
ASK_OFFER_EVERY_S = 1.0
OFFER_WAIT_MAX_S = 15.0
CANCEL_WAIT_MAX_S = 1.0
TRIES_MAX = 3
IDLE_S = 60.0
EXPIRED_S = 30.0
RESULT_GOOD_S = 15.0
RESULT_BAD_S = 60.0
STALLED_S = 120.0
LOCAL_UNITS_MAX = 40

Step = tuple[Sale, tuple[SaleEffect, ...]]


def step(sale: Sale, event: terms.Event) -> Step:
    """The sale after `event`. Raises `IllegalMoveError` for a button that has no meaning now; nothing changed then."""
    return _STEPS[type(event)](sale, event)


def _moved(sale: Sale, move: SaleMove, **changes: object) -> Sale:
    """On another screen; a coupon goes with the cart that it was for."""
    if move in (SaleMove.DELIVER, SaleMove.FINISH):
        changes["coupon"] = CouponEntry()
    return replace(sale, screen=MOVES.next(sale.screen, move), **changes)  # type: ignore[arg-type]


# --- buttons ---------------------------------------------------------------------------------------------------------


def _on_ordered(sale: Sale, event: terms.Ordered) -> Step:
    if sale.attempt is not None and sale.attempt.request_id == event.request_id:
        return sale, ()
    if sale.screen is Screen.PAYING and payment_state_of(sale, event.at_s) != "expired":
        raise IllegalMoveError("an order is open on this screen; finish or cancel it first")
    coupon_id = sale.coupon.coupon_id
    attempt = Attempt(event.request_id, event.lines, event.channel, shown_minor=event.shown_minor, coupon_id=coupon_id)
    old = _cancel_if_open(sale)
    sale = _moved(sale, SaleMove.CHOOSE, attempt=attempt, order=None, channel=event.channel, notice=None)
    sale = replace(sale, is_cancelling=False, ask_at_s=None, close_at_s=event.at_s + OFFER_WAIT_MAX_S)
    return sale, (*old, CheckReady(event.request_id, event.lines))


def _on_checked(sale: Sale, event: terms.Checked) -> Step:
    attempt = sale.attempt
    if attempt is None or attempt.request_id != event.request_id or sale.screen is not Screen.PREPARING:
        return sale, ()
    if event.code:
        return _give_up(sale, event.code, event.detail, event.at_s)
    return sale, (_ask_order(attempt),)


def _ask_order(attempt: Attempt) -> AskOrder:
    return AskOrder(attempt.request_id, attempt.lines, attempt.channel, attempt.shown_minor, attempt.coupon_id)


def _on_channel(sale: Sale, event: terms.ChannelChosen) -> Step:
    if sale.screen is not Screen.PAYING or sale.order is None or _is_ending(sale, event.at_s):
        raise IllegalMoveError("there is no open order to pay another way")
    return replace(sale, channel=event.channel, notice=None), (AskChannel(sale.order.order_id, event.channel),)


def _on_cancel(sale: Sale, event: terms.CancelPressed) -> Step:
    if sale.screen is Screen.PREPARING:
        return _home(sale, SaleMove.GIVE_UP, _cancel_if_open(sale))
    if sale.screen in (Screen.BROWSE, Screen.OUT_OF_ORDER):
        return sale, ()  # pressed twice
    if sale.screen is not Screen.PAYING or sale.order is None:
        raise IllegalMoveError("the order is paid; it cannot be cancelled any more")
    if payment_state_of(sale, event.at_s) == "expired":
        return _home(sale, SaleMove.GIVE_UP, _cancel_if_open(sale))
    sale = replace(sale, is_cancelling=True, close_at_s=event.at_s + CANCEL_WAIT_MAX_S)
    return sale, _cancel_if_open(sale)


def _on_done(sale: Sale, _: terms.DonePressed) -> Step:
    if sale.screen in (Screen.BROWSE, Screen.OUT_OF_ORDER):
        return sale, ()  # pressed twice
    return _home(sale, SaleMove.CLOSE)


def _on_more_time(sale: Sale, event: terms.MoreTimePressed) -> Step:
    if sale.close_at_s is None or sale.screen not in (Screen.PAYING, Screen.RESULT) or sale.is_cancelling:
        return sale, ()
    return replace(sale, close_at_s=max(sale.close_at_s, event.at_s + IDLE_S)), ()


# --- the cloud's answers ---------------------------------------------------------------------------------------------


def _on_status(sale: Sale, event: terms.StatusArrived) -> Step:
    status = event.status
    before: tuple[SaleEffect, ...] = ()
    if is_shown(sale, event.about):
        sale = replace(sale, shown=None)
    if sale.order is not None and status.order_id == sale.order.order_id:
        if status.version < sale.order.version + (not event.about):  # told unasked: only what is newer
            return sale, ()
    elif sale.attempt is not None and event.about == sale.attempt.request_id:
        if sale.screen is Screen.RESULT:  # a code was typed over the result of the order before
            sale, before = _home(sale, SaleMove.CLOSE)
        sale = replace(sale, code_entry=CodeEntry())
    elif sale.screen in (Screen.BROWSE, Screen.OUT_OF_ORDER) and event.about in ("", status.order_id):
        if status.state not in ("paid", "dispensing") or status.order_id == sale.closed_id:
            return sale, ()
        if not event.about:  # genuine, but of which moment? Only the answer to a question is of now.
            return sale, (AskStatus(status.order_id),)
    else:
        is_abandoned = bool(event.about) and status.state == AWAITING and event.about != status.order_id
        return sale, (AskCancel(status.order_id),) if is_abandoned else ()
    is_known = sale.order is not None and sale.order.order_id == status.order_id
    total_s = max(sale.expires_total_s if is_known else 0.0, status.expires_in_s)
    sale = replace(sale, order=status, expires_at_s=event.at_s + status.expires_in_s, expires_total_s=total_s)
    sale, effects = _follow(sale, event.at_s)
    return sale, (*before, *effects)


def _follow(sale: Sale, at_s: float) -> Step:
    """Bring the screen to where the order is."""
    order = sale.order
    assert order is not None
    if order.state == AWAITING:
        return _follow_awaiting(sale, order, at_s)
    if order.state == CANCELLED or (order.state == EXPIRED and (sale.is_cancelling or sale.screen is Screen.PREPARING)):
        if sale.screen not in (Screen.PREPARING, Screen.PAYING):
            return sale, ()
        return _home(sale, SaleMove.GIVE_UP)
    if order.state == EXPIRED:
        if sale.screen is Screen.PAYING and sale.close_at_s is None:
            sale = replace(sale, close_at_s=at_s + EXPIRED_S, ask_at_s=None)
        return sale, ()
    return _follow_paid(sale, order, at_s)


def _follow_awaiting(sale: Sale, order: OrderStatus, at_s: float) -> Step:
    if sale.screen not in (Screen.PREPARING, Screen.BROWSE):
        return sale, ()
    if not sale.channel:
        sale = replace(sale, channel=order.offers[0].channel if order.offers else "")
    if not code_url_of(order, sale.channel):
        return replace(sale, ask_at_s=at_s + ASK_OFFER_EVERY_S), ()
    if sale.faults or not sale.is_online:
        if sale.screen is Screen.BROWSE:
            return sale, _cancel_if_open(sale)
        return _give_up(sale, ErrorCode.MACHINE_NOT_READY, ", ".join(sale.faults) or "offline", at_s)
    sale = _moved(sale, SaleMove.OFFER, attempt=None, ask_at_s=at_s + ASK_EVERY_S, close_at_s=None)
    return sale, (Remember(order, sale.channel),)


def _follow_paid(sale: Sale, order: OrderStatus, at_s: float) -> Step:
    is_over = order.state == SETTLED or is_all_final(sale)
    if sale.screen is Screen.RESULT:
        return _shown_again(sale, order, at_s)
    effects: tuple[SaleEffect, ...] = ()
    if sale.screen is not Screen.DELIVERING:
        effects = (Remember(order, sale.channel),)
    if is_over:
        return _finish(sale, at_s, effects)
    if sale.screen is not Screen.DELIVERING:
        sale = _moved(sale, SaleMove.DELIVER, attempt=None, is_cancelling=False, close_at_s=None)
        sale = replace(sale, ask_at_s=at_s + ASK_EVERY_S, stalls_at_s=at_s + STALLED_S, notice=None)
    return sale, effects


def _shown_again(sale: Sale, order: OrderStatus, at_s: float) -> Step:
    is_done = order.state == SETTLED and (order.refund is None or order.refund.state == "refunded")
    close_at_s = max(sale.close_at_s or at_s, at_s + RESULT_GOOD_S) if is_done and sale.ask_at_s else sale.close_at_s
    return replace(sale, ask_at_s=None if is_done else at_s + ASK_EVERY_S, close_at_s=close_at_s), ()


def _finish(sale: Sale, at_s: float, effects: tuple[SaleEffect, ...] = ()) -> Step:
    is_good = all(unit.outcome == UnitOutcome.DELIVERED for unit in units_of(sale)) and refund_of(sale) is None
    sale = _moved(sale, SaleMove.FINISH, attempt=None, is_cancelling=False, stalls_at_s=None)
    stay_s = RESULT_GOOD_S if is_good else RESULT_BAD_S
    return replace(sale, close_at_s=at_s + stay_s, ask_at_s=at_s + ASK_EVERY_S, notice=None), effects


def _on_refused(sale: Sale, event: terms.Refused) -> Step:
    if typed_model.is_coupon(sale, event.about):
        return typed_model.coupon_refused(sale, event), ()
    if sale.attempt is not None and event.about == sale.attempt.request_id:
        if sale.attempt.code:
            return typed_model.code_refused(sale, event), ()
        if sale.screen is Screen.PREPARING:
            return _give_up(sale, event.code, event.detail, event.at_s)
    is_ours = sale.order is not None and event.about == sale.order.order_id
    if is_shown(sale, event.about):
        sale, is_ours = replace(sale, shown=None), True
    if is_ours and sale.screen in (Screen.PREPARING, Screen.PAYING) and not _is_ending(sale, event.at_s):
        return replace(sale, notice=Notice(event.code, event.detail, event.at_s + NOTICE_S)), ()
    return sale, ()


def _on_unanswered(sale: Sale, event: terms.Unanswered) -> Step:
    if typed_model.is_coupon(sale, event.about):
        return typed_model.coupon_unanswered(sale), ()
    if is_shown(sale, event.about):
        return scan_unanswered(sale, event.at_s)
    attempt = sale.attempt
    if attempt is None or event.about != attempt.request_id:
        return sale, ()
    attempt = replace(attempt, tries=attempt.tries + 1)
    sale = replace(sale, attempt=attempt)
    if attempt.tries < TRIES_MAX and attempt.code:
        return sale, (AskRedeem(attempt.request_id, attempt.code),)
    if attempt.tries < TRIES_MAX:
        return sale, (_ask_order(attempt),)
    if attempt.code:
        return replace(sale, attempt=None, code_entry=CodeEntry("refused", "unanswered")), ()
    return _give_up(sale, ErrorCode.MACHINE_NOT_READY, "unanswered", event.at_s)


# --- the machine's own eyes ------------------------------------------------------------------------------------------


def _on_unit(sale: Sale, event: terms.UnitSeen) -> Step:
    seen = event.unit
    known = [u for u in sale.local if (u.order_id, u.unit) == (seen.order_id, seen.unit)]
    if known and known[0].outcome in FINAL_OUTCOMES:
        return sale, ()
    others = tuple(u for u in sale.local if u not in known)
    sale = replace(sale, local=(*others, seen)[-LOCAL_UNITS_MAX:])
    if sale.order is None or sale.order.order_id != seen.order_id:
        is_free = sale.screen in (Screen.BROWSE, Screen.OUT_OF_ORDER)
        return sale, (AskStatus(seen.order_id),) if is_free else ()
    if sale.screen is Screen.DELIVERING:
        sale = replace(sale, stalls_at_s=event.at_s + STALLED_S)
    if is_all_final(sale) and sale.screen is not Screen.RESULT:
        return _finish(sale, event.at_s)
    if sale.screen in (Screen.PAYING, Screen.PREPARING):
        sale = _moved(sale, SaleMove.DELIVER, attempt=None, is_cancelling=False, close_at_s=None)
        return replace(sale, stalls_at_s=event.at_s + STALLED_S), (AskStatus(seen.order_id),)
    return sale, ()


def _on_link(sale: Sale, event: terms.LinkChanged) -> Step:
    return replace(sale, is_online=event.is_online), ()


def _on_health(sale: Sale, event: terms.HealthChanged) -> Step:
    sale = replace(sale, faults=event.faults)
    if not event.faults:
        return (_moved(sale, SaleMove.MEND), ()) if sale.screen is Screen.OUT_OF_ORDER else (sale, ())
    if sale.screen is Screen.BROWSE:
        return _moved(sale, SaleMove.BREAK), ()
    if sale.screen is Screen.PREPARING or (sale.screen is Screen.PAYING and not sale.is_cancelling):
        sale = replace(sale, notice=Notice(ErrorCode.MACHINE_NOT_READY, ", ".join(event.faults), event.at_s + NOTICE_S))
        return _home(sale, SaleMove.GIVE_UP, _cancel_if_open(sale))
    return sale, ()


def _on_resumed(sale: Sale, event: terms.Resumed) -> Step:
    sale = replace(sale, order=event.status, channel=event.channel)
    ask = (AskStatus(event.status.order_id),)
    if event.status.state == AWAITING:
        return replace(sale, ask_at_s=event.at_s + ASK_EVERY_S, close_at_s=event.at_s + IDLE_S), ask
    if is_all_final(sale):
        return _finish(sale, event.at_s, ask)
    sale = _moved(sale, SaleMove.DELIVER, ask_at_s=event.at_s + ASK_EVERY_S, stalls_at_s=event.at_s + STALLED_S)
    return sale, ask


# --- time ------------------------------------------------------------------------------------------------------------


def _on_tick(sale: Sale, event: terms.Ticked) -> Step:
    at_s = event.at_s
    if sale.notice is not None and at_s >= sale.notice.until_s:
        sale = replace(sale, notice=None)
    sale = typed_model.unlocked(sale, at_s)
    if sale.stalls_at_s is not None and at_s >= sale.stalls_at_s and sale.screen is Screen.DELIVERING:
        return _finish(sale, at_s)
    if sale.close_at_s is not None and at_s >= sale.close_at_s:
        return _close(sale, at_s)
    if sale.screen is Screen.PAYING and sale.close_at_s is None and at_s >= sale.expires_at_s:
        sale = replace(sale, close_at_s=at_s + EXPIRED_S)
    if sale.ask_at_s is not None and at_s >= sale.ask_at_s and sale.order is not None:
        return _ask_again(sale, sale.order.order_id, at_s)
    return sale, ()


def _is_ending(sale: Sale, at_s: float) -> bool:
    """Nobody waits for a payment code any more: the order was given up here, or its time is over."""
    return payment_state_of(sale, at_s) in ("closing", "expired")


def _ask_again(sale: Sale, order_id: str, at_s: float) -> Step:
    order = sale.order
    is_code_wanted = order is not None and order.state == AWAITING and not _is_ending(sale, at_s)
    if order is not None and is_code_wanted and sale.channel and not code_url_of(order, sale.channel):
        return replace(sale, ask_at_s=at_s + ASK_OFFER_EVERY_S), (AskChannel(order_id, sale.channel),)
    return replace(sale, ask_at_s=at_s + ASK_EVERY_S), (AskStatus(order_id),)


def _close(sale: Sale, at_s: float) -> Step:
    if sale.screen is Screen.PREPARING:
        return _give_up(sale, ErrorCode.METHOD_UNAVAILABLE, "the payment platform does not answer", at_s)
    if sale.screen is Screen.PAYING:
        return _home(sale, SaleMove.GIVE_UP, () if sale.is_cancelling else _cancel_if_open(sale))
    if sale.screen is Screen.RESULT:
        return _home(sale, SaleMove.CLOSE)
    # Not shown: an order of before the restart, about which nobody answered.
    return replace(sale, order=None, close_at_s=None, ask_at_s=None), (*_cancel_if_open(sale), Remember(None))


def _give_up(sale: Sale, code: str, detail: str, at_s: float) -> Step:
    sale = replace(sale, notice=Notice(code, detail, at_s + NOTICE_S))
    return _home(sale, SaleMove.GIVE_UP, _cancel_if_open(sale))


def _cancel_if_open(sale: Sale) -> tuple[SaleEffect, ...]:
    return (AskCancel(sale.order.order_id),) if sale.order is not None and sale.order.state == AWAITING else ()


def _home(sale: Sale, move: SaleMove, effects: tuple[SaleEffect, ...] = ()) -> Step:
    """Back to the products (or to "out of order"); the order leaves screen and memory, a closed result for good."""
    had_order = sale.order is not None
    if sale.order is not None and sale.screen is Screen.RESULT:
        sale = replace(sale, closed_id=sale.order.order_id)
    sale = _moved(sale, move, attempt=None, order=None, is_cancelling=False, channel="", shown=None)
    sale = replace(sale, ask_at_s=None, close_at_s=None, code_entry=CodeEntry())
    if sale.faults:
        sale = _moved(sale, SaleMove.BREAK)
    return sale, (*effects, Remember(None)) if had_order else effects


_STEPS: dict[type, Callable[..., Step]] = {
    terms.Ordered: _on_ordered,
    terms.Checked: _on_checked,
    terms.ChannelChosen: _on_channel,
    terms.CodeShown: on_code_shown,
    terms.CancelPressed: _on_cancel,
    terms.DonePressed: _on_done,
    terms.MoreTimePressed: _on_more_time,
    terms.CodeEntered: typed_model.on_code,
    terms.CouponEntered: typed_model.on_coupon,
    terms.CouponTakenOut: typed_model.on_coupon_out,
    terms.CouponKnown: typed_model.on_coupon_known,
    terms.StatusArrived: _on_status,
    terms.Refused: _on_refused,
    terms.Unanswered: _on_unanswered,
    terms.UnitSeen: _on_unit,
    terms.LinkChanged: _on_link,
    terms.HealthChanged: _on_health,
    terms.Resumed: _on_resumed,
    terms.Ticked: _on_tick,
}
