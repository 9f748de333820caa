"""The books alone, on a time of our choosing: long lives, limits, and money that is never lost or made."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vendomat.kernel import IllegalMoveError, Moves
from vendomat.simulator.gateways import BuyerRefusedError, GatewaySettings, KeyMode
from vendomat.simulator.gateways.alipay import records as alipay
from vendomat.simulator.gateways.alipay.books import AlipayBooks
from vendomat.simulator.gateways.alipay.refusals import AlipayRefusedError
from vendomat.simulator.gateways.alipay.refusals import Refusals as AlipayRefusals
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.wechat import records as wechat
from vendomat.simulator.gateways.wechat.books import WechatBooks
from vendomat.simulator.gateways.wechat.rates import CallRates
from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError

START = datetime(2026, 1, 1, tzinfo=UTC)
OPENING_FEN = 1_000
FEE_BASIS_POINTS = 100


def hours(count: float) -> datetime:
    return START + timedelta(hours=count)


def wechat_books(**changes: float) -> WechatBooks:
    books = WechatBooks(GatewaySettings(**changes), Numbers(random.Random(7).getrandbits))
    books.add_merchant(
        wechat.Merchant(
            mchid="19",
            appid="wx",
            name="x",
            serial_no="A",
            public_key_pem="",
            apiv3_key="",
            mode=KeyMode.PUBLIC_KEY,
            balance_fen=OPENING_FEN,
            fee_basis_points=FEE_BASIS_POINTS,
        )
    )
    return books


def alipay_books(**changes: float) -> AlipayBooks:
    books = AlipayBooks(GatewaySettings(**changes), Numbers(random.Random(7).getrandbits))
    books.add_application(
        alipay.Application(
            app_id="20",
            seller_id="2088",
            name="x",
            public_key_pem="",
            balance_fen=OPENING_FEN,
            fee_basis_points=FEE_BASIS_POINTS,
        )
    )
    return books


def order_terms(number: str = "pay_1", **more: object) -> wechat.Terms:
    given: dict[str, object] = {"mchid": "19", "appid": "wx", "out_trade_no": number, "description": "tea"}
    return wechat.Terms(**(given | {"total_fen": 350, "notify_url": "http://x/"} | more))  # type: ignore[arg-type]


def asked_refund(number: str, amount_fen: int, at: datetime, order_number: str = "pay_1") -> wechat.Refund:
    return wechat.Refund(
        mchid="19",
        out_refund_no=number,
        out_trade_no=order_number,
        transaction_id="",
        amount_fen=amount_fen,
        total_fen=350,
        reason="",
        notify_url="",
        created_at=at,
    )


@pytest.mark.parametrize("moves", [wechat.ORDER_MOVES, wechat.REFUND_MOVES, alipay.TRADE_MOVES, alipay.REFUND_MOVES])
def test_every_state_and_event(moves: Moves) -> None:  # type: ignore[type-arg]
    events = {event for _, event in moves.table}
    for state, event in product(moves.states, events):
        if moves.may(state, event):
            assert moves.next(state, event) in moves.states
        else:
            with pytest.raises(IllegalMoveError):
                moves.next(state, event)


def test_e04_short_expiry_is_raised_to_a_minute_and_a_long_one_cut_to_seven_days() -> None:
    books = wechat_books()
    assert books.create(order_terms("a", time_expire=START), START).expires_at == START + timedelta(minutes=1)
    far = books.create(order_terms("b", time_expire=START + timedelta(days=30)), START)
    assert far.expires_at == START + timedelta(days=7)
    assert books.create(order_terms("c"), START).expires_at == START + timedelta(days=7)


def test_e04_wechat_code_lives_two_hours_and_can_be_renewed() -> None:
    books = wechat_books()
    old = books.create(order_terms(), START)
    with pytest.raises(BuyerRefusedError, match="code_dead"):
        books.pay(old.code, "ann", hours(2))
    new = books.create(order_terms(), hours(2))
    with pytest.raises(BuyerRefusedError, match="code_dead"):
        books.pay(old.code, "ann", hours(3))
    assert books.pay(new.code, "ann", hours(3)).is_paid


def test_e04_unpaid_order_closes_by_itself_after_seven_days() -> None:
    books = wechat_books()
    books.create(order_terms(), START)
    assert books.look_up("19", "pay_1", hours(24 * 7 - 1)).state == wechat.OrderState.NOTPAY
    assert books.look_up("19", "pay_1", hours(24 * 7)).state == wechat.OrderState.CLOSED
    with pytest.raises(WechatRefusedError) as refused:
        books.create(order_terms(), hours(24 * 7))
    assert refused.value.refusal == Refusals.ORDER_CLOSED


def test_e04_wechat_refund_limits_in_time() -> None:
    books = wechat_books()
    order = books.pay(books.create(order_terms(), START).code, "ann", START)
    books.refund(order, asked_refund("r1", 1, START), START)
    soon = START + timedelta(seconds=59)
    for moment, refusal in [(soon, Refusals.REFUND_TOO_SOON), (hours(24 * 366), Refusals.REFUND_TOO_OLD)]:
        with pytest.raises(WechatRefusedError) as refused:
            books.refund(order, asked_refund("r2", 1, moment), moment)
        assert refused.value.refusal == refusal
    books.refund(order, asked_refund("r2", 1, hours(1)), hours(1))


def test_fifty_partial_refunds() -> None:
    books = wechat_books(partial_refund_gap_s=0)
    order = books.pay(books.create(order_terms(), START).code, "ann", START)
    for count in range(50):
        books.refund(order, asked_refund(f"r{count}", 1, START), START)
    with pytest.raises(WechatRefusedError) as refused:
        books.refund(order, asked_refund("r50", 1, START), START)
    assert refused.value.refusal == Refusals.REFUND_TOO_MANY


def test_refusals_change_nothing() -> None:
    books = wechat_books()
    books.create(order_terms(), START)
    books.drain()
    with pytest.raises(WechatRefusedError):
        books.create(order_terms(total_fen=1), START)
    with pytest.raises(WechatRefusedError):
        books.refund(books.look_up("19", "pay_1", START), asked_refund("r", 1, START), START)
    with pytest.raises(BuyerRefusedError):
        books.pay("weixin://other", "ann", START)
    assert books.drain() == []


def test_e04_alipay_cancel_is_for_a_day() -> None:
    books = alipay_books()
    terms = alipay.Terms(app_id="20", out_trade_no="pay_1", subject="tea", total_fen=350)
    trade = books.pay(books.precreate(terms, START).code, "ann", hours(1))
    with pytest.raises(AlipayRefusedError) as refused:
        books.cancel("20", "pay_1", "", hours(25))
    assert refused.value.refusal == AlipayRefusals.CANCEL_TOO_LATE
    with pytest.raises(AlipayRefusedError) as refused:
        books.refund(trade, alipay.RefundAsked("r", 1, ""), hours(24 * 366 + 1))
    assert refused.value.refusal == AlipayRefusals.TRADE_FINISHED


DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["create", "pay", "late", "close", "refund", "wait", "closed", "abnormal"]),
        st.integers(0, 2),
        st.integers(1, 400),
    ),
    max_size=40,
).map(lambda deeds: [("create", 0, 1), ("pay", 0, 1), ("create", 1, 1), ("pay", 1, 1), *deeds])
"""Two paid orders to begin with, so that refunds have something to go wrong on."""


@settings(max_examples=150, deadline=None)
@given(DEEDS)
def test_wechat_money_adds_up(deeds: list[tuple[str, int, int]]) -> None:
    books, now = wechat_books(partial_refund_gap_s=0), START
    for deed, which, amount in deeds:
        number = f"pay_{which}"
        try:
            if deed == "create":
                books.create(order_terms(number), now)
            elif deed in ("pay", "late"):
                books.pay(books.look_up("19", number, now).code, f"buyer {amount % 2}", now, is_late=deed == "late")
            elif deed == "close":
                books.close("19", number, now)
            elif deed == "refund":
                order = books.look_up("19", number, now)
                books.refund(order, asked_refund(f"r{amount}", amount, now, number), now)
            elif deed == "wait":
                now += timedelta(seconds=amount * amount)
                books.settle_due(now)
            else:
                books.refunds.settle_next_as(wechat.RefundState(deed.upper()), 1)
        except (WechatRefusedError, BuyerRefusedError):
            pass
        paid = [order for order in books.orders.values() if order.is_paid]
        taken = {order.key: books.refunds.taken_fen(order) for order in paid}
        assert all(taken[order.key] <= order.terms.total_fen for order in paid)
        kept = {order.key: order.fee_fen - sum(live(r) for r in books.refunds.of(order)) for order in paid}
        assert all(0 <= kept[order.key] <= order.fee_fen == 4 for order in paid)
        assert all(kept[key] == 0 for key, fen in taken.items() if fen == 350)
        moved_fen = sum(transfer.amount_fen for transfer in books.transfers.of("19"))
        income_fen = 350 * len(paid) - sum(taken.values()) - sum(kept.values())
        assert books.merchants["19"].balance_fen == OPENING_FEN + income_fen + moved_fen >= 0
        assert sum(entry.amount_fen for entry in books.fund_entries("19")) == income_fen + moved_fen


def live(refund: wechat.Refund) -> int:
    """What came back of a fee, and stayed."""
    return 0 if refund.returns_money_to_merchant else refund.fee_fen


@settings(max_examples=150, deadline=None)
@given(DEEDS)
def test_alipay_money_adds_up(deeds: list[tuple[str, int, int]]) -> None:
    books, now = alipay_books(alipay_refund_delay_s=60), START
    for deed, which, amount in deeds:
        number = f"pay_{which}"
        terms = alipay.Terms(app_id="20", out_trade_no=number, subject="tea", total_fen=350, timeout_express="90m")
        try:
            if deed == "create":
                books.precreate(terms, now)
            elif deed in ("pay", "late"):
                known = books.trades.get(f"20/{number}")
                books.pay(known.code if known else "", f"buyer {amount % 2}", now, is_late=deed == "late")
            elif deed == "close":
                books.close(books.look_up("20", number, "", now), now)
            elif deed == "closed":
                books.cancel("20", number, "", now)
            elif deed == "refund":
                trade = books.look_up("20", number, "", now)
                books.refund(trade, alipay.RefundAsked(f"r{amount}", amount, ""), now)
            elif deed == "wait":
                now += timedelta(seconds=amount * amount)
                books.settle_due(now)
            else:
                books.refunds.settle_next_as(alipay.RefundState.FAILED, 1)
        except (AlipayRefusedError, BuyerRefusedError):
            pass
        paid = [trade for trade in books.trades.values() if trade.is_paid]
        taken = {trade.key: books.refunds.taken_fen(trade) for trade in paid}
        assert all(taken[trade.key] <= trade.terms.total_fen for trade in paid)
        live = [r for trade in paid for r in books.refunds.of(trade) if r.state != alipay.RefundState.FAILED]
        kept_fen = sum(trade.fee_fen for trade in paid) - sum(refund.fee_fen for refund in live)
        moved_fen = sum(transfer.amount_fen for transfer in books.transfers.of("20"))
        income_fen = 350 * len(paid) - sum(taken.values()) - kept_fen
        assert books.applications["20"].balance_fen == OPENING_FEN + income_fen + moved_fen >= 0
        assert sum(entry.amount_fen for entry in books.fund_entries("20")) == income_fen + moved_fen
        for trade in paid:
            is_all_back = books.refunds.succeeded_fen(trade) == trade.terms.total_fen
            assert (trade.state == alipay.TradeState.TRADE_CLOSED) == is_all_back


def test_a_refund_that_never_got_its_money_leaves_the_books_as_they_were() -> None:
    books = wechat_books(partial_refund_gap_s=0)
    order = books.take(books.create(order_terms(), START), "ann", START)
    before_fen, before = books.merchants["19"].balance_fen, books.fund_entries("19")
    books.set_balance("19", 100, START)
    books.refunds.take_next_on_credit(1)
    books.refund(order, asked_refund("r1", 350, START), START)
    with pytest.raises(WechatRefusedError) as refused:
        books.refund(order, asked_refund("r2", 300, START), START)
    assert refused.value.refusal == Refusals.REFUND_TOO_LARGE
    assert books.fund_waiting(hours(1)) == []
    (closed,) = books.settle_due(hours(7 * 24))
    assert (closed.state, closed.left_at) == (wechat.RefundState.CLOSED, None)
    assert books.merchants["19"].balance_fen <= 100  # a payout may have drawn it
    assert [entry for entry in books.fund_entries("19") if entry.business == "退款"] == []
    assert books.refunds.taken_fen(order) == 0
    assert before_fen == OPENING_FEN + order.net_fen and len(before) == 2


def test_calls_in_one_second_are_counted_and_forgotten_in_the_next() -> None:
    rates = CallRates(is_on=True)
    for _ in range(150):
        rates.check("19", "refund", START)
    with pytest.raises(WechatRefusedError) as refused:
        rates.check("19", "refund", START)
    assert refused.value.refusal == Refusals.RATE_LIMITED
    rates.check("20", "refund", START)
    rates.check("19", "refund_query", START)
    rates.check("19", "refund", START + timedelta(seconds=1))


def test_six_refused_refunds_in_one_second_stop_the_seventh() -> None:
    rates = CallRates(is_on=True)
    for _ in range(6):
        rates.check("19", "refund", START)
        rates.note_failure("19", "refund")
    with pytest.raises(WechatRefusedError):
        rates.check("19", "refund", START)
    rates.check("19", "refund_query", START)
    rates.check("19", "refund", START + timedelta(seconds=1))
