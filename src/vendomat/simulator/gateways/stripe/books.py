"""Stripe's books: products, checkout sessions, refunds, balances and kept answers as pure rules over a given time.

Refusals raise and change nothing; what changed is handed out by `drain`. A session is open for half an hour at least,
whoever opens its page; whoever pays first has paid it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from vendomat.simulator.gateways.funds import Transfer, Transfers, fee_of
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.settings import GatewaySettings
from vendomat.simulator.gateways.store import Change
from vendomat.simulator.gateways.stripe.records import (
    RETURNED,
    SESSION_MOVES,
    Account,
    KeptAnswer,
    Product,
    Refund,
    RefundAsked,
    Session,
    SessionEvent,
    SessionState,
    Terms,
)
from vendomat.simulator.gateways.stripe.refunds import RefundBook
from vendomat.simulator.gateways.stripe.refusals import Refusals, StripeRefusedError
from vendomat.simulator.gateways.views import BuyerRefusal, BuyerRefusedError

LIFE_MIN, LIFE_MAX = timedelta(minutes=30), timedelta(hours=24)
ANSWERS_KEPT = timedelta(hours=24)
HOLD_LIFE = timedelta(days=7)

PAYOUT = "payout"

Record = Transfer | Account | Product | Session | Refund | KeptAnswer


class StripeBooks:
    """Everything by Stripe's own ids; what belongs to one account is not seen by another."""

    def __init__(self, settings: GatewaySettings, numbers: Numbers) -> None:
        self._numbers = numbers
        self._changes: list[Change] = []
        self.accounts: dict[str, Account] = {}
        self.products: dict[str, Product] = {}
        self.sessions: dict[str, Session] = {}
        self._by_intent: dict[str, str] = {}
        self._answers: dict[str, KeptAnswer] = {}
        self.transfers = Transfers("stripe", self._keep)
        self.refunds = RefundBook(settings, numbers, self._keep)

    # what is kept

    def restore(self, records: Iterable[Record]) -> None:
        """Take over the records of a former process."""
        refunds, transfers = [], []
        for record in records:
            if isinstance(record, Refund):
                refunds.append(record)
            elif isinstance(record, Transfer):
                transfers.append(record)
            else:
                self._index(record)
        self.refunds.restore(refunds)
        self.transfers.restore(transfers, ())

    def drain(self) -> list[Change]:
        """What changed since the last call, to be saved before anything is answered."""
        changes, self._changes = self._changes, []
        return changes

    def _keep(self, record: Record) -> None:
        self._index(record)
        self._changes.append(Change(record.KIND, record.key, record))

    def _index(self, record: Record) -> None:
        match record:
            case Account():
                self.accounts[record.key] = record
            case Product():
                self.products[record.key] = record
            case Session():
                self.sessions[record.key] = record
                if record.intent_id:
                    self._by_intent[record.intent_id] = record.key
            case KeptAnswer():
                self._answers[record.key] = record

    def add_account(self, account: Account) -> None:
        self._keep(account)

    def set_balance(self, account: str, balance: int, now: datetime) -> None:
        """Money is laid in, or drawn, until the balance is that."""
        difference = balance - self.accounts[account].balance_fen
        self.transfers.lay_in(account, difference, now)
        self._credit(account, difference)

    def pay_out(self, account: str, amount: int, now: datetime) -> None:
        """To the account's bank."""
        number = f"{PAYOUT}_{len(self.transfers.of(account)):06d}"
        self.transfers.share(account, -amount, now, name=PAYOUT, number=number)
        self._credit(account, -amount)

    def set_fee(self, account: str, basis_points: int) -> None:
        self._keep(replace(self.accounts[account], fee_basis_points=basis_points))

    def set_webhook(self, account: str, url: str) -> None:
        self._keep(replace(self.accounts[account], webhook_url=url))

    def _credit(self, account: str, amount: int) -> None:
        kept = self.accounts[account]
        self._keep(replace(kept, balance_fen=kept.balance_fen + amount))

    def _fee(self, account: str, amount: int) -> int:
        return fee_of(amount, self.accounts[account].fee_basis_points)

    def account_of_key(self, secret_key: str) -> Account | None:
        return next((one for one in self.accounts.values() if one.secret_key == secret_key), None)

    # answers under idempotency keys

    def keep_answer(self, answer: KeptAnswer) -> None:
        self._keep(answer)

    def kept_answer(self, account: str, key: str, now: datetime) -> KeptAnswer | None:
        """What this key was answered, unless that is a day ago: then the key is as good as new."""
        kept = self._answers.get(f"{account}/{key}")
        return kept if kept and now < kept.kept_at + ANSWERS_KEPT else None

    # the merchant's calls

    def add_product(self, product: Product) -> Product:
        if product.key in self.products:
            raise StripeRefusedError(Refusals.EXISTS, "id")
        self._keep(product)
        return product

    def product(self, account: str, product_id: str) -> Product:
        found = self.products.get(f"{account}/{product_id}")
        if found is None:
            raise StripeRefusedError(Refusals.MISSING, "id")
        return found

    def open_session(self, terms: Terms, now: datetime) -> Session:
        if not LIFE_MIN <= terms.expires_at - now <= LIFE_MAX:
            raise StripeRefusedError(Refusals.EXPIRES_AT, "expires_at")
        session = Session(
            terms=terms,
            session_id=f"cs_test_a1{self._numbers.text(56)}",
            created_at=now,
            ordinal=len(self.sessions),
        )
        self._keep(session)
        return session

    def session(self, account: str, session_id: str, now: datetime) -> Session:
        found = self.sessions.get(session_id)
        if found is None or found.terms.account != account:
            raise StripeRefusedError(Refusals.MISSING, "session")
        return self._current(found, now)

    def sessions_of(self, account: str, now: datetime) -> list[Session]:
        """All sessions of an account, the newest first."""
        mine = [one for one in self.sessions.values() if one.terms.account == account]
        return [self._current(one, now) for one in sorted(mine, key=lambda one: one.ordinal, reverse=True)]

    def expire(self, session: Session, now: datetime) -> Session:
        if session.state != SessionState.OPEN:
            raise StripeRefusedError(Refusals.NOT_OPEN)
        return self._expired(session, now)

    def session_of_intent(self, account: str, intent_id: str) -> Session:
        found = self.sessions.get(self._by_intent.get(intent_id, ""))
        if found is None or found.terms.account != account:
            raise StripeRefusedError(Refusals.MISSING, "payment_intent")
        return found

    def intent(self, account: str, intent_id: str, now: datetime) -> Session:
        """The session of an intent as it stands now: a hold lapses after seven days."""
        return self._current(self.session_of_intent(account, intent_id), now)

    def capture(self, session: Session, amount: int, now: datetime) -> Session:
        """Take `amount` of what is held; the rest goes back to the buyer."""
        if not session.is_held:
            raise StripeRefusedError(Refusals.NOT_HELD)
        if amount > session.terms.amount:
            raise StripeRefusedError(Refusals.CAPTURE_TOO_MUCH, "amount_to_capture")
        fee = self._fee(session.terms.account, amount)
        taken = replace(session, paid_at=now, captured=amount, fee=fee)
        self._keep(taken)
        self._credit(session.terms.account, amount - fee)
        return taken

    def release(self, session: Session, now: datetime) -> Session:
        if not session.is_held:
            raise StripeRefusedError(Refusals.NOT_HELD)
        released = replace(session, released_at=now)
        self._keep(released)
        return released

    def refund(self, account: str, asked: RefundAsked, now: datetime) -> Refund:
        session = self.session_of_intent(account, asked.intent_id)
        refund = self.refunds.accept(session, asked, self.accounts[account].balance_fen, now)
        self._credit(account, -refund.amount)
        return refund

    def settle_due(self, now: datetime) -> list[Refund]:
        """Refunds that came to an end; a failed one returns its money to the account."""
        settled = self.refunds.settle_due(now)
        for refund in settled:
            if refund.state in RETURNED:
                self._credit(refund.account, refund.amount)
        return settled

    def _current(self, session: Session, now: datetime) -> Session:
        if session.is_held and session.held_at is not None and now >= session.held_at + HOLD_LIFE:
            return self.release(session, now)
        is_over = session.state == SessionState.OPEN and now >= session.terms.expires_at
        return self._expired(session, now) if is_over else session

    def _expired(self, session: Session, now: datetime) -> Session:
        session = replace(session, state=SESSION_MOVES.next(session.state, SessionEvent.EXPIRE), ended_at=now)
        self._keep(session)
        return session

    # the buyer's deeds

    def open_page(self, session_id: str, now: datetime, *, is_late: bool = False) -> Session:
        """The session whose page a buyer opens. Raises `BuyerRefusedError`. `is_late` overlooks the end of time."""
        session = self.sessions.get(session_id)
        if session is None:
            raise BuyerRefusedError(BuyerRefusal.UNKNOWN_CODE)
        if session.state == SessionState.COMPLETE:
            raise BuyerRefusedError(BuyerRefusal.ALREADY_PAID)
        if session.state == SessionState.EXPIRED:
            raise BuyerRefusedError(BuyerRefusal.ORDER_CLOSED)
        if now >= session.terms.expires_at and not is_late:
            raise BuyerRefusedError(BuyerRefusal.ORDER_EXPIRED)
        return session

    def pay(self, session_id: str, payer: str, now: datetime, *, is_late: bool = False) -> Session:
        """Take the buyer's money into the account's balance, or hold it where the session says so."""
        session = self.open_page(session_id, now, is_late=is_late)
        paid = replace(
            session,
            state=SESSION_MOVES.next(session.state, SessionEvent.PAY),
            intent_id=f"pi_3{self._numbers.text(22)}",
            charge_id=f"ch_3{self._numbers.text(22)}",
            payer=payer,
            paid_at=None if session.terms.is_manual else now,
            held_at=now if session.terms.is_manual else None,
            ended_at=now,
        )
        if paid.paid_at is not None:
            paid = replace(paid, fee=self._fee(session.terms.account, session.terms.amount))
            self._credit(session.terms.account, session.terms.amount - paid.fee)
        self._keep(paid)
        return paid

    def open_sessions(self, now: datetime) -> list[Session]:
        """Sessions that can be paid now, newest first."""
        live = [one for one in self.sessions.values() if one.state == SessionState.OPEN and now < one.terms.expires_at]
        return sorted(live, key=lambda one: one.ordinal, reverse=True)
