"""One payment number's hold at Stripe: a session with manual capture. Blocks; belongs in `CallThreads`.

Whatever Stripe answers to a capture or a release is settled by looking at the intent again: both are refused the second
time, so neither can happen twice.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.payments.providers.contract import CancelState
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.held import Hold, HoldState
from vendomat.cloud.payments.providers.stripe import wire
from vendomat.cloud.payments.providers.stripe.client import StripeCalls
from vendomat.cloud.payments.providers.stripe.sessions import Sessions
from vendomat.kernel import Money

INTENTS = "/v1/payment_intents"


class Holds:
    """The holds of one account."""

    def __init__(self, calls: StripeCalls, sessions: Sessions, account: str) -> None:
        self._calls = calls
        self._sessions = sessions
        self._account = account

    def look_up(self, number: str) -> Hold:
        session = self._sessions.find(number)
        if session is None:
            return Hold(HoldState.NOT_FOUND, number)
        return wire.hold_of(session, number, account=self._account)

    def capture(self, number: str, amount: Money) -> Hold:
        hold = self.look_up(number)
        if hold.state is HoldState.HELD:
            error = self._ask(f"{hold.transaction_id}/capture", {"amount_to_capture": amount.minor_units})
            hold = replace(self.look_up(number), error=error)
        if hold.state is HoldState.CAPTURED:
            is_other = hold.amount != amount
            return replace(hold, error=f"{hold.amount} was captured before, not {amount}" if is_other else "")
        return hold

    def release(self, number: str) -> Hold:
        hold, error = self.look_up(number), ""
        if hold.state is HoldState.OFFERED:
            cancelled = self._sessions.cancel(number)
            error = "" if cancelled.state is CancelState.CLOSED else cancelled.error
            hold = self.look_up(number)  # the buyer may have been quicker
        if hold.state is HoldState.HELD:
            error = self._ask(f"{hold.transaction_id}/cancel", {})
            hold = self.look_up(number)
        return hold if hold.state is HoldState.RELEASED else replace(hold, error=error)

    def _ask(self, path: str, parameters: dict[str, object]) -> str:
        """The error text when it is not confirmed. The look-up afterwards decides."""
        try:
            answer = self._calls.post(f"{INTENTS}/{path}", parameters)
        except NotKnownError as doubt:
            return doubt.reason
        return "" if answer.status == 200 else wire.error_text(answer.status, answer.body)
