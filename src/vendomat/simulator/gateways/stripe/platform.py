"""The emulated Stripe: its books with memory, clock and webhooks around them.

Every verb ends with the books saved, together with the notices it calls for and the answer kept under its idempotency
key, before anything is answered or sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from vendomat.simulator.gateways.context import Context
from vendomat.simulator.gateways.daily_bills import BillDesk
from vendomat.simulator.gateways.funds import Transfer
from vendomat.simulator.gateways.notices import KIND as NOTICE_KIND
from vendomat.simulator.gateways.notices import Guise, Notice
from vendomat.simulator.gateways.shown_codes import Habits, Wallets
from vendomat.simulator.gateways.store import Change
from vendomat.simulator.gateways.stripe import shapes
from vendomat.simulator.gateways.stripe.balance import Movement, movements_of
from vendomat.simulator.gateways.stripe.books import Record, StripeBooks
from vendomat.simulator.gateways.stripe.records import (
    RETURNED,
    SESSION_MOVES,
    Account,
    KeptAnswer,
    Product,
    Refund,
    RefundAsked,
    RefundState,
    Session,
    SessionEvent,
    Terms,
)
from vendomat.simulator.gateways.stripe.seals import StripeDresser
from vendomat.simulator.gateways.views import BillView, BuyerRefusal, BuyerRefusedError, CodeView, check_wallet

PAGE_PATH = "/c/pay/"
PAID = "checkout.session.completed"
Result = TypeVar("Result")


class StripePlatform:
    """One platform with any number of accounts. `base_url` is where its pages are."""

    name = "stripe"

    def __init__(self, context: Context, base_url: str) -> None:
        self._context = context
        self._now = context.clock.now
        self._base_url = base_url
        self._unsent: list[Notice] = []
        self._wallets = Wallets()
        self.bill_desk = BillDesk(context.numbers, 0.0, has_states=False)
        self.books_now = StripeBooks(context.settings, context.numbers)
        stranger, neighbour = (f"whsec_{context.numbers.text(32)}" for _ in range(2))
        context.notices.register(self.name, StripeDresser(self._secrets_of, stranger=stranger, neighbour=neighbour))

    def restore(self) -> None:
        """Read back what a former process kept. To be called with the event loop running."""
        kinds: tuple[type[Any], ...] = (Account, Product, Session, Refund, KeptAnswer, Transfer)
        load = self._context.store.load
        records: Iterable[Record] = (record for kind in kinds for _, record in load(kind.KIND, kind))
        self.books_now.restore(records)
        for refund in self.books_now.refunds.all():
            self._await_settlement(refund)

    def _secrets_of(self, account: str) -> tuple[str, ...]:
        return self.books_now.accounts[account].webhook_secrets

    def _commit(self) -> None:
        notices, self._unsent = self._unsent, []
        changes = self.books_now.drain()
        changes += [Change(NOTICE_KIND, notice.notice_id, notice) for notice in notices]
        if changes:
            self._context.store.save(changes)
        for notice in notices:
            self._context.notices.begin(notice)

    def kept(self, act: Callable[[], Result]) -> Result:
        """What `act` does to the books, saved as a whole with what it is answered, even when it refuses."""
        try:
            return act()
        finally:
            self._commit()

    # the merchant's calls; those that change something run inside `kept`

    def register(self, account: Account) -> None:
        self.kept(lambda: self.books_now.add_account(account))

    def set_webhook(self, account: str, url: str) -> None:
        """Where the account's events go from now on. Those already planned keep their address."""
        self.kept(lambda: self.books_now.set_webhook(account, url))

    def now(self) -> datetime:
        return self._now()

    def open_session(self, terms: Terms) -> Session:
        return self.books_now.open_session(terms, self._now())

    def refund(self, account: str, asked: RefundAsked) -> Refund:
        refund = self.books_now.refund(account, asked, self._now())
        self._await_settlement(refund)
        self._tell("refund.created", account, _number_of(refund), shapes.refund_object(refund))
        return refund

    def capture(self, session: Session, amount: int) -> Session:
        taken = self.books_now.capture(session, amount, self._now())
        self._tell_hold("payment_intent.succeeded", taken)
        return taken

    def release(self, session: Session) -> Session:
        released = self.books_now.release(session, self._now())
        self._tell_hold("payment_intent.canceled", released)
        return released

    def _tell_hold(self, kind: str, session: Session, *, is_lost: bool = False) -> None:
        """Of intents that take their money at once, their sessions tell."""
        told = shapes.intent_object(session, ())
        self._tell(kind, session.terms.account, session.terms.number, told, is_lost=is_lost)

    def url_of(self, session: Session) -> str:
        """As long as a real one: behind the `#` stands what Stripe's page needs, and a browser does not send."""
        more = hashlib.shake_256(session.session_id.encode()).hexdigest(140)
        return f"{self._base_url}{PAGE_PATH}{session.session_id}#fid{more}"

    def _await_settlement(self, refund: Refund) -> None:
        if refund.state == RefundState.PENDING:
            self._context.alarms.set(refund.settles_at, self.advance)

    def advance(self) -> None:
        self.kept(self._settle)

    def _settle(self) -> None:
        for refund in self.books_now.settle_due(self._now()):
            kind = "refund.failed" if refund.state == RefundState.FAILED else "refund.updated"
            self._tell(kind, refund.account, _number_of(refund), shapes.refund_object(refund))

    # the buyer's deeds

    def open_codes(self) -> list[CodeView]:
        return [self._view(session) for session in self.books_now.open_sessions(self._now())]

    def code_of(self, number: str) -> str:
        return self.url_of(self._session_of(number))

    def _session_of(self, number: str) -> Session:
        for session in reversed(self.books_now.sessions.values()):
            if session.terms.number == number:
                return session
        raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)

    def scan(self, code: str, payer: str) -> CodeView:
        """Opening the page changes nothing: it is anybody's who has the address."""
        del payer
        return self._view(self.books_now.open_page(_session_id(code), self._now()))

    def refuse(self, code: str, payer: str) -> CodeView:
        """A declined card, or a page left: the session stays open."""
        return self.scan(code, payer)

    def pay(self, code: str, payer: str, *, is_late: bool = False, is_notice_lost: bool = False) -> CodeView:
        def take() -> Session:
            page = self.books_now.open_page(_session_id(code), self._now(), is_late=is_late)
            check_wallet(self._wallets, payer, page.terms.amount)
            session = self.books_now.pay(_session_id(code), payer, self._now(), is_late=is_late)
            self._tell(PAID, session.terms.account, session.terms.number, self._told(session), is_lost=is_notice_lost)
            if session.is_held:
                self._tell_hold("payment_intent.amount_capturable_updated", session, is_lost=is_notice_lost)
            return session

        return self._view(self.kept(take))

    # notices

    def _told(self, session: Session) -> dict[str, object]:
        return shapes.session_object(session, self.url_of(session))

    def _tell(self, kind: str, account: str, number: str, told: dict[str, object], *, is_lost: bool = False) -> None:
        """Plan an event, when the account's endpoint is there and wants its kind."""
        endpoint = self.books_now.accounts[account]
        if endpoint.webhook_url and kind in endpoint.events:
            self._unsent.append(self._context.notices.plan(self._notice(kind, endpoint, number, told), is_lost=is_lost))

    def _notice(self, kind: str, endpoint: Account, number: str, told: dict[str, object]) -> Notice:
        now, event_id = self._now(), f"evt_1{self._context.numbers.text(22)}"
        return Notice(
            notice_id=event_id,
            platform=self.name,
            account=endpoint.account,
            number=number,
            kind="refund" if kind.startswith("refund") else "payment",
            url=endpoint.webhook_url,
            content=msgspec.json.encode(shapes.event(event_id, kind, told, now)).decode(),
            created_at=now,
            due_at=now,
        )

    async def forge_payment_notice(self, number: str) -> str:
        """Tell the merchant, signed by a stranger, that an unpaid session was paid; what it answered, in words."""
        session = self._session_of(number)
        claimed = replace(
            session,
            state=SESSION_MOVES.next(session.state, SessionEvent.PAY),
            intent_id="pi_3forged",
            charge_id="ch_3forged",
            payer="forger",
            paid_at=self._now(),
        )
        notice = self._notice(PAID, self.books_now.accounts[session.terms.account], number, self._told(claimed))
        return await self._context.notices.send_once(notice, Guise.FORGED)

    # views

    def _view(self, session: Session) -> CodeView:
        return CodeView(
            code=self.url_of(session),
            account=session.terms.account,
            payee=self.books_now.accounts[session.terms.account].name,
            number=session.terms.number,
            description=session.terms.name,
            machine=str(msgspec.json.decode(session.terms.metadata).get("machine", "")),
            amount_fen=session.terms.amount,
            currency=session.terms.currency.upper(),
            expires_at=session.terms.expires_at,
            state=session.state.value,
        )

    def bills(self, payer: str) -> list[BillView]:
        self.advance()
        paid = [one for one in self.books_now.sessions.values() if one.payer == payer and one.paid_at is not None]
        return [self._bill(one) for one in sorted(paid, key=lambda one: one.paid_at or one.created_at, reverse=True)]

    def _bill(self, session: Session) -> BillView:
        refunds = self.books_now.refunds.of(session.intent_id)
        assert session.paid_at is not None, "only paid sessions are in a bill"
        on_the_way = [one for one in refunds if one.state not in (*RETURNED, RefundState.SUCCEEDED)]
        return BillView(
            payee=self.books_now.accounts[session.terms.account].name,
            description=session.terms.name,
            number=session.terms.number,
            transaction_id=session.intent_id,
            paid_fen=session.taken,
            refunded_fen=sum(one.amount for one in refunds if one.state == RefundState.SUCCEEDED),
            refunding_fen=sum(one.amount for one in on_the_way),
            currency=session.terms.currency.upper(),
            paid_at=session.paid_at,
        )

    def notices(self) -> list[Notice]:
        return self._context.notices.of(self.name)

    def set_habits(self, payer: str, habits: Habits) -> None:
        self._wallets.set_habits(payer, habits)

    def set_balance(self, account: str, balance_fen: int) -> None:
        self.kept(lambda: self.books_now.set_balance(account, balance_fen, self._now()))

    def pay_out(self, account: str, amount_fen: int) -> None:
        """To the account's bank, now."""
        self.kept(lambda: self.books_now.pay_out(account, amount_fen, self._now()))

    def set_fee(self, account: str, basis_points: int) -> None:
        """Of what is paid from now on."""
        self.kept(lambda: self.books_now.set_fee(account, basis_points))

    def movements(self, account: str) -> list[Movement]:
        """What moved the account's balance, the newest first."""
        kept = self.books_now.accounts[account]
        return movements_of(self.books_now, kept, self.bill_desk.changes_of(account))

    def settle_next_refunds_as(self, outcome: str, count: int) -> None:
        self.books_now.refunds.settle_next_as(RefundState(outcome), count)

    def books(self) -> dict[str, object]:
        self.advance()
        return shapes.books_answer(self.books_now)


def _number_of(refund: Refund) -> str:
    return str(msgspec.json.decode(refund.metadata).get("refund_number", refund.refund_id))


def _session_id(code: str) -> str:
    """The session in a page's address, with or without what browsers keep behind a `#`."""
    return code.split("#", maxsplit=1)[0].split("?", maxsplit=1)[0].rstrip("/").rsplit("/", 1)[-1]
