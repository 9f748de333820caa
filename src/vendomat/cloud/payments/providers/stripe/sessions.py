"""One payment number's Checkout Session: offered, found again and ended. Blocks; belongs in `CallThreads`.

Stripe gives its objects ids of its own, and its search sees a new one only after a while. So that a number alone is
enough for a definite answer, by any worker and after any crash, a *product* with our number as its id is made first:
without it there is no session, and its time of making (Stripe's own) bounds the list of sessions in which ours is then
looked for by `client_reference_id`. Lists, unlike searches, show what was just made. What this process found is
remembered, so the list is read only after a crash or by another worker.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from vendomat.cloud.payments.providers.contract import (
    Cancelled,
    CancelState,
    Started,
    StartRequest,
    StartState,
    Trade,
    TradeState,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.stripe import wire
from vendomat.cloud.payments.providers.stripe.client import Answer, StripeCalls
from vendomat.cloud.payments.providers.stripe.settings import StripeSettings
from vendomat.kernel import Clock

PATH = "/v1/checkout/sessions"
LATE_S = 300
"""How long after the end of an offer its session may at most have been made: our last call, slowly done."""

URL_CHARACTERS_MAX = 500
"""What a message to a machine may carry. Stripe's addresses have about 400 characters, which a camera still reads."""

PAGES_MAX = 50
REMEMBERED_MAX = 20_000


class Sessions:
    """The sessions of one account."""

    def __init__(self, calls: StripeCalls, settings: StripeSettings, clock: Clock) -> None:
        self._calls = calls
        self._settings = settings
        self._clock = clock
        self._ids: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def offer(self, request: StartRequest, *, is_hold: bool = False) -> Started:
        """A session for `request`, or the one made before. Raises `NotKnownError`. `is_hold`: it takes nothing yet."""
        if request.expires_at <= self._clock.now():
            return self._refused_if_dead(request.number, "the payment has expired")
        number = request.number
        made = self._calls.post_once("/v1/products", wire.product(request), f"{number}-product", self._finder(number))
        if isinstance(made, Answer) and made.status != 200 and wire.error_code(made.body) != "resource_already_exists":
            return self._not_offered(number, made)
        parameters = wire.session(
            request,
            return_url=self._settings.return_url,
            payment_method_types=self._settings.payment_method_types,
            is_hold=is_hold,
        )
        offered = self._calls.post_once(PATH, parameters, number, lambda: self._listed(number))
        if isinstance(offered, Answer):
            if offered.status != 200:
                return self._not_offered(number, offered)
            session = self._checked(offered.body, number)
            offered = self._get(session.id, number) if offered.is_replayed else session
        return self._started(offered)

    def look_up(self, number: str) -> Trade:
        session = self.find(number)
        if session is None:
            return Trade(TradeState.NOT_FOUND, number)
        return wire.trade_of(session, account=self._settings.account)

    def cancel(self, number: str) -> Cancelled:
        """End an open session. Without a session there is nothing to pay: its address was never told to anybody."""
        session, error = self.find(number), ""
        if session is None:
            return Cancelled(CancelState.CLOSED)
        if session.status == "open":
            error = self._expire(session)
            session = self._get(session.id, number)
        trade = wire.trade_of(session, account=self._settings.account)
        if trade.state is TradeState.CLOSED:
            return Cancelled(CancelState.CLOSED)
        if trade.state is TradeState.PAID:
            return Cancelled(CancelState.PAID, error)
        return Cancelled(CancelState.UNKNOWN, error or "the session is open still")

    def _expire(self, session: wire.Session) -> str:
        """Ask for the end; the error text when that is not confirmed. The look-up afterwards decides."""
        try:
            answer = self._calls.post(f"{PATH}/{session.id}/expire", {})
        except NotKnownError as doubt:
            return doubt.reason
        return "" if answer.status == 200 else wire.error_text(answer.status, answer.body)

    def _started(self, session: wire.Session) -> Started:
        state = wire.trade_of(session, account=self._settings.account).state
        if state is TradeState.CLOSED:
            return Started(StartState.REFUSED, error="this number was offered before and is closed")
        if state is not TradeState.NOT_PAID or session.status != "open" or not session.url:
            return Started(StartState.UNKNOWN, error=f"the session of this number is {session.status}")
        if len(session.url) > URL_CHARACTERS_MAX:  # it is open, though nobody has its address: not refused
            return Started(StartState.UNKNOWN, error="the address of the page is too long for a code on a screen")
        return Started(StartState.STARTED, session.url)

    def _not_offered(self, number: str, answer: Answer) -> Started:
        error = wire.error_text(answer.status, answer.body)
        if wire.is_locked_out(answer.status):
            return Started(StartState.REFUSED, error=error)
        if not wire.is_definite(answer.status):
            raise NotKnownError(error)
        return self._refused_if_dead(number, error)

    def _refused_if_dead(self, number: str, error: str) -> Started:
        """A refusal of this call says nothing about an earlier one: refused only when nothing of it can be paid."""
        is_dead = self.look_up(number).state in (TradeState.NOT_FOUND, TradeState.CLOSED)
        return Started(StartState.REFUSED if is_dead else StartState.UNKNOWN, error=error)

    # finding it again

    def find(self, number: str) -> wire.Session | None:
        """The session of `number`; None is definite. Raises `NotKnownError`."""
        known = self._ids.get(number)
        return self._get(known, number) if known else self._listed(number)

    def _finder(self, number: str) -> Any:
        return lambda: self._product(number)

    def _product(self, number: str) -> wire.Product | None:
        answer = self._calls.get(f"/v1/products/{number}")
        if answer.status == 404 and wire.error_code(answer.body) == "resource_missing":
            return None
        found: wire.Product = wire.of_kind(_good(answer), wire.Product, "product")
        if found.id != number:
            raise NotKnownError("the answer is about another product")
        return found

    def _listed(self, number: str) -> wire.Session | None:
        """The session of `number` by way of its product; None is definite: none was made so far."""
        product = self._product(number)
        if product is None:
            return None
        window = {"gte": product.created, "lte": wire.offered_until(product) + LATE_S}
        parameters: dict[str, Any] = {"limit": 100, "created": window}
        for _ in range(PAGES_MAX):
            page = self._page(parameters)
            for session in page.data:
                if session.client_reference_id == number:
                    return self._get(session.id, number)
            if not page.has_more or not page.data:
                return None
            parameters["starting_after"] = page.data[-1].id
        raise NotKnownError("too many sessions at that time to find this one among them")

    def _page(self, parameters: Mapping[str, Any]) -> wire.SessionPage:
        page: wire.SessionPage = wire.of_kind(_good(self._calls.get(PATH, parameters)), wire.SessionPage, "list")
        return page

    def _get(self, session_id: str, number: str) -> wire.Session:
        return self._checked(_good(self._calls.get(f"{PATH}/{session_id}", {"expand": wire.SESSION_DETAIL})), number)

    def _checked(self, body: bytes, number: str) -> wire.Session:
        session: wire.Session = wire.of_kind(body, wire.Session, "checkout.session")
        if session.client_reference_id != number:
            raise NotKnownError("the answer is about another number")
        with self._lock:
            self._ids[number] = session.id
            if len(self._ids) > REMEMBERED_MAX:
                self._ids.popitem(last=False)
        return session


def _good(answer: Answer) -> bytes:
    if answer.status != 200:
        is_about_keys = wire.is_locked_out(answer.status)
        raise NotKnownError(wire.error_text(answer.status, answer.body), is_about_keys=is_about_keys)
    return answer.body
