"""What the cloud's own code writes, whatever happens in whatever order, is found in order, at rest and on the way."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.cloud.conftest import database_url, postgres
from tests.cloud.sales.conftest import MACHINE, MERCHANT, SEED
from vendomat.audit import AuditSources, Terms, run_audit
from vendomat.cloud.orders import Closing, OrderState
from vendomat.cloud.payments import Payment, PaymentState, RefundStage, Verdict
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.engines import PostgresEngine
from vendomat.cloud.platform.outbox import InboxFact
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.by_hand_steps import may_be_paid_by_hand
from vendomat.cloud.sales.desk_model import (
    GoodwillGiven,
    MoneyJudged,
    PaidByHand,
    RefundDeclined,
    RefundReleased,
    VerdictAgreed,
    VerdictDeclined,
)
from vendomat.cloud.sales.goodwill_steps import next_ordinal
from vendomat.cloud.sales.model import (
    CloseAsked,
    CommandSilent,
    DeadlinePassed,
    Event,
    PaymentAdded,
    PaymentClosed,
    PaymentPaid,
    PaymentUncertain,
    Purchase,
    RefundSaid,
    RefundSeen,
    VendFactSeen,
    VendSaid,
)
from vendomat.cloud.sales.use_cases import EventFor, NewOrder, VendItem
from vendomat.cloud.sales.writer import Writer
from vendomat.kernel import ManualClock, TimeOrderedIds, VendomatError, derive_id
from vendomat.protocol import OrderLine

__all__ = ["database_url", "postgres"]
pytestmark = pytest.mark.slow

AT = datetime(2026, 6, 1, tzinfo=UTC)
ACCOUNT = "1900000001"
ONE, OTHER = derive_id("opr", 1), derive_id("opr", 2)
VENDS = {
    VendSaid.STARTED: "",
    VendSaid.DELIVERED: "delivered",
    VendSaid.NOT_DELIVERED: "jam",
    VendSaid.UNKNOWN: "timeout",
}


@dataclass
class Shop:
    """Plays the world of one purchase to the cloud's writer, by the dice and the clock of its own."""

    writer: Writer
    chance: random.Random
    seqs: Iterator[int]
    seconds: int = 0

    def now(self) -> datetime:
        self.seconds += 1
        return AT + timedelta(seconds=self.seconds)

    async def buy(self, n: int) -> Purchase | None:
        lines = tuple(
            OrderLine(slot=slot, quantity=1, price_minor=price)
            for slot, price in self.chance.sample([("A1", 350), ("A2", 200)], self.chance.randint(1, 2))
        )
        now = self.now()
        order = NewOrder(
            merchant_id=MERCHANT,
            machine_id=MACHINE,
            request_id=derive_id("req", n),
            order_id=derive_id("ord", n),
            origin="touch",
            lines=lines,
            payment=Payment(derive_id("pay", n), "wechat", ACCOUNT, 0, PaymentState.CREATED),
            at=now,
            expires_at=now + timedelta(seconds=120),
        )
        try:
            return (await self.writer.create(order)).purchase
        except VendomatError:
            return None  # sold out or closed: nothing was written

    async def tell(self, purchase: Purchase, event: Event) -> Purchase:
        key = (purchase.merchant_id, purchase.order_id)
        if isinstance(event, VendFactSeen):
            seq = next(self.seqs)
            event = replace(event, origin=f"1/{seq}")
            fact = InboxFact(MERCHANT, MACHINE, 1, seq, f"{seq:032}", "outcome", event.at)
            await self.writer.take(VendItem(fact, key, event))
        else:
            await self.writer.apply(EventFor(key, event))
        return await self.writer.find(key)

    def something(self, purchase: Purchase) -> Event:
        """Anything that may happen to `purchase`, also what comes twice, too late, or against all sense."""
        now = self.now()
        payment = self.chance.choice(purchase.payments)
        choices: list[Event] = [
            self._paid(payment, purchase, now),
            self._paid(payment, purchase, now),
            PaymentClosed(payment.payment_id, now),
            PaymentUncertain(payment.payment_id, "time-out", timedelta(seconds=30), now),
            CloseAsked(self.chance.choice([Closing.EXPIRING, Closing.CANCELLING]), now),
            PaymentAdded(self._another(purchase), now),
        ]
        for unit in purchase.units:
            if unit.command is not None:
                cmd_id = unit.command.cmd_id
                said = self.chance.choice(list(VENDS))
                choices += [
                    VendFactSeen(cmd_id, MACHINE, said, VENDS[said], "", "", now),
                    CommandSilent(cmd_id, self.chance.random() < 0.7, now),
                    DeadlinePassed(cmd_id, now),
                ]
        for refund in purchase.refunds:
            if refund.stage is RefundStage.HELD:  # no platform knows of it
                choices.append(RefundReleased(refund.refund_id, self.chance.choice([ONE, OTHER]), "seen", now))
                choices.append(RefundDeclined(refund.refund_id, OTHER, "no", now))
            elif refund.stage is RefundStage.FAILED and not refund.is_goodwill and self.chance.random() < 0.5:
                choices.append(
                    PaidByHand(refund.refund_id, "cash", f"slip {refund.ordinal}", ONE, "account closed", 400, now)
                )
            elif refund.error != "declined" and not refund.is_by_hand:
                choices.append(RefundSeen(refund.refund_id, self.chance.choice(list(RefundSaid)), "", now))
        if payment.is_frozen:
            choices += 4 * [
                MoneyJudged(payment.payment_id, self.chance.random() < 0.5, ONE, "looked at", 400, now),
                VerdictAgreed(payment.payment_id, self.chance.random() < 0.5, OTHER, "seen too", now),
                VerdictDeclined(payment.payment_id, OTHER, "no", now),
            ]
        choices += [GoodwillGiven(ONE, "kind", self.chance.choice([1, 200]), next_ordinal(purchase), 100, now)]
        choices += choices[-1:] * (16 if purchase.state is OrderState.SETTLED else 0)
        return self.chance.choice(choices)

    def _another(self, purchase: Purchase) -> Payment:
        number = derive_id("pay", purchase.order_id, len(purchase.payments))
        return Payment(number, "alipay", "2021000001", purchase.total_minor, PaymentState.CREATED)

    def _paid(self, payment: Payment, purchase: Purchase, now: datetime) -> PaymentPaid:
        amount = purchase.total_minor if self.chance.random() < 0.88 else purchase.total_minor - 1
        currency = "CNY" if self.chance.random() < 0.95 else "USD"
        number = f"4200{payment.payment_id}"
        grace = timedelta(seconds=self.chance.choice([0, 30, 100_000]))
        return PaymentPaid(payment.payment_id, payment.account, amount, currency, number, now, "notice", grace, now)

    async def bring_to_rest(self, purchase: Purchase) -> Purchase:
        """All that is still open comes to its end, as the sweeps and the platforms would bring it."""
        while event := self._next_end(purchase):
            purchase = await self.tell(purchase, event)
        return purchase

    def _next_end(self, purchase: Purchase) -> Event | None:
        now = self.now()
        if purchase.state is OrderState.AWAITING_PAYMENT and purchase.closing is Closing.NO:
            return CloseAsked(Closing.EXPIRING, now)
        for payment in purchase.payments:
            if payment.is_open:
                return PaymentClosed(payment.payment_id, now)
        for unit in purchase.units:
            if unit.command is not None and not unit.is_final:
                return DeadlinePassed(unit.command.cmd_id, now)
        return self._next_refund_end(purchase, now)

    def _next_refund_end(self, purchase: Purchase, now: datetime) -> Event | None:
        """Released and paid, or (by the refund's number) declined, refused for ever, paid by hand."""
        for refund in purchase.refunds:
            if refund.stage is RefundStage.HELD and refund.is_goodwill and refund.refund_id[-1] in "0123456789abcdef":
                return RefundDeclined(refund.refund_id, OTHER, "no", now)
            if refund.stage is RefundStage.HELD:
                return RefundReleased(refund.refund_id, OTHER, "seen", now)
            if refund.is_open:
                is_refused = not refund.is_goodwill and refund.refund_id[-1] in "0123"
                said = RefundSaid.NEVER if is_refused else RefundSaid.SUCCEEDED
                return RefundSeen(refund.refund_id, said, "", now)
            if may_be_paid_by_hand(purchase, refund) and refund.refund_id[-1] in "02468acegikmoqsuwy":
                return PaidByHand(refund.refund_id, "cash", "slip", ONE, "account closed", 400, now)
        return None


