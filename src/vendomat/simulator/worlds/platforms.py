"""Payment platforms of a world, as workers meet them: the five verbs over one set of books, with stutters and notices.

A stutter is an answer that is not known, before the effect or after it. Notices come late, twice, out of order or
never, and are repeated until accepted, but not for ever. They enter through the till of any living worker, as over
HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from zlib import crc32

import msgspec

from vendomat.cloud.payments import (
    Cancelled,
    CancelState,
    Notice,
    NoticeAnswer,
    NoticeKind,
    NoticeRefusedError,
    Refunded,
    RefundRequest,
    RefundState,
    Started,
    StartRequest,
    StartState,
    TakesNoCodes,
    Trade,
    TradeState,
)
from vendomat.kernel import Clock, Money
from vendomat.simulator.worlds.nodes import Node
from vendomat.simulator.worlds.platform_books import PlatformBooks, PlatformRefund, PlatformTrade, RefusedError
from vendomat.simulator.worlds.trace import Trace, tail_of

CURRENCY = "CNY"
SEAL = "sealed by the platform"
REPEATS_S = (0.2, 4.0, 12.0, 40.0)
CALL_MAX_S = 10.0

Deliver = Callable[[str, dict[str, str], bytes], "asyncio.Future[bool] | None"]


@dataclass(slots=True)
class PlatformMood:
    """How a platform is now. Probabilities are per call or notice."""

    is_down: bool = False
    doubt: float = 0.0
    notice_loss: float = 0.0
    usual_notice_loss: float = 0.0  # some platforms, for some merchants, never send any
    latency_s: tuple[float, float] = (0.02, 0.15)


class _NoticeBody(msgspec.Struct, frozen=True):
    seal: str
    notice_id: str
    kind: str
    number: str
    refund_number: str = ""


class Platform:
    """`deliver` hands one notice to the cloud; `watch` hears of money before and after it moves."""

    def __init__(self, books: PlatformBooks, clock: Clock, *, chance: Random, trace: Trace) -> None:
        self.books = books
        self.mood = PlatformMood()
        self.deliver: Deliver = lambda channel, headers, body: None
        self.start_asked: Callable[[str, StartRequest], None] = lambda channel, request: None
        self.capture_asked: Callable[[str, str, int], None] = lambda channel, number, amount_minor: None
        self.refund_asked: Callable[[str, RefundRequest], None] = lambda channel, request: None
        self._clock = clock
        self._chance = chance
        self._trace = trace
        self._notices = 0
        self._node = Node(books.channel)  # its clockwork outlives every worker that called

    @property
    def clock(self) -> Clock:
        return self._clock

    async def wait(self) -> None:
        await asyncio.sleep(self._chance.uniform(*self.mood.latency_s))

    def stutters(self) -> bool:
        return self.mood.is_down or (self.mood.doubt > 0 and self._chance.random() < self.mood.doubt)

    def settle_later(self, refund: PlatformRefund) -> None:
        self._node.spawn(self._settle(refund))

    async def _settle(self, refund: PlatformRefund) -> None:
        await asyncio.sleep(max(0.0, (refund.settles_at - self._clock.now()).total_seconds()))
        while self.mood.is_down:  # noqa: ASYNC110 - a platform's own clockwork, on virtual time
            await asyncio.sleep(1.0)
        refund.is_done = True
        self._trace.note(self.books.channel, f"paid {refund.amount_minor} back for {tail_of(refund.number)}")
        self._tell(NoticeKind.REFUND, refund.number, refund.refund_number)

    def new_refund(self, request: RefundRequest) -> PlatformRefund:
        now = self._clock.now()
        delay = timedelta(seconds=self._chance.choice((0.0, 0.5, 3.0, 12.0)))
        return PlatformRefund(
            request.payment_number, request.refund_number, request.amount.minor_units, now, now + delay
        )

    # --- the buyer ---------------------------------------------------------------------------------------------------

    def pay(self, code: str, payer: str, *, is_late: bool = False) -> PlatformTrade:
        """A buyer pays. Raises `RefusedError`, also while the platform is down."""
        if self.mood.is_down:
            raise RefusedError("the platform is down")
        trade = self.books.pay(code, payer, self._clock.now(), is_late=is_late)
        if self._chance.random() < MISFIT_SHARE:
            trade.amount_minor += self._chance.choice((-1, 50))
        word = "holds" if trade.is_hold else "took"
        self._trace.note(self.books.channel, f"{word} {trade.amount_minor} for {tail_of(trade.number)} from {payer}")
        self._tell(NoticeKind.HOLD if trade.is_hold else NoticeKind.PAYMENT, trade.number)
        return trade

    def tell_hold(self, number: str) -> None:
        """What was held is taken."""
        self._trace.note(self.books.channel, f"took {self.books.trades[number].taken_minor} of {tail_of(number)}")
        self._tell(NoticeKind.HOLD, number)

    # --- notices -----------------------------------------------------------------------------------------------------

    def _tell(self, kind: NoticeKind, number: str, refund_number: str = "") -> None:
        self._notices += 1
        notice_id = f"n_{self.books.channel}_{self._notices}"
        self._node.spawn(self._repeat(msgspec.json.encode(_NoticeBody(SEAL, notice_id, kind, number, refund_number))))

    async def _repeat(self, body: bytes) -> None:
        for pause_s in REPEATS_S:
            await asyncio.sleep(pause_s * (0.5 + self._chance.random()))
            if self.mood.is_down or self._chance.random() < max(self.mood.notice_loss, self.mood.usual_notice_loss):
                self._trace.mark("notice lost", body)
                continue
            copies = 2 if self._chance.random() < 0.1 else 1
            answers = [self.deliver(self.books.channel, {}, body) for _ in range(copies)]
            accepted = [await answer for answer in answers if answer is not None]
            if any(accepted) and self._chance.random() > 0.1:  # an acceptance can be lost, too
                return

    def forge(self, number: str) -> None:
        """Somebody else says that `number` was paid."""
        body = msgspec.json.encode(_NoticeBody("forged", f"f_{number}", NoticeKind.PAYMENT, number))
        self.deliver(self.books.channel, {}, body)


MISFIT_SHARE = 0.05
"""How often a platform takes another sum than the order's: people have to find out why."""

