"""Stripe's API over HTTP: form-encoded requests, JSON answers, idempotency keys, faults on demand.

A POST that was begun is answered the same for a day, failures included; with other parameters its key is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import quote

import msgspec

from vendomat.simulator.gateways.asgi import Answer, Exchange
from vendomat.simulator.gateways.faults import CallFault
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.stripe import shapes, wire
from vendomat.simulator.gateways.stripe.platform import PAGE_PATH, StripePlatform
from vendomat.simulator.gateways.stripe.records import Account, KeptAnswer, Product, RefundAsked, Session, Terms
from vendomat.simulator.gateways.stripe.refusals import Refusals, StripeRefusedError

SESSIONS, PRODUCTS, REFUNDS = "/v1/checkout/sessions", "/v1/products", "/v1/refunds"
INTENTS = "/v1/payment_intents"
BALANCE, MOVEMENTS = "/v1/balance", "/v1/balance_transactions"
KEY_CHARACTERS_MAX = 255
PAGE_MAX = 100
_EXPIRE = re.compile(rf"{SESSIONS}/(\w+)/expire")
_INTENT = re.compile(rf"{INTENTS}/(\w+)/(capture|cancel)")

Form = Mapping[str, str]
Made = dict[str, object]
Thing = TypeVar("Thing")


class StripeApi:
    """Answers exchanges. `fault` concerns the answer alone."""

    name = "stripe"

    def __init__(self, platform: StripePlatform, numbers: Numbers) -> None:
        self._platform = platform
        self._numbers = numbers

    def verb_of(self, exchange: Exchange) -> str:
        """The verb for matching faults; empty when the request has none."""
        path, is_post = exchange.raw_path, exchange.method == "POST"
        if path.startswith(REFUNDS):
            return "refund" if is_post else "refund_query"
        if path.startswith(INTENTS):
            return path.rpartition("/")[2] if is_post else "query"
        if path in (BALANCE, MOVEMENTS):
            return "balance" if path == BALANCE else "bill"
        if not path.startswith((SESSIONS, PRODUCTS)):
            return ""
        if not is_post:
            return "query"
        if path == PRODUCTS:
            return "register"
        return "create" if path == SESSIONS else "close"

    def answer(self, exchange: Exchange, fault: CallFault | None) -> Answer:
        """Do what `exchange` asks and answer it, under `fault`."""
        if exchange.raw_path.startswith(PAGE_PATH):  # what a buyer's phone opens
            code = quote(exchange.raw_path.removeprefix(PAGE_PATH), safe="")
            return Answer(303, b"", "", (("Location", f"/wallet?code={code}"),))
        if fault == CallFault.UNAVAILABLE:
            return Answer(503, b"<html>503 Service Temporarily Unavailable</html>", "text/html")
        try:
            answer = self._done(exchange, fault)
        except StripeRefusedError as error:
            answer = _refused(error)
        if fault == CallFault.FORGED_ANSWER:  # done, and something between us answers instead
            return Answer(200, b"<html>Please sign in to this network</html>", "text/html")
        if fault == CallFault.SIGNTEST_ANSWER:  # done, and the answer is another one's
            return self._sent(Answer.of_json(200, {"object": "balance", "livemode": False, "available": []}))
        return self._sent(answer)

    def _sent(self, answer: Answer) -> Answer:
        headers = (*answer.headers, ("Request-Id", f"req_{self._numbers.text(14)}"))
        return Answer(answer.status, answer.body, answer.media_type, headers)

    def _done(self, exchange: Exchange, fault: CallFault | None) -> Answer:
        account = self._authenticate(exchange)
        if fault == CallFault.RATE_LIMITED:
            raise StripeRefusedError(Refusals.RATE)
        if exchange.method == "GET":
            return self._got(account, exchange, fault)
        if exchange.method != "POST":
            raise StripeRefusedError(Refusals.UNKNOWN_PATH)
        if fault == CallFault.ACCEPTED:
            raise StripeRefusedError(Refusals.KEY_IN_USE)
        return self._posted(account, exchange, fault)

    def _authenticate(self, exchange: Exchange) -> Account:
        scheme, _, key = exchange.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            raise StripeRefusedError(Refusals.NO_KEY)
        account = self._platform.books_now.account_of_key(key)
        if account is None:
            raise StripeRefusedError(Refusals.BAD_KEY)
        return account

    # reading

    def _got(self, account: Account, exchange: Exchange, fault: CallFault | None) -> Answer:
        if fault in (CallFault.ERROR_BEFORE, CallFault.ERROR_AFTER):
            raise StripeRefusedError(Refusals.INTERNAL)
        if fault == CallFault.ACCEPTED:
            raise StripeRefusedError(Refusals.LOCKED)
        self._platform.advance()
        form = wire.read_form(exchange.raw_query)
        return Answer.of_json(200, self._platform.kept(lambda: self._shown(account.account, exchange.raw_path, form)))

    def _shown(self, account: str, path: str, form: Form) -> Made:
        books, now = self._platform.books_now, self._platform.now()
        if path == SESSIONS:
            return self._session_page(books.sessions_of(account, now), form)
        if path == REFUNDS:
            session = books.session_of_intent(account, wire.required(form, "payment_intent"))
            refunds = [shapes.refund_object(refund) for refund in books.refunds.of(session.intent_id)]
            return shapes.page(REFUNDS, refunds, has_more=False)
        if path == BALANCE:
            return shapes.balance(books.accounts[account])
        if path == MOVEMENTS:
            return self._movement_page(account, form)
        folder, _, name = path.rpartition("/")
        if folder == SESSIONS:
            return self._session(books.session(account, name, now), wire.listed(form, "expand"))
        if folder == INTENTS:
            return shapes.intent_object(books.intent(account, name, now), ())
        if folder == PRODUCTS:
            return shapes.product_object(books.product(account, name))
        if folder == REFUNDS:
            refund = books.refunds.find(name)
            if refund is None or refund.account != account:
                raise StripeRefusedError(Refusals.MISSING, "refund")
            return shapes.refund_object(refund)
        raise StripeRefusedError(Refusals.UNKNOWN_PATH)

    def _session(self, session: Session, expand: tuple[str, ...] = ()) -> Made:
        return shapes.session_object(session, self._platform.url_of(session), expand)

    def _session_page(self, sessions: list[Session], form: Form) -> Made:
        rest, limit = _after([(one.session_id, one.created_at, one) for one in sessions], form)
        shown = [self._session(one) for one in rest[:limit]]
        return shapes.page(SESSIONS, shown, has_more=len(rest) > limit)

    def _movement_page(self, account: str, form: Form) -> Made:
        """`data.source` in `expand` shows what moved the money, whole."""
        currency, is_whole = form.get("currency", ""), "data.source" in wire.listed(form, "expand")
        mine = [one for one in self._platform.movements(account) if currency in ("", one.currency)]
        rest, limit = _after([(one.transaction_id, one.at, one) for one in mine], form)
        shown = [one.to_object(is_whole=is_whole) for one in rest[:limit]]
        return shapes.page(MOVEMENTS, shown, has_more=len(rest) > limit)

    # writing

    def _posted(self, account: Account, exchange: Exchange, fault: CallFault | None) -> Answer:
        key = exchange.headers.get("idempotency-key", "")
        if len(key) > KEY_CHARACTERS_MAX:
            raise StripeRefusedError(Refusals.PARAMETER_INVALID, "idempotency_key")
        form = wire.read_form(exchange.body.decode("utf-8", "replace"))
        asked = msgspec.json.encode([exchange.raw_path, sorted(form.items())]).decode()
        known = self._platform.books_now.kept_answer(account.account, key, self._platform.now()) if key else None
        if known is not None and known.request != asked:
            raise StripeRefusedError(Refusals.OTHER_PARAMETERS)
        if known is not None:
            replayed = (("Idempotent-Replayed", "true"),)
            return Answer(known.status, known.body.encode(), "application/json", replayed)
        act = self._act_of(account.account, exchange.raw_path, form)

        def executed() -> Answer:
            answer, is_kept = self._executed(act, fault)
            if key and is_kept:
                self._platform.books_now.keep_answer(
                    KeptAnswer(
                        account=account.account,
                        idempotency_key=key,
                        request=asked,
                        status=answer.status,
                        body=answer.body.decode(),
                        kept_at=self._platform.now(),
                    )
                )
            return answer

        return self._platform.kept(executed)

    def _executed(self, act: Callable[[], Made], fault: CallFault | None) -> tuple[Answer, bool]:
        """The answer, and whether it is kept under its key."""
        internal = StripeRefusedError(Refusals.INTERNAL)
        if fault == CallFault.ERROR_BEFORE:
            return _refused(internal), True
        try:
            made = act()
        except StripeRefusedError as error:
            return _refused(error), error.refusal.value.is_kept
        return _refused(internal) if fault == CallFault.ERROR_AFTER else Answer.of_json(200, made), True

    def _act_of(self, account: str, path: str, form: Form) -> Callable[[], Made]:
        if path == PRODUCTS:
            return lambda: self._add_product(account, form)
        if path == SESSIONS:
            return lambda: self._open_session(account, form)
        if path == REFUNDS:
            return lambda: self._refund(account, form)
        if match := _EXPIRE.fullmatch(path):
            return lambda: self._expire(account, match[1])
        if hold := _INTENT.fullmatch(path):
            return lambda: self._end_hold(account, hold[1], form, is_capture=hold[2] == "capture")
        raise StripeRefusedError(Refusals.UNKNOWN_PATH)

    def _add_product(self, account: str, form: Form) -> Made:
        product = Product(
            account=account,
            product_id=form.get("id") or f"prod_{self._numbers.text(14)}",
            name=wire.required(form, "name"),
            metadata=wire.mapped(form, "metadata"),
            created_at=self._platform.now(),
        )
        return shapes.product_object(self._platform.books_now.add_product(product))

    def _open_session(self, account: str, form: Form) -> Made:
        price = "line_items[0][price_data]"
        if wire.required(form, "mode") != "payment":
            raise StripeRefusedError(Refusals.PARAMETER_INVALID, "mode")
        product = self._platform.books_now.product(account, wire.required(form, f"{price}[product]"))
        currency = wire.required(form, f"{price}[currency]", 3).lower()
        amount = wire.integer(form, f"{price}[unit_amount]") * wire.integer(form, "line_items[0][quantity]")
        _check_amount(amount, currency)
        terms = Terms(
            account=account,
            number=form.get("client_reference_id", "")[:200],
            product_id=product.product_id,
            name=product.name,
            amount=amount,
            currency=currency,
            expires_at=datetime.fromtimestamp(wire.integer(form, "expires_at", most=10**10), UTC),
            success_url=wire.required(form, "success_url"),
            payment_method_types=wire.listed(form, "payment_method_types") or ("card",),
            metadata=wire.mapped(form, "metadata"),
            intent_metadata=wire.mapped(form, "payment_intent_data[metadata]"),
            is_manual=form.get("payment_intent_data[capture_method]") == "manual",
        )
        return self._session(self._platform.open_session(terms))

    def _expire(self, account: str, session_id: str) -> Made:
        books, now = self._platform.books_now, self._platform.now()
        return self._session(books.expire(books.session(account, session_id, now), now))

    def _end_hold(self, account: str, intent_id: str, form: Form, *, is_capture: bool) -> Made:
        session = self._platform.books_now.intent(account, intent_id, self._platform.now())
        if not is_capture:
            return shapes.intent_object(self._platform.release(session), ())
        amount = wire.integer(form, "amount_to_capture") if "amount_to_capture" in form else session.terms.amount
        return shapes.intent_object(self._platform.capture(session, amount), ())

    def _refund(self, account: str, form: Form) -> Made:
        intent_id = wire.required(form, "payment_intent")
        session = self._platform.books_now.session_of_intent(account, intent_id)
        amount = wire.integer(form, "amount") if "amount" in form else session.taken
        asked = RefundAsked(
            intent_id=intent_id,
            amount=amount,
            reason=form.get("reason", ""),
            metadata=wire.mapped(form, "metadata"),
        )
        return shapes.refund_object(self._platform.refund(account, asked))


def _after(found: Sequence[tuple[str, datetime, Thing]], form: Form) -> tuple[list[Thing], int]:
    """What a page shows of (id, moment, thing), newest first, and everything that would follow; how many it shows."""
    limit = wire.integer({"limit": "10", **form}, "limit", most=PAGE_MAX)
    after = form.get("starting_after", "")
    least, most, below = (
        wire.integer({name: default, **form}, name, least=0, most=10**11)
        for name, default in (("created[gte]", "0"), ("created[lte]", str(10**11)), ("created[lt]", str(10**11)))
    )
    ids = [name for name, _, _ in found]
    if after and after not in ids:
        raise StripeRefusedError(Refusals.MISSING, "starting_after")
    rest = found[ids.index(after) + 1 :] if after else found
    is_within = (least <= int(at.timestamp()) <= most and int(at.timestamp()) < below for _, at, _ in rest)
    return [thing for (_, _, thing), is_shown in zip(rest, is_within, strict=True) if is_shown], limit


def _check_amount(amount: int, currency: str) -> None:
    if amount < wire.MINIMUMS.get(currency, 1):
        raise StripeRefusedError(Refusals.AMOUNT_TOO_SMALL)
    if currency in wire.THREE_DECIMALS and amount % 10:
        raise StripeRefusedError(Refusals.AMOUNT_NOT_TEN)


def _refused(error: StripeRefusedError) -> Answer:
    refusal = error.refusal.value
    said = {"type": refusal.type, "message": refusal.message}
    if refusal.code:
        said["code"] = refusal.code
    if error.parameter:
        said["param"] = error.parameter
    return Answer.of_json(refusal.status, {"error": said})