@pytest.fixture
async def audited(postgres: PostgresEngine, database_url: str) -> AsyncIterator[AuditSources]:
    url = postgres.address.url_of(database_url.split("@/")[1].split("?", maxsplit=1)[0], "postgres")
    connection = await asyncpg.connect(url)
    await connection.execute(SEED)
    await connection.execute(
        "UPDATE machine_live SET nonce_at = '2026-06-01 00:00+00', seen_at = '2026-06-01 00:00+00'"
    )
    await connection.execute("UPDATE stock_slot SET on_hand = 400; UPDATE stock_move SET quantity = 400")
    await connection.close()
    yield AuditSources(url)


async def test_purchases_of_the_real_writer_are_in_order_on_the_way_and_at_rest(
    audited: AuditSources, database_url: str
) -> None:
    database = await Database.open(database_url)
    ids = TimeOrderedIds(ManualClock(AT), random.Random(20260601).getrandbits)
    writer = Writer(database, CloudSettings(_env_file=None), ids)
    seqs = itertools.count(1)
    shops = [Shop(writer, random.Random(f"20260602/{n}"), seqs) for n in range(100)]
    try:
        bought = [(shop, purchase) for n, shop in enumerate(shops) if (purchase := await shop.buy(n)) is not None]
        await asyncio.gather(*(_live(shop, purchase) for shop, purchase in bought))
        moving = await run_audit(audited, Terms(now=AT, grace=timedelta(days=1)))
        assert [(f.name, f.rows[:2]) for f in moving.breaches] == []
        ended = []
        for shop, purchase in bought:
            rested = await shop.bring_to_rest(await writer.find((purchase.merchant_id, purchase.order_id)))
            # And then kindness, and what comes much too late.
            ended.append(await shop.bring_to_rest(await _live(shop, rested)))
    finally:
        await writer.aclose()
        await database.aclose()
    report = await run_audit(audited, Terms(is_at_rest=True))
    given_up = {p.order_id for p in ended if p.is_open}  # a platform gave the refund up: a person has to act
    breaches = {f.name: {row.get("order_id") for row in f.rows} for f in report.breaches}
    assert set(breaches) <= {"L1.order", "L1.owed", "I8.delivered_unreported"}
    assert breaches.get("L1.order", set()) <= given_up
    outcomes = report.figures.unit_outcomes
    assert min(outcomes["delivered"], outcomes["not_delivered"], outcomes["unknown"]) >= 3
    assert set(report.figures.orders) >= {"settled", "expired", "cancelled"}
    given = [r.stage for p in ended for r in p.refunds if r.is_goodwill]
    by_hand = [r.stage for p in ended for r in p.refunds if r.is_by_hand]
    verdicts = Counter((pay.verdict, pay.currency) for p in ended for pay in p.payments if pay.is_frozen)
    assert by_hand.count(RefundStage.SUCCEEDED) >= 2
    assert {verdict for verdict, _ in verdicts} >= {Verdict.GIVEN_BACK, Verdict.KEPT}
    assert ("given_back", "USD") in verdicts
    assert min(given.count(RefundStage.SUCCEEDED), given.count(RefundStage.FAILED)) >= 2


async def _live(shop: Shop, purchase: Purchase) -> Purchase:
    for _ in range(shop.chance.randint(3, 15)):
        purchase = await shop.tell(purchase, shop.something(purchase))
    return purchase
