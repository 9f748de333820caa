"""Steps of a purchase at the screen: codes that a buyer types, one to pick something up and one to pay less. Pure.

A coupon takes nothing by itself: the order names it. It stays with the cart until goods come, or somebody takes it out;
its code is handed on once and not kept. Refuses both while something else is on the screen.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.kernel import ErrorCode, IllegalMoveError
from vendomat.terminal.sale import terms
from vendomat.terminal.sale.terms import AskCoupon, AskRedeem, Attempt, CodeEntry, CouponEntry, Sale, SaleEffect, Screen

Step = tuple[Sale, tuple[SaleEffect, ...]]
UNANSWERED = "unanswered"


def on_code(sale: Sale, event: terms.CodeEntered) -> Step:
    if sale.screen not in (Screen.BROWSE, Screen.RESULT) or sale.code_entry.state == "checking":
        raise IllegalMoveError("a code cannot be entered now")
    if event.at_s < sale.code_entry.locked_until_s:
        return sale, ()
    attempt = Attempt(request_id=event.request_id, code=event.code)
    sale = replace(sale, attempt=attempt, notice=None, code_entry=CodeEntry("checking"))
    return sale, (AskRedeem(event.request_id, event.code),)


def code_refused(sale: Sale, event: terms.Refused) -> Sale:
    return replace(sale, attempt=None, code_entry=_refused(event))


def on_coupon(sale: Sale, event: terms.CouponEntered) -> Step:
    if sale.screen is not Screen.BROWSE or sale.coupon.entry.state == "checking":
        raise IllegalMoveError("a coupon cannot be entered now")
    if event.at_s < sale.coupon.entry.locked_until_s:
        return sale, ()
    return replace(sale, coupon=CouponEntry(CodeEntry("checking"), event.about)), (AskCoupon(event.about, event.code),)


def on_coupon_out(sale: Sale, event: terms.CouponTakenOut) -> Step:
    """A lock stays: it is the keypad's, not the coupon's."""
    is_locked = event.at_s < sale.coupon.entry.locked_until_s
    return (sale, ()) if is_locked else (replace(sale, coupon=CouponEntry()), ())


def on_coupon_known(sale: Sale, event: terms.CouponKnown) -> Step:
    if not is_coupon(sale, event.about):
        return sale, ()
    return replace(sale, coupon=CouponEntry(CodeEntry("accepted"), known=event.known)), ()


def is_coupon(sale: Sale, about: str) -> bool:
    """Whether an answer is about the coupon that is being looked up."""
    return bool(about) and sale.coupon.about == about


def coupon_refused(sale: Sale, event: terms.Refused) -> Sale:
    return replace(sale, coupon=CouponEntry(_refused(event)))


def coupon_unanswered(sale: Sale) -> Sale:
    """Not asked again by itself: each try may count."""
    return replace(sale, coupon=CouponEntry(CodeEntry("refused", UNANSWERED)))


def unlocked(sale: Sale, at_s: float) -> Sale:
    """The sale once the locks that are over have gone."""
    if sale.code_entry.state == "locked" and at_s >= sale.code_entry.locked_until_s:
        sale = replace(sale, code_entry=CodeEntry())
    if sale.coupon.entry.state == "locked" and at_s >= sale.coupon.entry.locked_until_s:
        sale = replace(sale, coupon=CouponEntry())
    return sale


def _refused(event: terms.Refused) -> CodeEntry:
    is_locked = event.code == ErrorCode.CODE_LOCKED
    locked_until_s = event.at_s + event.locked_for_s if is_locked else 0.0
    return CodeEntry("locked" if is_locked else "refused", event.detail or event.code, locked_until_s)