NEVER_ONE_IN = 8
"""One refund number in so many is refused, whenever it is asked for."""


class WorldProvider(TakesNoCodes):
    """One worker's way to one platform."""

    def __init__(self, platform: Platform, node: Node) -> None:
        self._platform = platform
        self._books = platform.books
        self._node = node
        self.channel = platform.books.channel
        self.account = platform.books.account

    async def _reach(self) -> bool:
        """The way there; False when the request got lost on it."""
        self._node.check()
        await self._platform.wait()
        return not self._platform.stutters()

    async def _return(self) -> bool:
        """The way back; False when the answer got lost on it."""
        await self._platform.wait()
        self._node.check()
        return not self._platform.stutters()

    async def start(self, request: StartRequest) -> Started:
        if not await self._reach():
            return Started(StartState.UNKNOWN, error="no answer")
        self._platform.start_asked(self.channel, request)
        try:
            code = self._books.start(request.number, request.amount.minor_units, request.expires_at)
        except RefusedError as refusal:
            return Started(StartState.REFUSED, error=str(refusal))
        return Started(StartState.STARTED, code) if await self._return() else Started(StartState.UNKNOWN, error="lost")

    async def look_up(self, number: str) -> Trade:
        if not await self._reach():
            return Trade(TradeState.UNKNOWN, number, error="no answer")
        trade = self._trade_of(number)
        return trade if await self._return() else Trade(TradeState.UNKNOWN, number, error="lost")

    def _trade_of(self, number: str) -> Trade:
        found = self._books.find(number, self._platform.clock.now())
        if found is None:
            return Trade(TradeState.NOT_FOUND, number)
        if found.paid_at is None:
            return Trade(TradeState.CLOSED if found.is_closed else TradeState.NOT_PAID, number)
        return Trade(
            TradeState.PAID,
            number,
            transaction_id=found.transaction_id,
            amount=Money(found.taken_minor, CURRENCY),
            account=self.account,
            paid_at=found.paid_at,
            payer=found.payer,
        )

    async def cancel(self, number: str) -> Cancelled:
        if not await self._reach():
            return Cancelled(CancelState.UNKNOWN, error="no answer")
        found = self._books.close(number, self._platform.clock.now())
        if not await self._return():
            return Cancelled(CancelState.UNKNOWN, error="lost")
        if found is None:
            return Cancelled(CancelState.UNKNOWN, error="no trade yet")
        return Cancelled(CancelState.PAID if found.paid_at is not None else CancelState.CLOSED)

    async def refund(self, request: RefundRequest) -> Refunded:
        if not await self._reach():
            return Refunded(RefundState.UNKNOWN, request.refund_number, error="no answer")
        self._platform.refund_asked(self.channel, request)
        if crc32(request.refund_number.encode()) % NEVER_ONE_IN == 0:
            return Refunded(RefundState.NEVER, request.refund_number, error="the buyer's account is closed")
        is_new = request.refund_number not in self._books.refunds
        try:
            refund = self._books.refund(self._platform.new_refund(request))
        except RefusedError as refusal:
            return Refunded(RefundState.REFUSED, request.refund_number, error=str(refusal))
        if is_new:
            self._platform.settle_later(refund)
        answer = self._refund_of(request)
        return answer if await self._return() else Refunded(RefundState.UNKNOWN, request.refund_number, error="lost")

    async def look_up_refund(self, request: RefundRequest) -> Refunded:
        if not await self._reach():
            return Refunded(RefundState.UNKNOWN, request.refund_number, error="no answer")
        answer = self._refund_of(request)
        return answer if await self._return() else Refunded(RefundState.UNKNOWN, request.refund_number, error="lost")

    def _refund_of(self, request: RefundRequest) -> Refunded:
        refund = self._books.refunds.get(request.refund_number)
        if refund is None:
            return Refunded(RefundState.NOT_ACCEPTED, request.refund_number)
        state = RefundState.SUCCEEDED if refund.is_done else RefundState.PROCESSING
        return Refunded(state, request.refund_number, amount=Money(refund.amount_minor, CURRENCY))

    async def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        try:
            said = msgspec.json.decode(body, type=_NoticeBody)
        except msgspec.MsgspecError as error:
            raise NoticeRefusedError(str(error)) from error
        if said.seal != SEAL:
            raise NoticeRefusedError("the seal is not the platform's")
        if said.kind == NoticeKind.HOLD:
            return self._hold_notice(said.notice_id, said.number)
        if said.kind == NoticeKind.PAYMENT:
            return Notice(NoticeKind.PAYMENT, said.notice_id, trade=self._trade_of(said.number))
        refund = self._books.refunds[said.refund_number]
        amount = Money(refund.amount_minor, CURRENCY)
        paid_back = Refunded(RefundState.SUCCEEDED, said.refund_number, amount=amount)
        return Notice(NoticeKind.REFUND, said.notice_id, refund=paid_back)

    def _hold_notice(self, notice_id: str, number: str) -> Notice:
        raise NoticeRefusedError("nothing is held here")

    def answer_notice(self, *, accepted: bool) -> NoticeAnswer:
        return NoticeAnswer(200 if accepted else 400, b"", "text/plain")

    async def aclose(self) -> None:
        """Nothing of its own is open."""
